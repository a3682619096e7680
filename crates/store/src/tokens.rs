//! Sanctum's tokens (domain.md §7.1) and the sign-in sessions that refresh tokens belong to.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use crate::permissions::USER_MORPHS;
use crate::{Conn, StoreError, affected};

/// A token of a user.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct TokenRow {
    /// Its id.
    pub id: u64,
    /// Whose.
    pub user_id: UserId,
    /// What the owner or the device calls it.
    pub name: String,
    /// SHA-256 of the plain text, hexadecimal.
    pub token: String,
    /// JSON array.
    pub abilities: Option<String>,
    /// Last use, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
}

/// A sign-in: one family of refresh tokens.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SessionRow {
    /// A ULID.
    pub session_id: String,
    /// Whose.
    pub user_id: UserId,
    /// The refresh token that is valid now.
    pub current_token_id: Option<u64>,
    /// What the device is called.
    pub name: String,
    /// Where it was used from last.
    pub ip: Option<String>,
    /// Last sign-in or refresh.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A refresh token that was used.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct UsedTokenRow {
    /// SHA-256 of the plain text, hexadecimal.
    pub token: String,
    /// The family.
    pub session_id: String,
}

const TOKEN: &str = "SELECT id, tokenable_id AS user_id, name, token, abilities, last_used_at, expires_at, created_at \
     FROM personal_access_tokens WHERE tokenable_type IN ('App\\\\Models\\\\User', 'user') AND ";
const SESSION: &str =
    "SELECT session_id, user_id, current_token_id, name, ip, last_used_at FROM hub_token_sessions WHERE ";

/// A user's token by id, with the constant-time comparison left to the caller.
///
/// # Errors
/// Those of the driver.
pub async fn find_token(conn: &mut Conn, id: u64) -> Result<Option<TokenRow>, StoreError> {
    let mut query = QueryBuilder::new(TOKEN);
    query.push("id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// A user's token by the SHA-256 of its plain text.
///
/// # Errors
/// Those of the driver.
pub async fn find_token_by_hash(conn: &mut Conn, hash: &str) -> Result<Option<TokenRow>, StoreError> {
    let mut query = QueryBuilder::new(TOKEN);
    query.push("token = ").push_bind(hash.to_owned());
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// A user's tokens that have not ended, newest first, at most `limit`.
///
/// # Errors
/// Those of the driver.
pub async fn list_tokens(
    conn: &mut Conn,
    user_id: UserId,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<TokenRow>, StoreError> {
    let mut query = QueryBuilder::new(TOKEN);
    query.push("tokenable_id = ").push_bind(user_id);
    query.push(" AND (expires_at IS NULL OR expires_at > ").push_bind(now).push(") ORDER BY id DESC LIMIT ");
    query.push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Which of these tokens there are; `ids` are sent with the statement's text, so a few thousand at a time.
///
/// # Errors
/// Those of the driver.
pub async fn list_existing_tokens(conn: &mut Conn, ids: &[u64]) -> Result<Vec<u64>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT id FROM personal_access_tokens WHERE id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push(id);
    }
    query.push(")");
    // Each list makes another statement, which is not worth being remembered.
    Ok(query.build_query_scalar().persistent(false).fetch_all(conn).await?)
}

/// A token to be inserted.
#[derive(Clone, Copy, Debug)]
pub struct NewTokenRow<'a> {
    /// The user model's name as it is to be written (domain.md §7.2).
    pub tokenable_type: &'a str,
    /// Whose.
    pub user_id: UserId,
    /// What the owner or the device calls it.
    pub name: &'a str,
    /// SHA-256 of the plain text, hexadecimal.
    pub token: &'a str,
    /// JSON array.
    pub abilities: &'a str,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// Now, in whole seconds.
    pub at: DateTime<Utc>,
}

/// Makes a token; gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_token(conn: &mut Conn, row: NewTokenRow<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO personal_access_tokens \
         (tokenable_type, tokenable_id, name, token, abilities, expires_at, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.tokenable_type)
    .bind(row.user_id)
    .bind(row.name)
    .bind(row.token)
    .bind(row.abilities)
    .bind(row.expires_at)
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Notes that tokens were used `at`, those for which no use after `unless_since` is noted. Autocommit; gives how many
/// were written.
///
/// # Errors
/// Those of the driver.
pub async fn update_last_used(
    conn: &mut Conn,
    ids: &[u64],
    at: DateTime<Utc>,
    unless_since: DateTime<Utc>,
) -> Result<u64, StoreError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let mut query = QueryBuilder::new("UPDATE personal_access_tokens SET last_used_at = ");
    query.push_bind(at).push(", updated_at = ").push_bind(at).push(" WHERE id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    query.push(") AND (last_used_at IS NULL OR last_used_at <= ").push_bind(unless_since).push(")");
    Ok(query.build().execute(conn).await?.rows_affected())
}

/// Deletes tokens by id.
///
/// # Errors
/// Those of the driver.
pub async fn delete_tokens(conn: &mut Conn, ids: &[u64]) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("DELETE FROM personal_access_tokens WHERE id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id);
    }
    query.push(")").build().execute(conn).await?;
    Ok(())
}

/// Makes a session around its first refresh token (`current_token_id`), beginning at `last_used_at`.
///
/// # Errors
/// Those of the driver.
pub async fn insert_session(conn: &mut Conn, session: &SessionRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_token_sessions \
         (session_id, user_id, current_token_id, name, ip, last_used_at, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&session.session_id)
    .bind(session.user_id)
    .bind(session.current_token_id)
    .bind(&session.name)
    .bind(session.ip.as_deref())
    .bind(session.last_used_at)
    .bind(session.last_used_at)
    .bind(session.last_used_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks the session whose valid refresh token this is.
///
/// # Errors
/// Those of the driver.
pub async fn lock_session_by_token(conn: &mut Conn, token_id: u64) -> Result<Option<SessionRow>, StoreError> {
    let mut query = QueryBuilder::new(SESSION);
    query.push("current_token_id = ").push_bind(token_id).push(" FOR UPDATE");
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Locks a session.
///
/// # Errors
/// Those of the driver.
pub async fn lock_session(conn: &mut Conn, session_id: &str) -> Result<Option<SessionRow>, StoreError> {
    let mut query = QueryBuilder::new(SESSION);
    query.push("session_id = ").push_bind(session_id.to_owned()).push(" FOR UPDATE");
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Locks all sessions of a user.
///
/// # Errors
/// Those of the driver.
pub async fn lock_sessions(conn: &mut Conn, user_id: UserId) -> Result<Vec<SessionRow>, StoreError> {
    let mut query = QueryBuilder::new(SESSION);
    query.push("user_id = ").push_bind(user_id).push(" ORDER BY id FOR UPDATE");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// The sessions that these tokens are the valid refresh tokens of.
///
/// # Errors
/// Those of the driver.
pub async fn list_sessions_by_tokens(
    conn: &mut Conn,
    token_ids: &[u64],
) -> Result<Vec<SessionRow>, StoreError> {
    if token_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(SESSION);
    query.push("current_token_id IN (");
    let mut list = query.separated(", ");
    for id in token_ids {
        list.push_bind(id);
    }
    query.push(")");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Puts the next refresh token in the place of the last.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such session.
pub async fn update_session_token(
    conn: &mut Conn,
    session_id: &str,
    token_id: u64,
    ip: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE hub_token_sessions SET current_token_id = ?, ip = ?, last_used_at = ?, updated_at = ? \
         WHERE session_id = ?",
    )
    .bind(token_id)
    .bind(ip)
    .bind(at)
    .bind(at)
    .bind(session_id)
    .execute(conn)
    .await?;
    affected("hub_token_sessions", 1, &done)
}

/// Remembers a refresh token that was used.
///
/// # Errors
/// Those of the driver.
pub async fn insert_used_token(
    conn: &mut Conn,
    token_id: u64,
    hash: &str,
    session_id: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_used_refresh_tokens (token_id, token, session_id, used_at) VALUES (?, ?, ?, ?)",
    )
    .bind(token_id)
    .bind(hash)
    .bind(session_id)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// A refresh token that was used.
///
/// # Errors
/// Those of the driver.
pub async fn find_used_token(conn: &mut Conn, token_id: u64) -> Result<Option<UsedTokenRow>, StoreError> {
    Ok(sqlx::query_as("SELECT token, session_id FROM hub_used_refresh_tokens WHERE token_id = ?")
        .bind(token_id)
        .fetch_optional(conn)
        .await?)
}

/// Deletes sessions with what they remember of used tokens (written out: not every server's cascade is whole, see
/// [`crate::purge`]). Their current tokens are deleted by [`delete_tokens`] afterwards.
///
/// # Errors
/// Those of the driver.
pub async fn delete_sessions(conn: &mut Conn, session_ids: &[&str]) -> Result<(), StoreError> {
    if session_ids.is_empty() {
        return Ok(());
    }
    for statement in [
        "DELETE FROM hub_used_refresh_tokens WHERE session_id IN (",
        "DELETE FROM hub_token_sessions WHERE session_id IN (",
    ] {
        let mut query = QueryBuilder::new(statement);
        let mut list = query.separated(", ");
        for id in session_ids {
            list.push_bind((*id).to_owned());
        }
        query.push(")").build().execute(&mut *conn).await?;
    }
    Ok(())
}

/// The sessions that ended by themselves: their refresh token is gone or ended before `ended_before`; at most
/// `limit`.
///
/// # Errors
/// Those of the driver.
pub async fn list_ended_sessions(
    conn: &mut Conn,
    ended_before: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT s.session_id FROM hub_token_sessions s \
         LEFT JOIN personal_access_tokens t ON t.id = s.current_token_id \
         WHERE t.id IS NULL OR t.expires_at < ? ORDER BY s.id LIMIT ?",
    )
    .bind(ended_before)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Forgets refresh tokens used before an instant; at most `limit`. Gives how many went.
///
/// # Errors
/// Those of the driver.
pub async fn delete_old_used_tokens(
    conn: &mut Conn,
    used_before: DateTime<Utc>,
    limit: u32,
) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM hub_used_refresh_tokens WHERE used_at < ? ORDER BY token_id LIMIT ?")
        .bind(used_before)
        .bind(limit)
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

/// Deletes users' tokens that ended before an instant, as `sanctum:prune-expired` does; at most `limit`. Gives how
/// many went.
///
/// # Errors
/// Those of the driver.
pub async fn delete_expired_tokens(
    conn: &mut Conn,
    ended_before: DateTime<Utc>,
    limit: u32,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "DELETE FROM personal_access_tokens WHERE tokenable_type IN (?, ?) AND expires_at < ? ORDER BY id LIMIT ?",
    )
    .bind(USER_MORPHS[0])
    .bind(USER_MORPHS[1])
    .bind(ended_before)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
