//! `chat.start_typing`.

use std::time::Duration;

use base::Time;
use protocol::channel::Channel;
use protocol::chat::StartTyping;
use protocol::{Envelope, Event};

use super::policy::require_accepted;
use super::{ChatError, Participation};
use crate::{Actor, App};

/// The other one hears of it at most so often (domain.md §5.10).
const EVERY: Duration = Duration::from_secs(3);
/// For so many seconds it is to be shown.
const SHOWN_SECONDS: i64 = 5;

/// Tells the other participant that the actor types. Repeats within 3 s are swallowed. Whoever may not write is not
/// seen to type either.
///
/// # Errors
/// 404 for a conversation of others, or a deleted one, and where the other one is gone; [`ChatError::Blocked`],
/// [`ChatError::MessagesNotAccepted`].
pub async fn start_typing(app: &App, actor: &Actor, input: StartTyping) -> Result<(), ChatError> {
    actor.require("write")?;
    let mut conn = app.store.reader().await?;
    let row = store::chat::find_conversation(&mut conn, input.conversation_id).await?;
    let place = Participation::of_present(row, actor.user_id())?;
    require_accepted(&mut conn, place.me, place.other, Some(place.id())).await?;
    drop(conn);
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
