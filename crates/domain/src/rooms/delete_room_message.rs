//! Taking a message back, or out of a room (domain.md §5.6).

use base::{CommonFault, Time};
use protocol::Event;
use protocol::channel::Channel;
use protocol::rooms::{DeleteRoomMessage, MessageChanged};

use super::authority::find_room_of;
use super::facts::facts_key;
use super::view::message_view;
use super::{NO_MESSAGE, RoomError};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Leaves only the place of a message: for its author, the host and moderators, also when the room is over. A pinned
/// message is not pinned any more. Its answers stay. Deleting again changes nothing.
///
/// # Errors
/// `not_found`; [`CommonFault::Forbidden`]; [`RoomError::Banned`], [`RoomError::NotActive`].
pub async fn delete_room_message(
    app: &App,
    actor: &Actor,
    input: DeleteRoomMessage,
) -> Result<MessageChanged, RoomError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_deletion(app, unit, actor, input.message_id))
}

async fn write_deletion(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    message_id: u64,
) -> Result<MessageChanged, RoomError> {
    let member = find_room_of(unit, actor, message_id).await?;
    let room_id = member.room.id;
    let message = store::rooms::lock_message(unit, message_id).await?.ok_or(NO_MESSAGE)?;
    if message.user_id != actor.user_id() && !member.is_staff(unit, actor.user_id()).await? {
        return Err(CommonFault::Forbidden.into());
    }
    if !message.is_deleted {
        let (deleted_by, at) = (actor.user_id(), Time::now_in_seconds().as_chrono());
        store::rooms::update_deleted(unit, message_id, deleted_by, at).await?;
        unit.emit(Channel::Room(room_id), Event::RoomMessageDeleted { room_id, message_id, deleted_by });
    }
    unit.forget(facts_key(room_id));
    let tombstone = store::rooms::find_message(unit, message_id).await?.ok_or(NO_MESSAGE)?;
    Ok(MessageChanged { message: message_view(app, tombstone)? })
}
