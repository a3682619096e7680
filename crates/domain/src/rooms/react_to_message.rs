//! Reactions to messages of a room (domain.md §4.2, §5.6): one of each user, and a count that is exact.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Time;
use protocol::channel::Channel;
use protocol::rooms::{ReactToMessage, Reacted};
use protocol::{Envelope, Event};
use store::StoreError;
use store::rooms::NewReaction;

use super::authority::find_room_of;
use super::facts::facts_key;
use super::view::reaction_type;
use super::{NO_MESSAGE, RoomError};
use crate::morph::Morph;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// A room hears of one message's reactions at most so often (domain.md §5.6).
const EVERY: Duration = Duration::from_millis(500);
/// Tries to tell, while MySQL or Redis do not answer.
const TRIES: u32 = 3;

/// Reacts to a message, in place of an earlier reaction, or takes the reaction back. For all who may read the message,
/// the muted too: a mute is about words. The room hears within half a second, together with what others did meanwhile.
///
/// # Errors
/// `not_found`, also for a deleted message; [`RoomError::Banned`], [`RoomError::NotActive`].
pub async fn react_to_message(app: &App, actor: &Actor, input: ReactToMessage) -> Result<Reacted, RoomError> {
    actor.require("write")?;
    let written: Result<Reacted, RoomError> = in_unit!(app, |unit| write_reaction(app, unit, actor, &input));
    let reacted = written?;
    // Also where nothing changed: this may be the repeat of a reaction after which Redis could not be told.
    tell_soon(app, input.message_id).await?;
    Ok(reacted)
}

async fn write_reaction(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &ReactToMessage,
) -> Result<Reacted, RoomError> {
    let (user_id, message_id) = (actor.user_id(), input.message_id);
    find_room_of(unit, actor, message_id).await?;
    let message = store::rooms::lock_message(unit, message_id).await?;
    let message = message.filter(|message| !message.is_deleted).ok_or(NO_MESSAGE)?;
    let morph = Morph::LiveRoomMessage;
    let earlier = store::rooms::lock_reactions(unit, user_id, morph.spellings(), message_id).await?;

    // One row is kept or made where there is to be a reaction; the rest goes, also a second one in the other spelling.
    let taken = u32::try_from(earlier.len()).unwrap_or(u32::MAX);
    let given = u32::from(input.reaction.is_some());
    let reactions_count = message.reactions_count.saturating_sub(taken).saturating_add(given);
    if reactions_count != message.reactions_count {
        store::rooms::update_reactions_count(unit, message_id, reactions_count).await?;
    }
    let at = Time::now_in_seconds().as_chrono();
    let mut earlier = earlier.into_iter();
    if let Some(reaction) = input.reaction {
        match earlier.next() {
            Some(row) if row.reaction == reaction.as_str() => {}
            Some(row) => store::rooms::update_reaction(unit, row.id, reaction.as_str(), at).await?,
            None => {
                let row = NewReaction {
                    user_id,
                    reactable_type: morph.column(app.settings.morph),
                    reactable_id: message_id,
                    reaction: reaction.as_str(),
                    at,
                };
                store::rooms::insert_reaction(unit, &row).await?;
            }
        }
    }
    for row in earlier {
        store::rooms::delete_reaction(unit, row.id).await?;
    }
    Ok(Reacted { message_id, reactions_count, my_reaction: input.reaction })
}

/// Tells the room of a message's reactions, half a second from now at the latest.
///
/// Who finds no mark sets one, waits until it has run out, and then reads and tells. Who finds one has committed before
/// it ran out, hence before that reading: the last state is always told.
async fn tell_soon(app: &App, message_id: u64) -> Result<(), RoomError> {
    if !app.bus.set_ephemeral(&format!("reactions:{message_id}"), EVERY).await? {
        return Ok(());
    }
    let app = app.clone();
    tokio::spawn(async move {
        for left in (0..TRIES).rev() {
            tokio::time::sleep(EVERY).await;
            match tell_now(&app, message_id).await {
                Ok(()) => return,
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(%error, cause, message_id, left, "reactions could not be told");
                }
            }
        }
    });
    Ok(())
}

/// Reads and publishes while the message's row is locked, since another node may be about to tell a newer state: it waits
/// for this one, so that no older state is heard after a newer one. The publishing takes one round trip to Redis, or
/// fails within its time limit.
async fn tell_now(app: &App, message_id: u64) -> Result<(), RoomError> {
    let mut unit = app.begin().await?;
    let message = store::rooms::lock_message(&mut unit, message_id).await?;
    let Some(message) = message.filter(|message| !message.is_deleted) else { return Ok(()) };
    let morphs = Morph::LiveRoomMessage.spellings();
    let mut reactions = BTreeMap::new();
    for (reaction, count) in store::rooms::count_reactions(&mut unit, morphs, message_id).await? {
        let corrupt = StoreError::Corrupt { table: "reactions", column: "COUNT(*)" };
        reactions.insert(reaction_type(&reaction)?, u32::try_from(count).map_err(|_error| corrupt)?);
    }
    let room_id = message.live_room_id;
    if message.is_pinned {
        // Its count is in the state that subscribers are given.
        app.bus.cache_invalidate(&[&facts_key(room_id)]).await?;
    }
    let reactions_count = message.reactions_count;
    let event = Event::RoomReactionsChanged { room_id, message_id, reactions_count, reactions };
    app.signal(&Envelope::new(Channel::Room(room_id), event)).await?;
    Ok(unit.commit(app).await?)
}
