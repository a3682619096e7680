//! `chat.send_message`.

use base::id::{MessageId, UserId};
use base::{Problem, Time, Violations, text};
use protocol::Event;
use protocol::channel::Channel;
use protocol::chat::{Message, MessageSent, MessageType, SendMessage};
use store::StoreError;
use store::chat::NewMessage;

use super::policy::{require_accepted, take_conversation, take_message};
use super::view::count;
use super::{ChatError, NO_CONVERSATION, Participation, pair};
use crate::idempotency::{self, Claim, Written};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

const OPERATION: &str = "chat.send_message";
/// Characters of a message at most (domain.md §5.10).
const MAX_BODY: usize = 4000;

/// Writes a message to a conversation, or to a user with whom one is opened if need be. Both participants hear of
/// it; the same `client_id` again gives the same message.
///
/// # Errors
/// 404 for a conversation of others and for a receiver who is gone; [`ChatError::Blocked`],
/// [`ChatError::MessagesNotAccepted`], [`ChatError::SelfConversation`], [`ChatError::ReplyNotFound`]; violations of
/// `client_id`, `body`, `media`, `conversation_id`; [`ChatError::MediaNotFound`] for every upload (there are none
/// yet); rate limits: 60 messages a minute, 20 new conversations an hour.
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
    in_unit!(app, |unit| write_message(unit, actor, &input))
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

async fn write_message(
    unit: &mut Unit,
    actor: &Actor,
    input: &SendMessage,
) -> Result<Written<MessageSent>, ChatError> {
    let ticket = match idempotency::claim(unit, actor, OPERATION, &input.client_id, input).await? {
        Claim::First(ticket) => ticket,
        Claim::Answered(written) => return Ok(written),
    };
    let me = actor.user_id();
    let (known, other) = find_receiver(unit, me, input).await?;
    require_accepted(unit, me, other, known).await?;
    let body = checked_body(input)?;

    let place = lock_place(unit, me, other, known).await?;
    if let Some(reply_to_id) = input.reply_to_id {
        require_reply(unit, &place, reply_to_id).await?;
    }
    // Read under the lock, so that times follow ids.
    let now = Time::now_in_seconds();
    let restored = restored_unread(unit, &place).await?;
    let new = NewMessage {
        conversation_id: place.id(),
        sender_id: me,
        message_type: input.message_type.as_str(),
        body: body.as_deref(),
        reply_to_id: input.reply_to_id,
        now,
    };
    let id = store::chat::insert_message(unit, &new).await?;
    store::chat::update_last_message(unit, place.id(), id, now).await?;

    let mut added = vec![(other, restored.1.saturating_add(1))];
    if restored.0 > 0 {
        added.push((me, restored.0));
        unit.forget_user(me);
    }
    added.sort_unstable();
    store::chat::update_unread_added(unit, &added).await?;
    let totals = store::chat::list_unread_totals(unit, &[me, other]).await?;

    let message = Message {
        id,
        conversation_id: place.id(),
        sender_id: me,
        message_type: input.message_type,
        body,
        media_urls: Vec::new(),
        reply_to_id: input.reply_to_id,
        created_at: now,
        read_at: None,
        deleted: false,
    };
    for user_id in [other, me] {
        let unread_total = totals.iter().find(|total| total.0 == user_id).map_or(0, |total| total.1);
        unit.emit(
            Channel::User(user_id),
            Event::ChatMessageCreated { message: message.clone(), unread_total },
        );
    }
    unit.forget_user(other);
    Ok(idempotency::remember(unit, ticket, MessageSent { message }).await?)
}

/// The conversation, if there is one already, and the other participant.
async fn find_receiver(
    unit: &mut Unit,
    me: UserId,
    input: &SendMessage,
) -> Result<(Option<u64>, UserId), ChatError> {
    if let Some(id) = input.conversation_id {
        let place = Participation::of(store::chat::find_conversation(unit, id).await?, me)?;
        return Ok((Some(place.id()), place.other));
    }
    let other = input.user_id.ok_or(NO_CONVERSATION)?;
    if other == me {
        return Err(ChatError::SelfConversation);
    }
    let (one, two) = pair(me, other);
    let row = store::chat::find_conversation_of(unit, one, two).await?;
    Ok((row.map(|row| row.id), other))
}

/// The words, cleaned; `None` for media without any.
fn checked_body(input: &SendMessage) -> Result<Option<String>, ChatError> {
    let body = input.body.as_deref().map(text::clean).filter(|body| !body.is_empty());
    let mut violations = Violations::none();
    let too_long = body.as_deref().is_some_and(|body| text::length(body) > MAX_BODY);
    violations.require(!too_long, "body", Problem::TooLong(MAX_BODY));
    if input.message_type == MessageType::Text {
        violations.require(body.is_some(), "body", Problem::Required);
    } else {
        violations.require(!input.media.is_empty(), "media", Problem::Required);
    }
    violations.into_result()?;
    // No upload exists yet, so none that is named does.
    if input.media.is_empty() { Ok(body) } else { Err(ChatError::MediaNotFound) }
}

/// Holds the conversation's row, opening the conversation first if need be.
async fn lock_place(
    unit: &mut Unit,
    me: UserId,
    other: UserId,
    known: Option<u64>,
) -> Result<Participation, ChatError> {
    if let Some(id) = known {
        return Ok(Participation::of(store::chat::lock_conversation(unit, id).await?, me)?);
    }
    let (one, two) = pair(me, other);
    match store::chat::insert_conversation(unit, one, two, Time::now_in_seconds()).await {
        Ok(_) => {}
        // The other one, or another device, was faster: theirs is the conversation.
        Err(error) if error.is_unique(store::chat::PAIR_INDEX) => {}
        // The account was deleted a moment ago.
        Err(StoreError::Foreign(_)) => return Err(base::CommonFault::NotFound("user").into()),
        Err(error) => return Err(error.into()),
    }
    Ok(Participation::of(store::chat::lock_conversation_of(unit, one, two).await?, me)?)
}

async fn require_reply(unit: &mut Unit, place: &Participation, id: MessageId) -> Result<(), ChatError> {
    let row = store::chat::find_message(unit, id).await?;
    let holds = row.is_some_and(|row| row.conversation_id == place.id() && row.deleted_at.is_none());
    if holds { Ok(()) } else { Err(ChatError::ReplyNotFound) }
}

/// A deleted conversation took its unread messages out of both totals; the message that restores it brings them back:
/// (mine, the other's).
async fn restored_unread(unit: &mut Unit, place: &Participation) -> Result<(u32, u32), ChatError> {
    if place.conversation.deleted_at.is_none() {
        return Ok((0, 0));
    }
    let mine = unread_in(unit, place.me, place.id()).await?;
    let theirs = unread_in(unit, place.other, place.id()).await?;
    Ok((mine, theirs))
}

/// Unread messages of a participant in one conversation, deleted or not.
pub(super) async fn unread_in(
    unit: &mut Unit,
    reader: UserId,
    conversation_id: u64,
) -> Result<u32, ChatError> {
    let rows = store::chat::list_unread_among(unit, reader, &[conversation_id]).await?;
    Ok(rows.first().map_or(0, |row| count(row.unread)))
}
