//! The social graph: who follows whom, who blocks whom (domain.md §5.2, §5.3; `hub_user_blocks` in §4.3).

use base::Time;
use base::id::UserId;
use sqlx::QueryBuilder;

use crate::{Conn, StoreError, affected};

/// Does one of the two block the other, whichever way?
///
/// # Errors
/// Those of the driver.
pub async fn has_block(conn: &mut Conn, one: UserId, other: UserId) -> Result<bool, StoreError> {
    let held: i64 = sqlx::query_scalar(
        "SELECT CAST(( \
           EXISTS (SELECT 1 FROM hub_user_blocks WHERE blocker_id = ? AND blocked_id = ?) \
           OR EXISTS (SELECT 1 FROM hub_user_blocks WHERE blocker_id = ? AND blocked_id = ?)) AS SIGNED)",
    )
    .bind(one)
    .bind(other)
    .bind(other)
    .bind(one)
    .fetch_one(conn)
    .await?;
    Ok(held != 0)
}

/// Those of `others` between whom and the user there is a block, whichever way.
///
/// # Errors
/// Those of the driver.
pub async fn list_blocked_among(
    conn: &mut Conn,
    user_id: UserId,
    others: &[UserId],
) -> Result<Vec<UserId>, StoreError> {
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT blocked_id FROM hub_user_blocks WHERE blocker_id = ");
    query.push_bind(user_id).push(" AND blocked_id IN (");
    push_ids(&mut query, others);
    query.push(") UNION SELECT blocker_id FROM hub_user_blocks WHERE blocked_id = ").push_bind(user_id);
    query.push(" AND blocker_id IN (");
    push_ids(&mut query, others);
    query.push(")");
    Ok(query.build_query_scalar().fetch_all(conn).await?)
}

/// Those between whom and the user there is a block, whichever way, `limit` at most and each once.
///
/// # Errors
/// Those of the driver.
pub async fn list_blocks(conn: &mut Conn, user_id: UserId, limit: u32) -> Result<Vec<UserId>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT blocked_id FROM hub_user_blocks WHERE blocker_id = ? \
         UNION SELECT blocker_id FROM hub_user_blocks WHERE blocked_id = ? LIMIT ?",
    )
    .bind(user_id)
    .bind(user_id)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// `blocker` does not want to hear of `blocked` any more. What is remembered of both has to be forgotten with it
/// (`domain::users::forget_blocks`).
///
/// # Errors
/// [`StoreError::Unique`] (`hub_user_blocks_blocker_id_blocked_id_unique`) when it is so already.
pub async fn insert_block(
    conn: &mut Conn,
    blocker: UserId,
    blocked: UserId,
    now: Time,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "INSERT INTO hub_user_blocks (blocker_id, blocked_id, created_at, updated_at) VALUES (?, ?, ?, ?)",
    )
    .bind(blocker)
    .bind(blocked)
    .bind(now.as_chrono())
    .bind(now.as_chrono())
    .execute(conn)
    .await?;
    affected("hub_user_blocks", 1, &done)
}

/// Takes a block away; gives whether there was one. What is remembered of both has to be forgotten with it
/// (`domain::users::forget_blocks`).
///
/// # Errors
/// Those of the driver.
pub async fn delete_block(conn: &mut Conn, blocker: UserId, blocked: UserId) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM hub_user_blocks WHERE blocker_id = ? AND blocked_id = ?")
        .bind(blocker)
        .bind(blocked)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// `follower` follows `following` from now on. Both cached counters go first, in the order of user ids, and the row
/// second (domain.md §4.2, D9): to be called in a transaction.
///
/// # Errors
/// [`StoreError::Unique`] (`followers_follower_id_following_id_unique`) when it is so already: roll back.
pub async fn insert_follow(
    conn: &mut Conn,
    follower: UserId,
    following: UserId,
    now: Time,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE user_profiles SET following_count = following_count + (user_id = ?), \
           followers_count = followers_count + (user_id = ?) \
         WHERE user_id IN (?, ?) ORDER BY user_id",
    )
    .bind(follower)
    .bind(following)
    .bind(follower)
    .bind(following)
    .execute(&mut *conn)
    .await?;
    affected("user_profiles", 2, &done)?;
    let done = sqlx::query(
        "INSERT INTO followers (follower_id, following_id, created_at, updated_at) VALUES (?, ?, ?, ?)",
    )
    .bind(follower)
    .bind(following)
    .bind(now.as_chrono())
    .bind(now.as_chrono())
    .execute(conn)
    .await?;
    affected("followers", 1, &done)
}

fn push_ids(query: &mut QueryBuilder<sqlx::MySql>, ids: &[u64]) {
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
}
