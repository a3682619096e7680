//! What students did in lessons.

use chrono::{DateTime, Utc};

use crate::{Conn, StoreError, affected};

/// A `lesson_progress` row.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct LessonProgressRow {
    /// Its id.
    pub id: u64,
    /// The lesson.
    pub lesson_id: u64,
    /// How much was watched.
    pub watched_duration_seconds: u32,
    /// Where the student is.
    pub last_position_seconds: u32,
    /// Done?
    pub is_completed: bool,
    /// When it was done.
    pub completed_at: Option<DateTime<Utc>>,
    /// When it was last reported.
    pub updated_at: Option<DateTime<Utc>>,
}

/// What is written of a lesson's progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgressWrite {
    /// How much was watched.
    pub watched_duration_seconds: u32,
    /// Where the student is.
    pub last_position_seconds: u32,
    /// Done?
    pub is_completed: bool,
    /// When it was done.
    pub completed_at: Option<DateTime<Utc>>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A lesson's progress.
///
/// # Errors
/// Those of the driver.
pub async fn find_progress(
    conn: &mut Conn,
    enrollment_id: u64,
    lesson_id: u64,
) -> Result<Option<LessonProgressRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, lesson_id, watched_duration_seconds, last_position_seconds, is_completed, completed_at, updated_at \
         FROM lesson_progress WHERE enrollment_id = ? AND lesson_id = ?",
    )
    .bind(enrollment_id)
    .bind(lesson_id)
    .fetch_optional(conn)
    .await?)
}

/// A lesson's progress, locked behind its enrollment.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_progress(
    conn: &mut Conn,
    enrollment_id: u64,
    lesson_id: u64,
) -> Result<Option<LessonProgressRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, lesson_id, watched_duration_seconds, last_position_seconds, is_completed, completed_at, updated_at \
         FROM lesson_progress WHERE enrollment_id = ? AND lesson_id = ? FOR UPDATE",
    )
    .bind(enrollment_id)
    .bind(lesson_id)
    .fetch_optional(conn)
    .await?)
}

/// The progress of all lessons that a student has begun, in the order of their ids.
///
/// # Errors
/// Those of the driver.
pub async fn list_progress(
    conn: &mut Conn,
    enrollment_id: u64,
) -> Result<Vec<LessonProgressRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, lesson_id, watched_duration_seconds, last_position_seconds, is_completed, completed_at, updated_at \
         FROM lesson_progress WHERE enrollment_id = ? ORDER BY lesson_id",
    )
    .bind(enrollment_id)
    .fetch_all(conn)
    .await?)
}

/// The first lesson of the course, in its order, that is not done: id, section, title, type, duration.
///
/// # Errors
/// Those of the driver.
pub async fn find_next_lesson(
    conn: &mut Conn,
    course_id: u64,
    enrollment_id: u64,
) -> Result<Option<(u64, u64, String, String, u32)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT l.id, l.course_section_id, l.title, l.content_type, l.duration_seconds \
         FROM course_sections s JOIN course_lessons l ON l.course_section_id = s.id \
         LEFT JOIN lesson_progress p ON p.enrollment_id = ? AND p.lesson_id = l.id AND p.is_completed = 1 \
         WHERE s.course_id = ? AND p.id IS NULL ORDER BY s.`order`, s.id, l.`order`, l.id LIMIT 1",
    )
    .bind(enrollment_id)
    .bind(course_id)
    .fetch_optional(conn)
    .await?)
}

/// How many of the lessons that there are a student has done.
///
/// # Errors
/// Those of the driver.
pub async fn count_completed(conn: &mut Conn, enrollment_id: u64) -> Result<u32, StoreError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM lesson_progress WHERE enrollment_id = ? AND is_completed = 1",
    )
    .bind(enrollment_id)
    .fetch_one(conn)
    .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Notes that a student has begun a lesson; the enrollment's row is locked.
///
/// # Errors
/// [`StoreError::Unique`] where that was noted before.
pub async fn insert_progress(
    conn: &mut Conn,
    enrollment_id: u64,
    lesson_id: u64,
    write: ProgressWrite,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO lesson_progress (enrollment_id, lesson_id, watched_duration_seconds, last_position_seconds, \
           is_completed, completed_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(enrollment_id)
    .bind(lesson_id)
    .bind(write.watched_duration_seconds)
    .bind(write.last_position_seconds)
    .bind(write.is_completed)
    .bind(write.completed_at)
    .bind(write.at)
    .bind(write.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes a lesson's progress anew.
///
/// # Errors
/// [`StoreError::RowsAffected`] for a row that is not there.
pub async fn update_progress(conn: &mut Conn, id: u64, write: ProgressWrite) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE lesson_progress SET watched_duration_seconds = ?, last_position_seconds = ?, is_completed = ?, \
           completed_at = ?, updated_at = ? WHERE id = ?",
    )
    .bind(write.watched_duration_seconds)
    .bind(write.last_position_seconds)
    .bind(write.is_completed)
    .bind(write.completed_at)
    .bind(write.at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("lesson_progress", 1, &done)
}
