//! Reports of posts to the moderators (`post_reports`), and posts that are hidden until somebody has reviewed them.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::{MySql, QueryBuilder};

use crate::users::CardRow;
use crate::{Conn, StoreError, affected};

/// A report with the face of who reported.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ReportRow {
    /// The report.
    pub report_id: u64,
    /// The post.
    pub post_id: u64,
    /// The author of the post.
    pub author_id: UserId,
    /// The post's words.
    pub post_content: Option<String>,
    /// The post was deleted.
    pub is_post_deleted: bool,
    /// `spam`, `harassment`, `hate_speech`, `violence`, `misinformation` or `other`.
    pub reason: String,
    /// In the reporter's own words.
    pub details: Option<String>,
    /// `pending`, `reviewing`, `resolved` or `dismissed`.
    pub status: String,
    /// What was done, and why.
    pub action_taken: Option<String>,
    /// Who has reviewed it, or does.
    pub reviewed_by: Option<UserId>,
    /// When.
    pub reviewed_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub reported_at: Option<DateTime<Utc>>,
    /// Who reported.
    #[sqlx(flatten)]
    pub card: CardRow,
}

const REPORT: &str = "SELECT t.id AS report_id, t.post_id, p.user_id AS author_id, p.content AS post_content, \
     p.deleted_at IS NOT NULL AS is_post_deleted, t.reason, t.details, t.status, t.action_taken, t.reviewed_by, \
     t.reviewed_at, t.created_at AS reported_at, u.id, u.name, u.username, u.avatar, u.is_verified \
     FROM post_reports t JOIN posts p ON p.id = t.post_id JOIN users u ON u.id = t.user_id WHERE ";

/// A report.
///
/// # Errors
/// Those of the driver.
pub async fn find_report(conn: &mut Conn, id: u64) -> Result<Option<ReportRow>, StoreError> {
    let mut query = QueryBuilder::new(REPORT);
    query.push("t.id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Which reports to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReportFilter {
    /// In this state.
    pub status: Option<&'static str>,
    /// For this reason.
    pub reason: Option<&'static str>,
    /// Of this post.
    pub post_id: Option<u64>,
}

fn push_filter(query: &mut QueryBuilder<MySql>, filter: ReportFilter) {
    query.push("1 = 1");
    for (column, value) in [(" AND t.status = ", filter.status), (" AND t.reason = ", filter.reason)] {
        if let Some(value) = value {
            query.push(column).push_bind(value);
        }
    }
    if let Some(post_id) = filter.post_id {
        query.push(" AND t.post_id = ").push_bind(post_id);
    }
}

/// Reports, by when they were made.
///
/// # Errors
/// Those of the driver.
pub async fn list_reports(
    conn: &mut Conn,
    filter: ReportFilter,
    descending: bool,
    offset: u64,
    limit: u32,
) -> Result<Vec<ReportRow>, StoreError> {
    let order =
        if descending { "ORDER BY t.created_at DESC, t.id DESC" } else { "ORDER BY t.created_at, t.id" };
    // The page first, from the index alone: with the others joined it would be sorted.
    let mut query = QueryBuilder::new(REPORT);
    query.push("t.id IN (SELECT id FROM (SELECT t.id FROM post_reports t WHERE ");
    push_filter(&mut query, filter);
    query.push(" ").push(order).push(" LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    query.push(") page) ").push(order);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// How many reports there are.
///
/// # Errors
/// Those of the driver.
pub async fn count_reports(conn: &mut Conn, filter: ReportFilter) -> Result<i64, StoreError> {
    let mut query = QueryBuilder::new("SELECT COUNT(*) FROM post_reports t WHERE ");
    push_filter(&mut query, filter);
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}

/// The state of a locked report.
///
/// # Errors
/// Those of the driver.
pub async fn lock_report(conn: &mut Conn, id: u64) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT status FROM post_reports WHERE id = ? FOR UPDATE")
        .bind(id)
        .fetch_optional(conn)
        .await?)
}

/// Locks somebody's report of a locked post; gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn lock_report_of(
    conn: &mut Conn,
    user_id: UserId,
    post_id: u64,
) -> Result<Option<u64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM post_reports WHERE user_id = ? AND post_id = ? FOR UPDATE")
        .bind(user_id)
        .bind(post_id)
        .fetch_optional(conn)
        .await?)
}

/// A report to be written.
#[derive(Clone, Debug)]
pub struct NewReport<'a> {
    /// Who reports.
    pub user_id: UserId,
    /// The post, which is locked.
    pub post_id: u64,
    /// `spam`, `harassment`, `hate_speech`, `violence`, `misinformation` or `other`.
    pub reason: &'static str,
    /// In the reporter's own words.
    pub details: Option<&'a str>,
    /// When, in whole seconds.
    pub at: DateTime<Utc>,
}

/// Writes a report, `pending`; gives its id.
///
/// # Errors
/// [`StoreError::Unique`] where this user has reported this post.
pub async fn insert_report(conn: &mut Conn, report: &NewReport<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO post_reports (user_id, post_id, reason, details, status, created_at, updated_at) \
         VALUES (?, ?, ?, ?, 'pending', ?, ?)",
    )
    .bind(report.user_id)
    .bind(report.post_id)
    .bind(report.reason)
    .bind(report.details)
    .bind(report.at)
    .bind(report.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// How many people have reports of a post that are open.
///
/// # Errors
/// Those of the driver.
pub async fn count_open_reporters(conn: &mut Conn, post_id: u64) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT COUNT(DISTINCT user_id) FROM post_reports \
         WHERE post_id = ? AND status IN ('pending', 'reviewing')",
    )
    .bind(post_id)
    .fetch_one(conn)
    .await?)
}

/// Moves a locked report on; `reviewer` is nobody where it waits again.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such report.
pub async fn update_report_status(
    conn: &mut Conn,
    id: u64,
    status: &str,
    reviewer: Option<UserId>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE post_reports SET status = ?, reviewed_by = ?, reviewed_at = NULL, updated_at = ? WHERE id = ?",
    )
    .bind(status)
    .bind(reviewer)
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("post_reports", 1, &done)
}

/// The open reports of a locked post, locked, as (report, reporter, state), the oldest first.
///
/// # Errors
/// Those of the driver.
pub async fn list_open_reports(
    conn: &mut Conn,
    post_id: u64,
) -> Result<Vec<(u64, UserId, String)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, user_id, status FROM post_reports WHERE post_id = ? AND status IN ('pending', 'reviewing') \
         ORDER BY id FOR UPDATE",
    )
    .bind(post_id)
    .fetch_all(conn)
    .await?)
}

/// Closes locked reports with one outcome.
///
/// # Errors
/// [`StoreError::RowsAffected`] when one of them is not there.
pub async fn close_reports(
    conn: &mut Conn,
    ids: &[u64],
    (status, action_taken): (&str, &str),
    reviewer: UserId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("UPDATE post_reports SET status = ");
    query.push_bind(status).push(", action_taken = ").push_bind(action_taken);
    query.push(", reviewed_by = ").push_bind(reviewer).push(", reviewed_at = ").push_bind(at);
    query.push(", updated_at = ").push_bind(at).push(" WHERE id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    query.push(")");
    let done = query.build().persistent(false).execute(conn).await?;
    affected("post_reports", u64::try_from(ids.len()).unwrap_or(u64::MAX), &done)
}

/// Is a post hidden until it was reviewed?
///
/// # Errors
/// Those of the driver.
pub async fn is_hidden(conn: &mut Conn, post_id: u64) -> Result<bool, StoreError> {
    let found: Option<u64> = sqlx::query_scalar("SELECT post_id FROM hub_hidden_posts WHERE post_id = ?")
        .bind(post_id)
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}

/// Hides a locked post.
///
/// # Errors
/// [`StoreError::Unique`] where it is hidden already.
pub async fn insert_hidden(conn: &mut Conn, post_id: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO hub_hidden_posts (post_id, hidden_at) VALUES (?, ?)")
        .bind(post_id)
        .bind(at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Shows a locked post again; gives whether it was hidden.
///
/// # Errors
/// Those of the driver.
pub async fn delete_hidden(conn: &mut Conn, post_id: u64) -> Result<bool, StoreError> {
    let done =
        sqlx::query("DELETE FROM hub_hidden_posts WHERE post_id = ?").bind(post_id).execute(conn).await?;
    Ok(done.rows_affected() > 0)
}
