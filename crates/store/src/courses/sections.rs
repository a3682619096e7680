//! Sections of courses.

use chrono::{DateTime, Utc};

use super::categories::push_order;
use crate::statement::Statement;
use crate::{Conn, StoreError, affected};

/// A `course_sections` row.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SectionRow {
    /// Its id.
    pub id: u64,
    /// Its course.
    pub course_id: u64,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: Option<String>,
    /// Its place, from 0.
    pub order: u32,
    /// The sum of its lessons' durations.
    pub duration_seconds: u32,
}

/// A section. What is done to it is done with its course locked, so it needs no lock of its own.
///
/// # Errors
/// Those of the driver.
pub async fn find_section(conn: &mut Conn, id: u64) -> Result<Option<SectionRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, course_id, title, description, `order`, duration_seconds FROM course_sections WHERE id = ?",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// A course's sections in their order.
///
/// # Errors
/// Those of the driver.
pub async fn list_sections(conn: &mut Conn, course_id: u64) -> Result<Vec<SectionRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, course_id, title, description, `order`, duration_seconds FROM course_sections \
         WHERE course_id = ? ORDER BY `order`, id",
    )
    .bind(course_id)
    .fetch_all(conn)
    .await?)
}

/// The ids of a course's sections in their order.
///
/// # Errors
/// Those of the driver.
pub async fn list_section_ids(conn: &mut Conn, course_id: u64) -> Result<Vec<u64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM course_sections WHERE course_id = ? ORDER BY `order`, id")
        .bind(course_id)
        .fetch_all(conn)
        .await?)
}

/// How many sections a course has.
///
/// # Errors
/// Those of the driver.
pub async fn count_sections(conn: &mut Conn, course_id: u64) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM course_sections WHERE course_id = ?")
        .bind(course_id)
        .fetch_one(conn)
        .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Adds a section and gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_section(
    conn: &mut Conn,
    course_id: u64,
    title: &str,
    description: Option<&str>,
    order: u32,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO course_sections (course_id, title, description, `order`, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(course_id)
    .bind(title)
    .bind(description)
    .bind(order)
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Writes a section's words anew.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn update_section(conn: &mut Conn, row: &SectionRow, at: DateTime<Utc>) -> Result<(), StoreError> {
    let done =
        sqlx::query("UPDATE course_sections SET title = ?, description = ?, updated_at = ? WHERE id = ?")
            .bind(&row.title)
            .bind(&row.description)
            .bind(at)
            .bind(row.id)
            .execute(conn)
            .await?;
    affected("course_sections", 1, &done)
}

/// Gives sections the places that their ids have in the list.
///
/// # Errors
/// Those of the driver.
pub async fn update_section_order(conn: &mut Conn, ids: &[u64]) -> Result<(), StoreError> {
    let mut statement = Statement::new("UPDATE course_sections SET `order` = ");
    push_order(&mut statement, ids);
    statement.execute(conn).await.map(drop)
}

/// Deletes a section, and with it its lessons.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn delete_section(conn: &mut Conn, id: u64) -> Result<(), StoreError> {
    let done = sqlx::query("DELETE FROM course_sections WHERE id = ?").bind(id).execute(conn).await?;
    affected("course_sections", 1, &done)
}
