//! What happens to rooms by the clock (domain.md §5.6): sessions and programmes that are past their end, reminders, seats
//! that wait for a payment for too long. The elected node asks; each room is judged again under its lock.

use base::id::{RoomId, UserId};
use base::{CommonFault, Time};
use chrono::Days;
use protocol::notifications::NotificationKind;
use protocol::rooms::{RegistrationStatus, RoomStatus};
use store::rooms::RoomRow;

use super::RoomError;
use super::end_room::{after_session, is_over, write_ended};
use super::facts::seat_key;
use super::schedule::{Schedule, Session};
use super::tell_all::note;
use super::view::{registration_status, room_status};
use crate::fault::of_store;
use crate::unit::Unit;
use crate::{App, in_unit, machine};

/// Rooms read together.
const PAGE: u32 = 200;
/// Seats given back at one beat.
const HOLDS: u32 = 200;
/// A session may run over its end for so many seconds: passes for its video are good for as long.
const OVERTIME: i64 = 15 * 60;
/// Reminders before the first session, and before each, in seconds.
const DAY_BEFORE: i64 = 24 * 3_600;
const SOON_BEFORE: i64 = 15 * 60;

/// Ends what is past its end: sessions a quarter of an hour after their window, or five minutes after their video room was
/// left by all; programmes after their last day. How many were ended.
///
/// # Errors
/// Those of the store.
pub async fn end_rooms_due(app: &App) -> Result<u64, CommonFault> {
    let now = Time::now_in_seconds();
    let mut ended = 0_u64;
    let emptied = {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        store::rooms::list_endings_due(&mut conn, now.as_chrono(), PAGE).await.map_err(of_store)?
    };
    for ending in emptied {
        ended += u64::from(end_one(app, ending.live_room_id, now).await);
    }
    for status in [RoomStatus::Active, RoomStatus::Scheduled] {
        let mut after = 0;
        loop {
            let rooms = list_page(app, status, now, after).await?;
            let Some(last) = rooms.last() else { break };
            after = last.id;
            for room in rooms.iter().filter(|room| is_due(room, status, now)) {
                ended += u64::from(end_one(app, room.id, now).await);
            }
        }
    }
    Ok(ended)
}

async fn list_page(
    app: &App,
    status: RoomStatus,
    now: Time,
    after: RoomId,
) -> Result<Vec<RoomRow>, CommonFault> {
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let rooms = match status {
        RoomStatus::Active => store::rooms::list_active_rooms(&mut conn, after, PAGE).await,
        // The day after next begins nowhere within 24 hours.
        _ => {
            let today = now.as_chrono().date_naive();
            let begin_by = today.checked_add_days(Days::new(2)).unwrap_or(today);
            store::rooms::list_scheduled_rooms(&mut conn, begin_by, after, PAGE).await
        }
    };
    rooms.map_err(of_store)
}

/// A row whose time zone is not one is left alone: its host can end it.
fn is_due(room: &RoomRow, status: RoomStatus, now: Time) -> bool {
    match (status, Schedule::of(room), room.started_at) {
        (RoomStatus::Active, Some(schedule), Some(started_at)) => {
            schedule.closes_at(started_at.into()).plus_seconds(OVERTIME) <= now
        }
        (RoomStatus::Scheduled, Some(_), _) => is_over(room, now).unwrap_or(false),
        _ => false,
    }
}

/// `false` where it was ended meanwhile, or could not be, which is logged and tried again.
async fn end_one(app: &App, room_id: RoomId, now: Time) -> bool {
    try_end(app, room_id, now).await.unwrap_or_else(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::warn!(%error, cause, room_id, "a room could not be ended yet");
        false
    })
}

async fn try_end(app: &App, room_id: RoomId, now: Time) -> Result<bool, RoomError> {
    in_unit!(app, |unit| end_if_due(unit, room_id, now))
}

async fn end_if_due(unit: &mut Unit, room_id: RoomId, now: Time) -> Result<bool, RoomError> {
    let Some(room) = store::rooms::lock_room(unit, room_id).await? else { return Ok(false) };
    let status = room_status(&room.status)?;
    let ending = store::rooms::lock_ending(unit, room_id, now.as_chrono()).await?;
    let is_left = ending.is_some_and(|ending| {
        status == RoomStatus::Active
            && room.current_jitsi_room_id.as_deref() == Some(ending.jitsi_room.as_str())
    });
    if !is_left && !is_due(&room, status, now) {
        // Of an earlier session.
        store::rooms::delete_ending(unit, room_id).await?;
        return Ok(false);
    }
    let to = if status == RoomStatus::Active { after_session(&room, now)? } else { RoomStatus::Completed };
    write_ended(unit, &room, status, to, now).await?;
    Ok(true)
}

/// Notes the reminders that are due: a day before the first session, and a quarter of an hour before each. How many.
///
/// # Errors
/// Those of the store.
pub async fn remind_rooms_due(app: &App) -> Result<u64, CommonFault> {
    let now = Time::now_in_seconds();
    let (mut reminded, mut after) = (0_u64, 0);
    loop {
        let rooms = list_page(app, RoomStatus::Scheduled, now, after).await?;
        let Some(last) = rooms.last() else { break };
        after = last.id;
        for room in &rooms {
            if let Some(occasion) = reminder_due(room, now) {
                let noted: Result<bool, RoomError> =
                    in_unit!(app, |unit| note_reminder(unit, room.id, &occasion, now));
                reminded += u64::from(noted.map_err(|error| match error {
                    RoomError::Common(fault) => fault,
                    other => CommonFault::internal(other),
                })?);
            }
        }
    }
    Ok(reminded)
}

/// Which of its reminders a room needs now, by the name that it is noted with.
fn reminder_due(room: &RoomRow, now: Time) -> Option<String> {
    let schedule = Schedule::of(room)?;
    let Session { start, .. } = schedule.next_after(now)?;
    let is_first = schedule.first().is_some_and(|first| first.start == start);
    if start.plus_seconds(-SOON_BEFORE) <= now {
        Some(format!("{}/15m", start.unix_seconds()))
    } else if is_first && start.plus_seconds(-DAY_BEFORE) <= now {
        Some(format!("{}/24h", start.unix_seconds()))
    } else {
        None
    }
}

async fn note_reminder(
    unit: &mut Unit,
    room_id: RoomId,
    occasion: &str,
    now: Time,
) -> Result<bool, RoomError> {
    let kind = NotificationKind::RoomReminder;
    if store::rooms::find_notice(unit, room_id, kind.as_str(), occasion).await? {
        return Ok(false);
    }
    note(unit, room_id, kind, occasion, None, now).await?;
    Ok(true)
}

/// Gives back seats that have waited for a payment for a quarter of an hour. How many.
///
/// # Errors
/// Those of the store.
pub async fn expire_holds_due(app: &App) -> Result<u64, CommonFault> {
    let due = {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        store::rooms::list_due_holds(&mut conn, HOLDS).await.map_err(of_store)?
    };
    let mut expired = 0_u64;
    for (room_id, user_id) in due {
        let outcome: Result<bool, RoomError> = in_unit!(app, |unit| expire_hold(unit, room_id, user_id));
        match outcome {
            Ok(was_due) => expired += u64::from(was_due),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, room_id, user_id, "a seat could not be given back yet");
            }
        }
    }
    Ok(expired)
}

async fn expire_hold(unit: &mut Unit, room_id: RoomId, user_id: UserId) -> Result<bool, RoomError> {
    // Of a deleted room, too: its row is what orders those who want the seat, and there are none.
    store::rooms::lock_room(unit, room_id).await?;
    let Some(seat) = store::rooms::lock_seat(unit, room_id, user_id).await? else { return Ok(false) };
    let from = registration_status(&seat.status)?;
    if from != RegistrationStatus::Pending || seat.is_held {
        return Ok(false);
    }
    machine::step(from, RegistrationStatus::Cancelled)?;
    let at = Time::now_in_seconds().as_chrono();
    let cancelled = store::rooms::update_seat_cancelled(unit, seat.id, from.as_str(), at).await?;
    unit.forget(seat_key(room_id, user_id));
    Ok(cancelled)
}
