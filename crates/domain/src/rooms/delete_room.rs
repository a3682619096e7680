//! Taking a room away (domain.md §4.4, §5.6).

use base::Time;
use base::conditional::IfMatch;
use base::id::RoomId;
use bus::ControlMessage;
use protocol::channel::Channel;
use protocol::rooms::RoomStatus;

use super::authority::{Managed, lock_as_manager};
use super::facts::{count_viewers, facts_key};
use super::view::room_view;
use super::{NO_ROOM, RoomError};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Deletes a room in which nobody has, or had, a seat: for its host and whoever manages rooms. A live one is ended, and one
/// with seats cancelled instead; those who were there keep what they came for.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; [`base::CommonFault::PreconditionFailed`]; [`RoomError::InUse`].
pub async fn delete_room(
    app: &App,
    actor: &Actor,
    room_id: RoomId,
    version: &IfMatch,
) -> Result<(), RoomError> {
    actor.require("write")?;
    let viewers = count_viewers(app, room_id).await?;
    in_unit!(app, |unit| write_deletion(app, unit, actor, room_id, (version, viewers)))
}

async fn write_deletion(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    room_id: RoomId,
    (version, viewers): (&IfMatch, u32),
) -> Result<(), RoomError> {
    let Managed { status, .. } = lock_as_manager(unit, actor, room_id).await?;
    let viewers = if status == RoomStatus::Active { viewers } else { 0 };
    let row = store::rooms::find_listed_room(unit, actor.user_id(), true, room_id).await?.ok_or(NO_ROOM)?;
    version.check(&room_view(app, row, viewers)?)?;
    if status == RoomStatus::Active || store::rooms::count_held_seats(unit, room_id).await? > 0 {
        return Err(RoomError::InUse);
    }
    store::rooms::delete_room(unit, room_id, Time::now_in_seconds().as_chrono()).await?;
    unit.forget(facts_key(room_id));
    unit.control(ControlMessage::AccessChanged { channel: Channel::Room(room_id).to_string() });
    Ok(())
}
