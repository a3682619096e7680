//! The chat of live rooms: messages and threads, announcements, pins, reactions.

use axum::extract::State;
use base::Problem;
use base::paging::Cursor;
use domain::App;
use domain::rooms;
use protocol::rooms::{
    AnnounceBody, DeleteRoomMessage, PinMessage, PostMessageBody, ReactToMessage, Reacted, ReactionBody,
    RoomMessage, UnpinMessage,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::error::invalid;
use crate::extract::{Caller, JsonBody, KeyedBody, Listing, PathId, Takes};
use crate::response::{Answer, Data, List, data, list, no_content, written};

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_room_messages, post_message))
        .routes(routes!(announce))
        .routes(routes!(delete_room_message))
        .routes(routes!(pin_message, unpin_message))
        .routes(routes!(react_to_message, take_reaction_back))
}

/// What the list of a room's messages takes.
struct RoomMessages;

impl Takes for RoomMessages {
    const FILTERS: &'static [&'static str] = &["filter[parent]"];
    const PER_PAGE: u32 = 50;
}

/// Messages of a room, ascending ids: the newest, or those before one; or the thread of one, from its first answer on.
#[utoipa::path(
    get, path = "/api/v1/live-rooms/{id}/messages", tag = "rooms", operation_id = "list_room_messages",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The room"),
        ("filter[parent]" = Option<u64>, Query, description = "Only answers to this message, oldest first; the next page is newer"),
        ("cursor" = Option<String>, Query, description = "`meta.next_cursor` or `meta.prev_cursor` of another page"),
        ("before" = Option<u64>, Query, description = "Only ids below this one; not with `filter[parent]`"),
        ("per_page" = Option<u32>, Query, description = "How many, 1 to 100; 50 where left out")
    ),
    responses((
        status = 200,
        description = "A page; without `filter[parent]` the next one is older; deleted messages are empty places",
        body = List<RoomMessage>
    ))
)]
async fn list_room_messages(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    listing: Listing<RoomMessages>,
) -> Answer {
    let before = listing.params.parsed("before")?.map(|id| Cursor { id, forward: true });
    if let Some(parent) = listing.params.parsed("filter[parent]")? {
        if before.is_some() {
            return Err(invalid("before", Problem::NotAllowed("a thread is walked by its cursors")));
        }
        return list(&listing, rooms::list_thread(&app, &actor, id, parent, listing.page).await?);
    }
    if before.is_some() && listing.page.cursor.is_some() {
        return Err(invalid("cursor", Problem::NotAllowed("send it without before")));
    }
    let place = listing.page.cursor.or(before);
    list(&listing, rooms::list_room_messages(&app, &actor, id, place, listing.page.per_page).await?)
}

/// Writes into a room. The same `client_id` again gives the same message.
#[utoipa::path(
    post, path = "/api/v1/live-rooms/{id}/messages", tag = "rooms", operation_id = "post_message",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The room")),
    request_body(content = PostMessageBody, example = json!({
        "client_id": "6d0b7f0a-52c4-4f4e-8a39-0f7b5a0e2c77", "body": "أحسنت!"
    })),
    responses((status = 201, description = "The message; `Idempotent-Replayed` marks a repeat", body = Data<RoomMessage>))
)]
async fn post_message(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    keyed: KeyedBody<PostMessageBody>,
) -> Answer {
    let body = keyed.body.input_after(rooms::demand_entry(&app, &actor, id)).await?;
    let posted = rooms::post_message(&app, &actor, body.into_input(id)).await?;
    written(posted, |posted| (address(&posted.message), posted.message))
}

/// Announces something in a room. For the host and moderators; the same `client_id` again gives the same message.
#[utoipa::path(
    post, path = "/api/v1/live-rooms/{id}/announcements", tag = "rooms", operation_id = "announce",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The room")),
    request_body(content = AnnounceBody, example = json!({
        "client_id": "1f6a9c0e-0d0b-4a55-9b7e-6a1de2a3b4c5", "body": "نبدأ بعد خمس دقائق"
    })),
    responses((status = 201, description = "The message; `Idempotent-Replayed` marks a repeat", body = Data<RoomMessage>))
)]
async fn announce(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    keyed: KeyedBody<AnnounceBody>,
) -> Answer {
    let body = keyed.body.input_after(rooms::demand_staff(&app, &actor, id)).await?;
    let announced = rooms::announce(&app, &actor, body.into_input(id)).await?;
    written(announced, |announced| (address(&announced.message), announced.message))
}

/// The page that begins with a message.
fn address(message: &RoomMessage) -> String {
    let below = message.id.saturating_add(1);
    format!("/api/v1/live-rooms/{}/messages?before={below}&per_page=1", message.room_id)
}

/// Leaves only the place of a message. For its author, the host and moderators; once more changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/live-room-messages/{id}", tag = "rooms", operation_id = "delete_room_message",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The message")),
    responses((status = 204, description = "Only its place is left"))
)]
async fn delete_room_message(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    rooms::delete_room_message(&app, &actor, DeleteRoomMessage { message_id: id }).await?;
    Ok(no_content())
}

/// Puts a message on top of its room. For the host and moderators; a room has at most three.
#[utoipa::path(
    post, path = "/api/v1/live-room-messages/{id}/pin", tag = "rooms", operation_id = "pin_message",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The message")),
    responses(
        (status = 200, description = "The message, pinned", body = Data<RoomMessage>),
        (status = 409, description = "`too_many_pinned`")
    )
)]
async fn pin_message(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(rooms::pin_message(&app, &actor, PinMessage { message_id: id }).await?.message))
}

/// Takes a message down. For the host and moderators; once more changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/live-room-messages/{id}/pin", tag = "rooms", operation_id = "unpin_message",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The message")),
    responses((status = 204, description = "It is not on top"))
)]
async fn unpin_message(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    rooms::unpin_message(&app, &actor, UnpinMessage { message_id: id }).await?;
    Ok(no_content())
}

/// Reacts to a message, in place of an earlier reaction.
#[utoipa::path(
    put, path = "/api/v1/live-room-messages/{id}/reaction", tag = "rooms", operation_id = "react_to_message",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The message")),
    request_body(content = ReactionBody, example = json!({"type": "love"})),
    responses((status = 200, description = "How many reactions it has now, and the asker's", body = Data<Reacted>))
)]
async fn react_to_message(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<ReactionBody>,
) -> Answer {
    let ReactionBody { reaction } = body.input_after(rooms::demand_message(&app, &actor, id)).await?;
    let input = ReactToMessage { message_id: id, reaction: Some(reaction) };
    Ok(data(rooms::react_to_message(&app, &actor, input).await?))
}

/// Takes one's reaction back; once more changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/live-room-messages/{id}/reaction", tag = "rooms", operation_id = "take_reaction_back",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The message")),
    responses((status = 204, description = "The asker has no reaction to it"))
)]
async fn take_reaction_back(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    rooms::react_to_message(&app, &actor, ReactToMessage { message_id: id, reaction: None }).await?;
    Ok(no_content())
}
