//! Answers of writes, kept under the key of the client (domain.md D11, §2.4): the row is written in the same
//! transaction as the effect, so there is an answer exactly if there is an effect.

use base::id::UserId;
use serde_json::Value;
use sqlx::types::Json;

use crate::statement::Statement;
use crate::{Conn, StoreError, affected};

/// The unique index of (scope, key).
pub const KEY_INDEX: &str = "hub_idempotency_keys_scope_idempotency_key_unique";

/// A key of a user's, and the content that it came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// Whose.
    pub user_id: UserId,
    /// Of which operation of the user.
    pub scope: String,
    /// As the client chose it.
    pub key: String,
    /// SHA-256 of the content, hexadecimal.
    pub fingerprint: String,
}

/// An answer with its key.
#[derive(Debug, sqlx::FromRow)]
pub struct KeyedRow {
    /// Of which operation of which user.
    pub scope: String,
    /// As the client chose it.
    #[sqlx(rename = "idempotency_key")]
    pub key: String,
    /// The answer.
    #[sqlx(flatten)]
    pub answered: AnsweredRow,
}

/// An answer to be kept.
#[derive(Debug)]
pub struct NewAnswer<'a> {
    /// Under which key.
    pub keyed: &'a Keyed,
    /// The answer as JSON.
    pub body: String,
    /// What a repeat does again, as JSON.
    pub events: String,
}

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
    // The oldest have the smallest ids: no more rows are looked at than may go.
    let newest: Option<u64> = sqlx::query_scalar(
        "SELECT MAX(id) FROM (SELECT id, created_at FROM hub_idempotency_keys ORDER BY id LIMIT ?) AS oldest \
         WHERE created_at < UTC_TIMESTAMP(3) - INTERVAL ? HOUR",
    )
    .bind(limit)
    .bind(hours)
    .fetch_one(&mut *conn)
    .await?;
    let Some(newest) = newest else { return Ok(0) };
    let done = sqlx::query(
        "DELETE FROM hub_idempotency_keys WHERE id <= ? AND created_at < UTC_TIMESTAMP(3) - INTERVAL ? HOUR",
    )
    .bind(newest)
    .bind(hours)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// What was answered under these keys, in no order.
///
/// # Errors
/// Those of the driver.
pub async fn list_answers(conn: &mut Conn, keys: &[&Keyed]) -> Result<Vec<KeyedRow>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    // Not `(scope, idempotency_key) IN (…)`: MariaDB would not look into the index for that.
    let mut query = Statement::new(
        "SELECT scope, idempotency_key, fingerprint, body, events FROM hub_idempotency_keys WHERE ",
    );
    for (number, Keyed { scope, key, .. }) in keys.iter().enumerate() {
        query.push(if number > 0 { " OR " } else { "" });
        query.push("(scope = ").push_ascii(scope).push(" AND idempotency_key = ").push_ascii(key).push(")");
    }
    query.fetch_all(conn).await
}

/// Claims keys for the running transaction and keeps their answers at once, for a transaction that has done its work. A
/// key that another transaction has just claimed is waited for, at most [`crate::LOCK_WAIT_SECONDS`].
///
/// # Errors
/// [`StoreError::Unique`] ([`KEY_INDEX`]) when a key is taken, [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn insert_answers(conn: &mut Conn, answers: &[NewAnswer<'_>]) -> Result<(), StoreError> {
    if answers.is_empty() {
        return Ok(());
    }
    let mut query = Statement::new(
        "INSERT INTO hub_idempotency_keys (user_id, scope, idempotency_key, fingerprint, status, body, events, \
           created_at) VALUES ",
    );
    query.push_each(answers, |query, NewAnswer { keyed, body, events }| {
        query.push("(").push_number(keyed.user_id).push(", ").push_ascii(&keyed.scope);
        query.push(", ").push_ascii(&keyed.key).push(", ").push_ascii(&keyed.fingerprint);
        query.push(", 200, ").push_text(body).push(", ").push_text(events).push(", UTC_TIMESTAMP(3))");
    });
    let expected = u64::try_from(answers.len()).unwrap_or(u64::MAX);
    affected("hub_idempotency_keys", expected, &query.execute(conn).await?)
}
