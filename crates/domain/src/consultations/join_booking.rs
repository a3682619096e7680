//! Coming into the video room of a session (domain.md §5.7, D26).

use base::Time;
use chrono::TimeDelta;
use protocol::consultations::{Booking, BookingJoined, BookingStatus, Party};

use super::ConsultationError;
use super::booking_view::{booking_status, booking_view, end_of};
use super::party::{find_known, require_party};
use crate::rooms::jitsi::{NewPass, sign_pass};
use crate::{Actor, App};

/// The room is open so long before the beginning, …
const BEFORE: TimeDelta = TimeDelta::minutes(10);
/// … and so long after the end.
const AFTER: TimeDelta = TimeDelta::minutes(15);

/// Gives one of the two the pass for the video; the speaker is the room's owner.
///
/// # Errors
/// [`base::CommonFault::NotFound`]; [`base::CommonFault::Forbidden`] for whoever is not one of the two;
/// [`ConsultationError::NotScheduled`], [`ConsultationError::NotOpen`].
pub async fn join_booking(app: &App, actor: &Actor, id: u64) -> Result<BookingJoined, ConsultationError> {
    actor.require("write")?;
    let mut conn = app.store.reader().await?;
    let (row, standing) = find_known(&mut conn, actor, id).await?;
    let party = require_party(standing)?;
    if booking_status(&row.status)? != BookingStatus::Scheduled {
        return Err(ConsultationError::NotScheduled);
    }
    let now = Time::now_in_seconds();
    let (opens, closes) = (row.scheduled_at - BEFORE, end_of(&row) + AFTER);
    if !(opens..=closes).contains(&now.as_chrono()) {
        return Err(ConsultationError::NotOpen);
    }
    let room = row.jitsi_room_id.clone();
    let booking = booking_view(app, &mut conn, row).await?;
    let jitsi = match room {
        Some(room) => sign_pass(app, &pass(&booking, party, &room, closes.into()), now)?,
        None => None,
    };
    Ok(BookingJoined { booking, jitsi })
}

fn pass<'a>(booking: &'a Booking, party: Party, video_room: &'a str, ends_at: Time) -> NewPass<'a> {
    let card = match party {
        Party::Student => &booking.student,
        Party::Speaker => &booking.speaker,
    };
    NewPass {
        video_room,
        user_id: card.id,
        name: &card.name,
        avatar: card.avatar.clone(),
        email: None,
        moderator: party == Party::Speaker,
        group: format!("consultation:{}", booking.id),
        ends_at,
    }
}
