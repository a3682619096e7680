//! `open_conversation`.

use base::{CommonFault, Time};
use protocol::Event;
use protocol::channel::Channel;
use protocol::chat::{Conversation, OpenConversation};
use store::StoreError;
use store::chat::{ConversationRow, UnreadAdded};

use super::policy::{require_accepted, take_conversation};
use super::unread::{find_totals, unread_in};
use super::{ChatError, Participation, pair, view};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Opens the conversation with a user, or finds it; a deleted one is restored, of which both hear. Also says whether it
/// is new.
///
/// # Errors
/// [`ChatError::SelfConversation`], 404 for a user who is gone, [`ChatError::Blocked`],
/// [`ChatError::MessagesNotAccepted`]; at most 20 new ones an hour.
pub async fn open_conversation(
    app: &App,
    actor: &Actor,
    input: OpenConversation,
) -> Result<(Conversation, bool), ChatError> {
    actor.require("write")?;
    if input.user_id == actor.user_id() {
        return Err(ChatError::SelfConversation);
    }
    if app.settings.limits.enabled {
        let (one, two) = pair(actor.user_id(), input.user_id);
        let mut conn = app.store.reader().await?;
        let known = store::chat::find_conversation_of(&mut conn, one, two).await?.is_some();
        drop(conn);
        if !known {
            take_conversation(app, actor).await?;
        }
    }
    let opened: Result<_, ChatError> = in_unit!(app, |unit| write_conversation(unit, actor, &input));
    let (row, created) = opened?;
    Ok((view::conversation(app, actor.user_id(), row).await?, created))
}

async fn write_conversation(
    unit: &mut Unit,
    actor: &Actor,
    input: &OpenConversation,
) -> Result<(ConversationRow, bool), ChatError> {
    let (me, other) = (actor.user_id(), input.user_id);
    let (one, two) = pair(me, other);
    let known = store::chat::find_conversation_of(unit, one, two).await?;
    require_accepted(unit, me, other, known.as_ref().map(|row| row.id)).await?;
    let now = Time::now_in_seconds();
    let created = match known {
        Some(row) if row.deleted_at.is_none() => return Ok((row, false)),
        Some(_) => false,
        None => match store::chat::insert_conversation(unit, one, two, now).await {
            Ok(_) => true,
            Err(error) if error.is_unique(store::chat::PAIR_INDEX) => false,
            Err(StoreError::Foreign(_)) => return Err(CommonFault::NotFound("user").into()),
            Err(error) => return Err(error.into()),
        },
    };
    let row = store::chat::lock_conversation_of(unit, one, two).await?;
    let mut place = Participation::of(row, me)?;
    if place.conversation.deleted_at.is_some() {
        store::chat::update_deleted_at(unit, place.id(), None, now).await?;
        place.conversation.deleted_at = None;
        // Its unread messages count again.
        let mut added = Vec::new();
        for reader in [one, two] {
            let unread = unread_in(unit, reader, place.id()).await?;
            if unread > 0 {
                added.push(UnreadAdded { user_id: reader, count: unread, changes: 1 });
            }
        }
        store::chat::update_unread_added(unit, &added).await?;
        let totals = find_totals(unit, &[one, two]).await?;
        for user_id in [one, two] {
            let total = totals.of(user_id);
            let event = Event::ChatConversationRestored {
                conversation_id: place.id(),
                unread_total: total.unread_total,
                unread_version: total.version,
            };
            unit.emit(Channel::User(user_id), event);
        }
    }
    Ok((place.conversation, created))
}
