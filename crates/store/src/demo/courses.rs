//! Courses and those who take them.

use base::Money;
use base::id::UserId;
use serde_json::Value;
use sqlx::types::Json;

use super::At;
use crate::{Conn, StoreError};

/// A published course.
#[derive(Clone, Debug)]
pub struct CourseRow<'a> {
    /// Its author.
    pub user_id: UserId,
    /// Its primary category.
    pub category_id: u64,
    /// Ids of further categories.
    pub additional_categories: &'a [u64],
    /// Its title.
    pub title: &'a str,
    /// Its unique name in addresses.
    pub slug: &'a str,
    /// What it is about.
    pub description: &'a str,
    /// `ar` or `en`.
    pub language: &'a str,
    /// `courses.level`.
    pub level: &'a str,
    /// What it costs.
    pub price: Money,
    /// What it costs now.
    pub discount_price: Option<Money>,
    /// `draft`, `published` or `archived`.
    pub status: &'a str,
    /// What one must know.
    pub requirements: &'a [&'a str],
    /// What one learns.
    pub outcomes: &'a [&'a str],
    /// When it was published.
    pub at: At,
}

/// Writes a course and gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_course(conn: &mut Conn, row: &CourseRow<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO courses (user_id, category_id, additional_categories, title, slug, description, language, level, \
         price, discount_price, thumbnail, promo_video, status, requirements, outcomes, published_at, created_at, \
         updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.user_id)
    .bind(row.category_id)
    .bind(Json(row.additional_categories))
    .bind(row.title)
    .bind(row.slug)
    .bind(row.description)
    .bind(row.language)
    .bind(row.level)
    .bind(row.price.to_decimal())
    .bind(row.discount_price.map(Money::to_decimal))
    .bind(format!("https://cdn.majlis.test/courses/{}.webp", row.slug))
    .bind(format!("https://cdn.majlis.test/courses/{}.mp4", row.slug))
    .bind(row.status)
    .bind(Json(row.requirements))
    .bind(Json(row.outcomes))
    .bind((row.status != "draft").then_some(row.at))
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// A section of a course.
#[derive(Clone, Copy, Debug)]
pub struct SectionRow<'a> {
    /// Its course.
    pub course_id: u64,
    /// Its title.
    pub title: &'a str,
    /// What it is about.
    pub description: &'a str,
    /// Its place, from 0.
    pub order: u32,
    /// When.
    pub at: At,
}

/// Writes a section and gives its id. Its duration is [`update_course_counts`]'s.
///
/// # Errors
/// Those of the driver.
pub async fn insert_section(conn: &mut Conn, row: &SectionRow<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO course_sections (course_id, title, description, `order`, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(row.course_id)
    .bind(row.title)
    .bind(row.description)
    .bind(row.order)
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// A lesson.
#[derive(Clone, Debug)]
pub struct LessonRow<'a> {
    /// Its section.
    pub section_id: u64,
    /// Its course.
    pub course_id: u64,
    /// Its title.
    pub title: &'a str,
    /// `course_lessons.content_type`.
    pub content_type: &'a str,
    /// Where the content is.
    pub content_url: String,
    /// How long it takes.
    pub duration_seconds: u32,
    /// Files to go with it.
    pub attachments: Value,
    /// Its place in the section, from 0.
    pub order: u32,
    /// For everybody to see?
    pub is_preview: bool,
    /// When.
    pub at: At,
}

/// Writes a lesson and gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_lesson(conn: &mut Conn, row: &LessonRow<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO course_lessons (course_section_id, course_id, title, content_type, content_url, duration_seconds, \
         attachments, resources, `order`, is_preview, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, '[]', ?, ?, ?, ?)",
    )
    .bind(row.section_id)
    .bind(row.course_id)
    .bind(row.title)
    .bind(row.content_type)
    .bind(&row.content_url)
    .bind(row.duration_seconds)
    .bind(Json(&row.attachments))
    .bind(row.order)
    .bind(row.is_preview)
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Somebody who takes a course.
#[derive(Clone, Copy, Debug)]
pub struct EnrollmentRow {
    /// Who.
    pub user_id: UserId,
    /// What.
    pub course_id: u64,
    /// `active`, `completed` or `cancelled`.
    pub status: &'static str,
    /// What was paid.
    pub price_paid: Money,
    /// The buyer's debit.
    pub transaction_id: Option<u64>,
    /// Since when.
    pub enrolled_at: At,
    /// When all lessons were done; exactly for `completed`.
    pub completed_at: Option<At>,
    /// When the course was last open.
    pub last_accessed_at: At,
}

/// Enrolls somebody and gives the enrollment's id. Its progress is [`update_progress`]'s.
///
/// # Errors
/// Those of the driver.
pub async fn insert_enrollment(conn: &mut Conn, row: &EnrollmentRow) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO enrollments (user_id, course_id, status, price_paid, transaction_id, enrolled_at, completed_at, \
         last_accessed_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.user_id)
    .bind(row.course_id)
    .bind(row.status)
    .bind(row.price_paid.to_decimal())
    .bind(row.transaction_id)
    .bind(row.enrolled_at)
    .bind(row.completed_at)
    .bind(row.last_accessed_at)
    .bind(row.enrolled_at)
    .bind(row.last_accessed_at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// How far somebody is in a lesson: `watched_seconds`, and whether that is all.
///
/// # Errors
/// Those of the driver.
pub async fn insert_lesson_progress(
    conn: &mut Conn,
    (enrollment_id, lesson_id): (u64, u64),
    watched_seconds: u32,
    is_completed: bool,
    at: At,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO lesson_progress (enrollment_id, lesson_id, watched_duration_seconds, last_position_seconds, \
         is_completed, completed_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(enrollment_id)
    .bind(lesson_id)
    .bind(watched_seconds)
    .bind(watched_seconds)
    .bind(is_completed)
    .bind(is_completed.then_some(at))
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// A private note on a lesson, at a moment of it.
///
/// # Errors
/// Those of the driver.
pub async fn insert_note(
    conn: &mut Conn,
    (user_id, lesson_id): (UserId, u64),
    content: &str,
    timestamp_seconds: Option<u32>,
    at: At,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO lesson_notes (user_id, lesson_id, content, timestamp_seconds, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(user_id)
    .bind(lesson_id)
    .bind(content)
    .bind(timestamp_seconds)
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Issues the certificate of a completed enrollment. `number` is as domain.md §5.4 makes it.
///
/// # Errors
/// Those of the driver.
pub async fn insert_certificate(
    conn: &mut Conn,
    enrollment_id: u64,
    number: &str,
    verification_url: &str,
    at: At,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "INSERT INTO certificates (enrollment_id, user_id, course_id, certificate_number, verification_url, issued_at, \
         created_at, updated_at) SELECT e.id, e.user_id, e.course_id, ?, ?, ?, ?, ? FROM enrollments e \
         WHERE e.id = ? AND e.status = 'completed'",
    )
    .bind(number)
    .bind(verification_url)
    .bind(at)
    .bind(at)
    .bind(at)
    .bind(enrollment_id)
    .execute(conn)
    .await?;
    crate::affected("certificates", 1, &done)
}

/// Counts the finished lessons of an enrollment anew: 100.00 exactly when all are finished (domain.md §5.4).
///
/// # Errors
/// Those of the driver.
pub async fn update_progress(conn: &mut Conn, enrollment_id: u64) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE enrollments e SET \
         e.completed_lessons = (SELECT COUNT(*) FROM lesson_progress p WHERE p.enrollment_id = e.id AND p.is_completed = 1), \
         e.progress_percentage = COALESCE(FLOOR(10000 * \
           (SELECT COUNT(*) FROM lesson_progress p WHERE p.enrollment_id = e.id AND p.is_completed = 1) / \
           NULLIF((SELECT COUNT(*) FROM course_lessons l WHERE l.course_id = e.course_id), 0)) / 100, 0) \
         WHERE e.id = ?",
    )
    .bind(enrollment_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts lessons, durations and students of a course anew (domain.md §4.2).
///
/// # Errors
/// Those of the driver.
pub async fn update_course_counts(conn: &mut Conn, course_id: u64) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE courses c SET c.total_lessons = (SELECT COUNT(*) FROM course_lessons l WHERE l.course_id = c.id), \
         c.students_count = (SELECT COUNT(*) FROM enrollments e WHERE e.course_id = c.id AND e.status IN ('active', 'completed')) \
         WHERE c.id = ?",
    )
    .bind(course_id)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "UPDATE course_sections s SET s.duration_seconds = \
         (SELECT COALESCE(SUM(l.duration_seconds), 0) FROM course_lessons l WHERE l.course_section_id = s.id) \
         WHERE s.course_id = ?",
    )
    .bind(course_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// All courses: slug, id and author.
///
/// # Errors
/// Those of the driver.
pub async fn list_courses(conn: &mut Conn) -> Result<Vec<(String, u64, UserId)>, StoreError> {
    Ok(sqlx::query_as("SELECT slug, id, user_id FROM courses ORDER BY id").fetch_all(conn).await?)
}
