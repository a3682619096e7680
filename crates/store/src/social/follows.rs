//! Who follows whom, and who has asked to (`followers`, `follow_requests`).

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use crate::users::CardRow;
use crate::{Conn, StoreError, affected};

/// What is between a viewer and an active account, as far as following and seeing goes.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct BetweenRow {
    /// Only followers see what the account posts.
    pub is_private: bool,
    /// The viewer follows the account.
    pub is_followed: bool,
    /// The account blocks the viewer.
    pub is_blocked_by: bool,
    /// The viewer blocks the account.
    pub is_blocking: bool,
}

/// What is between a viewer (0 is a guest) and an active account; nothing where there is no such account.
///
/// # Errors
/// Those of the driver.
pub async fn find_between(
    conn: &mut Conn,
    viewer: UserId,
    user_id: UserId,
) -> Result<Option<BetweenRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT COALESCE(p.is_private, 0) <> 0 AS is_private, \
           EXISTS (SELECT 1 FROM followers f WHERE f.follower_id = ? AND f.following_id = u.id) AS is_followed, \
           EXISTS (SELECT 1 FROM hub_user_blocks b WHERE b.blocker_id = u.id AND b.blocked_id = ?) AS is_blocked_by, \
           EXISTS (SELECT 1 FROM hub_user_blocks b WHERE b.blocker_id = ? AND b.blocked_id = u.id) AS is_blocking \
         FROM users u LEFT JOIN user_profiles p ON p.user_id = u.id \
         WHERE u.id = ? AND u.deleted_at IS NULL AND u.is_active = 1",
    )
    .bind(viewer)
    .bind(viewer)
    .bind(viewer)
    .bind(user_id)
    .fetch_optional(conn)
    .await?)
}

/// Somebody in a list of follows, by whose id the list is walked.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct FollowRow {
    /// The `followers` row.
    pub follow_id: u64,
    /// Since when.
    pub followed_at: Option<DateTime<Utc>>,
    /// Who.
    #[sqlx(flatten)]
    pub card: CardRow,
}

/// Which side of an account's follows is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowSide {
    /// Those who follow it.
    Followers,
    /// Those whom it follows.
    Following,
}

/// One side of an account's follows, the newest first: below the follow `(id, forward = true)`, or, the oldest first,
/// above `(id, forward = false)`. Without accounts that are gone or suspended, and without those between whom and the
/// viewer there is a block.
///
/// # Errors
/// Those of the driver.
pub async fn list_follows(
    conn: &mut Conn,
    (user_id, side): (UserId, FollowSide),
    viewer: UserId,
    cursor: Option<(u64, bool)>,
    limit: u32,
) -> Result<Vec<FollowRow>, StoreError> {
    let (own, other) = match side {
        FollowSide::Followers => ("f.following_id", "f.follower_id"),
        FollowSide::Following => ("f.follower_id", "f.following_id"),
    };
    let mut query = QueryBuilder::new(
        "SELECT f.id AS follow_id, f.created_at AS followed_at, u.id, u.name, u.username, u.avatar, u.is_verified \
         FROM followers f STRAIGHT_JOIN users u ON u.deleted_at IS NULL AND u.is_active = 1 AND u.id = ",
    );
    query.push(other).push(" WHERE ").push(own).push(" = ").push_bind(user_id);
    super::push_unblocked(&mut query, viewer);
    let forward = cursor.is_none_or(|(_, forward)| forward);
    if let Some((id, _)) = cursor {
        query.push(if forward { " AND f.id < " } else { " AND f.id > " }).push_bind(id);
    }
    query
        .push(if forward { " ORDER BY f.id DESC LIMIT " } else { " ORDER BY f.id ASC LIMIT " })
        .push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Followers of an account by ascending id of the follow, after `after`, as (follow, follower): for telling them something.
///
/// # Errors
/// Those of the driver.
pub async fn list_follower_ids(
    conn: &mut Conn,
    user_id: UserId,
    after: u64,
    limit: u32,
) -> Result<Vec<(u64, UserId)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, follower_id FROM followers WHERE following_id = ? AND id > ? ORDER BY id LIMIT ?",
    )
    .bind(user_id)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// A `follow_requests` row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct FollowRequestRow {
    /// Its id.
    pub id: u64,
    /// Who asks.
    pub follower_id: UserId,
    /// Who was asked.
    pub following_id: UserId,
    /// `pending`, `accepted` or `rejected`.
    pub status: String,
    /// When it was answered.
    pub responded_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
}

/// A request.
///
/// # Errors
/// Those of the driver.
pub async fn find_follow_request(conn: &mut Conn, id: u64) -> Result<Option<FollowRequestRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, follower_id, following_id, status, responded_at, created_at FROM follow_requests WHERE id = ?",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// Locks the request of one to follow another. The profiles of both are held
/// ([`lock_profiles`](super::lock_profiles)).
///
/// # Errors
/// Those of the driver.
pub async fn lock_follow_request(
    conn: &mut Conn,
    follower: UserId,
    following: UserId,
) -> Result<Option<FollowRequestRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, follower_id, following_id, status, responded_at, created_at FROM follow_requests \
         WHERE follower_id = ? AND following_id = ? FOR UPDATE",
    )
    .bind(follower)
    .bind(following)
    .fetch_optional(conn)
    .await?)
}

/// Makes a request, `pending`; gives its id.
///
/// # Errors
/// [`StoreError::Unique`] where there is one.
pub async fn insert_follow_request(
    conn: &mut Conn,
    follower: UserId,
    following: UserId,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO follow_requests (follower_id, following_id, status, created_at, updated_at) \
         VALUES (?, ?, 'pending', ?, ?)",
    )
    .bind(follower)
    .bind(following)
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Writes what became of a locked request.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such request.
pub async fn update_follow_request(
    conn: &mut Conn,
    id: u64,
    status: &str,
    responded_at: Option<DateTime<Utc>>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done =
        sqlx::query("UPDATE follow_requests SET status = ?, responded_at = ?, updated_at = ? WHERE id = ?")
            .bind(status)
            .bind(responded_at)
            .bind(at)
            .bind(id)
            .execute(conn)
            .await?;
    affected("follow_requests", 1, &done)
}

/// Deletes a locked request.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such request.
pub async fn delete_follow_request(conn: &mut Conn, id: u64) -> Result<(), StoreError> {
    let done = sqlx::query("DELETE FROM follow_requests WHERE id = ?").bind(id).execute(conn).await?;
    affected("follow_requests", 1, &done)
}

/// A request in a list, with the other side.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ListedRequestRow {
    /// The request.
    pub request_id: u64,
    /// `pending`, `accepted` or `rejected`.
    pub status: String,
    /// When it was made.
    pub requested_at: Option<DateTime<Utc>>,
    /// The other side.
    #[sqlx(flatten)]
    pub card: CardRow,
}

/// Requests that wait, received (`received`) or sent by a user, the newest first, walked as [`list_follows`].
///
/// # Errors
/// Those of the driver.
pub async fn list_follow_requests(
    conn: &mut Conn,
    (user_id, received): (UserId, bool),
    cursor: Option<(u64, bool)>,
    limit: u32,
) -> Result<Vec<ListedRequestRow>, StoreError> {
    let (own, other) =
        if received { ("r.following_id", "r.follower_id") } else { ("r.follower_id", "r.following_id") };
    let mut query = QueryBuilder::new(
        "SELECT r.id AS request_id, r.status, r.created_at AS requested_at, u.id, u.name, u.username, u.avatar, \
           u.is_verified \
         FROM follow_requests r JOIN users u ON u.deleted_at IS NULL AND u.is_active = 1 AND u.id = ",
    );
    query.push(other).push(" WHERE r.status = 'pending' AND ").push(own).push(" = ").push_bind(user_id);
    let forward = cursor.is_none_or(|(_, forward)| forward);
    if let Some((id, _)) = cursor {
        query.push(if forward { " AND r.id < " } else { " AND r.id > " }).push_bind(id);
    }
    query
        .push(if forward { " ORDER BY r.id DESC LIMIT " } else { " ORDER BY r.id ASC LIMIT " })
        .push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Requests that wait though the account asked is public, the oldest first; of one account, or of all.
///
/// # Errors
/// Those of the driver.
pub async fn list_overdue_requests(
    conn: &mut Conn,
    following: Option<UserId>,
    limit: u32,
) -> Result<Vec<u64>, StoreError> {
    let mut query = QueryBuilder::new(
        "SELECT r.id FROM follow_requests r JOIN user_profiles p ON p.user_id = r.following_id AND p.is_private = 0 \
         JOIN users u ON u.id = r.following_id AND u.is_active = 1 AND u.deleted_at IS NULL \
         JOIN users f ON f.id = r.follower_id AND f.is_active = 1 AND f.deleted_at IS NULL \
         WHERE r.status = 'pending'",
    );
    if let Some(following) = following {
        query.push(" AND r.following_id = ").push_bind(following);
    }
    query.push(" ORDER BY r.id LIMIT ").push_bind(limit);
    Ok(query.build_query_scalar().fetch_all(conn).await?)
}
