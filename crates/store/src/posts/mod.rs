//! Posts, comments, reactions, shares and reports (`posts`, `comments`, `reactions`, `post_shares`, `post_reports`).
//! Polymorphic columns are read in both spellings (domain.md §7.2).

mod comments;
mod lists;
mod managed;
mod reactions;
mod reports;
mod shares;
mod views;

use base::id::UserId;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{MySql, QueryBuilder};

use crate::users::CardRow;
use crate::{Conn, StoreError, affected};

pub use comments::{
    CommentPlaceRow, CommentRow, LockedCommentRow, NewComment, find_comment, find_comment_place,
    find_pinned_comment, insert_comment, list_comments, list_replies, lock_comment, update_comment_content,
    update_comment_deleted, update_comment_pinned, update_comments_unpinned,
};
pub use lists::{
    FeedHead, FeedQuery, RankedRow, TimelinePlace, TimelineQuery, list_discoverable, list_feed_heads,
    list_feed_posts, list_posts, list_timeline_posts, list_timeline_shares,
};
pub use managed::{
    ManagedCommentRow, ManagedFilter, ManagedPostRow, count_managed_comments, count_managed_posts,
    list_managed_comments, list_managed_posts,
};
pub use reactions::{
    ListedReactionRow, NewReaction, ReactionRow, count_reactions, delete_reaction, insert_reaction,
    list_reactions, lock_reactions, update_reaction,
};
pub use reports::{
    NewReport, ReportFilter, ReportRow, close_reports, count_open_reporters, count_reports, delete_hidden,
    find_report, insert_hidden, insert_report, is_hidden, list_open_reports, list_reports, lock_report,
    lock_report_of, update_report_status,
};
pub use shares::{ShareRow, SharedPostRow, delete_share, find_share, insert_share, list_shares, lock_share};
pub use views::update_views;

/// A post as one viewer sees it, with its author's face.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct PostRow {
    /// The post; its author is in `author.id`.
    pub post_id: u64,
    /// `text`, `image`, `video` or `audio`.
    pub post_type: String,
    /// The words.
    pub content: Option<String>,
    /// Paths or addresses of its media.
    pub media_urls: Option<Json<Value>>,
    /// Reactions.
    pub reactions_count: u32,
    /// Comments and answers.
    pub comments_count: u32,
    /// Shares.
    pub shares_count: u32,
    /// How often it was seen, roughly.
    pub views_count: u32,
    /// On top of its author's profile.
    pub is_pinned: bool,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When its words were last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// Hidden until it was reviewed.
    pub is_hidden: bool,
    /// The viewer's own reaction.
    pub my_reaction: Option<String>,
    /// Its author.
    #[sqlx(flatten)]
    pub author: CardRow,
}

/// Who looks.
#[derive(Clone, Copy, Debug)]
pub struct Viewer {
    /// The viewer; 0 is a guest, who follows no one and is blocked by no one.
    pub id: UserId,
    /// Also what is private, hidden or across a block: a moderator.
    pub sees_all: bool,
    /// The spellings of the model of posts.
    pub morphs: [&'static str; 2],
}

/// `SELECT` of [`PostRow`]'s columns, without a table.
fn push_columns(query: &mut QueryBuilder<MySql>, viewer: Viewer) {
    query.push(
        "p.id AS post_id, p.post_type, p.content, p.media_urls, p.reactions_count, p.comments_count, \
         p.shares_count, p.views_count, p.is_pinned, p.created_at, p.updated_at, \
         EXISTS (SELECT 1 FROM hub_hidden_posts h WHERE h.post_id = p.id) AS is_hidden, \
         (SELECT r.type FROM reactions r WHERE r.reactable_id = p.id AND r.user_id = ",
    );
    query.push_bind(viewer.id).push(" AND r.reactable_type IN (");
    query.push_bind(viewer.morphs[0]).push(", ").push_bind(viewer.morphs[1]);
    query.push(") LIMIT 1) AS my_reaction, u.id, u.name, u.username, u.avatar, u.is_verified");
}

/// The tables that [`push_columns`] and [`push_visible`] speak of, after `FROM posts p`.
const JOINS: &str = " JOIN users u ON u.id = p.user_id LEFT JOIN user_profiles f ON f.user_id = p.user_id";

/// Conditions: the viewer may see the post (domain.md §5.3 "visibility"). Asked for as values, since MariaDB would read all
/// whom the viewer follows for an `EXISTS` after an `OR`.
fn push_visible(query: &mut QueryBuilder<MySql>, viewer: Viewer) {
    query.push(" AND p.deleted_at IS NULL AND u.deleted_at IS NULL AND u.is_active = 1");
    if viewer.sees_all {
        return;
    }
    query.push(" AND (p.user_id = ").push_bind(viewer.id);
    query.push(" OR (SELECT h.post_id FROM hub_hidden_posts h WHERE h.post_id = p.id) IS NULL)");
    query.push(" AND (p.user_id = ").push_bind(viewer.id);
    query.push(
        " OR COALESCE(f.is_private, 0) = 0 \
           OR (SELECT w.id FROM followers w WHERE w.following_id = p.user_id AND w.follower_id = ",
    );
    query.push_bind(viewer.id).push(") IS NOT NULL)");
    crate::social::push_unblocked(query, viewer.id);
}

/// A post that the viewer may see.
///
/// # Errors
/// Those of the driver.
pub async fn find_post(conn: &mut Conn, viewer: Viewer, id: u64) -> Result<Option<PostRow>, StoreError> {
    let mut query = QueryBuilder::new("SELECT ");
    push_columns(&mut query, viewer);
    query.push(" FROM posts p").push(JOINS).push(" WHERE p.id = ").push_bind(id);
    push_visible(&mut query, viewer);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// A locked post, as far as its own row tells.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct LockedPostRow {
    /// Its author.
    pub user_id: UserId,
    /// Reactions.
    pub reactions_count: u32,
    /// Comments and answers.
    pub comments_count: u32,
    /// Shares.
    pub shares_count: u32,
    /// How often it was seen, roughly.
    pub views_count: u32,
    /// On top of its author's profile.
    pub is_pinned: bool,
}

/// Locks a post that is not deleted: whatever is written under it comes after (domain.md D9).
///
/// # Errors
/// Those of the driver.
pub async fn lock_post(conn: &mut Conn, id: u64) -> Result<Option<LockedPostRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT user_id, reactions_count, comments_count, shares_count, views_count, is_pinned FROM posts \
         WHERE id = ? AND deleted_at IS NULL FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// A post to be written.
#[derive(Clone, Debug)]
pub struct NewPost<'a> {
    /// Its author.
    pub user_id: UserId,
    /// `text`, `image`, `video` or `audio`.
    pub post_type: &'static str,
    /// The words.
    pub content: Option<&'a str>,
    /// Paths of its media.
    pub media: &'a [String],
    /// When, in whole seconds.
    pub at: DateTime<Utc>,
}

/// Writes a post; gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_post(conn: &mut Conn, post: &NewPost<'_>) -> Result<u64, StoreError> {
    let media = (!post.media.is_empty()).then_some(Json(post.media));
    let done = sqlx::query(
        "INSERT INTO posts (user_id, post_type, content, media_urls, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(post.user_id)
    .bind(post.post_type)
    .bind(post.content)
    .bind(media)
    .bind(post.at)
    .bind(post.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Changes the words of a locked post.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such post.
pub async fn update_post_content(
    conn: &mut Conn,
    id: u64,
    content: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE posts SET content = ?, updated_at = ? WHERE id = ?")
        .bind(content)
        .bind(at)
        .bind(id)
        .execute(conn)
        .await?;
    affected("posts", 1, &done)
}

/// Deletes a locked post; its row stays.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such post.
pub async fn update_post_deleted(conn: &mut Conn, id: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE posts SET deleted_at = ?, updated_at = ?, is_pinned = 0 WHERE id = ?")
        .bind(at)
        .bind(at)
        .bind(id)
        .execute(conn)
        .await?;
    affected("posts", 1, &done)
}

/// Puts a locked post on top of its author's profile, or takes it down.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such post.
pub async fn update_post_pinned(conn: &mut Conn, id: u64, pinned: bool) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE posts SET is_pinned = ? WHERE id = ?")
        .bind(pinned)
        .bind(id)
        .execute(conn)
        .await?;
    affected("posts", 1, &done)
}

/// How many posts of an author are on top. The author's profile is held.
///
/// # Errors
/// Those of the driver.
pub async fn count_pinned_posts(conn: &mut Conn, user_id: UserId) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT COUNT(*) FROM posts WHERE user_id = ? AND is_pinned = 1 AND deleted_at IS NULL",
    )
    .bind(user_id)
    .fetch_one(conn)
    .await?)
}

/// A cached counter of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostCounter {
    /// Reactions.
    Reactions,
    /// Comments and answers.
    Comments,
    /// Shares.
    Shares,
}

/// Writes a counter of a locked post; to be called before what it counts is written (domain.md D9).
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such post.
pub async fn update_post_counter(
    conn: &mut Conn,
    id: u64,
    counter: PostCounter,
    count: u32,
) -> Result<(), StoreError> {
    let sql = match counter {
        PostCounter::Reactions => "UPDATE posts SET reactions_count = ? WHERE id = ?",
        PostCounter::Comments => "UPDATE posts SET comments_count = ? WHERE id = ?",
        PostCounter::Shares => "UPDATE posts SET shares_count = ? WHERE id = ?",
    };
    let done = sqlx::query(sql).bind(count).bind(id).execute(conn).await?;
    affected("posts", 1, &done)
}

/// The newest posts of an author, deleted ones too.
///
/// # Errors
/// Those of the driver.
pub async fn list_newest_ids(conn: &mut Conn, user_id: UserId, limit: u32) -> Result<Vec<u64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM posts WHERE user_id = ? ORDER BY id DESC LIMIT ?")
        .bind(user_id)
        .bind(limit)
        .fetch_all(conn)
        .await?)
}
