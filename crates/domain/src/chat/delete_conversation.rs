//! `delete_conversation`.

use base::Time;
use base::id::ConversationId;

use super::send_message::unread_in;
use super::{ChatError, Participation};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Deletes a conversation for both participants, the only thing that the schema can say (domain.md §5.10); the next
/// message restores it. What is unread in it leaves both totals until then.
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
    for reader in [place.conversation.user_one_id, place.conversation.user_two_id] {
        let unread = unread_in(unit, reader, id).await?;
        if unread > 0 {
            store::chat::update_unread_taken(unit, reader, unread).await?;
            unit.forget_user(reader);
        }
    }
    Ok(())
}
