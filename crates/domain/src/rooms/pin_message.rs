//! Messages on top of a room (domain.md §5.6).

use base::Time;
use base::id::RoomId;
use protocol::Event;
use protocol::channel::Channel;
use protocol::rooms::{MessageChanged, PinMessage, RoomMessage, UnpinMessage};

use super::authority::lock_room_of;
use super::facts::facts_key;
use super::view::message_view;
use super::{NO_MESSAGE, RoomError};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Messages on top of a room at most.
const MOST_PINNED: u64 = 3;

/// Pins a message: for the host and moderators, three a room at most, exactly, since the room's row is locked. Pinning
/// again changes nothing.
///
/// # Errors
/// [`RoomError::TooManyPinned`]; `not_found`, also for a deleted message; [`base::CommonFault::Forbidden`].
pub async fn pin_message(app: &App, actor: &Actor, input: PinMessage) -> Result<MessageChanged, RoomError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_pin(app, unit, actor, input.message_id))
}

async fn write_pin(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    message_id: u64,
) -> Result<MessageChanged, RoomError> {
    let room_id = lock_room_of(unit, actor, message_id).await?.id;
    let was_pinned = lock_present(unit, message_id).await?;
    if !was_pinned {
        if store::rooms::count_pinned(unit, room_id).await? >= MOST_PINNED {
            return Err(RoomError::TooManyPinned);
        }
        let at = Time::now_in_seconds().as_chrono();
        store::rooms::update_pinned(unit, message_id, Some(actor.user_id()), at).await?;
    }
    let message = read_back(app, unit, room_id, message_id).await?;
    if !was_pinned {
        unit.emit(Channel::Room(room_id), Event::RoomMessagePinned { message: message.clone() });
    }
    Ok(MessageChanged { message })
}

/// Takes a message down: for the host and moderators. Doing it again changes nothing.
///
/// # Errors
/// `not_found`, also for a deleted message; [`base::CommonFault::Forbidden`].
pub async fn unpin_message(
    app: &App,
    actor: &Actor,
    input: UnpinMessage,
) -> Result<MessageChanged, RoomError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_unpin(app, unit, actor, input.message_id))
}

async fn write_unpin(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    message_id: u64,
) -> Result<MessageChanged, RoomError> {
    let room_id = lock_room_of(unit, actor, message_id).await?.id;
    if lock_present(unit, message_id).await? {
        store::rooms::update_pinned(unit, message_id, None, Time::now_in_seconds().as_chrono()).await?;
        unit.emit(Channel::Room(room_id), Event::RoomMessageUnpinned { room_id, message_id });
    }
    Ok(MessageChanged { message: read_back(app, unit, room_id, message_id).await? })
}

/// Locks a message of which there is more than the place; is it pinned?
async fn lock_present(unit: &mut Unit, message_id: u64) -> Result<bool, RoomError> {
    let message = store::rooms::lock_message(unit, message_id).await?;
    let message = message.filter(|message| !message.is_deleted).ok_or(NO_MESSAGE)?;
    Ok(message.is_pinned)
}

/// The message as it is now. What the cache knows is made stale also where nothing changed: this may be the repeat of
/// a write after which Redis could not be told.
async fn read_back(
    app: &App,
    unit: &mut Unit,
    room_id: RoomId,
    message_id: u64,
) -> Result<RoomMessage, RoomError> {
    unit.forget(facts_key(room_id));
    let row = store::rooms::find_message(unit, message_id).await?.ok_or(NO_MESSAGE)?;
    Ok(message_view(app, row)?)
}
