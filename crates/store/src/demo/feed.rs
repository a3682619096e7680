//! Posts and what people do with them.

use base::id::UserId;
use sqlx::QueryBuilder;
use sqlx::types::Json;

use super::At;
use crate::{Conn, StoreError};

/// A post.
#[derive(Clone, Debug)]
pub struct PostRow<'a> {
    /// Its author.
    pub user_id: UserId,
    /// `posts.post_type`.
    pub post_type: &'a str,
    /// The words.
    pub content: &'a str,
    /// Addresses of its media.
    pub media_urls: &'a [&'a str],
    /// How often it was seen.
    pub views_count: u32,
    /// At the top of the author's page?
    pub is_pinned: bool,
    /// When.
    pub at: At,
}

/// Writes a post and gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_post(conn: &mut Conn, row: &PostRow<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO posts (user_id, post_type, content, media_urls, views_count, is_pinned, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.user_id)
    .bind(row.post_type)
    .bind(row.content)
    .bind(Json(row.media_urls))
    .bind(row.views_count)
    .bind(row.is_pinned)
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// A comment.
#[derive(Clone, Copy, Debug)]
pub struct CommentRow<'a> {
    /// Under which post.
    pub post_id: u64,
    /// Its author.
    pub user_id: UserId,
    /// The comment it answers.
    pub parent_id: Option<u64>,
    /// The words.
    pub content: &'a str,
    /// Above the others?
    pub is_pinned: bool,
    /// When.
    pub at: At,
}

/// Writes a comment and gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_comment(conn: &mut Conn, row: &CommentRow<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO comments (post_id, user_id, parent_id, content, is_pinned, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.post_id)
    .bind(row.user_id)
    .bind(row.parent_id)
    .bind(row.content)
    .bind(row.is_pinned)
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// A reaction.
#[derive(Clone, Debug)]
pub struct ReactionRow<'a> {
    /// Whose.
    pub user_id: UserId,
    /// The morph type of what it is on.
    pub reactable_type: &'a str,
    /// Its id.
    pub reactable_id: u64,
    /// `reactions.type`.
    pub kind: &'a str,
    /// When.
    pub at: At,
}

/// Adds reactions. The counters are [`update_post_counts`]'s and [`super::update_message_reactions`]'s.
///
/// # Errors
/// Those of the driver.
pub async fn insert_reactions(conn: &mut Conn, rows: &[ReactionRow<'_>]) -> Result<(), StoreError> {
    for rows in rows.chunks(200) {
        let mut query = QueryBuilder::new(
            "INSERT INTO reactions (user_id, reactable_type, reactable_id, type, created_at, updated_at) ",
        );
        query.push_values(rows, |mut values, row| {
            values
                .push_bind(row.user_id)
                .push_bind(row.reactable_type)
                .push_bind(row.reactable_id)
                .push_bind(row.kind)
                .push_bind(row.at)
                .push_bind(row.at);
        });
        query.build().execute(&mut *conn).await?;
    }
    Ok(())
}

/// Shares a post.
///
/// # Errors
/// Those of the driver.
pub async fn insert_share(
    conn: &mut Conn,
    user_id: UserId,
    post_id: u64,
    comment: Option<&str>,
    at: At,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO post_shares (user_id, post_id, comment, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(user_id)
    .bind(post_id)
    .bind(comment)
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// A report to the moderators.
#[derive(Clone, Copy, Debug)]
pub struct ReportRow<'a> {
    /// The reporter.
    pub user_id: UserId,
    /// The post.
    pub post_id: u64,
    /// `post_reports.reason`.
    pub reason: &'a str,
    /// In the reporter's words.
    pub details: &'a str,
    /// `post_reports.status`.
    pub status: &'a str,
    /// What was done.
    pub action_taken: Option<&'a str>,
    /// The moderator who has taken it.
    pub reviewed_by: Option<UserId>,
    /// When it was reported.
    pub at: At,
}

/// Reports a post.
///
/// # Errors
/// Those of the driver.
pub async fn insert_report(conn: &mut Conn, row: &ReportRow<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO post_reports (user_id, post_id, reason, details, status, action_taken, reviewed_by, reviewed_at, \
         created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.user_id)
    .bind(row.post_id)
    .bind(row.reason)
    .bind(row.details)
    .bind(row.status)
    .bind(row.action_taken)
    .bind(row.reviewed_by)
    .bind(row.reviewed_by.map(|_moderator| row.at))
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts reactions, comments and shares of these posts anew (domain.md §4.2).
///
/// # Errors
/// Those of the driver.
pub async fn update_post_counts(
    conn: &mut Conn,
    post_ids: &[u64],
    post_morph: &str,
) -> Result<(), StoreError> {
    if post_ids.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new(
        "UPDATE posts p SET p.comments_count = (SELECT COUNT(*) FROM comments c WHERE c.post_id = p.id AND c.deleted_at IS NULL), \
         p.shares_count = (SELECT COUNT(*) FROM post_shares s WHERE s.post_id = p.id), \
         p.reactions_count = (SELECT COUNT(*) FROM reactions r WHERE r.reactable_id = p.id AND r.reactable_type = ",
    );
    query.push_bind(post_morph).push(") WHERE p.id IN (");
    let mut list = query.separated(", ");
    for id in post_ids {
        list.push_bind(id);
    }
    query.push(")").build().execute(conn).await?;
    Ok(())
}

/// A user's posts, oldest first.
///
/// # Errors
/// Those of the driver.
pub async fn list_posts(conn: &mut Conn, user_id: UserId) -> Result<Vec<u64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM posts WHERE user_id = ? AND deleted_at IS NULL ORDER BY id")
        .bind(user_id)
        .fetch_all(conn)
        .await?)
}
