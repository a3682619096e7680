//! Categories, courses, sections and lessons (`categories`, `courses`, `course_sections`, `course_lessons`; domain.md §4.1
//! rows 7-10, §5.4).

mod categories;
mod lessons;
mod lists;
mod news;
mod sections;

use base::Money;
use base::id::UserId;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use crate::{Conn, StoreError, affected};

pub use categories::{
    CategoryRow, NewCategory, delete_category, has_category_use, insert_category, list_categories,
    lock_active_categories, lock_categories, lock_category, update_category, update_category_order,
};
pub use lessons::{
    LessonRow, NewLesson, count_lessons_with_content, delete_lesson, find_lesson, insert_lesson,
    list_lesson_ids, list_lessons, update_active_progress, update_lesson, update_lesson_order,
    update_lesson_place, update_totals,
};
pub use lists::{CourseOrder, CourseQuery, count_courses, list_courses};
pub use news::{NewsRow, delete_news, insert_news, list_untold_students, lock_news, update_news};
pub use sections::{
    SectionRow, count_sections, delete_section, find_section, insert_section, list_section_ids,
    list_sections, update_section, update_section_order,
};

/// A `courses` row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CourseRow {
    /// Its id.
    pub id: u64,
    /// Its author.
    pub user_id: UserId,
    /// Its primary category.
    pub category_id: u64,
    /// Ids of its further categories.
    pub additional_categories: Option<Json<Value>>,
    /// Its title.
    pub title: String,
    /// Its unique name in addresses.
    pub slug: String,
    /// What it is about.
    pub description: Option<String>,
    /// `ar` or `en`.
    pub language: String,
    /// `courses.level`.
    pub level: String,
    /// What it costs.
    #[sqlx(try_from = "Decimal")]
    pub price: Money,
    /// What it costs now, if less.
    pub discount_price: Option<Decimal>,
    /// Path of its picture.
    pub thumbnail: Option<String>,
    /// Path of its promotional film.
    pub promo_video: Option<String>,
    /// `draft`, `published` or `archived`.
    pub status: String,
    /// How many lessons it has.
    pub total_lessons: u32,
    /// How many enrollments are active or completed.
    pub students_count: u32,
    /// The mean of its reviews.
    pub average_rating: Decimal,
    /// What one must know: lines.
    pub requirements: Option<Json<Value>>,
    /// What one learns: lines.
    pub outcomes: Option<Json<Value>>,
    /// When it was first published.
    pub published_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// The columns of [`CourseRow`], of a table called `c`.
const COLUMNS: &str = "c.id, c.user_id, c.category_id, c.additional_categories, c.title, c.slug, c.description, \
    c.language, c.level, c.price, c.discount_price, c.thumbnail, c.promo_video, c.status, c.total_lessons, \
    c.students_count, c.average_rating, c.requirements, c.outcomes, c.published_at, c.created_at, c.updated_at, \
    c.deleted_at";

/// What a course is found by.
#[derive(Clone, Copy, Debug)]
pub enum CourseName<'a> {
    /// Its id.
    Id(u64),
    /// Its slug.
    Slug(&'a str),
}

/// What its author writes of a course.
#[derive(Clone, Debug, PartialEq)]
pub struct CourseText<'a> {
    /// Its primary category.
    pub category_id: u64,
    /// Ids of its further categories.
    pub additional_categories: &'a [u64],
    /// Its title.
    pub title: &'a str,
    /// What it is about.
    pub description: Option<&'a str>,
    /// `ar` or `en`.
    pub language: &'static str,
    /// `courses.level`.
    pub level: &'static str,
    /// What it costs.
    pub price: Money,
    /// What it costs now, if less.
    pub discount_price: Option<Money>,
    /// Path of its picture.
    pub thumbnail: Option<&'a str>,
    /// Path of its promotional film.
    pub promo_video: Option<&'a str>,
    /// What one must know.
    pub requirements: &'a [String],
    /// What one learns.
    pub outcomes: &'a [String],
}

/// A course that is not deleted.
///
/// # Errors
/// Those of the driver.
pub async fn find_course(conn: &mut Conn, id: u64) -> Result<Option<CourseRow>, StoreError> {
    find_course_by(conn, CourseName::Id(id)).await
}

/// A course that is not deleted, by either name.
///
/// # Errors
/// Those of the driver.
pub async fn find_course_by(conn: &mut Conn, name: CourseName<'_>) -> Result<Option<CourseRow>, StoreError> {
    let (column, id, slug) = match name {
        CourseName::Id(id) => ("id", Some(id), None),
        CourseName::Slug(slug) => ("slug", None, Some(slug)),
    };
    let sql = format!("SELECT {COLUMNS} FROM courses c WHERE c.{column} = ? AND c.deleted_at IS NULL");
    let query = sqlx::query_as(AssertSqlSafe(sql));
    let query = match (id, slug) {
        (Some(id), _) => query.bind(id),
        (None, slug) => query.bind(slug),
    };
    Ok(query.fetch_optional(conn).await?)
}

/// A course that is not deleted, locked before its children are written (domain.md D9).
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_course(conn: &mut Conn, id: u64) -> Result<Option<CourseRow>, StoreError> {
    Ok(lock_any_course(conn, id).await?.filter(|row| row.deleted_at.is_none()))
}

/// As [`lock_course`], also a deleted one.
///
/// # Errors
/// Those of [`lock_course`].
pub async fn lock_any_course(conn: &mut Conn, id: u64) -> Result<Option<CourseRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM courses c WHERE c.id = ? FOR UPDATE");
    Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(conn).await?)
}

/// Is there a course of this slug, deleted ones included?
///
/// # Errors
/// Those of the driver.
pub async fn has_slug(conn: &mut Conn, slug: &str) -> Result<bool, StoreError> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM courses WHERE slug = ?").bind(slug).fetch_optional(conn).await?;
    Ok(found.is_some())
}

/// Does the user hold the course: enrolled, or has completed it?
///
/// # Errors
/// Those of the driver.
pub async fn has_enrollment(conn: &mut Conn, user_id: UserId, course_id: u64) -> Result<bool, StoreError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM enrollments WHERE user_id = ? AND course_id = ? AND (status = 'completed' \
           OR (status = 'active' AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP())))",
    )
    .bind(user_id)
    .bind(course_id)
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Was anybody ever enrolled in the course?
///
/// # Errors
/// Those of the driver.
pub async fn has_any_enrollment(conn: &mut Conn, course_id: u64) -> Result<bool, StoreError> {
    let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM enrollments WHERE course_id = ? LIMIT 1")
        .bind(course_id)
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}

/// Has the user an account that is neither deleted nor suspended?
///
/// # Errors
/// Those of the driver.
pub async fn has_active_author(conn: &mut Conn, user_id: UserId) -> Result<bool, StoreError> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM users WHERE id = ? AND deleted_at IS NULL AND is_active = 1")
            .bind(user_id)
            .fetch_optional(conn)
            .await?;
    Ok(found.is_some())
}

/// Adds a course, `draft`.
///
/// # Errors
/// [`StoreError::Unique`] of `courses_slug_unique`.
pub async fn insert_course(
    conn: &mut Conn,
    user_id: UserId,
    slug: &str,
    text: &CourseText<'_>,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO courses (user_id, slug, category_id, additional_categories, title, description, language, level, \
           price, discount_price, thumbnail, promo_video, requirements, outcomes, status, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'draft', ?, ?)",
    )
    .bind(user_id)
    .bind(slug)
    .bind(text.category_id)
    .bind(Json(text.additional_categories))
    .bind(text.title)
    .bind(text.description)
    .bind(text.language)
    .bind(text.level)
    .bind(text.price.to_decimal())
    .bind(text.discount_price.map(Money::to_decimal))
    .bind(text.thumbnail)
    .bind(text.promo_video)
    .bind(Json(text.requirements))
    .bind(Json(text.outcomes))
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Writes what an author says of a course anew.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn update_course(
    conn: &mut Conn,
    id: u64,
    text: &CourseText<'_>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE courses SET category_id = ?, additional_categories = ?, title = ?, description = ?, language = ?, \
           level = ?, price = ?, discount_price = ?, thumbnail = ?, promo_video = ?, requirements = ?, outcomes = ?, \
           updated_at = ? WHERE id = ?",
    )
    .bind(text.category_id)
    .bind(Json(text.additional_categories))
    .bind(text.title)
    .bind(text.description)
    .bind(text.language)
    .bind(text.level)
    .bind(text.price.to_decimal())
    .bind(text.discount_price.map(Money::to_decimal))
    .bind(text.thumbnail)
    .bind(text.promo_video)
    .bind(Json(text.requirements))
    .bind(Json(text.outcomes))
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("courses", 1, &done)
}

/// A step of `courses.status`: `false` where it is not `from` any more (domain.md D20). The first time that a course is
/// published is kept.
///
/// # Errors
/// Those of the driver.
pub async fn update_status(
    conn: &mut Conn,
    id: u64,
    (from, to): (&'static str, &'static str),
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE courses SET status = ?, published_at = IF(? = 'published', COALESCE(published_at, ?), published_at), \
           updated_at = ? WHERE id = ? AND status = ?",
    )
    .bind(to)
    .bind(to)
    .bind(at)
    .bind(at)
    .bind(id)
    .bind(from)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Something in the course was changed just now.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn update_changed_at(conn: &mut Conn, id: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
    let done =
        sqlx::query("UPDATE courses SET updated_at = ? WHERE id = ?").bind(at).bind(id).execute(conn).await?;
    affected("courses", 1, &done)
}

/// Deletes a course softly.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn update_deleted(conn: &mut Conn, id: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
    let done =
        sqlx::query("UPDATE courses SET deleted_at = ?, updated_at = ? WHERE id = ? AND deleted_at IS NULL")
            .bind(at)
            .bind(at)
            .bind(id)
            .execute(conn)
            .await?;
    affected("courses", 1, &done)
}
