//! Writing in a live room (realtime.md §3, §4; domain.md §5.6).

use base::id::RoomId;
use base::text::{clean, length};
use base::{CommonFault, Problem, Time, Violations};
use protocol::Event;
use protocol::channel::Channel;
use protocol::rooms::{MessagePosted, PostMessage, RoomMember as MemberCard, RoomMessage, RoomMessageType};
use store::rooms::NewRoomMessage;

use super::RoomError;
use super::write_posts::{Post, write_posts};
use crate::idempotency::{self, Written};
use crate::unit::Unit;
use crate::{Actor, App};

/// Characters of a message.
const LONGEST: usize = 500;

/// Posts a message to a live room. Threads have one level: an answer to an answer joins the thread of the first message.
/// What is posted to a room while a commit runs is written together ([`write_posts`]).
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
    let keyed = idempotency::keyed(actor, "rooms.post_message", &input.client_id, &input)?;
    let post = Post { user_id: actor.user_id(), input, checked, keyed };
    let writer = app.clone();
    app.posts.run(post.input.room_id, post, move |posts| write_posts(writer.clone(), posts)).await?
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

/// What a message says, and who says it where.
pub(super) struct Words<'a> {
    pub room_id: RoomId,
    pub author: MemberCard,
    pub message_type: RoomMessageType,
    pub body: &'a str,
    pub parent_id: Option<u64>,
}

/// Adds a message to a locked room, which will hear of it.
pub(super) async fn add_message(unit: &mut Unit, words: Words<'_>) -> Result<RoomMessage, RoomError> {
    let added = insert_messages(unit, vec![words], Time::now_in_seconds()).await?;
    let message = added.into_iter().next().ok_or_else(|| CommonFault::internal("no message was added"))?;
    unit.emit(Channel::Room(message.room_id), Event::RoomMessageCreated { message: message.clone() });
    Ok(message)
}

/// Writes messages into locked rooms, with ids in their order; the rooms do not hear of them yet.
pub(super) async fn insert_messages(
    unit: &mut Unit,
    messages: Vec<Words<'_>>,
    created_at: Time,
) -> Result<Vec<RoomMessage>, RoomError> {
    let rows: Vec<NewRoomMessage<'_>> = messages
        .iter()
        .map(|words| NewRoomMessage {
            live_room_id: words.room_id,
            user_id: words.author.id,
            parent_id: words.parent_id,
            message_type: words.message_type.as_str(),
            message: words.body,
            created_at,
        })
        .collect();
    let ids = store::rooms::insert_messages(unit, &rows).await?;
    let message = |(words, id): (Words<'_>, u64)| RoomMessage {
        id,
        room_id: words.room_id,
        user_id: words.author.id,
        user: Some(words.author),
        message_type: words.message_type,
        body: Some(words.body.to_owned()),
        parent_id: words.parent_id,
        pinned: false,
        deleted: false,
        reactions_count: 0,
        my_reaction: None,
        created_at,
    };
    Ok(messages.into_iter().zip(ids).map(message).collect())
}
