//! `users.is_online`: what Redis knows, written down on the edges only (domain.md D10). Every statement here stands
//! alone (autocommit), so that it never holds the lock that other inserts wait for.

use base::id::UserId;
use sqlx::QueryBuilder;

use crate::{Conn, StoreError};

/// Writes whether a user is online; does nothing where it is so already.
///
/// # Errors
/// Those of the driver.
pub async fn update_is_online(conn: &mut Conn, user_id: UserId, online: bool) -> Result<(), StoreError> {
    sqlx::query("UPDATE users SET is_online = ? WHERE id = ? AND is_online <> ?")
        .bind(online)
        .bind(user_id)
        .bind(online)
        .execute(conn)
        .await?;
    Ok(())
}

/// At most `limit` users whose row says online, by id, after `after`.
///
/// # Errors
/// Those of the driver.
pub async fn list_online(conn: &mut Conn, after: UserId, limit: u32) -> Result<Vec<UserId>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM users WHERE is_online = 1 AND id > ? ORDER BY id LIMIT ?")
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await?)
}

/// Those of the users whose row says offline.
///
/// # Errors
/// Those of the driver.
pub async fn list_offline_among(conn: &mut Conn, user_ids: &[UserId]) -> Result<Vec<UserId>, StoreError> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT id FROM users WHERE is_online = 0 AND id IN (");
    let mut list = query.separated(", ");
    for id in user_ids {
        list.push_bind(*id);
    }
    query.push(")");
    Ok(query.build_query_scalar().fetch_all(conn).await?)
}
