//! Sessions that were booked, with what `hub_bookings` knows of them.

use base::Money;
use base::id::UserId;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::QueryBuilder;

use crate::statement::Statement;
use crate::{Conn, StoreError, affected};

/// A booking.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct BookingRow {
    /// Its id.
    pub id: u64,
    /// Who booked.
    pub student_id: UserId,
    /// Who was booked.
    pub speaker_id: UserId,
    /// The window that it was booked from.
    pub availability_id: Option<u64>,
    /// Its beginning.
    pub scheduled_at: DateTime<Utc>,
    /// Its minutes.
    pub duration_minutes: u16,
    /// What was paid.
    #[sqlx(try_from = "Decimal")]
    pub price_paid: Money,
    /// `pending`, `scheduled`, `completed`, `cancelled` or `no_show`.
    pub status: String,
    /// Where it takes place.
    pub meeting_url: Option<String>,
    /// The video room.
    pub jitsi_room_id: Option<String>,
    /// What the speaker wrote down.
    pub session_notes: Option<String>,
    /// The student's debit.
    pub transaction_id: Option<u64>,
    /// Who called it off.
    pub cancelled_by: Option<UserId>,
    /// Why.
    pub cancellation_reason: Option<String>,
    /// When the hold ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was booked.
    pub created_at: Option<DateTime<Utc>>,
    /// What the student would like to talk about.
    pub note: Option<String>,
    /// Another time that the speaker proposes.
    pub proposed_start: Option<DateTime<Utc>>,
    /// `student` or `speaker`.
    pub missed_by: Option<String>,
    /// What was given back.
    #[sqlx(try_from = "Decimal")]
    pub refunded: Money,
}

/// What keeps somebody busy.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct BusyRow {
    /// The booking.
    pub id: u64,
    /// Who booked.
    pub student_id: UserId,
    /// Who was booked.
    pub speaker_id: UserId,
    /// Its beginning.
    pub scheduled_at: DateTime<Utc>,
    /// Its minutes.
    pub duration_minutes: u16,
    /// `pending` or `scheduled`.
    pub status: String,
    /// When the hold ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was booked.
    pub created_at: Option<DateTime<Utc>>,
}

/// A booking to be written.
#[derive(Clone, Debug)]
pub struct NewBooking<'a> {
    /// Who books.
    pub student_id: UserId,
    /// Who is booked.
    pub speaker_id: UserId,
    /// The window that it is booked from.
    pub availability_id: u64,
    /// Its beginning.
    pub scheduled_at: DateTime<Utc>,
    /// Its minutes.
    pub duration_minutes: u16,
    /// What it costs.
    pub price: Money,
    /// `pending` or `scheduled`.
    pub status: &'static str,
    /// Where it takes place.
    pub meeting_url: Option<&'a str>,
    /// The video room.
    pub jitsi_room_id: &'a str,
    /// When the hold ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// What the student would like to talk about.
    pub note: Option<&'a str>,
    /// The shortest lead, minutes, of which no reminder is due any more.
    pub reminded: Option<u16>,
    /// When, in whole seconds.
    pub at: DateTime<Utc>,
}

/// What every reading of bookings begins with.
pub(super) const BOOKING: &str = "SELECT b.id, b.student_id, b.speaker_id, b.availability_id, b.scheduled_at, \
     b.duration_minutes, b.price_paid, b.status, b.meeting_url, b.jitsi_room_id, b.session_notes, \
     b.transaction_id, b.cancelled_by, b.cancellation_reason, b.expires_at, b.created_at, h.note, \
     h.proposed_start, h.missed_by, COALESCE(h.refunded, 0.00) AS refunded \
     FROM consultation_bookings b LEFT JOIN hub_bookings h ON h.booking_id = b.id";

/// One booking.
///
/// # Errors
/// Those of the driver.
pub async fn find_booking(conn: &mut Conn, id: u64) -> Result<Option<BookingRow>, StoreError> {
    let mut query = QueryBuilder::new(BOOKING);
    query.push(" WHERE b.id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// One booking, locked.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_booking(conn: &mut Conn, id: u64) -> Result<Option<BookingRow>, StoreError> {
    let locked: Option<u64> =
        sqlx::query_scalar("SELECT id FROM consultation_bookings WHERE id = ? FOR UPDATE")
            .bind(id)
            .fetch_optional(&mut *conn)
            .await?;
    match locked {
        Some(id) => find_booking(conn, id).await,
        None => Ok(None),
    }
}

/// Locks the calendars of people, which are their profiles' rows, in the order of their owners: as long as they are
/// locked, nobody else books or moves a session of one of them (I-C1).
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_calendars(conn: &mut Conn, user_ids: &[UserId]) -> Result<(), StoreError> {
    if user_ids.is_empty() {
        return Ok(());
    }
    let mut query = Statement::new(
        "SELECT user_id FROM user_profiles FORCE INDEX (user_profiles_user_id_unique) WHERE user_id IN (",
    );
    query.push_numbers(user_ids).push(") ORDER BY user_id FOR UPDATE");
    let _locked: Vec<(UserId,)> = query.fetch_all(conn).await?;
    Ok(())
}

/// What keeps people busy, as students and as speakers: sessions that begin from `from` on and before `to`.
///
/// # Errors
/// Those of the driver.
pub async fn list_busy(
    conn: &mut Conn,
    user_ids: &[UserId],
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<BusyRow>, StoreError> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Statement::new("");
    for (ordinal, column) in ["speaker_id", "student_id"].into_iter().enumerate() {
        if ordinal > 0 {
            query.push(" UNION ");
        }
        query.push(
            "SELECT id, student_id, speaker_id, scheduled_at, duration_minutes, status, expires_at, created_at \
             FROM consultation_bookings WHERE status IN ('pending', 'scheduled') AND ",
        );
        query.push(column).push(" IN (").push_numbers(user_ids).push(") AND scheduled_at >= ");
        query.push_seconds(from.into()).push(" AND scheduled_at < ").push_seconds(to.into());
    }
    query.fetch_all(conn).await
}

/// Writes a booking; answers its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_booking(conn: &mut Conn, new: &NewBooking<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO consultation_bookings (student_id, speaker_id, availability_id, scheduled_at, \
           duration_minutes, price_paid, status, meeting_url, jitsi_room_id, expires_at, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.student_id)
    .bind(new.speaker_id)
    .bind(new.availability_id)
    .bind(new.scheduled_at)
    .bind(new.duration_minutes)
    .bind(new.price.to_decimal())
    .bind(new.status)
    .bind(new.meeting_url)
    .bind(new.jitsi_room_id)
    .bind(new.expires_at)
    .bind(new.at)
    .bind(new.at)
    .execute(&mut *conn)
    .await?;
    let id = done.last_insert_id();
    sqlx::query("INSERT INTO hub_bookings (booking_id, note, reminded) VALUES (?, ?, ?)")
        .bind(id)
        .bind(new.note)
        .bind(new.reminded)
        .execute(conn)
        .await?;
    Ok(id)
}

/// Notes by which debit a booking was paid.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such row.
pub async fn update_transaction(conn: &mut Conn, id: u64, transaction_id: u64) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE consultation_bookings SET transaction_id = ? WHERE id = ?")
        .bind(transaction_id)
        .bind(id)
        .execute(conn)
        .await?;
    affected("consultation_bookings", 1, &done)
}

/// A step of the state machine; a hold ends with it.
///
/// # Errors
/// [`StoreError::RowsAffected`] when the row is not in the state `from`.
pub async fn update_status(
    conn: &mut Conn,
    id: u64,
    (from, to): (&'static str, &'static str),
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE consultation_bookings SET status = ?, expires_at = NULL, updated_at = ? \
         WHERE id = ? AND status = ?",
    )
    .bind(to)
    .bind(at)
    .bind(id)
    .bind(from)
    .execute(conn)
    .await?;
    affected("consultation_bookings", 1, &done)
}

/// Calls a booking off.
///
/// # Errors
/// [`StoreError::RowsAffected`] when the row is not in the state `from`.
pub async fn update_cancelled(
    conn: &mut Conn,
    id: u64,
    from: &'static str,
    (by, reason): (Option<UserId>, Option<&str>),
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE consultation_bookings SET status = 'cancelled', cancelled_by = ?, cancellation_reason = ?, \
           updated_at = ? WHERE id = ? AND status = ?",
    )
    .bind(by)
    .bind(reason)
    .bind(at)
    .bind(id)
    .bind(from)
    .execute(conn)
    .await?;
    affected("consultation_bookings", 1, &done)
}

/// Moves a booking to another slot; proposals are settled by it.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such row.
pub async fn update_moved(
    conn: &mut Conn,
    id: u64,
    (availability_id, start): (u64, DateTime<Utc>),
    reminded: Option<u16>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE consultation_bookings SET availability_id = ?, scheduled_at = ?, updated_at = ? WHERE id = ?",
    )
    .bind(availability_id)
    .bind(start)
    .bind(at)
    .bind(id)
    .execute(&mut *conn)
    .await?;
    affected("consultation_bookings", 1, &done)?;
    sqlx::query(
        "INSERT INTO hub_bookings (booking_id, reminded) VALUES (?, ?) \
         ON DUPLICATE KEY UPDATE proposed_start = NULL, reminded = VALUES(reminded)",
    )
    .bind(id)
    .bind(reminded)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what the speaker notes of the session.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such row.
pub async fn update_notes(
    conn: &mut Conn,
    id: u64,
    notes: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE consultation_bookings SET session_notes = ?, updated_at = ? WHERE id = ?")
        .bind(notes)
        .bind(at)
        .bind(id)
        .execute(conn)
        .await?;
    affected("consultation_bookings", 1, &done)
}

/// Writes the speaker's proposal of another time.
///
/// # Errors
/// Those of the driver.
pub async fn update_proposal(conn: &mut Conn, id: u64, start: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_bookings (booking_id, proposed_start) VALUES (?, ?) \
         ON DUPLICATE KEY UPDATE proposed_start = VALUES(proposed_start)",
    )
    .bind(id)
    .bind(start)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes who did not come.
///
/// # Errors
/// Those of the driver.
pub async fn update_missed_by(conn: &mut Conn, id: u64, who: Option<&str>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_bookings (booking_id, missed_by) VALUES (?, ?) \
         ON DUPLICATE KEY UPDATE missed_by = VALUES(missed_by)",
    )
    .bind(id)
    .bind(who)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what was given back.
///
/// # Errors
/// Those of the driver.
pub async fn update_refunded(conn: &mut Conn, id: u64, amount: Money) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_bookings (booking_id, refunded) VALUES (?, ?) \
         ON DUPLICATE KEY UPDATE refunded = VALUES(refunded)",
    )
    .bind(id)
    .bind(amount.to_decimal())
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes of which reminder this was.
///
/// # Errors
/// Those of the driver.
pub async fn update_reminded(conn: &mut Conn, id: u64, lead_minutes: u16) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_bookings (booking_id, reminded) VALUES (?, ?) \
         ON DUPLICATE KEY UPDATE reminded = VALUES(reminded)",
    )
    .bind(id)
    .bind(lead_minutes)
    .execute(conn)
    .await?;
    Ok(())
}
