//! `hub_course_news`: courses whose students are still to be told of new lessons (domain.md §5.4). One row a course, and in
//! it how far the telling has come.

use base::id::UserId;
use chrono::{DateTime, Utc};

use crate::{Conn, StoreError};

/// A course with news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct NewsRow {
    /// The course.
    pub course_id: u64,
    /// Students with enrollments up to this one have been told.
    pub told_up_to: u64,
}

/// The course has a new lesson; where its students are being told already, this one is told along.
///
/// # Errors
/// Those of the driver.
pub async fn insert_news(conn: &mut Conn, course_id: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_course_news (course_id, told_up_to, created_at) VALUES (?, 0, ?) \
         ON DUPLICATE KEY UPDATE course_id = VALUES(course_id)",
    )
    .bind(course_id)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// The course whose news are the oldest, locked; one that another transaction holds is left to it.
///
/// # Errors
/// Those of the driver.
pub async fn lock_news(conn: &mut Conn) -> Result<Option<NewsRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT course_id, told_up_to FROM hub_course_news ORDER BY created_at, course_id LIMIT 1 \
         FOR UPDATE SKIP LOCKED",
    )
    .fetch_optional(conn)
    .await?)
}

/// Active students of a course behind an enrollment: that and who, and whether they were told of a new lesson there
/// since `since`. At most `limit`, by enrollment.
///
/// # Errors
/// Those of the driver.
pub async fn list_untold_students(
    conn: &mut Conn,
    news: NewsRow,
    kind: &str,
    since: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<(u64, UserId, bool)>, StoreError> {
    let rows: Vec<(u64, UserId, i64)> = sqlx::query_as(
        "SELECT e.id, e.user_id, CAST(h.user_id IS NOT NULL AS SIGNED) FROM enrollments e \
         LEFT JOIN hub_notification_heads h ON h.user_id = e.user_id AND h.kind = ? \
           AND h.subject_type = 'course' AND h.subject_id = e.course_id AND h.updated_at > ? \
         WHERE e.course_id = ? AND e.status = 'active' AND e.id > ? ORDER BY e.id LIMIT ?",
    )
    .bind(kind)
    .bind(since)
    .bind(news.course_id)
    .bind(news.told_up_to)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(id, user_id, told)| (id, user_id, told != 0)).collect())
}

/// Students with enrollments up to this one have been told.
///
/// # Errors
/// Those of the driver.
pub async fn update_news(conn: &mut Conn, course_id: u64, told_up_to: u64) -> Result<(), StoreError> {
    sqlx::query("UPDATE hub_course_news SET told_up_to = ? WHERE course_id = ?")
        .bind(told_up_to)
        .bind(course_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// All have been told.
///
/// # Errors
/// Those of the driver.
pub async fn delete_news(conn: &mut Conn, course_id: u64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM hub_course_news WHERE course_id = ?").bind(course_id).execute(conn).await?;
    Ok(())
}
