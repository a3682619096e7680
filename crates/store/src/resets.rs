//! `password_reset_tokens` as Laravel's broker keeps them (domain.md §7.4): one row an address.

use chrono::{DateTime, Utc};

use crate::{Conn, StoreError};

/// A link to choose a new password that was asked for.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ResetRow {
    /// bcrypt of the token.
    pub token: String,
    /// When it was asked for.
    pub created_at: Option<DateTime<Utc>>,
}

/// What an address has asked for.
///
/// # Errors
/// Those of the driver.
pub async fn find_reset(conn: &mut Conn, email: &str) -> Result<Option<ResetRow>, StoreError> {
    Ok(sqlx::query_as("SELECT token, created_at FROM password_reset_tokens WHERE email = ?")
        .bind(email)
        .fetch_optional(conn)
        .await?)
}

/// Locks what an address has asked for.
///
/// # Errors
/// Those of the driver.
pub async fn lock_reset(conn: &mut Conn, email: &str) -> Result<Option<ResetRow>, StoreError> {
    Ok(sqlx::query_as("SELECT token, created_at FROM password_reset_tokens WHERE email = ? FOR UPDATE")
        .bind(email)
        .fetch_optional(conn)
        .await?)
}

/// Puts a new token in the place of an address's earlier one.
///
/// # Errors
/// Those of the driver.
pub async fn upsert_reset(
    conn: &mut Conn,
    email: &str,
    token: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO password_reset_tokens (email, token, created_at) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE token = VALUES(token), created_at = VALUES(created_at)",
    )
    .bind(email)
    .bind(token)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what an address has asked for.
///
/// # Errors
/// Those of the driver.
pub async fn delete_reset(conn: &mut Conn, email: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM password_reset_tokens WHERE email = ?").bind(email).execute(conn).await?;
    Ok(())
}
