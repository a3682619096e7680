//! Comments and their answers (`comments`), three levels deep.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::{MySql, QueryBuilder};

use super::Viewer;
use crate::users::CardRow;
use crate::{Conn, StoreError, affected};

/// A comment as one viewer sees it, with its author's face.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CommentRow {
    /// The comment; its author is in `author.id`.
    pub comment_id: u64,
    /// Its post.
    pub post_id: u64,
    /// What it answers.
    pub parent_id: Option<u64>,
    /// The words.
    pub content: String,
    /// Path or address of its picture.
    pub image: Option<String>,
    /// On top of its post.
    pub is_pinned: bool,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When its words were last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// When it was deleted: only its place is left.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Answers that are not deleted.
    pub replies_count: i64,
    /// Reactions.
    pub reactions_count: i64,
    /// The viewer's own reaction.
    pub my_reaction: Option<String>,
    /// Its author.
    #[sqlx(flatten)]
    pub author: CardRow,
}

/// `viewer.morphs` are the spellings of the model of comments.
fn select(viewer: Viewer) -> QueryBuilder<MySql> {
    let [class, alias] = viewer.morphs;
    let mut query = QueryBuilder::new(
        "SELECT c.id AS comment_id, c.post_id, c.parent_id, c.content, c.image, c.is_pinned, c.created_at, \
           c.updated_at, c.deleted_at, \
           (SELECT COUNT(*) FROM comments a WHERE a.parent_id = c.id AND a.deleted_at IS NULL) AS replies_count, \
           (SELECT COUNT(*) FROM reactions r WHERE r.reactable_id = c.id AND r.reactable_type IN (",
    );
    query.push_bind(class).push(", ").push_bind(alias);
    query.push(
        ")) AS reactions_count, (SELECT r.type FROM reactions r WHERE r.reactable_id = c.id AND r.user_id = ",
    );
    query
        .push_bind(viewer.id)
        .push(" AND r.reactable_type IN (")
        .push_bind(class)
        .push(", ")
        .push_bind(alias);
    query.push(
        ") LIMIT 1) AS my_reaction, u.id, u.name, u.username, u.avatar, u.is_verified \
         FROM comments c JOIN users u ON u.id = c.user_id WHERE ",
    );
    query
}

/// Conditions: there is something of the comment to be seen. A deleted one keeps its place as long as it has answers. Asked
/// for as values, since MariaDB would read the whole table for an `EXISTS` after an `OR`.
fn push_seen(query: &mut QueryBuilder<MySql>, viewer: Viewer) {
    query.push(
        " AND u.deleted_at IS NULL AND u.is_active = 1 AND (c.deleted_at IS NULL OR (SELECT a.id FROM comments a \
         WHERE a.parent_id = c.id AND (a.deleted_at IS NULL OR (SELECT b.id FROM comments b \
         WHERE b.parent_id = a.id AND b.deleted_at IS NULL LIMIT 1) IS NOT NULL) LIMIT 1) IS NOT NULL)",
    );
    if !viewer.sees_all {
        crate::social::push_unblocked(query, viewer.id);
    }
}

/// Order and end of a walk; the next one is the one below, or, with `ascending`, above.
fn push_walk(query: &mut QueryBuilder<MySql>, cursor: Option<(u64, bool)>, ascending: bool, limit: u32) {
    let forward = cursor.is_none_or(|(_, forward)| forward);
    let upwards = forward == ascending;
    if let Some((id, _)) = cursor {
        query.push(if upwards { " AND c.id > " } else { " AND c.id < " }).push_bind(id);
    }
    query.push(if upwards { " ORDER BY c.id LIMIT " } else { " ORDER BY c.id DESC LIMIT " }).push_bind(limit);
}

/// One comment, also a deleted one.
///
/// # Errors
/// Those of the driver.
pub async fn find_comment(
    conn: &mut Conn,
    viewer: Viewer,
    id: u64,
) -> Result<Option<CommentRow>, StoreError> {
    let mut query = select(viewer);
    query.push("c.id = ").push_bind(id);
    push_seen(&mut query, viewer);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// The comment on top of a post.
///
/// # Errors
/// Those of the driver.
pub async fn find_pinned_comment(
    conn: &mut Conn,
    viewer: Viewer,
    post_id: u64,
) -> Result<Option<CommentRow>, StoreError> {
    let mut query = select(viewer);
    query.push("c.post_id = ").push_bind(post_id);
    query.push(" AND c.parent_id IS NULL AND c.is_pinned = 1 AND c.deleted_at IS NULL");
    push_seen(&mut query, viewer);
    query.push(" ORDER BY c.id DESC LIMIT 1");
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// The comments on a post that answer none and are not on top, the newest first: below the comment `(id, forward = true)`,
/// or, the oldest first, above `(id, forward = false)`.
///
/// # Errors
/// Those of the driver.
pub async fn list_comments(
    conn: &mut Conn,
    viewer: Viewer,
    post_id: u64,
    cursor: Option<(u64, bool)>,
    limit: u32,
) -> Result<Vec<CommentRow>, StoreError> {
    let mut query = select(viewer);
    query.push("c.post_id = ").push_bind(post_id).push(" AND c.parent_id IS NULL AND c.is_pinned = 0");
    push_seen(&mut query, viewer);
    push_walk(&mut query, cursor, false, limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// The answers to a comment, the oldest first: above the comment `(id, forward = true)`, or, the newest first, below
/// `(id, forward = false)`.
///
/// # Errors
/// Those of the driver.
pub async fn list_replies(
    conn: &mut Conn,
    viewer: Viewer,
    (post_id, parent_id): (u64, u64),
    cursor: Option<(u64, bool)>,
    limit: u32,
) -> Result<Vec<CommentRow>, StoreError> {
    let mut query = select(viewer);
    query.push("c.post_id = ").push_bind(post_id).push(" AND c.parent_id = ").push_bind(parent_id);
    push_seen(&mut query, viewer);
    push_walk(&mut query, cursor, true, limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Where a comment is.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct CommentPlaceRow {
    /// Its post.
    pub post_id: u64,
    /// Its author.
    pub user_id: UserId,
    /// What it answers.
    pub parent_id: Option<u64>,
    /// What that one answers.
    pub grandparent_id: Option<u64>,
    /// Only its place is left.
    pub is_deleted: bool,
}

/// Where a comment is.
///
/// # Errors
/// Those of the driver.
pub async fn find_comment_place(conn: &mut Conn, id: u64) -> Result<Option<CommentPlaceRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT c.post_id, c.user_id, c.parent_id, a.parent_id AS grandparent_id, \
           c.deleted_at IS NOT NULL AS is_deleted \
         FROM comments c LEFT JOIN comments a ON a.id = c.parent_id WHERE c.id = ?",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// A locked comment, as far as its own row tells.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct LockedCommentRow {
    /// Its author.
    pub user_id: UserId,
    /// What it answers.
    pub parent_id: Option<u64>,
    /// On top of its post.
    pub is_pinned: bool,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
}

/// Locks a comment that is not deleted; its post is locked.
///
/// # Errors
/// Those of the driver.
pub async fn lock_comment(conn: &mut Conn, id: u64) -> Result<Option<LockedCommentRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT user_id, parent_id, is_pinned, created_at FROM comments \
         WHERE id = ? AND deleted_at IS NULL FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// A comment to be written.
#[derive(Clone, Debug)]
pub struct NewComment<'a> {
    /// Its post, which is locked.
    pub post_id: u64,
    /// Its author.
    pub user_id: UserId,
    /// What it answers.
    pub parent_id: Option<u64>,
    /// The words.
    pub content: &'a str,
    /// Path of its picture.
    pub image: Option<&'a str>,
    /// When, in whole seconds.
    pub at: DateTime<Utc>,
}

/// Writes a comment; gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_comment(conn: &mut Conn, comment: &NewComment<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO comments (post_id, user_id, parent_id, content, image, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(comment.post_id)
    .bind(comment.user_id)
    .bind(comment.parent_id)
    .bind(comment.content)
    .bind(comment.image)
    .bind(comment.at)
    .bind(comment.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Changes the words of a locked comment.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such comment.
pub async fn update_comment_content(
    conn: &mut Conn,
    id: u64,
    content: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE comments SET content = ?, updated_at = ? WHERE id = ?")
        .bind(content)
        .bind(at)
        .bind(id)
        .execute(conn)
        .await?;
    affected("comments", 1, &done)
}

/// Deletes a locked comment; its place stays.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such comment.
pub async fn update_comment_deleted(conn: &mut Conn, id: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE comments SET deleted_at = ?, updated_at = ?, is_pinned = 0 WHERE id = ?")
        .bind(at)
        .bind(at)
        .bind(id)
        .execute(conn)
        .await?;
    affected("comments", 1, &done)
}

/// Takes down what is on top of a locked post.
///
/// # Errors
/// Those of the driver.
pub async fn update_comments_unpinned(conn: &mut Conn, post_id: u64) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE comments SET is_pinned = 0 WHERE post_id = ? AND parent_id IS NULL AND is_pinned = 1",
    )
    .bind(post_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts a locked comment on top of its post, or takes it down.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such comment.
pub async fn update_comment_pinned(conn: &mut Conn, id: u64, pinned: bool) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE comments SET is_pinned = ? WHERE id = ?")
        .bind(pinned)
        .bind(id)
        .execute(conn)
        .await?;
    affected("comments", 1, &done)
}
