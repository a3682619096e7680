//! Recorded sessions of a live room.

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use base::CommonFault;
use base::id::RoomId;
use domain::rooms::{self, Recorder};
use domain::{Actor, App};
use protocol::rooms::{AddRecording, Recording};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::hooks::presented;
use crate::Door;
use crate::error::Refusal;
use crate::extract::{Caller, JsonBody, PathId, WholeList, row_id};
use crate::response::{Answer, Data, created, data, no_content};

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new().routes(routes!(list_recordings, add_recording)).routes(routes!(delete_recording))
}

/// Who adds a recording: the video server with its secret, or somebody signed in.
enum Source {
    VideoServer,
    Person(Actor),
}

impl Source {
    const fn recorder(&self) -> Recorder<'_> {
        match self {
            Self::VideoServer => Recorder::VideoServer,
            Self::Person(actor) => Recorder::Person(actor),
        }
    }
}

impl FromRequestParts<Door> for Source {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Refusal> {
        if rooms::is_video_server(&door.app, presented(&parts.headers)) {
            return Ok(Self::VideoServer);
        }
        Caller::from_request_parts(parts, door).await.map(|Caller(actor)| Self::Person(actor))
    }
}

/// Room and recording of a path.
struct Place {
    room_id: RoomId,
    recording: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let found =
            path.ok().and_then(|Path((room, recording))| Some(Self { room_id: row_id(&room)?, recording }));
        found.ok_or_else(|| CommonFault::NotFound("resource").into())
    }
}

/// The recordings of a room. For those who have, or had, a seat, its host and moderators.
#[utoipa::path(
    get, path = "/api/v1/live-rooms/{id}/recordings", tag = "rooms", operation_id = "list_recordings",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The room")),
    responses((status = 200, description = "All of them, the latest session last", body = Data<Vec<Recording>>))
)]
async fn list_recordings(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    _query: WholeList,
) -> Answer {
    Ok(data(rooms::list_recordings(&app, &actor, id).await?))
}

/// Adds a recording; everybody with a seat is told. For the host, whoever manages rooms, and the video server with
/// `JITSI_HOOK_SECRET` as its bearer token, which names an address. The same address again is the same recording.
#[utoipa::path(
    post, path = "/api/v1/live-rooms/{id}/recordings", tag = "rooms", operation_id = "add_recording",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The room")),
    request_body(content = AddRecording, example = json!({
        "url": "https://recordings.example/r7/2026-01-31.mp4", "started_at": "2026-01-31T17:00:00Z", "duration": 5400
    })),
    responses(
        (status = 201, description = "The recording", body = Data<Recording>),
        (status = 409, description = "`not_active` for a cancelled room")
    )
)]
async fn add_recording(
    State(app): State<App>,
    source: Source,
    PathId(id): PathId,
    body: JsonBody<AddRecording>,
) -> Answer {
    let input = body.input_after(rooms::demand_recorder(&app, source.recorder(), id)).await?;
    let recording = rooms::add_recording(&app, source.recorder(), id, input).await?;
    created(&format!("/api/v1/live-rooms/{id}/recordings"), recording)
}

/// Takes a recording away, with its file. For the host and whoever manages rooms.
#[utoipa::path(
    delete, path = "/api/v1/live-rooms/{id}/recordings/{recording}", tag = "rooms", operation_id = "delete_recording",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The room"),
        ("recording" = String, Path, description = "The recording")
    ),
    responses((status = 204, description = "It is gone"))
)]
async fn delete_recording(State(app): State<App>, Caller(actor): Caller, place: Place) -> Answer {
    rooms::delete_recording(&app, &actor, place.room_id, &place.recording).await?;
    Ok(no_content())
}
