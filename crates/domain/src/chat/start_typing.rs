//! `chat.start_typing`.

use std::time::Duration;

use base::Time;
use protocol::channel::Channel;
use protocol::chat::StartTyping;
use protocol::{Envelope, Event};

use super::{ChatError, Participation};
use crate::{Actor, App};

/// The other one hears of it at most so often (domain.md §5.10).
const EVERY: Duration = Duration::from_secs(3);
/// For so many seconds it is to be shown.
const SHOWN_SECONDS: i64 = 5;

/// Tells the other participant that the actor types. Repeats within 3 s are swallowed.
///
/// # Errors
/// 404 for a conversation of others, or a deleted one; [`ChatError::Blocked`].
pub async fn start_typing(app: &App, actor: &Actor, input: StartTyping) -> Result<(), ChatError> {
    actor.require("write")?;
    let mut conn = app.store.reader().await?;
    let row = store::chat::find_conversation(&mut conn, input.conversation_id).await?;
    let place = Participation::of_present(row, actor.user_id())?;
    let blocked = store::social::has_block(&mut conn, place.me, place.other).await?;
    drop(conn);
    if blocked {
        return Err(ChatError::Blocked);
    }
    if !app.bus.set_ephemeral(&format!("typing:{}:{}", place.id(), place.me), EVERY).await? {
        return Ok(());
    }
    let event = Event::ChatTypingStarted {
        conversation_id: place.id(),
        user_id: place.me,
        until: Time::now().plus_seconds(SHOWN_SECONDS),
    };
    app.signal(&Envelope::new(Channel::User(place.other), event)).await?;
    Ok(())
}
