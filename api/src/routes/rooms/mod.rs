//! Live rooms (realtime.md §4, domain.md §5.6).

use axum::extract::State;
use axum::http::HeaderMap;
use base::Problem;
use base::paging::Cursor;
use domain::App;
use domain::rooms;
use protocol::rooms::{
    CreateRoom, JoinRoom, LiveRoom, PostMessageBody, Registration, RoomFilter, RoomJoined, RoomMessage,
    RoomStarted,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageParams;
use super::chat::Messages;
use crate::Door;
use crate::error::{Refusal, invalid};
use crate::extract::{
    Caller, JsonBody, KeyHeader, KeyedBody, Listing, MaybeCaller, Params, PathId, Takes, user_id,
};
use crate::response::{Answer, Condition, Data, List, created, data, list, tagged, written};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_rooms, create_room))
        .routes(routes!(find_room))
        .routes(routes!(register_for_room))
        .routes(routes!(start_room))
        .routes(routes!(join_room))
        .routes(routes!(list_room_messages, post_message))
}

/// What the list of rooms takes.
struct Rooms;

impl Takes for Rooms {
    const FILTERS: &'static [&'static str] = &[
        "filter[status]",
        "filter[category]",
        "filter[access_type]",
        "filter[host]",
        "filter[live_now]",
        "filter[from]",
        "filter[to]",
    ];
}

/// Live rooms; cancelled ones only of the asker's own.
#[utoipa::path(
    get, path = "/api/v1/live-rooms", tag = "rooms", operation_id = "list_rooms", security((), ("bearer" = [])),
    params(
        PageParams,
        ("filter[status]" = Option<String>, Query, description = "`scheduled`, `active`, `completed` or `cancelled`"),
        ("filter[category]" = Option<u64>, Query, description = "Id of a category"),
        ("filter[access_type]" = Option<String>, Query, description = "`free` or `paid`"),
        ("filter[host]" = Option<String>, Query, description = "Id of a user, or `me`"),
        ("filter[live_now]" = Option<bool>, Query, description = "Live now?"),
        ("filter[from]" = Option<String>, Query, description = "Rooms that run on or after this day"),
        ("filter[to]" = Option<String>, Query, description = "Rooms that begin on or before this day")
    ),
    responses((status = 200, description = "A page, newest first", body = List<LiveRoom>))
)]
async fn list_rooms(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    listing: Listing<Rooms>,
) -> Answer {
    let filter = room_filter(&listing.params, viewer.as_ref())?;
    list(&listing, rooms::list_rooms(&app, viewer.as_ref(), filter, listing.page).await?)
}

fn room_filter(params: &Params, viewer: Option<&domain::Actor>) -> Result<RoomFilter, Refusal> {
    const STATUSES: &[&str] = &["scheduled", "active", "completed", "cancelled"];
    let host = match (params.get("filter[host]"), viewer) {
        (Some("me"), Some(actor)) => user_id("me", actor),
        (Some("me"), None) => return Err(base::CommonFault::Unauthenticated.into()),
        _ => params.parsed("filter[host]")?,
    };
    for name in ["filter[from]", "filter[to]"] {
        if let Some(day) = params.get(name)
            && day.parse::<chrono::NaiveDate>().is_err()
        {
            return Err(invalid(name, Problem::Format("a date such as 2026-01-31")));
        }
    }
    Ok(RoomFilter {
        status: params.one_of("filter[status]", STATUSES)?,
        category_id: params.parsed("filter[category]")?,
        access_type: params.one_of("filter[access_type]", &["free", "paid"])?,
        host_id: host,
        live_now: params.flag("filter[live_now]")?,
        from: params.get("filter[from]").map(str::to_owned),
        to: params.get("filter[to]").map(str::to_owned),
    })
}

/// Announces a live room.
#[utoipa::path(
    post, path = "/api/v1/live-rooms", tag = "rooms", operation_id = "create_room", security(("bearer" = [])),
    request_body(content = CreateRoom, example = json!({
        "title": "مجلس الشعر", "start_date": "2027-01-31", "duration_type": "day", "start_time": "20:00",
        "end_time": "21:30", "timezone": "Asia/Riyadh", "access_type": "paid", "price": "25.00", "max_participants": 100
    })),
    responses((status = 201, description = "The room", body = Data<LiveRoom>))
)]
async fn create_room(State(app): State<App>, Caller(actor): Caller, body: JsonBody<CreateRoom>) -> Answer {
    let access = domain::access::demand_permission(&app, &actor, "rooms.create");
    let input = body.input_after(access).await?;
    let room = rooms::create_room(&app, &actor, input).await?;
    created(&format!("/api/v1/live-rooms/{}", room.id), room)
}

/// One live room.
#[utoipa::path(
    get, path = "/api/v1/live-rooms/{id}", tag = "rooms", operation_id = "find_room",
    security((), ("bearer" = [])), params(("id" = u64, Path, description = "The room")),
    responses((status = 200, description = "The room", body = Data<LiveRoom>))
)]
async fn find_room(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), rooms::find_room(&app, viewer.as_ref(), id).await?)
}

/// Takes a seat. A seat that costs money is paid from the wallet and needs an `Idempotency-Key`.
#[utoipa::path(
    post, path = "/api/v1/live-rooms/{id}/register", tag = "rooms", operation_id = "register_for_room",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The room"),
        ("Idempotency-Key" = Option<String>, Header, description = "A UUID; required where the seat costs money")
    ),
    responses(
        (status = 201, description = "The seat; `Idempotent-Replayed` marks a repeat", body = Data<Registration>),
        (status = 402, description = "`insufficient_funds`, with `required` and `available`"),
        (status = 409, description = "`room_full`, `already_registered`, `illegal_transition`")
    )
)]
async fn register_for_room(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    KeyHeader(key): KeyHeader,
) -> Answer {
    let registration = rooms::register_for_room(&app, &actor, id, key).await?;
    written(registration, |registration| (format!("/api/v1/live-rooms/{id}"), registration))
}

/// Starts the room's session.
#[utoipa::path(
    post, path = "/api/v1/live-rooms/{id}/start", tag = "rooms", operation_id = "start_room",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The room")),
    responses(
        (status = 200, description = "The room is live", body = Data<RoomStarted>),
        (status = 409, description = "`illegal_transition`, `outside_window`")
    )
)]
async fn start_room(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(rooms::start_room(&app, &actor, id).await?))
}

/// Enters the room: its state, and the pass for its video.
#[utoipa::path(
    post, path = "/api/v1/live-rooms/{id}/join", tag = "rooms", operation_id = "join_room",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The room")),
    responses(
        (status = 200, description = "The asker is inside", body = Data<RoomJoined>),
        (status = 409, description = "`not_active`, `room_full`")
    )
)]
async fn join_room(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(rooms::join_room(&app, &actor, JoinRoom { room_id: id }).await?))
}

/// Messages of a room, ascending ids: the newest, or those before one.
#[utoipa::path(
    get, path = "/api/v1/live-rooms/{id}/messages", tag = "rooms", operation_id = "list_room_messages",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The room"),
        ("cursor" = Option<String>, Query, description = "`meta.next_cursor` (older) or `meta.prev_cursor` of another page"),
        ("before" = Option<u64>, Query, description = "Only ids below this one"),
        ("per_page" = Option<u32>, Query, description = "How many, 1 to 100; 50 where left out")
    ),
    responses((status = 200, description = "A page, the next one is older; deleted messages are empty places", body = List<RoomMessage>))
)]
async fn list_room_messages(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    listing: Listing<Messages>,
) -> Answer {
    let before = listing.params.parsed("before")?.map(|id| Cursor { id, forward: true });
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
    written(posted, |posted| {
        let below = posted.message.id.saturating_add(1);
        (format!("/api/v1/live-rooms/{id}/messages?before={below}&per_page=1"), posted.message)
    })
}
