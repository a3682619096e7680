//! Writing in a live room (realtime.md §3, §4; domain.md §5.6).

use std::time::Duration;

use base::id::RoomId;
use base::text::{clean, length};
use base::{Problem, Time, Violations};
use protocol::Event;
use protocol::channel::Channel;
use protocol::rooms::{MessagePosted, PostMessage, RoomMember as MemberCard, RoomMessage, RoomMessageType};
use store::rooms::NewRoomMessage;

use super::admission::{RoomMember, admit_live};
use super::threads::find_thread_to_join;
use super::{NO_ROOM, RoomError};
use crate::idempotency::{self, Claim, Written};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Characters of a message.
const LONGEST: usize = 500;

/// Posts a message to a live room. Threads have one level: an answer to an answer joins the thread of the first message.
///
/// Message ids are in the order of commits (realtime.md §5): the room's row is locked before the id is drawn, so the
/// posts of one room commit one after the other. Inserting the message would lock that row against writers anyway.
///
/// # Errors
/// [`RoomError::NotActive`], [`RoomError::Muted`], [`RoomError::SlowMode`], [`RoomError::ParentNotFound`]; those of
/// admission; violations of `client_id`, `body`, `type`.
pub async fn post_message(
    app: &App,
    actor: &Actor,
    input: PostMessage,
) -> Result<Written<MessagePosted>, RoomError> {
    actor.require("write")?;
    if !input.client_id.is_uuid() {
        return Err(Violations::one("client_id", Problem::Format("a UUID")).into());
    }
    let input = PostMessage { body: clean(&input.body), ..input };
    let checked = check(&input);
    in_unit!(app, |unit| write_message(unit, actor, &input, &checked))
}

fn check(input: &PostMessage) -> Result<(), Violations> {
    let mut violations = check_body(&input.body);
    // `announcement` has an operation of its own, `system` is the platform's.
    let own = matches!(input.message_type, RoomMessageType::Text | RoomMessageType::Emoji);
    violations.require(own, "type", Problem::NotOneOf(&["text", "emoji"]));
    violations.into_result()
}

/// 1 to 500 characters.
pub(super) fn check_body(body: &str) -> Violations {
    let mut violations = Violations::none();
    match length(body) {
        0 => violations.add("body", Problem::Required),
        characters if characters > LONGEST => violations.add("body", Problem::TooLong(LONGEST)),
        _ => {}
    }
    violations
}

/// Slow mode: the times of two messages of one member are at least so many seconds apart, or it is told how long to
/// wait. Exact, since the room's row is locked; and only a message that was written takes its author's turn.
async fn require_turn(unit: &mut Unit, actor: &Actor, member: &RoomMember) -> Result<(), RoomError> {
    let seconds = store::rooms::find_slow_mode(unit, member.room.id).await?;
    if seconds == 0 || member.is_staff(unit, actor.user_id()).await? {
        return Ok(());
    }
    let Some(last) = store::rooms::find_last_written_at(unit, member.room.id, actor.user_id()).await? else {
        return Ok(());
    };
    let turn = Time::from(last).plus_seconds(i64::from(seconds));
    // Times are kept in whole seconds, and another node's clock may be ahead: never more than the whole wait.
    let wait = turn.as_chrono().signed_duration_since(Time::now().as_chrono()).to_std().unwrap_or_default();
    let wait = wait.min(Duration::from_secs(u64::from(seconds)));
    if wait.is_zero() { Ok(()) } else { Err(RoomError::SlowMode(wait)) }
}

async fn write_message(
    unit: &mut Unit,
    actor: &Actor,
    input: &PostMessage,
    checked: &Result<(), Violations>,
) -> Result<Written<MessagePosted>, RoomError> {
    let ticket = match idempotency::claim(unit, actor, "rooms.post_message", &input.client_id, input).await? {
        Claim::First(ticket) => ticket,
        Claim::Answered(written) => return Ok(written),
    };
    let room = store::rooms::lock_room(unit, input.room_id).await?.ok_or(NO_ROOM)?;
    let member = admit_live(unit, room, actor.user_id()).await?;
    checked.clone()?;
    if member.standing.is_muted && !member.is_staff(unit, actor.user_id()).await? {
        return Err(RoomError::Muted);
    }
    let parent_id = match input.parent_id {
        None => None,
        Some(answered) => Some(find_thread_to_join(unit, member.room.id, answered).await?),
    };
    require_turn(unit, actor, &member).await?;

    let author =
        MemberCard { id: actor.user_id(), name: member.standing.name, avatar: member.standing.avatar };
    let words = Words { message_type: input.message_type, body: &input.body, parent_id };
    let message = add_message(unit, member.room.id, author, words).await?;
    Ok(idempotency::remember(unit, ticket, MessagePosted { message }).await?)
}

/// What a message says.
pub(super) struct Words<'a> {
    pub message_type: RoomMessageType,
    pub body: &'a str,
    pub parent_id: Option<u64>,
}

/// Adds a message to a locked room, which will hear of it.
pub(super) async fn add_message(
    unit: &mut Unit,
    room_id: RoomId,
    author: MemberCard,
    words: Words<'_>,
) -> Result<RoomMessage, RoomError> {
    let created_at = Time::now_in_seconds();
    let new = NewRoomMessage {
        live_room_id: room_id,
        user_id: author.id,
        parent_id: words.parent_id,
        message_type: words.message_type.as_str(),
        message: words.body,
        created_at: created_at.as_chrono(),
    };
    let message = RoomMessage {
        id: store::rooms::insert_message(unit, &new).await?,
        room_id,
        user_id: author.id,
        user: Some(author),
        message_type: words.message_type,
        body: Some(words.body.to_owned()),
        parent_id: words.parent_id,
        pinned: false,
        deleted: false,
        reactions_count: 0,
        my_reaction: None,
        created_at,
    };
    unit.emit(Channel::Room(room_id), Event::RoomMessageCreated { message: message.clone() });
    Ok(message)
}
