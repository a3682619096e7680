//! Lessons of courses, and the totals that their course and section keep (domain.md §4.2).

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use super::categories::push_order;
use crate::statement::Statement;
use crate::{Conn, StoreError, affected};

/// A `course_lessons` row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LessonRow {
    /// Its id.
    pub id: u64,
    /// Its section.
    pub course_section_id: u64,
    /// Its course.
    pub course_id: u64,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: Option<String>,
    /// `course_lessons.content_type`.
    pub content_type: String,
    /// Path of its content.
    pub content_url: Option<String>,
    /// How long it takes.
    pub duration_seconds: u32,
    /// An address elsewhere.
    pub link: Option<String>,
    /// Files to go with it.
    pub attachments: Option<Json<Value>>,
    /// Its place in its section, from 0.
    pub order: u32,
    /// For everybody to see?
    pub is_preview: bool,
    /// Addresses to go with it.
    pub resources: Option<Json<Value>>,
}

/// What an author writes of a lesson.
#[derive(Clone, Debug)]
pub struct NewLesson<'a> {
    /// Its title.
    pub title: &'a str,
    /// What it is about.
    pub description: Option<&'a str>,
    /// `course_lessons.content_type`.
    pub content_type: &'static str,
    /// Path of its content.
    pub content_url: Option<&'a str>,
    /// How long it takes.
    pub duration_seconds: u32,
    /// An address elsewhere.
    pub link: Option<&'a str>,
    /// Files to go with it.
    pub attachments: &'a Value,
    /// For everybody to see?
    pub is_preview: bool,
    /// Addresses to go with it.
    pub resources: &'a Value,
}

const COLUMNS: &str = "id, course_section_id, course_id, title, description, content_type, content_url, \
    duration_seconds, link, attachments, `order`, is_preview, resources";

/// A lesson.
///
/// # Errors
/// Those of the driver.
pub async fn find_lesson(conn: &mut Conn, id: u64) -> Result<Option<LessonRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM course_lessons WHERE id = ?");
    Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(conn).await?)
}

/// A course's lessons, those of a section in their order.
///
/// # Errors
/// Those of the driver.
pub async fn list_lessons(conn: &mut Conn, course_id: u64) -> Result<Vec<LessonRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM course_lessons WHERE course_id = ? ORDER BY course_section_id, `order`, id"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(course_id).fetch_all(conn).await?)
}

/// The ids of a section's lessons in their order.
///
/// # Errors
/// Those of the driver.
pub async fn list_lesson_ids(conn: &mut Conn, section_id: u64) -> Result<Vec<u64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM course_lessons WHERE course_section_id = ? ORDER BY `order`, id")
        .bind(section_id)
        .fetch_all(conn)
        .await?)
}

/// How many lessons of a course have something to show: a file, an address, or an article's words.
///
/// # Errors
/// Those of the driver.
pub async fn count_lessons_with_content(conn: &mut Conn, course_id: u64) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM course_lessons WHERE course_id = ? AND (content_url <> '' OR link <> '' \
           OR (content_type = 'article' AND description <> ''))",
    )
    .bind(course_id)
    .fetch_one(conn)
    .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Adds a lesson and gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_lesson(
    conn: &mut Conn,
    (course_id, section_id): (u64, u64),
    order: u32,
    new: &NewLesson<'_>,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO course_lessons (course_id, course_section_id, `order`, title, description, content_type, \
           content_url, duration_seconds, link, attachments, is_preview, resources, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(course_id)
    .bind(section_id)
    .bind(order)
    .bind(new.title)
    .bind(new.description)
    .bind(new.content_type)
    .bind(new.content_url)
    .bind(new.duration_seconds)
    .bind(new.link)
    .bind(Json(new.attachments))
    .bind(new.is_preview)
    .bind(Json(new.resources))
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Writes what an author says of a lesson anew.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn update_lesson(
    conn: &mut Conn,
    id: u64,
    new: &NewLesson<'_>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE course_lessons SET title = ?, description = ?, content_type = ?, content_url = ?, \
           duration_seconds = ?, link = ?, attachments = ?, is_preview = ?, resources = ?, updated_at = ? \
         WHERE id = ?",
    )
    .bind(new.title)
    .bind(new.description)
    .bind(new.content_type)
    .bind(new.content_url)
    .bind(new.duration_seconds)
    .bind(new.link)
    .bind(Json(new.attachments))
    .bind(new.is_preview)
    .bind(Json(new.resources))
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("course_lessons", 1, &done)
}

/// Puts a lesson into a section of its course; its place there is [`update_lesson_order`]'s.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn update_lesson_place(conn: &mut Conn, id: u64, section_id: u64) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE course_lessons SET course_section_id = ? WHERE id = ?")
        .bind(section_id)
        .bind(id)
        .execute(conn)
        .await?;
    affected("course_lessons", 1, &done)
}

/// Gives lessons the places that their ids have in the list.
///
/// # Errors
/// Those of the driver.
pub async fn update_lesson_order(conn: &mut Conn, ids: &[u64]) -> Result<(), StoreError> {
    let mut statement = Statement::new("UPDATE course_lessons SET `order` = ");
    push_order(&mut statement, ids);
    statement.execute(conn).await.map(drop)
}

/// Deletes a lesson, and with it what its students did in it.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn delete_lesson(conn: &mut Conn, id: u64) -> Result<(), StoreError> {
    let done = sqlx::query("DELETE FROM course_lessons WHERE id = ?").bind(id).execute(conn).await?;
    affected("course_lessons", 1, &done)
}

/// Counts a course's lessons and their durations anew, its row being locked, and notes that it was changed. Gives the
/// number of lessons.
///
/// # Errors
/// [`StoreError::RowsAffected`] for a course that is not there.
pub async fn update_totals(conn: &mut Conn, course_id: u64, at: DateTime<Utc>) -> Result<u32, StoreError> {
    let done = sqlx::query(
        "UPDATE courses SET updated_at = ?, \
           total_lessons = (SELECT COUNT(*) FROM course_lessons l WHERE l.course_id = courses.id) WHERE id = ?",
    )
    .bind(at)
    .bind(course_id)
    .execute(&mut *conn)
    .await?;
    affected("courses", 1, &done)?;
    sqlx::query(
        "UPDATE course_sections s SET s.duration_seconds = \
           (SELECT COALESCE(SUM(l.duration_seconds), 0) FROM course_lessons l WHERE l.course_section_id = s.id) \
         WHERE s.course_id = ?",
    )
    .bind(course_id)
    .execute(&mut *conn)
    .await?;
    Ok(sqlx::query_scalar("SELECT total_lessons FROM courses WHERE id = ?")
        .bind(course_id)
        .fetch_one(conn)
        .await?)
}

/// Counts the finished lessons of a course's enrollments that are not completed anew, of the lessons that there are: 100.00 exactly when all
/// are finished (domain.md §5.4). The course's row is locked.
///
/// # Errors
/// Those of the driver.
pub async fn update_active_progress(conn: &mut Conn, course_id: u64) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE enrollments e JOIN courses c ON c.id = e.course_id SET \
           e.completed_lessons = (SELECT COUNT(*) FROM lesson_progress p \
             WHERE p.enrollment_id = e.id AND p.is_completed = 1), \
           e.progress_percentage = COALESCE(FLOOR(10000 * (SELECT COUNT(*) FROM lesson_progress p \
             WHERE p.enrollment_id = e.id AND p.is_completed = 1) / NULLIF(c.total_lessons, 0)) / 100, 0) \
         WHERE e.course_id = ? AND e.status <> 'completed'",
    )
    .bind(course_id)
    .execute(conn)
    .await?;
    Ok(())
}
