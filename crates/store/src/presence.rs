//! `users.is_online` and `hub_last_seen`: what Redis knows, written down on the edges only (domain.md D10). Every statement
//! here stands alone (autocommit), so that it never holds the lock that other inserts wait for.

use std::collections::HashSet;

use base::id::UserId;
use chrono::{DateTime, Utc};
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

/// Writes when users were last seen, a user's own row never backwards; users who do not exist are left out. `seen` is in
/// the order of ids, so that two writers do not wait for each other in a ring. To be run in autocommit.
///
/// Rows that are there are updated and not inserted over: an insert, even one that turns into an update, takes a lock on
/// the user's row (its foreign key), for which whoever changes the user makes it wait.
///
/// # Errors
/// Those of the driver.
pub async fn update_last_seen(conn: &mut Conn, seen: &[(UserId, DateTime<Utc>)]) -> Result<(), StoreError> {
    if seen.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("SELECT user_id FROM hub_last_seen WHERE user_id IN (");
    let mut list = query.separated(", ");
    for (user_id, _) in seen {
        list.push_bind(*user_id);
    }
    query.push(")");
    let there: HashSet<UserId> =
        query.build_query_scalar().fetch_all(&mut *conn).await?.into_iter().collect();
    let (known, new): (Vec<_>, Vec<_>) = seen.iter().copied().partition(|(id, _)| there.contains(id));
    if !known.is_empty() {
        let mut query = QueryBuilder::new("UPDATE hub_last_seen SET last_seen_at = GREATEST(last_seen_at, ");
        push_moments(&mut query, "user_id", &known);
        query.push(") WHERE user_id IN (");
        let mut list = query.separated(", ");
        for (user_id, _) in &known {
            list.push_bind(*user_id);
        }
        query.push(")").build().execute(&mut *conn).await?;
    }
    if !new.is_empty() {
        // IGNORE: another node has inserted it meanwhile, as good as ours.
        let mut query =
            QueryBuilder::new("INSERT IGNORE INTO hub_last_seen (user_id, last_seen_at) SELECT u.id, ");
        push_moments(&mut query, "u.id", &new);
        query.push(" FROM users u WHERE u.id IN (");
        let mut list = query.separated(", ");
        for (user_id, _) in &new {
            list.push_bind(*user_id);
        }
        query.push(") ORDER BY u.id").build().execute(conn).await?;
    }
    Ok(())
}

/// `CASE column WHEN user THEN moment … END`.
fn push_moments(
    query: &mut QueryBuilder<sqlx::MySql>,
    column: &'static str,
    seen: &[(UserId, DateTime<Utc>)],
) {
    query.push("CASE ").push(column);
    for (user_id, at) in seen {
        query.push(" WHEN ").push_bind(*user_id).push(" THEN CAST(").push_bind(*at).push(" AS DATETIME(3))");
    }
    query.push(" END");
}

/// When users were last seen, by ascending id after `after`.
///
/// # Errors
/// Those of the driver.
pub async fn list_last_seen(
    conn: &mut Conn,
    after: UserId,
    limit: u32,
) -> Result<Vec<(UserId, DateTime<Utc>)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT user_id, last_seen_at FROM hub_last_seen WHERE user_id > ? \
         ORDER BY user_id LIMIT ?",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}
