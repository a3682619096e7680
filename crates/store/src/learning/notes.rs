//! Students' private notes.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use crate::{Conn, StoreError, affected};

/// A `lesson_notes` row.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct NoteRow {
    /// Its id.
    pub id: u64,
    /// Whose it is.
    pub user_id: UserId,
    /// The lesson.
    pub lesson_id: u64,
    /// The lesson's course.
    pub course_id: u64,
    /// Its words.
    pub content: String,
    /// The moment of the lesson that it belongs to.
    pub timestamp_seconds: Option<u32>,
    /// When it was written.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub updated_at: Option<DateTime<Utc>>,
}

/// A note to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewNote<'a> {
    /// Whose it is.
    pub user_id: UserId,
    /// The lesson.
    pub lesson_id: u64,
    /// Its words.
    pub content: &'a str,
    /// The moment of the lesson that it belongs to.
    pub timestamp_seconds: Option<u32>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Which of somebody's notes to list.
#[derive(Clone, Copy, Debug)]
pub struct NoteQuery {
    /// Whose.
    pub user_id: UserId,
    /// Of this lesson.
    pub lesson_id: Option<u64>,
    /// Of all lessons of this course.
    pub course_id: Option<u64>,
    /// Beyond this id.
    pub cursor: Option<u64>,
    /// Downwards?
    pub forward: bool,
    /// So many.
    pub limit: u32,
}

const NOTE: &str = "SELECT n.id, n.user_id, n.lesson_id, l.course_id, n.content, n.timestamp_seconds, n.created_at, \
    n.updated_at FROM lesson_notes n JOIN course_lessons l ON l.id = n.lesson_id";

/// A note.
///
/// # Errors
/// Those of the driver.
pub async fn find_note(conn: &mut Conn, id: u64) -> Result<Option<NoteRow>, StoreError> {
    let mut query = QueryBuilder::new(NOTE);
    query.push(" WHERE n.id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Locks a note and reads it.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_note(conn: &mut Conn, id: u64) -> Result<Option<NoteRow>, StoreError> {
    let locked: Option<u64> = sqlx::query_scalar("SELECT id FROM lesson_notes WHERE id = ? FOR UPDATE")
        .bind(id)
        .fetch_optional(&mut *conn)
        .await?;
    match locked {
        Some(id) => find_note(conn, id).await,
        None => Ok(None),
    }
}

/// Somebody's notes, newest first, or from a cursor upwards.
///
/// # Errors
/// Those of the driver.
pub async fn list_notes(conn: &mut Conn, which: NoteQuery) -> Result<Vec<NoteRow>, StoreError> {
    let mut query = QueryBuilder::new(NOTE);
    query.push(" WHERE n.user_id = ").push_bind(which.user_id);
    if let Some(lesson_id) = which.lesson_id {
        query.push(" AND n.lesson_id = ").push_bind(lesson_id);
    }
    if let Some(course_id) = which.course_id {
        query.push(" AND l.course_id = ").push_bind(course_id);
    }
    if let Some(cursor) = which.cursor {
        query.push(if which.forward { " AND n.id < " } else { " AND n.id > " }).push_bind(cursor);
    }
    query.push(if which.forward { " ORDER BY n.id DESC LIMIT " } else { " ORDER BY n.id LIMIT " });
    query.push_bind(which.limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Adds a note and gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_note(conn: &mut Conn, new: NewNote<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO lesson_notes (user_id, lesson_id, content, timestamp_seconds, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(new.user_id)
    .bind(new.lesson_id)
    .bind(new.content)
    .bind(new.timestamp_seconds)
    .bind(new.at)
    .bind(new.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Writes a note anew.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn update_note(
    conn: &mut Conn,
    id: u64,
    content: &str,
    timestamp_seconds: Option<u32>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE lesson_notes SET content = ?, timestamp_seconds = ?, updated_at = ? WHERE id = ?",
    )
    .bind(content)
    .bind(timestamp_seconds)
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("lesson_notes", 1, &done)
}

/// Deletes a note.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn delete_note(conn: &mut Conn, id: u64) -> Result<(), StoreError> {
    let done = sqlx::query("DELETE FROM lesson_notes WHERE id = ?").bind(id).execute(conn).await?;
    affected("lesson_notes", 1, &done)
}
