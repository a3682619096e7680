//! What the video server tells: Prosody's `event_sync`, whose `api_prefix` is `…/api/v1/hooks/jitsi`. It presents
//! `JITSI_HOOK_SECRET`, and is no user: nothing here asks who is signed in, or counts requests.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use domain::App;
use domain::rooms::{self, JitsiNews};
use protocol::rooms::JitsiEvent;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::error::Refusal;
use crate::extract::JsonBody;
use crate::response::{Answer, no_content};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(hear_room_created))
        .routes(routes!(hear_room_destroyed))
        .routes(routes!(hear_occupant_joined))
        .routes(routes!(hear_occupant_left))
}

/// The bearer token of a request, whatever it is.
pub(super) fn presented(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn hear(app: &App, headers: &HeaderMap, news: JitsiNews, body: JsonBody<JitsiEvent>) -> Answer {
    let secret = presented(headers);
    let event = body.input_after(rooms::demand_video_server(app, secret)).await?;
    rooms::hear_jitsi(app, secret, news, event)
        .await
        .map(|()| -> Response { no_content() })
        .map_err(Refusal::from)
}

/// The first has come into a video room.
#[utoipa::path(
    post, path = "/api/v1/hooks/jitsi/events/room/created", tag = "rooms", operation_id = "hear_room_created",
    security(("bearer" = [])),
    request_body(content = JitsiEvent, example = json!({"room_name": "r7-abcdefghijklmnopqrstuvwx"})),
    responses((status = 204, description = "Heard"))
)]
async fn hear_room_created(State(app): State<App>, headers: HeaderMap, body: JsonBody<JitsiEvent>) -> Answer {
    hear(&app, &headers, JitsiNews::RoomCreated, body).await
}

/// The last has left a video room: unless somebody comes back, its session ends in five minutes.
#[utoipa::path(
    post, path = "/api/v1/hooks/jitsi/events/room/destroyed", tag = "rooms", operation_id = "hear_room_destroyed",
    security(("bearer" = [])),
    request_body(content = JitsiEvent, example = json!({
        "room_name": "r7-abcdefghijklmnopqrstuvwx", "all_occupants": [{"id": "12"}]
    })),
    responses((status = 204, description = "Heard"))
)]
async fn hear_room_destroyed(
    State(app): State<App>,
    headers: HeaderMap,
    body: JsonBody<JitsiEvent>,
) -> Answer {
    hear(&app, &headers, JitsiNews::RoomDestroyed, body).await
}

/// Somebody has come into a video room: they attend.
#[utoipa::path(
    post, path = "/api/v1/hooks/jitsi/events/occupant/joined", tag = "rooms", operation_id = "hear_occupant_joined",
    security(("bearer" = [])),
    request_body(content = JitsiEvent, example = json!({
        "room_name": "r7-abcdefghijklmnopqrstuvwx", "occupant": {"id": "12"}
    })),
    responses((status = 204, description = "Heard"))
)]
async fn hear_occupant_joined(
    State(app): State<App>,
    headers: HeaderMap,
    body: JsonBody<JitsiEvent>,
) -> Answer {
    hear(&app, &headers, JitsiNews::OccupantJoined, body).await
}

/// Somebody has left a video room.
#[utoipa::path(
    post, path = "/api/v1/hooks/jitsi/events/occupant/left", tag = "rooms", operation_id = "hear_occupant_left",
    security(("bearer" = [])),
    request_body(content = JitsiEvent, example = json!({
        "room_name": "r7-abcdefghijklmnopqrstuvwx", "occupant": {"id": "12"}
    })),
    responses((status = 204, description = "Heard"))
)]
async fn hear_occupant_left(
    State(app): State<App>,
    headers: HeaderMap,
    body: JsonBody<JitsiEvent>,
) -> Answer {
    hear(&app, &headers, JitsiNews::OccupantLeft, body).await
}
