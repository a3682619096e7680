//! Posts and comments as moderators list them: all of them, also deleted ones and those of suspended accounts.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::{MySql, QueryBuilder};

use super::{JOINS, PostRow, Viewer, push_columns};
use crate::users::CardRow;
use crate::{Conn, StoreError};

/// A post with what only moderators see.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ManagedPostRow {
    /// The post.
    #[sqlx(flatten)]
    pub post: PostRow,
    /// Reports that are not closed.
    pub open_reports: i64,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// A comment with what only moderators see.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ManagedCommentRow {
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
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Its author.
    #[sqlx(flatten)]
    pub author: CardRow,
}

/// Which posts or comments to list.
#[derive(Clone, Debug, Default)]
pub struct ManagedFilter {
    /// Of this author.
    pub user_id: Option<UserId>,
    /// Comments on this post.
    pub post_id: Option<u64>,
    /// Posts made of this.
    pub post_type: Option<&'static str>,
    /// With these words in it.
    pub words: Option<String>,
    /// Posts that are hidden, or not.
    pub is_hidden: Option<bool>,
    /// Deleted ones alone, or those that are not; `None` for both.
    pub is_deleted: Option<bool>,
}

impl ManagedFilter {
    /// Conditions on the table called `t`.
    fn push(&self, query: &mut QueryBuilder<MySql>) {
        query.push("1 = 1");
        if let Some(user_id) = self.user_id {
            query.push(" AND t.user_id = ").push_bind(user_id);
        }
        if let Some(post_id) = self.post_id {
            query.push(" AND t.post_id = ").push_bind(post_id);
        }
        if let Some(post_type) = self.post_type {
            query.push(" AND t.post_type = ").push_bind(post_type);
        }
        if let Some(words) = &self.words {
            // INSTR, since nothing in the words is a pattern.
            query.push(" AND INSTR(t.content, ").push_bind(words.clone()).push(") > 0");
        }
        if let Some(is_hidden) = self.is_hidden {
            query.push(if is_hidden { " AND EXISTS " } else { " AND NOT EXISTS " });
            query.push("(SELECT 1 FROM hub_hidden_posts h WHERE h.post_id = t.id)");
        }
        if let Some(is_deleted) = self.is_deleted {
            query.push(if is_deleted {
                " AND t.deleted_at IS NOT NULL"
            } else {
                " AND t.deleted_at IS NULL"
            });
        }
    }

    /// The ids of a page first, by the primary key alone: with the others joined it would be sorted.
    fn push_page(
        &self,
        query: &mut QueryBuilder<MySql>,
        table: &str,
        (offset, limit): (u64, u32),
        order: &str,
    ) {
        query.push(format!(".id IN (SELECT id FROM (SELECT t.id FROM {table} t WHERE "));
        self.push(query);
        query.push(format!(" ORDER BY t.id{order} LIMIT ")).push_bind(limit);
        query.push(" OFFSET ").push_bind(offset).push(") page) ORDER BY ");
    }
}

const fn order(descending: bool) -> &'static str {
    if descending { " DESC" } else { "" }
}

/// Posts, by when they were made. `viewer` gives the spellings of their model.
///
/// # Errors
/// Those of the driver.
pub async fn list_managed_posts(
    conn: &mut Conn,
    viewer: Viewer,
    filter: &ManagedFilter,
    descending: bool,
    page: (u64, u32),
) -> Result<Vec<ManagedPostRow>, StoreError> {
    let mut query = QueryBuilder::new("SELECT ");
    push_columns(&mut query, viewer);
    query.push(
        ", p.deleted_at, (SELECT COUNT(*) FROM post_reports r WHERE r.post_id = p.id \
                AND r.status IN ('pending', 'reviewing')) AS open_reports FROM posts p",
    );
    query.push(JOINS).push(" WHERE p");
    filter.push_page(&mut query, "posts", page, order(descending));
    query.push("p.id").push(order(descending));
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Comments, by when they were made.
///
/// # Errors
/// Those of the driver.
pub async fn list_managed_comments(
    conn: &mut Conn,
    filter: &ManagedFilter,
    descending: bool,
    page: (u64, u32),
) -> Result<Vec<ManagedCommentRow>, StoreError> {
    let mut query = QueryBuilder::new(
        "SELECT c.id AS comment_id, c.post_id, c.parent_id, c.content, c.image, c.created_at, c.deleted_at, \
           u.id, u.name, u.username, u.avatar, u.is_verified FROM comments c JOIN users u ON u.id = c.user_id WHERE c",
    );
    filter.push_page(&mut query, "comments", page, order(descending));
    query.push("c.id").push(order(descending));
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// How many posts there are.
///
/// # Errors
/// Those of the driver.
pub async fn count_managed_posts(conn: &mut Conn, filter: &ManagedFilter) -> Result<i64, StoreError> {
    count(conn, "posts", filter).await
}

/// How many comments there are.
///
/// # Errors
/// Those of the driver.
pub async fn count_managed_comments(conn: &mut Conn, filter: &ManagedFilter) -> Result<i64, StoreError> {
    count(conn, "comments", filter).await
}

async fn count(conn: &mut Conn, table: &str, filter: &ManagedFilter) -> Result<i64, StoreError> {
    let mut query = QueryBuilder::new(format!("SELECT COUNT(*) FROM {table} t WHERE "));
    filter.push(&mut query);
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}
