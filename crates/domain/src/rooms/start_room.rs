//! Going live (domain.md §5.6 "live_rooms.status").

use base::id::{BASE32_LOWER, RoomId, random_text};
use base::{CommonFault, Time};
use protocol::Event;
use protocol::channel::Channel;
use protocol::notifications::NotificationKind;
use protocol::rooms::{RoomStarted, RoomStatus};
use store::rooms::RoomRow;

use super::RoomError;
use super::authority::{Managed, lock_as_manager};
use super::facts::facts_key;
use super::schedule::Schedule;
use super::tell_all::note;
use crate::unit::Unit;
use crate::{Actor, App, in_unit, machine};

/// Makes a scheduled room live, with a fresh Jitsi room: its host from 15 minutes before the day's session until its
/// end, or whoever holds `rooms.manage` at any time. Tells the room and everybody with a seat.
///
/// # Errors
/// [`CommonFault::Forbidden`]; [`CommonFault::IllegalTransition`] with `allowed`; [`RoomError::OutsideWindow`].
pub async fn start_room(app: &App, actor: &Actor, room_id: RoomId) -> Result<RoomStarted, RoomError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_start(unit, actor, room_id))
}

async fn write_start(unit: &mut Unit, actor: &Actor, room_id: RoomId) -> Result<RoomStarted, RoomError> {
    let Managed { room, status, manages } = lock_as_manager(unit, actor, room_id).await?;
    let started_at = Time::now_in_seconds();
    machine::step(status, RoomStatus::Active)?;
    if !manages && !is_in_window(&room, started_at)? {
        return Err(RoomError::OutsideWindow);
    }
    let jitsi_room = format!("r{room_id}-{}", random_text(24, BASE32_LOWER));
    if !store::rooms::update_started(unit, room_id, &jitsi_room, started_at.as_chrono()).await? {
        return Err(CommonFault::internal("a locked room changed its state").into());
    }
    unit.forget(facts_key(room_id));
    unit.emit(Channel::Room(room_id), Event::RoomStarted { room_id, started_at });
    for user_id in store::rooms::list_registered(unit, room_id).await? {
        unit.emit(Channel::User(user_id), Event::RoomStarted { room_id, started_at });
    }
    let occasion = jitsi_room.as_str();
    note(unit, room_id, NotificationKind::RoomStarted, occasion, Some(room.user_id), started_at).await?;
    Ok(RoomStarted { id: room_id, status: RoomStatus::Active, started_at, jitsi_room })
}

fn is_in_window(room: &RoomRow, now: Time) -> Result<bool, RoomError> {
    let schedule =
        Schedule::of(room).ok_or_else(|| CommonFault::internal("the room's time zone is not one"))?;
    Ok(schedule.session_at(now).is_some())
}
