//! What becomes of a live room: changes, its end, seats given back.

use axum::extract::State;
use domain::App;
use domain::rooms;
use protocol::rooms::{LiveRoom, RegistrationCancelled, RoomEnded, UpdateRoom};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, JsonBody, PathId, Precondition};
use crate::response::{Answer, Data, changed, data, no_content};

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(update_room, delete_room))
        .routes(routes!(cancel_registration))
        .routes(routes!(end_room))
        .routes(routes!(cancel_room))
}

/// Changes what is given of a room. For its host and whoever manages rooms; price and dates stay while it is live and once
/// a seat was paid.
#[utoipa::path(
    patch, path = "/api/v1/live-rooms/{id}", tag = "rooms", operation_id = "update_room", security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The room"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what was read; `*` for any")
    ),
    request_body(content = UpdateRoom, example = json!({"title": "مجلس الشعر", "max_participants": 200})),
    responses(
        (status = 200, description = "The room as it is now", body = Data<LiveRoom>),
        (status = 409, description = "`terms_fixed`; `not_active` for a room that is over"),
        (status = 412, description = "It was changed meanwhile")
    )
)]
async fn update_room(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
    body: JsonBody<UpdateRoom>,
) -> Answer {
    let input = body.input_after(rooms::demand_manager(&app, &actor, id)).await?;
    changed(rooms::update_room(&app, &actor, id, &version, input).await?)
}

/// Deletes a room in which nobody has, or had, a seat. For its host and whoever manages rooms.
#[utoipa::path(
    delete, path = "/api/v1/live-rooms/{id}", tag = "rooms", operation_id = "delete_room",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The room"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what was read; `*` for any")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`in_use`: live, or with seats"),
        (status = 412, description = "It was changed meanwhile")
    )
)]
async fn delete_room(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
) -> Answer {
    rooms::delete_room(&app, &actor, id, &version).await?;
    Ok(no_content())
}

/// Gives the asker's seat back. What was paid is paid back in full until 24 hours before the first session (a setting).
#[utoipa::path(
    delete, path = "/api/v1/live-rooms/{id}/registration", tag = "rooms", operation_id = "cancel_registration",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The room")),
    responses(
        (status = 200, description = "The seat is free again", body = Data<RegistrationCancelled>),
        (status = 409, description = "`illegal_transition` for whoever was there, or missed it"),
        (status = 422, description = "`policy_violation`: too late for a paid seat")
    )
)]
async fn cancel_registration(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(rooms::cancel_registration(&app, &actor, id).await?))
}

/// Ends the room's session; the last one ends the programme. For its host and whoever manages rooms.
#[utoipa::path(
    post, path = "/api/v1/live-rooms/{id}/end", tag = "rooms", operation_id = "end_room",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The room")),
    responses(
        (status = 200, description = "`scheduled` again, or `completed`", body = Data<RoomEnded>),
        (status = 409, description = "`illegal_transition`, with `allowed`")
    )
)]
async fn end_room(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(rooms::end_room(&app, &actor, id).await?))
}

/// Calls the room off. For its host and whoever manages rooms; who paid is paid back within seconds.
#[utoipa::path(
    post, path = "/api/v1/live-rooms/{id}/cancel", tag = "rooms", operation_id = "cancel_room",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The room")),
    responses(
        (status = 200, description = "`cancelled`", body = Data<RoomEnded>),
        (status = 409, description = "`illegal_transition`, with `allowed`")
    )
)]
async fn cancel_room(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(rooms::cancel_room(&app, &actor, id).await?))
}
