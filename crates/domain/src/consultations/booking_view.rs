//! Bookings and ratings as clients see them.

use std::collections::HashMap;

use base::id::UserId;
use base::{CommonFault, Time};
use chrono::TimeDelta;
use protocol::consultations::{Booking, BookingStatus, Party, Rating};
use protocol::users::UserCard;
use store::consultations::{BookingRow, RatingRow};
use store::{Conn, StoreError};

use super::ConsultationError;
use crate::App;
use crate::users::{card_view, gone};

pub(super) fn booking_status(column: &str) -> Result<BookingStatus, StoreError> {
    let found = BookingStatus::ALL.into_iter().find(|one| one.as_str() == column);
    found.ok_or(StoreError::Corrupt { table: "consultation_bookings", column: "status" })
}

/// When a session ends.
pub(super) fn end_of(row: &BookingRow) -> chrono::DateTime<chrono::Utc> {
    row.scheduled_at + TimeDelta::minutes(i64::from(row.duration_minutes))
}

/// Bookings, in their order: one statement for all people in them.
pub(super) async fn bookings_view(
    app: &App,
    conn: &mut Conn,
    rows: Vec<BookingRow>,
) -> Result<Vec<Booking>, ConsultationError> {
    let cards = cards_of(app, conn, rows.iter().flat_map(|row| [row.student_id, row.speaker_id])).await?;
    let card = |id: UserId| cards.get(&id).cloned().unwrap_or_else(|| gone(id));
    let view = |row: BookingRow| -> Result<Booking, StoreError> {
        let ends_at = Time::from(end_of(&row));
        let status = booking_status(&row.status)?;
        Ok(Booking {
            id: row.id,
            student: card(row.student_id),
            speaker: card(row.speaker_id),
            availability_id: row.availability_id,
            scheduled_at: row.scheduled_at.into(),
            ends_at,
            duration_minutes: row.duration_minutes,
            price_paid: row.price_paid,
            refunded: row.refunded,
            currency: app.settings.money.currency.clone(),
            status,
            meeting_url: row.meeting_url,
            note: row.note,
            session_notes: row.session_notes,
            expires_at: row.expires_at.filter(|_| status == BookingStatus::Pending).map(Time::from),
            proposed_start: row.proposed_start.map(Time::from),
            missed_by: row.missed_by.as_deref().and_then(party),
            cancelled_by: row.cancelled_by,
            cancellation_reason: row.cancellation_reason,
            created_at: row.created_at.map(Time::from),
        })
    };
    Ok(rows.into_iter().map(view).collect::<Result<_, _>>()?)
}

/// One booking.
pub(super) async fn booking_view(
    app: &App,
    conn: &mut Conn,
    row: BookingRow,
) -> Result<Booking, ConsultationError> {
    let mut views = bookings_view(app, conn, vec![row]).await?;
    Ok(views.pop().ok_or_else(|| CommonFault::internal("a booking without a view"))?)
}

/// A booking as it is now.
pub(super) async fn read_booking(app: &App, conn: &mut Conn, id: u64) -> Result<Booking, ConsultationError> {
    let row = store::consultations::find_booking(conn, id).await?.ok_or(super::NO_BOOKING)?;
    booking_view(app, conn, row).await
}

fn party(column: &str) -> Option<Party> {
    [Party::Student, Party::Speaker].into_iter().find(|one| one.as_str() == column)
}

/// Ratings, in their order: one statement for all raters.
pub(super) async fn ratings_view(
    app: &App,
    conn: &mut Conn,
    rows: Vec<RatingRow>,
) -> Result<Vec<Rating>, ConsultationError> {
    let cards = cards_of(app, conn, rows.iter().map(|row| row.rater_id)).await?;
    let view = |row: RatingRow| Rating {
        id: row.id,
        booking_id: row.booking_id,
        rater: cards.get(&row.rater_id).cloned().unwrap_or_else(|| gone(row.rater_id)),
        rated_id: row.rated_id,
        rating: row.rating,
        review: row.review,
        created_at: row.created_at.map(Time::from),
        updated_at: row.updated_at.map(Time::from),
    };
    Ok(rows.into_iter().map(view).collect())
}

/// One rating.
pub(super) async fn rating_view(
    app: &App,
    conn: &mut Conn,
    row: RatingRow,
) -> Result<Rating, ConsultationError> {
    let mut views = ratings_view(app, conn, vec![row]).await?;
    Ok(views.pop().ok_or_else(|| CommonFault::internal("a rating without a view"))?)
}

async fn cards_of(
    app: &App,
    conn: &mut Conn,
    ids: impl Iterator<Item = UserId>,
) -> Result<HashMap<UserId, UserCard>, StoreError> {
    let mut ids: Vec<UserId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = store::users::list_cards_of(conn, &ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, card_view(app, row))).collect())
}
