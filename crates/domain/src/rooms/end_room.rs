//! Ending a session, or the whole programme (domain.md §5.6 "live_rooms.status").

use base::id::RoomId;
use base::{CommonFault, Time};
use bus::ControlMessage;
use protocol::Event;
use protocol::channel::Channel;
use protocol::rooms::{DurationType, RegistrationStatus, RoomEnded, RoomStatus};
use store::rooms::RoomRow;

use super::RoomError;
use super::authority::{Managed, lock_as_manager};
use super::facts::facts_key;
use super::schedule::Schedule;
use crate::machine::{self, Machine};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Ends the session of a live room: for its host and whoever manages rooms. A programme of several days goes on with its
/// next session, the room is `scheduled` again; otherwise it is `completed`, and whoever never came is marked so.
///
/// # Errors
/// [`CommonFault::Forbidden`], `not_found`; [`CommonFault::IllegalTransition`] where the room is not live.
pub async fn end_room(app: &App, actor: &Actor, room_id: RoomId) -> Result<RoomEnded, RoomError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_end(unit, actor, room_id))
}

async fn write_end(unit: &mut Unit, actor: &Actor, room_id: RoomId) -> Result<RoomEnded, RoomError> {
    let Managed { room, status, .. } = lock_as_manager(unit, actor, room_id).await?;
    let now = Time::now_in_seconds();
    let to = after_session(&room, now)?;
    require_live(&room, status, to, now)?;
    write_ended(unit, &room, status, to, now).await
}

/// What a room is once its session ends.
///
/// # Errors
/// [`CommonFault::Internal`] for a row whose time zone is not one.
pub(super) fn after_session(room: &RoomRow, now: Time) -> Result<RoomStatus, CommonFault> {
    let goes_on = room.duration_type != DurationType::Day.as_str() && !is_over(room, now)?;
    Ok(if goes_on { RoomStatus::Scheduled } else { RoomStatus::Completed })
}

/// Is the programme's last session over?
///
/// # Errors
/// [`CommonFault::Internal`] for a row whose time zone is not one.
pub(super) fn is_over(room: &RoomRow, now: Time) -> Result<bool, CommonFault> {
    let end = Schedule::of(room).and_then(|schedule| schedule.ends_at());
    let end = end.ok_or_else(|| CommonFault::internal("the room's time zone is not one"))?;
    Ok(now >= end)
}

/// A programme that is still to come is cancelled, not ended: only the clock completes what is announced, past its end.
///
/// # Errors
/// [`CommonFault::IllegalTransition`].
pub(super) fn require_live(
    room: &RoomRow,
    status: RoomStatus,
    to: RoomStatus,
    now: Time,
) -> Result<(), CommonFault> {
    if status == RoomStatus::Scheduled && !is_over(room, now)? {
        let mut allowed = machine::allowed(status);
        allowed.retain(|name| *name != RoomStatus::Completed.name());
        let from = status.name().to_owned();
        return Err(CommonFault::IllegalTransition { what: RoomStatus::THING, from, to: to.name(), allowed });
    }
    machine::step(status, to)
}

/// Ends a locked room, or its session, and tells the room.
///
/// # Errors
/// [`CommonFault::IllegalTransition`]; those of the store.
pub(super) async fn write_ended(
    unit: &mut Unit,
    room: &RoomRow,
    from: RoomStatus,
    to: RoomStatus,
    at: Time,
) -> Result<RoomEnded, RoomError> {
    machine::step(from, to)?;
    let (room_id, written_at) = (room.id, at.as_chrono());
    if !store::rooms::update_ended(unit, room_id, from.as_str(), to.as_str(), written_at).await? {
        return Err(CommonFault::internal("a locked room changed its state").into());
    }
    store::rooms::delete_ending(unit, room_id).await?;
    if to == RoomStatus::Completed {
        machine::step(RegistrationStatus::Registered, RegistrationStatus::Missed)?;
        store::rooms::update_all_missed(unit, room_id, written_at).await?;
        machine::step(RegistrationStatus::Pending, RegistrationStatus::Cancelled)?;
        store::rooms::update_holds_cancelled(unit, room_id, written_at).await?;
    }
    unit.forget(facts_key(room_id));
    let event = match to {
        RoomStatus::Scheduled => Event::RoomSessionEnded { room_id, ended_at: at },
        RoomStatus::Cancelled => Event::RoomCancelled { room_id, cancelled_at: at },
        RoomStatus::Completed | RoomStatus::Active => Event::RoomEnded { room_id, ended_at: at },
    };
    unit.emit(Channel::Room(room_id), event);
    // Whom only a live room admits may not listen any more; of a cancelled one, nobody but its host.
    unit.control(ControlMessage::AccessChanged { channel: Channel::Room(room_id).to_string() });
    Ok(RoomEnded { id: room_id, status: to, ended_at: at })
}
