//! Durable events, and what goes with them, that wait to be told: written in the transaction of their cause
//! (domain.md D13).

use serde_json::Value;
use sqlx::types::Json;

use crate::{Conn, StoreError};

/// Events of one commit.
#[derive(Debug, sqlx::FromRow)]
pub struct OutboxRow {
    /// Its id.
    pub id: u64,
    /// The envelopes, with the stale entries of the cache and the control messages of their commit.
    pub events: Json<Value>,
}

/// Adds the durable events of the running transaction.
///
/// # Errors
/// Those of the driver.
pub async fn insert_events(conn: &mut Conn, eid: &str, events: Value) -> Result<u64, StoreError> {
    let done =
        sqlx::query("INSERT INTO hub_outbox (eid, events, created_at) VALUES (?, ?, UTC_TIMESTAMP(3))")
            .bind(eid)
            .bind(Json(events))
            .execute(conn)
            .await?;
    Ok(done.last_insert_id())
}

/// Marks rows as published.
///
/// # Errors
/// Those of the driver.
pub async fn update_published(conn: &mut Conn, ids: &[u64]) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut query =
        sqlx::QueryBuilder::new("UPDATE hub_outbox SET published_at = UTC_TIMESTAMP(3) WHERE id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id);
    }
    query.push(")").build().execute(conn).await?;
    Ok(())
}

/// Takes rows above `after_id` that nobody published within `older_than_seconds`, lowest ids first, skipping those that
/// another process has taken.
///
/// # Errors
/// Those of the driver.
pub async fn lock_unpublished(
    conn: &mut Conn,
    after_id: u64,
    older_than_seconds: u32,
    limit: u32,
) -> Result<Vec<OutboxRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, events FROM hub_outbox \
         WHERE published_at IS NULL AND id > ? AND created_at < UTC_TIMESTAMP(3) - INTERVAL ? SECOND \
         ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED",
    )
    .bind(after_id)
    .bind(older_than_seconds)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// How many rows wait, and for how many seconds the oldest has waited.
///
/// # Errors
/// Those of the driver.
pub async fn count_unpublished(conn: &mut Conn) -> Result<(i64, Option<i64>), StoreError> {
    Ok(sqlx::query_as(
        "SELECT COUNT(*), MAX(TIMESTAMPDIFF(SECOND, created_at, UTC_TIMESTAMP(3))) \
         FROM hub_outbox WHERE published_at IS NULL",
    )
    .fetch_one(conn)
    .await?)
}

/// Forgets what was published more than `hours` ago; at most `limit` rows. Gives how many went.
///
/// # Errors
/// Those of the driver.
pub async fn delete_published(conn: &mut Conn, hours: u32, limit: u32) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "DELETE FROM hub_outbox WHERE published_at < UTC_TIMESTAMP(3) - INTERVAL ? HOUR ORDER BY id LIMIT ?",
    )
    .bind(hours)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
