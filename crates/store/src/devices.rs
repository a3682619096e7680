//! `hub_known_devices`: from which devices people have signed in.

use base::id::UserId;
use chrono::{DateTime, Utc};

use crate::{Conn, StoreError};

/// How many devices of a user are known.
///
/// # Errors
/// Those of the driver.
pub async fn count_devices(conn: &mut Conn, user_id: UserId) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM hub_known_devices WHERE user_id = ?")
        .bind(user_id)
        .fetch_one(conn)
        .await?)
}

/// Is the device known?
///
/// # Errors
/// Those of the driver.
pub async fn has_device(conn: &mut Conn, user_id: UserId, device: &str) -> Result<bool, StoreError> {
    let found: Option<u64> =
        sqlx::query_scalar("SELECT user_id FROM hub_known_devices WHERE user_id = ? AND device = ?")
            .bind(user_id)
            .bind(device)
            .fetch_optional(conn)
            .await?;
    Ok(found.is_some())
}

/// Remembers a device; nothing where it is known.
///
/// # Errors
/// Those of the driver.
pub async fn insert_device(
    conn: &mut Conn,
    user_id: UserId,
    device: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_known_devices (user_id, device, created_at) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE device = VALUES(device)",
    )
    .bind(user_id)
    .bind(device)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}
