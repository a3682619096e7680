//! Posts as lists show them: a fixed number of statements a page, whatever is listed.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::{MySql, QueryBuilder};

use super::shares::SharedPostRow;
use super::{JOINS, PostRow, Viewer, push_columns, push_visible};
use crate::{Conn, StoreError};

/// Those of the posts that the viewer may see, in no order.
///
/// # Errors
/// Those of the driver.
pub async fn list_posts(conn: &mut Conn, viewer: Viewer, ids: &[u64]) -> Result<Vec<PostRow>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT ");
    push_columns(&mut query, viewer);
    query.push(" FROM posts p").push(JOINS).push(" WHERE p.id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    query.push(")");
    push_visible(&mut query, viewer);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// What of a feed is asked for.
#[derive(Clone, Copy, Debug)]
pub struct FeedQuery {
    /// Whose feed.
    pub viewer: Viewer,
    /// Only posts of this type.
    pub post_type: Option<&'static str>,
    /// The post next to which the part begins.
    pub cursor: Option<u64>,
    /// Towards lower ids (descending), or higher ones (ascending).
    pub forward: bool,
    /// At most so many.
    pub limit: u32,
}

/// An author in a feed, and the first of their posts in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct FeedHead {
    /// The author.
    pub author_id: UserId,
    /// The first post.
    pub head: u64,
}

/// Conditions: of the part of the feed that is asked for. The authors are known to be there.
fn push_in_feed(query: &mut QueryBuilder<MySql>, which: &FeedQuery) {
    query.push(" AND p.deleted_at IS NULL AND (p.user_id = ").push_bind(which.viewer.id);
    query.push(" OR (SELECT h.post_id FROM hub_hidden_posts h WHERE h.post_id = p.id) IS NULL)");
    if let Some(post_type) = which.post_type {
        query.push(" AND p.post_type = ").push_bind(post_type);
    }
    if let Some(cursor) = which.cursor {
        query.push(if which.forward { " AND p.id < " } else { " AND p.id > " }).push_bind(cursor);
    }
}

/// The authors whose posts a part of the feed can be made of: of all whom the viewer follows, and the viewer, those `limit`
/// whose first post in it comes first. One look into the index `(user_id, id)` an author; the `limit` first posts of all are
/// among those of these authors, since each of the others has `limit` posts of others before its own first. What a walk has
/// passed already is passed again in the index, since neither server takes a bound from another row as the end of a range.
///
/// # Errors
/// Those of the driver.
pub async fn list_feed_heads(conn: &mut Conn, which: &FeedQuery) -> Result<Vec<FeedHead>, StoreError> {
    let mut query =
        QueryBuilder::new("SELECT a.id AS author_id, (SELECT p.id FROM posts p WHERE p.user_id = a.id");
    push_in_feed(&mut query, which);
    query.push(if which.forward { " ORDER BY p.id DESC" } else { " ORDER BY p.id" });
    query.push(" LIMIT 1) AS head FROM (SELECT ").push_bind(which.viewer.id);
    query.push(
        " AS id UNION ALL SELECT u.id FROM followers w \
         JOIN users u ON u.id = w.following_id AND u.deleted_at IS NULL AND u.is_active = 1 WHERE w.follower_id = ",
    );
    query.push_bind(which.viewer.id).push(" AND u.id <> ").push_bind(which.viewer.id);
    crate::social::push_unblocked(&mut query, which.viewer.id);
    // Not around all of it as a derived table: MariaDB 10.11 loses `a` when such a statement is executed again.
    query.push(") a HAVING head IS NOT NULL");
    query.push(if which.forward { " ORDER BY head DESC LIMIT " } else { " ORDER BY head LIMIT " });
    query.push_bind(which.limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// The part of the feed that these authors ([`list_feed_heads`]) have made, in the order of the walk: at most `limit` posts
/// of each are read from the index, and the first of them all are shown.
///
/// # Errors
/// Those of the driver.
pub async fn list_feed_posts(
    conn: &mut Conn,
    which: &FeedQuery,
    heads: &[FeedHead],
) -> Result<Vec<PostRow>, StoreError> {
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let order = if which.forward { " ORDER BY p.id DESC LIMIT " } else { " ORDER BY p.id LIMIT " };
    let mut query = QueryBuilder::new("SELECT ");
    push_columns(&mut query, which.viewer);
    query.push(" FROM (");
    for (number, head) in heads.iter().enumerate() {
        query.push(if number == 0 { "(" } else { " UNION ALL (" });
        query.push("SELECT p.id FROM posts p WHERE p.user_id = ").push_bind(head.author_id);
        push_in_feed(&mut query, which);
        query.push(order).push_bind(which.limit).push(")");
    }
    query.push(") one JOIN posts p ON p.id = one.id").push(JOINS).push(order).push_bind(which.limit);
    // Of another number of authors it would be another statement.
    Ok(query.build_query_as().persistent(false).fetch_all(conn).await?)
}

/// A place in somebody's timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimelinePlace {
    /// When.
    pub at: DateTime<Utc>,
    /// Of what happened in that second: towards older ones only those below, towards newer ones only those above this
    /// remainder of the id by [`Self::SPAN`].
    pub within: i64,
}

impl TimelinePlace {
    /// Ids are told apart within a second by their remainder by this.
    pub const SPAN: i64 = 1 << 30;
}

/// What of somebody's timeline is asked for.
#[derive(Clone, Copy, Debug)]
pub struct TimelineQuery {
    /// Whose.
    pub user_id: UserId,
    /// Who looks.
    pub viewer: Viewer,
    /// Only posts of this type.
    pub post_type: Option<&'static str>,
    /// Only posts that are on top, or only others.
    pub is_pinned: Option<bool>,
    /// Where it begins.
    pub place: Option<TimelinePlace>,
    /// Towards older ones (descending), or newer ones (ascending).
    pub forward: bool,
    /// At most so many.
    pub limit: u32,
}

/// Conditions and order of a walk through a timeline; `table` has the columns `id`, `user_id` and `created_at`.
fn push_walk(query: &mut QueryBuilder<MySql>, table: &'static str, which: &TimelineQuery) {
    if let Some(TimelinePlace { at, within }) = which.place {
        let (whole, part) = if which.forward { ("<", "<") } else { (">", ">") };
        for (before, sign, value) in [(" AND ", "= ", at), (" AND (", " ", at)] {
            query.push(before).push(table).push(".created_at ").push(whole).push(sign).push_bind(value);
        }
        query.push(" OR (").push(table).push(".created_at = ").push_bind(at);
        query
            .push(" AND ")
            .push(table)
            .push(".id % ")
            .push(TimelinePlace::SPAN)
            .push(" ")
            .push(part)
            .push(" ");
        query.push_bind(within).push("))");
    }
    let direction = if which.forward { " DESC" } else { "" };
    query.push(" ORDER BY ").push(table).push(".created_at").push(direction).push(", ");
    query.push(table).push(".id").push(direction).push(" LIMIT ").push_bind(which.limit);
}

/// What somebody has posted and the viewer may see.
///
/// # Errors
/// Those of the driver.
pub async fn list_timeline_posts(conn: &mut Conn, which: &TimelineQuery) -> Result<Vec<PostRow>, StoreError> {
    let mut query = QueryBuilder::new("SELECT ");
    push_columns(&mut query, which.viewer);
    query.push(" FROM posts p").push(JOINS).push(" WHERE p.user_id = ").push_bind(which.user_id);
    if let Some(post_type) = which.post_type {
        query.push(" AND p.post_type = ").push_bind(post_type);
    }
    if let Some(is_pinned) = which.is_pinned {
        query.push(" AND p.is_pinned = ").push_bind(is_pinned);
    }
    push_visible(&mut query, which.viewer);
    push_walk(&mut query, "p", which);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// What somebody has shared, with the posts as far as the viewer may see them.
///
/// # Errors
/// Those of the driver.
pub async fn list_timeline_shares(
    conn: &mut Conn,
    which: &TimelineQuery,
) -> Result<Vec<SharedPostRow>, StoreError> {
    let mut query =
        QueryBuilder::new("SELECT s.id AS share_id, s.comment AS share_comment, s.created_at AS shared_at, ");
    push_columns(&mut query, which.viewer);
    query.push(" FROM post_shares s JOIN posts p ON p.id = s.post_id").push(JOINS);
    query.push(" WHERE s.user_id = ").push_bind(which.user_id);
    push_visible(&mut query, which.viewer);
    push_walk(&mut query, "s", which);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// A post that anybody may see, with what its rank is made of.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct RankedRow {
    /// The post.
    pub id: u64,
    /// Reactions.
    pub reactions_count: u32,
    /// Comments and answers.
    pub comments_count: u32,
    /// Shares.
    pub shares_count: u32,
    /// How often it was seen, roughly.
    pub views_count: u32,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
}

/// The newest posts that anybody may see, of those made until a moment; `limit` at most, out of the `among` newest of all.
///
/// # Errors
/// Those of the driver.
pub async fn list_discoverable(
    conn: &mut Conn,
    until: DateTime<Utc>,
    among: u32,
    limit: u32,
) -> Result<Vec<RankedRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT p.id, p.reactions_count, p.comments_count, p.shares_count, p.views_count, p.created_at \
         FROM (SELECT n.id, n.user_id, n.reactions_count, n.comments_count, n.shares_count, n.views_count, \
                 n.created_at, n.deleted_at FROM posts n ORDER BY n.id DESC LIMIT ?) p \
         JOIN users u ON u.id = p.user_id AND u.deleted_at IS NULL AND u.is_active = 1 \
         LEFT JOIN user_profiles f ON f.user_id = p.user_id \
         WHERE p.deleted_at IS NULL AND p.created_at <= ? AND COALESCE(f.is_private, 0) = 0 \
           AND NOT EXISTS (SELECT 1 FROM hub_hidden_posts h WHERE h.post_id = p.id) \
         ORDER BY p.id DESC LIMIT ?",
    )
    .bind(among)
    .bind(until)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}
