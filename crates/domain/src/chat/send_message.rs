//! `chat.send_message`.

use base::id::{MessageId, UserId};
use base::{CommonFault, Problem, Time, Violations, text};
use protocol::Event;
use protocol::channel::Channel;
use protocol::chat::{Message, MessageSent, MessageType, SendMessage};
use store::StoreError;
use store::chat::NewMessage;

use super::policy::{require_accepted, take_conversation, take_message};
use super::unread::{find_totals, unread_in};
use super::view::NotedMedium;
use super::{ChatError, NO_CONVERSATION, Participation, pair};
use crate::idempotency::{self, Claim, Written};
use crate::morph::Morph;
use crate::unit::Unit;
use crate::uploads::ClaimedUpload;
use crate::{Actor, App, in_unit, uploads};

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
    in_unit!(app, |unit| write_message(app, unit, actor, &input))
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
    app: &App,
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
    let files = uploads::claim_for_message(unit, me, &input.media, input.message_type).await?;
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let noted: Vec<NotedMedium> = files.into_iter().map(noted).collect();
    let metadata = if noted.is_empty() {
        None
    } else {
        Some(serde_json::json!({ "media": serde_json::to_value(&noted).map_err(CommonFault::internal)? }))
    };
    // Read under the lock, so that times follow ids.
    let now = Time::now_in_seconds();
    let restored = restored_unread(unit, &place).await?;
    let new = NewMessage {
        conversation_id: place.id(),
        sender_id: me,
        message_type: input.message_type.as_str(),
        body: body.as_deref(),
        media_urls: &paths,
        metadata: metadata.as_ref(),
        reply_to_id: input.reply_to_id,
        now,
    };
    let id = store::chat::insert_message(unit, &new).await?;
    store::chat::update_last_message(unit, place.id(), id, now).await?;
    if !input.media.is_empty() {
        uploads::attach(unit, &input.media, Morph::Message, id).await?;
    }

    let mut added = vec![(other, restored.1.saturating_add(1))];
    if restored.0 > 0 {
        added.push((me, restored.0));
    }
    added.sort_unstable();
    store::chat::update_unread_added(unit, &added).await?;
    let totals = find_totals(unit, &[me, other]).await?;

    let media: Vec<_> = noted.into_iter().zip(&paths).map(|(medium, path)| medium.shown(app, path)).collect();
    let message = Message {
        id,
        conversation_id: place.id(),
        sender_id: me,
        message_type: input.message_type,
        body,
        media_urls: media.iter().map(|medium| medium.url.clone()).collect(),
        media,
        reply_to_id: input.reply_to_id,
        created_at: now,
        edited_at: None,
        read_at: None,
        deleted: false,
    };
    for user_id in [other, me] {
        let total = totals.of(user_id);
        let event = Event::ChatMessageCreated {
            message: message.clone(),
            unread_total: total.unread_total,
            unread_version: total.version,
        };
        unit.emit(Channel::User(user_id), event);
    }
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

/// The words, cleaned; `None` where nothing is left.
pub(super) fn clean_body(body: Option<&str>) -> Result<Option<String>, Violations> {
    let body = body.map(text::clean).filter(|body| !body.is_empty());
    let mut violations = Violations::none();
    let too_long = body.as_deref().is_some_and(|body| text::length(body) > MAX_BODY);
    violations.require(!too_long, "body", Problem::TooLong(MAX_BODY));
    violations.into_result().map(|()| body)
}

/// The words of a message, which only media can do without.
fn checked_body(input: &SendMessage) -> Result<Option<String>, ChatError> {
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
fn noted(file: ClaimedUpload) -> NotedMedium {
    let ClaimedUpload { path: _, mime, size, name, width, height, duration } = file;
    NotedMedium { mime: Some(mime), size, name, width, height, duration }
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
        Err(StoreError::Foreign(_)) => return Err(CommonFault::NotFound("user").into()),
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
