//! Tokens and sessions that ended before their time (`hub_revoked_tokens`): the truth behind what nodes keep in
//! memory.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use crate::{Conn, StoreError};

/// A revocation that still matters.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RevocationRow {
    /// `jti` of an access token, id of a session, or `token:{id}`.
    pub subject: String,
    /// When all that it names has ended anyway.
    pub expires_at: DateTime<Utc>,
}

/// Adds revocations; one that is there already keeps the later end.
///
/// # Errors
/// Those of the driver.
pub async fn insert_revocations(
    conn: &mut Conn,
    user_id: UserId,
    subjects: &[String],
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    if subjects.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("INSERT INTO hub_revoked_tokens (subject, user_id, expires_at) ");
    query.push_values(subjects, |mut row, subject| {
        row.push_bind(subject).push_bind(user_id).push_bind(expires_at);
    });
    query.push(" ON DUPLICATE KEY UPDATE expires_at = GREATEST(expires_at, VALUES(expires_at))");
    query.build().execute(conn).await?;
    Ok(())
}

/// All revocations that still matter.
///
/// # Errors
/// Those of the driver.
pub async fn list_revocations(conn: &mut Conn, now: DateTime<Utc>) -> Result<Vec<RevocationRow>, StoreError> {
    Ok(sqlx::query_as("SELECT subject, expires_at FROM hub_revoked_tokens WHERE expires_at > ?")
        .bind(now)
        .fetch_all(conn)
        .await?)
}

/// Forgets revocations that matter no more; at most `limit`. Gives how many went.
///
/// # Errors
/// Those of the driver.
pub async fn delete_old_revocations(
    conn: &mut Conn,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<u64, StoreError> {
    let done =
        sqlx::query("DELETE FROM hub_revoked_tokens WHERE expires_at <= ? ORDER BY expires_at LIMIT ?")
            .bind(now)
            .bind(limit)
            .execute(conn)
            .await?;
    Ok(done.rows_affected())
}
