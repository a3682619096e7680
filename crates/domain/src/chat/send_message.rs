//! `chat.send_message`.

use base::{Problem, Violations, text};
use protocol::chat::{MessageSent, MessageType, SendMessage};

use super::policy::{take_conversation, take_message};
use super::view::NotedMedium;
use super::write_messages::{Sending, write_messages};
use super::{ChatError, pair};
use crate::idempotency::{self, Written};
use crate::uploads::ClaimedUpload;
use crate::{Actor, App};

const OPERATION: &str = "chat.send_message";
/// Characters of a message at most (domain.md §5.10).
const MAX_BODY: usize = 4000;

/// Writes a message to a conversation, or to a user with whom one is opened if need be. Both participants hear of
/// it; the same `client_id` again gives the same message.
///
/// # Errors
/// 404 for a conversation of others and for a receiver who is gone; [`ChatError::Blocked`],
/// [`ChatError::MessagesNotAccepted`], [`ChatError::SelfConversation`], [`ChatError::ReplyNotFound`]; violations of
/// `client_id`, `body`, `media` (one to ten files, of the message's kind), `conversation_id`;
/// [`ChatError::MediaNotFound`] for a file that is not the actor's, [`ChatError::MediaInUse`] for one that was sent
/// before; rate limits: 60 messages a minute, 20 new conversations an hour.
///
/// Messages that come at the same moment are written together (`write_messages`), each with its own outcome.
pub async fn send_message(
    app: &App,
    actor: &Actor,
    input: SendMessage,
) -> Result<Written<MessageSent>, ChatError> {
    actor.require("write")?;
    check_address(&input)?;
    if app.settings.limits.enabled {
        take_allowance(app, actor, &input).await?;
    }
    let keyed = idempotency::keyed(actor, OPERATION, &input.client_id, &input)?;
    let sending = Sending { me: actor.user_id(), input, keyed };
    let writer = app.clone();
    let write = move |sendings| write_messages(writer.clone(), sendings);
    app.sends.run(sending.lane(), sending, write).await?
}

/// What can be said of an input before anything is read.
fn check_address(input: &SendMessage) -> Result<(), ChatError> {
    let mut violations = Violations::none();
    violations.require(input.client_id.is_uuid(), "client_id", Problem::Format("a UUID"));
    match (input.conversation_id, input.user_id) {
        (None, None) => violations.add("conversation_id", Problem::Required),
        (Some(_), Some(_)) => {
            violations.add("user_id", Problem::NotAllowed("conversation_id says already to whom"));
        }
        _ => {}
    }
    Ok(violations.into_result()?)
}

/// A repeat of what was done already costs nothing, so it is let through even where the allowance is used up.
async fn take_allowance(app: &App, actor: &Actor, input: &SendMessage) -> Result<(), ChatError> {
    if let Err(refusal) = take_message(app, actor).await {
        return if idempotency::is_answered(app, actor, OPERATION, &input.client_id).await? {
            Ok(())
        } else {
            Err(refusal.into())
        };
    }
    if let Some(other) = input.user_id.filter(|&other| other != actor.user_id()) {
        let (one, two) = pair(actor.user_id(), other);
        let mut conn = app.store.reader().await?;
        let known = store::chat::find_conversation_of(&mut conn, one, two).await?.is_some();
        drop(conn);
        if !known {
            take_conversation(app, actor).await?;
        }
    }
    Ok(())
}

/// The words, cleaned; `None` where nothing is left.
pub(super) fn clean_body(body: Option<&str>) -> Result<Option<String>, Violations> {
    let body = body.map(text::clean).filter(|body| !body.is_empty());
    let mut violations = Violations::none();
    let too_long = body.as_deref().is_some_and(|body| text::length(body) > MAX_BODY);
    violations.require(!too_long, "body", Problem::TooLong(MAX_BODY));
    violations.into_result().map(|()| body)
}

/// The words of a message, which only media can do without.
pub(super) fn checked_body(input: &SendMessage) -> Result<Option<String>, ChatError> {
    let body = clean_body(input.body.as_deref())?;
    let mut violations = Violations::none();
    if input.message_type == MessageType::Text {
        violations.require(body.is_some(), "body", Problem::Required);
        let problem = Problem::NotAllowed("a text message has none");
        violations.require(input.media.is_empty(), "media", problem);
    } else {
        violations.require(!input.media.is_empty(), "media", Problem::Required);
    }
    violations.into_result()?;
    Ok(body)
}

/// What the metadata keeps of a file.
pub(super) fn noted(file: ClaimedUpload) -> NotedMedium {
    let ClaimedUpload { path: _, mime, size, name, width, height, duration, pages: _ } = file;
    NotedMedium { mime: Some(mime), size, name, width, height, duration }
}
