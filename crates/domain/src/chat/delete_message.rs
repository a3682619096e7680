//! `chat.delete_message`.

use base::Time;
use protocol::Event;
use protocol::channel::Channel;
use protocol::chat::{DeleteMessage, MessageDeleted};

use super::own_message::hold_own;
use super::unread::find_totals;
use super::{ChatError, view};
use crate::morph::Morph;
use crate::unit::Unit;
use crate::{Actor, App, in_unit, uploads};

/// Deletes one's own message for both participants, at any time: only its place is left, and its files are served no
/// more. Both hear of it, also where it
/// was deleted before: this may be the repeat of a deletion whose answer was lost. Whoever is blocked may still take
/// back what he wrote.
///
/// # Errors
/// 404 for a message of a conversation of others, or of a deleted one; forbidden for the other one's message.
pub async fn delete_message(
    app: &App,
    actor: &Actor,
    input: DeleteMessage,
) -> Result<MessageDeleted, ChatError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_deletion(app, unit, actor, &input))
}

async fn write_deletion(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &DeleteMessage,
) -> Result<MessageDeleted, ChatError> {
    let (place, mut row) = hold_own(unit, actor.user_id(), input.message_id).await?;
    if row.deleted_at.is_none() {
        let now = Time::now_in_seconds();
        store::chat::update_message_deleted(unit, row.id, now).await?;
        let newest = store::chat::find_newest_left(unit, place.id()).await?;
        store::chat::update_last_message_left(unit, place.id(), newest, now).await?;
        uploads::release(unit, Morph::Message, row.id).await?;
        // A reader marks messages under the same lock, so it was either read before or is not to be read any more.
        if row.read_at.is_none() {
            store::chat::update_unread_taken(unit, place.other, 1).await?;
        }
        row.deleted_at = Some(now.as_chrono());
    }
    // Also where nothing changed: Redis may not have been told of the first deletion.
    let totals = find_totals(unit, &[place.me, place.other]).await?;
    for user_id in [place.other, place.me] {
        let total = totals.of(user_id);
        let event = Event::ChatMessageDeleted {
            conversation_id: place.id(),
            message_id: row.id,
            unread_total: total.unread_total,
            unread_version: total.version,
        };
        unit.emit(Channel::User(user_id), event);
    }
    Ok(MessageDeleted { message: view::message(app, row)? })
}
