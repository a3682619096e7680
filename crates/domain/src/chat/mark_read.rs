//! `chat.mark_read`.

use base::Time;
use protocol::Event;
use protocol::channel::Channel;
use protocol::chat::{MarkRead, MessagesRead};

use super::unread::find_totals;
use super::{ChatError, Participation};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Marks everything that the other one wrote up to a message as read. Both hear of it, if anything was unread.
/// `up_to` may be any id, that of an own message or one beyond the newest; a smaller one than before changes nothing.
/// Answer and event name the newest message of the other one that is read: what was read stays so, hence this never goes
/// back. A block keeps nobody from reading.
///
/// # Errors
/// 404 for a conversation of others, or a deleted one.
pub async fn mark_read(app: &App, actor: &Actor, input: MarkRead) -> Result<MessagesRead, ChatError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_read(unit, actor, &input))
}

async fn write_read(unit: &mut Unit, actor: &Actor, input: &MarkRead) -> Result<MessagesRead, ChatError> {
    let row = store::chat::lock_conversation(unit, input.conversation_id).await?;
    let Participation { conversation, me, other } = Participation::of_present(row, actor.user_id())?;
    let now = Time::now_in_seconds();
    let changed = store::chat::update_read_at(unit, conversation.id, other, input.up_to, now).await?;
    if changed > 0 {
        store::chat::update_last_read_at(unit, conversation.id, me, now).await?;
        let taken = u32::try_from(changed).unwrap_or(u32::MAX);
        store::chat::update_unread_taken(unit, me, taken).await?;
    }
    let up_to = store::chat::find_read_up_to(unit, conversation.id, other).await?.unwrap_or(0);
    // Also where nothing changed: this may be the repeat of a read after which Redis could not be told.
    let total = find_totals(unit, &[me]).await?.of(me);
    if changed > 0 {
        for (user_id, own) in [(other, None), (me, Some(total))] {
            let event = Event::ChatMessagesRead {
                conversation_id: conversation.id,
                reader_id: me,
                up_to,
                at: now,
                unread_total: own.map(|total| total.unread_total),
                unread_version: own.map(|total| total.version),
            };
            unit.emit(Channel::User(user_id), event);
        }
    }
    Ok(MessagesRead {
        conversation_id: conversation.id,
        up_to,
        unread_total: total.unread_total,
        unread_version: total.version,
    })
}
