//! Calling a room off (domain.md §5.6): at once for the room, and by the clock for everybody with a seat, so that
//! thousands can be paid back.

use base::id::{RoomId, UserId};
use base::{CommonFault, Time};
use bus::ControlMessage;
use protocol::Event;
use protocol::channel::Channel;
use protocol::notifications::NotificationKind;
use protocol::rooms::{RegistrationStatus, RoomEnded, RoomStatus};
use store::rooms::NoticeRow;

use super::authority::{Managed, lock_as_manager};
use super::cancel_registration::pay_back;
use super::end_room::write_ended;
use super::facts::seat_key;
use super::tell_all::note;
use super::view::registration_status;
use super::{NO_ROOM, RoomError};
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App, in_unit, machine};

/// Calls a room off: for its host and whoever manages rooms. The room is closed at once; the clock then takes back each
/// seat, pays what was paid for it, and tells its owner, each exactly once.
///
/// # Errors
/// [`CommonFault::Forbidden`], `not_found`; [`CommonFault::IllegalTransition`] for a room that is over.
pub async fn cancel_room(app: &App, actor: &Actor, room_id: RoomId) -> Result<RoomEnded, RoomError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_cancellation(unit, actor, room_id))
}

async fn write_cancellation(unit: &mut Unit, actor: &Actor, room_id: RoomId) -> Result<RoomEnded, RoomError> {
    let Managed { room, status, .. } = lock_as_manager(unit, actor, room_id).await?;
    let at = Time::now_in_seconds();
    let ended = write_ended(unit, &room, status, RoomStatus::Cancelled, at).await?;
    let by = Some(actor.user_id());
    note(unit, room_id, NotificationKind::RoomCancelled, "all", by, at).await?;
    Ok(ended)
}

/// Takes one seat of a cancelled room back; `false` where that was done. For the clock.
pub(super) async fn take_seat_back(
    app: &App,
    notice: &NoticeRow,
    user_id: UserId,
) -> Result<bool, RoomError> {
    in_unit!(app, |unit| write_seat_back(app, unit, notice, user_id))
}

async fn write_seat_back(
    app: &App,
    unit: &mut Unit,
    notice: &NoticeRow,
    user_id: UserId,
) -> Result<bool, RoomError> {
    let room_id = notice.live_room_id;
    let room = store::rooms::lock_room(unit, room_id).await?.ok_or(NO_ROOM)?;
    let Some(seat) = store::rooms::lock_seat(unit, room_id, user_id).await? else { return Ok(false) };
    let from = registration_status(&seat.status)?;
    if from == RegistrationStatus::Cancelled {
        return Ok(false);
    }
    machine::step(from, RegistrationStatus::Cancelled)?;
    let at = Time::now_in_seconds();
    if !store::rooms::update_seat_cancelled(unit, seat.id, from.as_str(), at.as_chrono()).await? {
        return Err(CommonFault::internal("a locked seat changed its state").into());
    }
    let refunded = pay_back(app, unit, &seat, at).await?;
    unit.forget(seat_key(room_id, user_id));
    unit.emit(Channel::User(user_id), Event::RoomCancelled { room_id, cancelled_at: at });
    unit.control(ControlMessage::AccessRevoked { user_id, channel: Channel::Room(room_id).to_string() });
    let mut told = Notice::new(NotificationKind::RoomCancelled, user_id)
        .about(Morph::LiveRoom, room_id, format!("/live-rooms/{room_id}"))
        .with("title", room.title);
    told.actor = notice.actor_id;
    notify(app, unit, told).await?;
    if let Some(refunded) = refunded {
        refunded.credit_note(app, unit).await?;
    }
    Ok(true)
}
