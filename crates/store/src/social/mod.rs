//! The social graph: who follows whom, who blocks whom (domain.md §5.2, §5.3; `hub_user_blocks` in §4.3).

mod follows;

use base::Time;
use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::{MySql, QueryBuilder};

pub use follows::{
    BetweenRow, FollowRequestRow, FollowRow, FollowSide, ListedRequestRow, delete_follow_request,
    find_between, find_follow_request, insert_follow_request, list_follow_requests, list_follower_ids,
    list_follows, list_overdue_requests, lock_follow_request, update_follow_request,
};

use crate::users::CardRow;
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

/// The blocks between users and anybody, whichever way, as pairs of one of the users and the other side; `limit` at most,
/// in no order. Two who are both asked for come as two pairs.
///
/// # Errors
/// Those of the driver.
pub async fn list_blocks_of(
    conn: &mut Conn,
    user_ids: &[UserId],
    limit: u32,
) -> Result<Vec<(UserId, UserId)>, StoreError> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query =
        QueryBuilder::new("SELECT blocker_id, blocked_id FROM hub_user_blocks WHERE blocker_id IN (");
    push_ids(&mut query, user_ids);
    query.push(") UNION SELECT blocked_id, blocker_id FROM hub_user_blocks WHERE blocked_id IN (");
    push_ids(&mut query, user_ids);
    query.push(") LIMIT ").push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
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

/// Ends that `follower` follows `following`, counters first as in [`insert_follow`]; nothing where it is not so. Gives
/// whether it was so. To be called in a transaction, which holds the pair's profiles
/// ([`lock_profiles`]) so that nobody follows meanwhile.
///
/// # Errors
/// Those of the driver.
pub async fn delete_follow(conn: &mut Conn, follower: UserId, following: UserId) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM followers WHERE follower_id = ? AND following_id = ?")
        .bind(follower)
        .bind(following)
        .execute(&mut *conn)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    // A counter that another application let drift is not driven below 0, which the column cannot hold.
    sqlx::query(
        "UPDATE user_profiles SET \
           following_count = following_count - (user_id = ? AND following_count > 0), \
           followers_count = followers_count - (user_id = ? AND followers_count > 0) \
         WHERE user_id IN (?, ?) ORDER BY user_id",
    )
    .bind(follower)
    .bind(following)
    .bind(follower)
    .bind(following)
    .execute(conn)
    .await?;
    Ok(true)
}

/// Locks the profiles of two users in the order of their ids: whoever follows, unfollows or blocks does so first
/// (domain.md §4.2).
///
/// # Errors
/// Those of the driver.
pub async fn lock_profiles(conn: &mut Conn, one: UserId, other: UserId) -> Result<(), StoreError> {
    let _locked: Vec<u64> = sqlx::query_scalar(
        "SELECT user_id FROM user_profiles WHERE user_id IN (?, ?) ORDER BY user_id FOR UPDATE",
    )
    .bind(one)
    .bind(other)
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Deletes the requests to follow between two users, both ways and whatever became of them.
///
/// # Errors
/// Those of the driver.
pub async fn delete_follow_requests(conn: &mut Conn, one: UserId, other: UserId) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM follow_requests WHERE (follower_id = ? AND following_id = ?) \
         OR (follower_id = ? AND following_id = ?)",
    )
    .bind(one)
    .bind(other)
    .bind(other)
    .bind(one)
    .execute(conn)
    .await?;
    Ok(())
}

/// Does the first block the second?
///
/// # Errors
/// Those of the driver.
pub async fn has_blocked(conn: &mut Conn, blocker: UserId, blocked: UserId) -> Result<bool, StoreError> {
    let found: Option<u64> =
        sqlx::query_scalar("SELECT id FROM hub_user_blocks WHERE blocker_id = ? AND blocked_id = ?")
            .bind(blocker)
            .bind(blocked)
            .fetch_optional(conn)
            .await?;
    Ok(found.is_some())
}

/// Somebody who is blocked.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct BlockedRow {
    /// The block, by which the list is walked.
    pub block_id: u64,
    /// Since when.
    pub blocked_at: Option<DateTime<Utc>>,
    /// Who.
    #[sqlx(flatten)]
    pub card: CardRow,
}

/// Those whom a user blocks and who are not deleted, the newest block first: before the block `(id, forward = true)`, or,
/// the oldest first, after the block `(id, forward = false)`.
///
/// # Errors
/// Those of the driver.
pub async fn list_blocked(
    conn: &mut Conn,
    blocker: UserId,
    cursor: Option<(u64, bool)>,
    limit: u32,
) -> Result<Vec<BlockedRow>, StoreError> {
    let mut query = QueryBuilder::new(
        "SELECT b.id AS block_id, b.created_at AS blocked_at, u.id, u.name, u.username, u.avatar, u.is_verified \
         FROM hub_user_blocks b JOIN users u ON u.id = b.blocked_id AND u.deleted_at IS NULL WHERE b.blocker_id = ",
    );
    query.push_bind(blocker);
    let forward = cursor.is_none_or(|(_, forward)| forward);
    if let Some((id, _)) = cursor {
        query.push(if forward { " AND b.id < " } else { " AND b.id > " }).push_bind(id);
    }
    query
        .push(if forward { " ORDER BY b.id DESC LIMIT " } else { " ORDER BY b.id ASC LIMIT " })
        .push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Demands of the user `u` of a statement that there is no block between them and the viewer, whichever way.
pub(crate) fn push_unblocked(query: &mut QueryBuilder<MySql>, viewer: UserId) {
    query
        .push(
            " AND NOT EXISTS (SELECT 1 FROM hub_user_blocks b WHERE b.blocker_id = u.id AND b.blocked_id = ",
        )
        .push_bind(viewer)
        .push(
            ") AND NOT EXISTS (SELECT 1 FROM hub_user_blocks b WHERE b.blocked_id = u.id AND b.blocker_id = ",
        )
        .push_bind(viewer)
        .push(")");
}

fn push_ids(query: &mut QueryBuilder<MySql>, ids: &[u64]) {
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
}
