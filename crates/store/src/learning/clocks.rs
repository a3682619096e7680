//! What the clock looks for among enrollments.

use chrono::{DateTime, Utc};

use crate::{Conn, StoreError};

/// An active enrollment that ends soon, of which its student was not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ExpiringRow {
    /// Its id.
    pub id: u64,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Ids and courses of active enrollments that have ended by `now`.
///
/// # Errors
/// Those of the driver.
pub async fn list_expired(
    conn: &mut Conn,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<(u64, u64)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, course_id FROM enrollments WHERE status = 'active' AND expires_at <= ? \
         ORDER BY expires_at LIMIT ?",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Active enrollments that end between `now` and `until`, of whose end nobody was told.
///
/// # Errors
/// Those of the driver.
pub async fn list_expiring(
    conn: &mut Conn,
    (now, until): (DateTime<Utc>, DateTime<Utc>),
    limit: u32,
) -> Result<Vec<ExpiringRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT e.id, e.expires_at FROM enrollments e \
         LEFT JOIN hub_enrollment_reminders r ON r.enrollment_id = e.id AND r.expires_at = e.expires_at \
         WHERE e.status = 'active' AND e.expires_at > ? AND e.expires_at <= ? AND r.enrollment_id IS NULL \
         ORDER BY e.expires_at LIMIT ?",
    )
    .bind(now)
    .bind(until)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Ids and courses of active enrollments in which all lessons are done.
///
/// # Errors
/// Those of the driver.
pub async fn list_finished(conn: &mut Conn, limit: u32) -> Result<Vec<(u64, u64)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, course_id FROM enrollments WHERE status = 'active' AND progress_percentage >= 100 LIMIT ?",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Of which end was the student of an enrollment told last? Locked behind the enrollment.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_reminder(conn: &mut Conn, enrollment_id: u64) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT expires_at FROM hub_enrollment_reminders WHERE enrollment_id = ? FOR UPDATE",
    )
    .bind(enrollment_id)
    .fetch_optional(conn)
    .await?)
}

/// The student was told of this end.
///
/// # Errors
/// Those of the driver.
pub async fn upsert_reminder(
    conn: &mut Conn,
    enrollment_id: u64,
    expires_at: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_enrollment_reminders (enrollment_id, expires_at, told_at) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE expires_at = VALUES(expires_at), told_at = VALUES(told_at)",
    )
    .bind(enrollment_id)
    .bind(expires_at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}
