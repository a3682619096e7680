//! What the clock has to look at.

use chrono::{DateTime, Utc};

use crate::{Conn, StoreError};

/// Pending bookings whose hold has ended, the oldest first; a row that says nothing of its hold is held for 15 minutes.
///
/// # Errors
/// Those of the driver.
pub async fn list_expired(conn: &mut Conn, now: DateTime<Utc>, limit: u32) -> Result<Vec<u64>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT id FROM consultation_bookings WHERE status = 'pending' \
           AND COALESCE(expires_at, created_at + INTERVAL 15 MINUTE) <= ? ORDER BY scheduled_at, id LIMIT ?",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Scheduled bookings that ended at `before` or earlier, the oldest first.
///
/// # Errors
/// Those of the driver.
pub async fn list_over(conn: &mut Conn, before: DateTime<Utc>, limit: u32) -> Result<Vec<u64>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT id FROM consultation_bookings WHERE status = 'scheduled' AND scheduled_at <= ? \
           AND scheduled_at + INTERVAL duration_minutes MINUTE <= ? ORDER BY scheduled_at, id LIMIT ?",
    )
    .bind(before)
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Scheduled bookings that begin within `lead_minutes` and of which no reminder of that lead, or of a shorter one, was
/// given.
///
/// # Errors
/// Those of the driver.
pub async fn list_to_remind(
    conn: &mut Conn,
    now: DateTime<Utc>,
    lead_minutes: u16,
    limit: u32,
) -> Result<Vec<u64>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT b.id FROM consultation_bookings b LEFT JOIN hub_bookings h ON h.booking_id = b.id \
         WHERE b.status = 'scheduled' AND b.scheduled_at > ? AND b.scheduled_at <= ? + INTERVAL ? MINUTE \
           AND (h.reminded IS NULL OR h.reminded > ?) ORDER BY b.scheduled_at, b.id LIMIT ?",
    )
    .bind(now)
    .bind(now)
    .bind(lead_minutes)
    .bind(lead_minutes)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Which reminder was given last, as minutes before the beginning.
///
/// # Errors
/// Those of the driver.
pub async fn find_reminded(conn: &mut Conn, booking_id: u64) -> Result<Option<u16>, StoreError> {
    let found: Option<Option<u16>> =
        sqlx::query_scalar("SELECT reminded FROM hub_bookings WHERE booking_id = ?")
            .bind(booking_id)
            .fetch_optional(conn)
            .await?;
    Ok(found.flatten())
}
