//! `delete_conversation`.

use base::Time;
use base::id::ConversationId;
use protocol::Event;
use protocol::channel::Channel;

use super::unread::{find_totals, unread_in};
use super::{ChatError, Participation};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Deletes a conversation for both participants, the only thing that the schema can say (domain.md §5.10); the next
/// message restores it. What is unread in it leaves both totals until then, and both hear of that.
///
/// # Errors
/// 404 for a conversation of others, or one that is deleted already.
pub async fn delete_conversation(app: &App, actor: &Actor, id: ConversationId) -> Result<(), ChatError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_deletion(unit, actor, id))
}

async fn write_deletion(unit: &mut Unit, actor: &Actor, id: ConversationId) -> Result<(), ChatError> {
    let row = store::chat::lock_conversation(unit, id).await?;
    let place = Participation::of_present(row, actor.user_id())?;
    let now = Time::now_in_seconds();
    store::chat::update_deleted_at(unit, id, Some(now), now).await?;
    // In the order of the pair, which is ascending: two deletions cannot deadlock.
    let pair = [place.conversation.user_one_id, place.conversation.user_two_id];
    for reader in pair {
        let unread = unread_in(unit, reader, id).await?;
        if unread > 0 {
            store::chat::update_unread_taken(unit, reader, unread).await?;
        }
    }
    let totals = find_totals(unit, &pair).await?;
    for user_id in pair {
        let total = totals.of(user_id);
        let event = Event::ChatConversationDeleted {
            conversation_id: id,
            unread_total: total.unread_total,
            unread_version: total.version,
        };
        unit.emit(Channel::User(user_id), event);
    }
    Ok(())
}
