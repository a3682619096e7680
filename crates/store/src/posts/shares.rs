//! Shares of posts (`post_shares`).

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use super::PostRow;
use crate::users::CardRow;
use crate::{Conn, StoreError, affected};

/// A share in somebody's timeline, with the post.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SharedPostRow {
    /// The share.
    pub share_id: u64,
    /// What was said with it.
    pub share_comment: Option<String>,
    /// When.
    pub shared_at: Option<DateTime<Utc>>,
    /// The post.
    #[sqlx(flatten)]
    pub post: PostRow,
}

/// A share with the face of who shared.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ShareRow {
    /// The share, by whose id lists are walked.
    pub share_id: u64,
    /// The post.
    pub post_id: u64,
    /// What was said with it.
    pub comment: Option<String>,
    /// When.
    pub shared_at: Option<DateTime<Utc>>,
    /// Who.
    #[sqlx(flatten)]
    pub card: CardRow,
}

const SHARE: &str = "SELECT s.id AS share_id, s.post_id, s.comment, s.created_at AS shared_at, u.id, u.name, \
     u.username, u.avatar, u.is_verified FROM post_shares s JOIN users u ON u.id = s.user_id WHERE ";

/// A share.
///
/// # Errors
/// Those of the driver.
pub async fn find_share(conn: &mut Conn, id: u64) -> Result<Option<ShareRow>, StoreError> {
    let mut query = QueryBuilder::new(SHARE);
    query.push("s.id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// The shares of a post, the newest first, walked as [`list_reactions`](super::list_reactions).
///
/// # Errors
/// Those of the driver.
pub async fn list_shares(
    conn: &mut Conn,
    post_id: u64,
    viewer: UserId,
    cursor: Option<(u64, bool)>,
    limit: u32,
) -> Result<Vec<ShareRow>, StoreError> {
    let mut query = QueryBuilder::new(SHARE);
    query.push("s.post_id = ").push_bind(post_id).push(" AND u.deleted_at IS NULL AND u.is_active = 1");
    crate::social::push_unblocked(&mut query, viewer);
    let forward = cursor.is_none_or(|(_, forward)| forward);
    if let Some((id, _)) = cursor {
        query.push(if forward { " AND s.id < " } else { " AND s.id > " }).push_bind(id);
    }
    query
        .push(if forward { " ORDER BY s.id DESC LIMIT " } else { " ORDER BY s.id ASC LIMIT " })
        .push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Adds a share to a locked post; gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_share(
    conn: &mut Conn,
    user_id: UserId,
    post_id: u64,
    comment: Option<&str>,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO post_shares (user_id, post_id, comment, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(user_id)
    .bind(post_id)
    .bind(comment)
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Locks a share; is it there?
///
/// # Errors
/// Those of the driver.
pub async fn lock_share(conn: &mut Conn, id: u64) -> Result<bool, StoreError> {
    let found: Option<u64> = sqlx::query_scalar("SELECT id FROM post_shares WHERE id = ? FOR UPDATE")
        .bind(id)
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}

/// Takes a locked share back.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such share.
pub async fn delete_share(conn: &mut Conn, id: u64) -> Result<(), StoreError> {
    let done = sqlx::query("DELETE FROM post_shares WHERE id = ?").bind(id).execute(conn).await?;
    affected("post_shares", 1, &done)
}
