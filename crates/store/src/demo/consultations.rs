//! Consultations.

use base::Money;
use base::id::UserId;
use chrono::NaiveTime;

use super::At;
use crate::{Conn, StoreError};

/// A weekly window of a speaker, in the speaker's time zone.
#[derive(Clone, Copy, Debug)]
pub struct AvailabilityRow<'a> {
    /// Whose.
    pub user_id: UserId,
    /// `mon` … `sun`.
    pub day_of_week: &'a str,
    /// From.
    pub start_time: NaiveTime,
    /// Until.
    pub end_time: NaiveTime,
    /// Minutes.
    pub session_duration: u16,
    /// What a session costs.
    pub price_per_session: Money,
}

/// Offers a weekly window and gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_availability(conn: &mut Conn, row: &AvailabilityRow<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO consultation_availabilities (user_id, day_of_week, start_time, end_time, session_duration, \
         price_per_session, is_active, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, 1, UTC_TIMESTAMP(), UTC_TIMESTAMP())",
    )
    .bind(row.user_id)
    .bind(row.day_of_week)
    .bind(row.start_time)
    .bind(row.end_time)
    .bind(row.session_duration)
    .bind(row.price_per_session.to_decimal())
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// A session.
#[derive(Clone, Debug)]
pub struct BookingRow<'a> {
    /// Who asks.
    pub student_id: UserId,
    /// Who answers.
    pub speaker_id: UserId,
    /// The window it lies in.
    pub availability_id: u64,
    /// When.
    pub scheduled_at: At,
    /// Minutes.
    pub duration_minutes: u16,
    /// What was paid.
    pub price_paid: Money,
    /// The student's debit.
    pub transaction_id: Option<u64>,
    /// `consultation_bookings.status`.
    pub status: &'a str,
    /// Where one meets.
    pub jitsi_room_id: Option<String>,
    /// The speaker's notes.
    pub session_notes: Option<&'a str>,
    /// Who called it off, and why.
    pub cancelled: Option<(UserId, &'a str)>,
    /// When it was booked.
    pub at: At,
}

/// Books a session and gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_booking(conn: &mut Conn, row: &BookingRow<'_>) -> Result<u64, StoreError> {
    let meeting_url = row.jitsi_room_id.as_ref().map(|room| format!("https://meet.majlis.test/{room}"));
    let done = sqlx::query(
        "INSERT INTO consultation_bookings (student_id, speaker_id, availability_id, scheduled_at, duration_minutes, \
         price_paid, transaction_id, status, meeting_url, jitsi_room_id, session_notes, cancelled_by, \
         cancellation_reason, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.student_id)
    .bind(row.speaker_id)
    .bind(row.availability_id)
    .bind(row.scheduled_at)
    .bind(row.duration_minutes)
    .bind(row.price_paid.to_decimal())
    .bind(row.transaction_id)
    .bind(row.status)
    .bind(meeting_url)
    .bind(&row.jitsi_room_id)
    .bind(row.session_notes)
    .bind(row.cancelled.map(|(by, _)| by))
    .bind(row.cancelled.map(|(_, reason)| reason))
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// What one party says of the other.
#[derive(Clone, Copy, Debug)]
pub struct RatingRow<'a> {
    /// Of which session.
    pub booking_id: u64,
    /// Who says it.
    pub rater_id: UserId,
    /// Of whom.
    pub rated_id: UserId,
    /// 1 to 5.
    pub rating: u8,
    /// In words.
    pub review: &'a str,
    /// When.
    pub at: At,
}

/// Rates a completed session.
///
/// # Errors
/// Those of the driver.
pub async fn insert_rating(conn: &mut Conn, row: &RatingRow<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO consultation_ratings (booking_id, rater_id, rated_id, rating, review, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.booking_id)
    .bind(row.rater_id)
    .bind(row.rated_id)
    .bind(row.rating)
    .bind(row.review)
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// The sessions of a speaker: id and student, in the order in which they were booked.
///
/// # Errors
/// Those of the driver.
pub async fn list_bookings(conn: &mut Conn, speaker_id: UserId) -> Result<Vec<(u64, UserId)>, StoreError> {
    Ok(sqlx::query_as("SELECT id, student_id FROM consultation_bookings WHERE speaker_id = ? ORDER BY id")
        .bind(speaker_id)
        .fetch_all(conn)
        .await?)
}
