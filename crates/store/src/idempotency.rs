//! Answers of writes, kept under the key of the client (domain.md D11, §2.4): the row is written in the same
//! transaction as the effect, so there is an answer exactly if there is an effect.

use base::id::UserId;
use serde_json::Value;
use sqlx::types::Json;

use crate::{Conn, StoreError, affected};

/// A write done before.
#[derive(Debug, sqlx::FromRow)]
pub struct AnsweredRow {
    /// SHA-256 of the content, hexadecimal.
    pub fingerprint: String,
    /// The answer.
    pub body: Option<Json<Value>>,
    /// What a repeat does again: entries of the cache made stale, envelopes published, control messages.
    pub events: Option<Json<Value>>,
}

/// Claims a key for the running transaction. Another transaction with the same key waits here until this one has
/// ended, at most [`crate::LOCK_WAIT_SECONDS`].
///
/// # Errors
/// [`StoreError::Unique`] when the key is taken (read it with [`find_answer`]), [`StoreError::LockTimeout`] when
/// its first request still runs.
pub async fn insert_claim(
    conn: &mut Conn,
    user_id: UserId,
    scope: &str,
    key: &str,
    fingerprint: &str,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO hub_idempotency_keys (user_id, scope, idempotency_key, fingerprint, status, created_at) \
         VALUES (?, ?, ?, ?, 0, UTC_TIMESTAMP(3))",
    )
    .bind(user_id)
    .bind(scope)
    .bind(key)
    .bind(fingerprint)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// What was answered under a key.
///
/// # Errors
/// Those of the driver.
pub async fn find_answer(conn: &mut Conn, scope: &str, key: &str) -> Result<Option<AnsweredRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT fingerprint, body, events FROM hub_idempotency_keys WHERE scope = ? AND idempotency_key = ?",
    )
    .bind(scope)
    .bind(key)
    .fetch_optional(conn)
    .await?)
}

/// Keeps the answer of the running transaction's claim.
///
/// # Errors
/// Those of the driver.
pub async fn update_answer(conn: &mut Conn, id: u64, body: Value, events: Value) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE hub_idempotency_keys SET status = 200, body = ?, events = ? WHERE id = ?")
        .bind(Json(body))
        .bind(Json(events))
        .bind(id)
        .execute(conn)
        .await?;
    affected("hub_idempotency_keys", 1, &done)
}

/// Forgets answers older than so many hours; at most `limit` rows. Gives how many went.
///
/// # Errors
/// Those of the driver.
pub async fn delete_old_answers(conn: &mut Conn, hours: u32, limit: u32) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "DELETE FROM hub_idempotency_keys WHERE created_at < UTC_TIMESTAMP(3) - INTERVAL ? HOUR \
         ORDER BY created_at LIMIT ?",
    )
    .bind(hours)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
