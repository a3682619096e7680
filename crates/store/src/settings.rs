//! The administrators' settings (`settings`), and what is named by one.

use base::id::{UserId, WalletId};

use crate::{Conn, StoreError};

/// The setting that names the platform's own account (domain.md D7).
pub const PLATFORM_USER: &str = "platform_user_id";

/// The text of a setting; `None` where it is missing or NULL.
///
/// # Errors
/// Those of the driver.
pub async fn find_setting(conn: &mut Conn, key: &str) -> Result<Option<String>, StoreError> {
    let value: Option<Option<String>> = sqlx::query_scalar("SELECT value FROM settings WHERE `key` = ?")
        .bind(key)
        .fetch_optional(conn)
        .await?;
    Ok(value.flatten())
}

/// Sets a setting, making it where it is missing. `kind` is the column `type`.
///
/// # Errors
/// Those of the driver.
pub async fn insert_setting(
    conn: &mut Conn,
    key: &str,
    value: &str,
    kind: &str,
    group: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO settings (`key`, value, type, `group`, created_at, updated_at) \
         VALUES (?, ?, ?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP()) \
         ON DUPLICATE KEY UPDATE value = VALUES(value), updated_at = VALUES(updated_at)",
    )
    .bind(key)
    .bind(value)
    .bind(kind)
    .bind(group)
    .execute(conn)
    .await?;
    Ok(())
}

/// The platform's own account and its wallet, as [`PLATFORM_USER`] names it.
///
/// # Errors
/// Those of the driver.
pub async fn find_platform(conn: &mut Conn) -> Result<Option<(UserId, WalletId)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT w.user_id, w.id FROM settings s JOIN wallets w ON w.user_id = CAST(s.value AS UNSIGNED) \
         WHERE s.`key` = ?",
    )
    .bind(PLATFORM_USER)
    .fetch_optional(conn)
    .await?)
}

/// The id of the account with a username, deleted or not.
///
/// # Errors
/// Those of the driver.
pub async fn find_user_id(conn: &mut Conn, username: &str) -> Result<Option<UserId>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM users WHERE username = ?")
        .bind(username)
        .fetch_optional(conn)
        .await?)
}
