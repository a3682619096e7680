//! A message in its author's hands, to be edited or deleted.

use base::CommonFault;
use base::id::{MessageId, UserId};
use store::Conn;
use store::chat::MessageRow;

use super::{ChatError, Participation};
use crate::unit::Unit;
use crate::{Actor, App};

const NO_MESSAGE: CommonFault = CommonFault::NotFound("message");

/// Demands that the message is the actor's own, for a door that has to refuse others before it tells what is wrong with
/// a body (domain.md §2.2).
///
/// # Errors
/// 404 for a message of a conversation of others, or of a deleted one; forbidden for the other one's message.
pub async fn demand_own_message(app: &App, actor: &Actor, id: MessageId) -> Result<(), ChatError> {
    let mut conn = app.store.reader().await?;
    find_own(&mut conn, actor.user_id(), id).await.map(drop)
}

/// The actor's message, and the conversation, whose row is held from here on.
///
/// # Errors
/// As [`demand_own_message`].
pub(super) async fn hold_own(
    unit: &mut Unit,
    me: UserId,
    id: MessageId,
) -> Result<(Participation, MessageRow), ChatError> {
    // Asked first, so that a stranger does not hold up a conversation of others by guessing ids.
    let found = find_own(unit, me, id).await?;
    let row = store::chat::lock_conversation(unit, found.conversation_id).await?;
    let place = Participation::of_present(row, me).map_err(|_stranger| NO_MESSAGE)?;
    // As it is now that nobody else can change it.
    let message = store::chat::find_message(unit, id).await?.ok_or(NO_MESSAGE)?;
    Ok((place, message))
}

async fn find_own(conn: &mut Conn, me: UserId, id: MessageId) -> Result<MessageRow, ChatError> {
    let message = store::chat::find_message(conn, id).await?.ok_or(NO_MESSAGE)?;
    let row = store::chat::find_conversation(conn, message.conversation_id).await?;
    Participation::of_present(row, me).map_err(|_stranger| NO_MESSAGE)?;
    if message.sender_id == me { Ok(message) } else { Err(CommonFault::Forbidden.into()) }
}
