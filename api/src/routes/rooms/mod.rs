//! Live rooms (realtime.md §4, domain.md §5.6).

mod admin;
mod hooks;
mod lifecycle;
mod messages;
mod participants;
mod recordings;

pub(crate) use hooks::routes as hooks;

use axum::extract::State;
use axum::http::HeaderMap;
use base::Problem;
use domain::App;
use domain::rooms;
use protocol::rooms::{
    CreateRoom, JoinRoom, LeaveRoom, LiveRoom, Registration, RoomFilter, RoomJoined, RoomStarted,
    SetSlowMode, SlowMode, SlowModeBody,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageParams;
use crate::Door;
use crate::error::{Refusal, invalid};
use crate::extract::{
    Caller, JsonBody, KeyHeader, Listing, MaybeCaller, Params, PathId, PathText, Takes, user_id,
};
use crate::response::{Answer, Condition, Data, List, created, data, list, no_content, tagged, written};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_rooms, create_room))
        .routes(routes!(find_room))
        .routes(routes!(register_for_room))
        .routes(routes!(start_room))
        .routes(routes!(join_room))
        .routes(routes!(leave_room))
        .routes(routes!(set_slow_mode))
        .routes(routes!(list_user_rooms))
        .merge(lifecycle::routes())
        .merge(messages::routes())
        .merge(participants::routes())
        .merge(recordings::routes())
        .merge(admin::routes())
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

/// The live rooms of one host.
#[utoipa::path(
    get, path = "/api/v1/users/{id}/live-rooms", tag = "rooms", operation_id = "list_user_rooms",
    security((), ("bearer" = [])),
    params(("id" = String, Path, description = "An id, a username, or `me`"), PageParams),
    responses((status = 200, description = "A page, newest first", body = List<LiveRoom>))
)]
async fn list_user_rooms(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathText(user): PathText,
    listing: Listing,
) -> Answer {
    list(&listing, rooms::list_user_rooms(&app, viewer.as_ref(), &user, listing.page).await?)
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

/// Goes out of the room; attendance stays. Once more changes nothing.
#[utoipa::path(
    post, path = "/api/v1/live-rooms/{id}/leave", tag = "rooms", operation_id = "leave_room",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The room")),
    responses((status = 204, description = "The asker is outside"))
)]
async fn leave_room(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    rooms::leave_room(&app, &actor, LeaveRoom { room_id: id }).await?;
    Ok(no_content())
}

/// Sets how often members may write. For the host and moderators.
#[utoipa::path(
    put, path = "/api/v1/live-rooms/{id}/slow-mode", tag = "rooms", operation_id = "set_slow_mode",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The room")),
    request_body(content = SlowModeBody, example = json!({"seconds": 10})),
    responses((status = 200, description = "The room's slow mode; 0 is off", body = Data<SlowMode>))
)]
async fn set_slow_mode(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<SlowModeBody>,
) -> Answer {
    let SlowModeBody { seconds } = body.input_after(rooms::demand_staff(&app, &actor, id)).await?;
    Ok(data(rooms::set_slow_mode(&app, &actor, SetSlowMode { room_id: id, seconds }).await?))
}
