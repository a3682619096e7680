//! The administrators' table of rooms.

use axum::extract::State;
use domain::App;
use domain::rooms::{self, AdminRoomFilter};
use protocol::rooms::{AdminRoom, LiveRoom, RegistrationCancelled, SetRoomStatus};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::participants::Someone;
use crate::Door;
use crate::error::{Refusal, invalid};
use crate::extract::{Caller, JsonBody, KeyHeader, Numbered, Params, PathId, Takes};
use crate::response::{Answer, Data, NumberedList, changed, numbered, recorded};
use crate::routes::NumberedParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_all_rooms))
        .routes(routes!(set_room_status))
        .routes(routes!(refund_registration))
}

/// What the table takes.
struct AllRooms;

impl Takes for AllRooms {
    const FILTERS: &'static [&'static str] = &[
        "filter[status]",
        "filter[category]",
        "filter[access_type]",
        "filter[host]",
        "filter[q]",
        "filter[trashed]",
    ];
    const SORTS: &'static [&'static str] = &["created_at", "start_date", "price"];
}

fn filter(params: &Params) -> Result<AdminRoomFilter, Refusal> {
    const STATUSES: &[&str] = &["scheduled", "active", "completed", "cancelled"];
    let trashed = match params.get("filter[trashed]") {
        None => None,
        Some("with") => Some(false),
        Some("only") => Some(true),
        Some(_) => {
            return Err(invalid("filter[trashed]", base::Problem::NotOneOf(&["with", "only"])));
        }
    };
    Ok(AdminRoomFilter {
        status: params.one_of("filter[status]", STATUSES)?,
        category_id: params.parsed("filter[category]")?,
        access_type: params.one_of("filter[access_type]", &["free", "paid"])?,
        host_id: params.parsed("filter[host]")?,
        title: params.get("filter[q]").map(str::to_owned),
        trashed,
    })
}

/// All rooms, cancelled ones included. For whoever manages rooms.
#[utoipa::path(
    get, path = "/api/v1/admin/live-rooms", tag = "admin", operation_id = "list_all_rooms",
    security(("bearer" = [])),
    params(
        NumberedParams,
        ("sort" = Option<String>, Query, description = "`created_at`, `start_date` or `price`, with a minus for downwards; `-created_at` where left out"),
        ("filter[status]" = Option<String>, Query, description = "`scheduled`, `active`, `completed` or `cancelled`"),
        ("filter[category]" = Option<u64>, Query, description = "Id of a category"),
        ("filter[access_type]" = Option<String>, Query, description = "`free` or `paid`"),
        ("filter[host]" = Option<u64>, Query, description = "Id of a user"),
        ("filter[q]" = Option<String>, Query, description = "How the title begins"),
        ("filter[trashed]" = Option<String>, Query, description = "`with` deleted ones, or `only` them")
    ),
    responses((status = 200, description = "A page, newest first", body = NumberedList<AdminRoom>))
)]
async fn list_all_rooms(
    State(app): State<App>,
    Caller(actor): Caller,
    listing: Numbered<AllRooms>,
) -> Answer {
    let filter = filter(&listing.params)?;
    numbered(&listing, rooms::list_all_rooms(&app, &actor, filter, listing.page, listing.sort).await?)
}

/// Takes a room to its next state. For whoever manages rooms.
#[utoipa::path(
    patch, path = "/api/v1/admin/live-rooms/{id}", tag = "admin", operation_id = "set_room_status",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The room")),
    request_body(content = SetRoomStatus, example = json!({"status": "cancelled"})),
    responses(
        (status = 200, description = "The room as it is now", body = Data<LiveRoom>),
        (status = 409, description = "`illegal_transition`, with `allowed`")
    )
)]
async fn set_room_status(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<SetRoomStatus>,
) -> Answer {
    let access = domain::access::demand_permission(&app, &actor, "rooms.manage");
    let SetRoomStatus { status } = body.input_after(access).await?;
    changed(rooms::set_room_status(&app, &actor, id, status).await?)
}

/// Takes a seat back and pays all that was paid for it back, also where its owner was there. For whoever issues refunds.
#[utoipa::path(
    post, path = "/api/v1/admin/live-rooms/{id}/registrations/{user}/refund", tag = "admin",
    operation_id = "refund_registration", security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The room"),
        ("user" = u64, Path, description = "Whose seat"),
        ("Idempotency-Key" = String, Header, description = "A UUID")
    ),
    responses(
        (status = 201, description = "The seat is free again; `Idempotent-Replayed` marks a repeat", body = Data<RegistrationCancelled>),
        (status = 409, description = "`illegal_transition`: missed, or given back already")
    )
)]
async fn refund_registration(
    State(app): State<App>,
    Caller(actor): Caller,
    path: Someone,
    KeyHeader(key): KeyHeader,
) -> Answer {
    let user_id = path.user_id(&actor)?;
    Ok(recorded(rooms::refund_registration(&app, &actor, path.room_id, user_id, key).await?))
}
