//! How far books were read, and when the reader's other devices were told.

use base::Time;
use base::id::UserId;
use chrono::{DateTime, Utc};

use crate::{Conn, StoreError, affected};

/// What `book_reading_progress` says.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ProgressRow {
    /// Where the reader is.
    pub current_page: u32,
    /// The furthest page.
    pub total_pages_read: u32,
    /// Time spent.
    pub reading_time_minutes: u32,
    /// When it was last read.
    pub last_read_at: Option<DateTime<Utc>>,
}

/// How far a copy was read; `None` where nothing was noted yet.
///
/// # Errors
/// Those of the driver.
pub async fn find_progress(conn: &mut Conn, purchase_id: u64) -> Result<Option<ProgressRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT current_page, total_pages_read, reading_time_minutes, last_read_at FROM book_reading_progress \
         WHERE book_purchase_id = ?",
    )
    .bind(purchase_id)
    .fetch_optional(conn)
    .await?)
}

/// As [`find_progress`], locked.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_progress(conn: &mut Conn, purchase_id: u64) -> Result<Option<ProgressRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT current_page, total_pages_read, reading_time_minutes, last_read_at FROM book_reading_progress \
         WHERE book_purchase_id = ? FOR UPDATE",
    )
    .bind(purchase_id)
    .fetch_optional(conn)
    .await?)
}

/// Notes that a copy was not read yet.
///
/// # Errors
/// [`StoreError::Unique`] where something was noted.
pub async fn insert_progress(conn: &mut Conn, purchase_id: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
    let done = sqlx::query(
        "INSERT INTO book_reading_progress (book_purchase_id, current_page, total_pages_read, \
           reading_time_minutes, created_at, updated_at) VALUES (?, 1, 0, 0, ?, ?)",
    )
    .bind(purchase_id)
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    affected("book_reading_progress", 1, &done)
}

/// Notes how far a copy was read.
///
/// # Errors
/// [`StoreError::RowsAffected`] where nothing was noted before.
pub async fn update_progress(conn: &mut Conn, purchase_id: u64, row: &ProgressRow) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE book_reading_progress SET current_page = ?, total_pages_read = ?, reading_time_minutes = ?, \
           last_read_at = ?, updated_at = ? WHERE book_purchase_id = ?",
    )
    .bind(row.current_page)
    .bind(row.total_pages_read)
    .bind(row.reading_time_minutes)
    .bind(row.last_read_at)
    .bind(row.last_read_at)
    .bind(purchase_id)
    .execute(conn)
    .await?;
    affected("book_reading_progress", 1, &done)
}

/// When the other devices of a reader were last told, and until when more waits; Unix milliseconds.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct TellRow {
    /// When they were told.
    pub told_at: u64,
    /// When they are to be told of what came since.
    pub due_at: Option<u64>,
}

/// When the other devices of a reader were last told; locked.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_tell(conn: &mut Conn, purchase_id: u64) -> Result<Option<TellRow>, StoreError> {
    Ok(sqlx::query_as("SELECT told_at, due_at FROM hub_reading_tells WHERE book_purchase_id = ? FOR UPDATE")
        .bind(purchase_id)
        .fetch_optional(conn)
        .await?)
}

/// Notes when the other devices were told, and until when more waits; Unix milliseconds.
///
/// # Errors
/// Those of the driver.
pub async fn upsert_tell(
    conn: &mut Conn,
    purchase_id: u64,
    told_at: u64,
    due_at: Option<u64>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_reading_tells (book_purchase_id, told_at, due_at) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE told_at = VALUES(told_at), due_at = VALUES(due_at)",
    )
    .bind(purchase_id)
    .bind(told_at)
    .bind(due_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// A reader whose other devices are to be told.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct DueTellRow {
    /// The copy.
    pub book_purchase_id: u64,
    /// The book.
    pub book_id: u64,
    /// The reader.
    pub user_id: UserId,
    /// The book's pages.
    pub page_count: u32,
}

/// Readers whose other devices are to be told by now, at most `limit`.
///
/// # Errors
/// Those of the driver.
pub async fn list_due_tells(conn: &mut Conn, now: Time, limit: u32) -> Result<Vec<DueTellRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT t.book_purchase_id, p.book_id, p.user_id, b.page_count FROM hub_reading_tells t \
         STRAIGHT_JOIN book_purchases p ON p.id = t.book_purchase_id STRAIGHT_JOIN books b ON b.id = p.book_id \
         WHERE t.due_at <= ? ORDER BY t.due_at LIMIT ?",
    )
    .bind(u64::try_from(now.unix_millis()).unwrap_or(0))
    .bind(limit)
    .fetch_all(conn)
    .await?)
}
