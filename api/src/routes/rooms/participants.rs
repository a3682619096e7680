//! Who is in a live room, and who may not be or may not speak. For its host and moderators.

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use base::CommonFault;
use base::id::{RoomId, UserId};
use domain::rooms;
use domain::{Actor, App};
use protocol::rooms::{
    BanState, BanUser, KickUser, MuteBody, MuteState, MuteUser, Participant, UnbanUser, UnmuteUser,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::error::Refusal;
use crate::extract::{Caller, JsonBody, Listing, PathId, row_id, user_id};
use crate::response::{Answer, Data, List, data, list};
use crate::routes::PageParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_participants))
        .routes(routes!(mute_user))
        .routes(routes!(unmute_user))
        .routes(routes!(kick_user))
        .routes(routes!(ban_user))
        .routes(routes!(unban_user))
}

/// Room and user of a path. What is no number (or `me`) names nothing: 404.
pub(super) struct Someone {
    pub(super) room_id: RoomId,
    user: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Someone {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let found = path.ok().and_then(|Path((room, user))| Some(Self { room_id: row_id(&room)?, user }));
        found.ok_or_else(|| CommonFault::NotFound("resource").into())
    }
}

impl Someone {
    pub(super) fn user_id(&self, actor: &Actor) -> Result<UserId, Refusal> {
        user_id(&self.user, actor).ok_or_else(|| CommonFault::NotFound("user").into())
    }
}

/// Those who have, or had, a seat in the room. For the host and moderators.
#[utoipa::path(
    get, path = "/api/v1/live-rooms/{id}/participants", tag = "rooms", operation_id = "list_participants",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The room"), PageParams),
    responses((status = 200, description = "A page, the newest registration first", body = List<Participant>))
)]
async fn list_participants(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    listing: Listing,
) -> Answer {
    list(&listing, rooms::list_participants(&app, &actor, id, listing.page).await?)
}

/// Takes the word from somebody, for a time or until unmuted. For the host and moderators.
#[utoipa::path(
    post, path = "/api/v1/live-rooms/{id}/participants/{user}/mute", tag = "rooms", operation_id = "mute_user",
    security(("bearer" = [])),
    params(("id" = u64, Path, description = "The room"), ("user" = u64, Path, description = "Who")),
    request_body(content = MuteBody, example = json!({"seconds": 600})),
    responses(
        (status = 200, description = "Until when they may not write", body = Data<MuteState>),
        (status = 403, description = "`forbidden`, `staff_protected`")
    )
)]
async fn mute_user(
    State(app): State<App>,
    Caller(actor): Caller,
    path: Someone,
    body: JsonBody<MuteBody>,
) -> Answer {
    let room_id = path.room_id;
    let MuteBody { seconds } = body.input_after(rooms::demand_staff(&app, &actor, room_id)).await?;
    let input = MuteUser { room_id, user_id: path.user_id(&actor)?, seconds };
    Ok(data(rooms::mute_user(&app, &actor, input).await?))
}

/// Gives the word back to somebody. For the host and moderators; once more changes nothing.
#[utoipa::path(
    post, path = "/api/v1/live-rooms/{id}/participants/{user}/unmute", tag = "rooms", operation_id = "unmute_user",
    security(("bearer" = [])),
    params(("id" = u64, Path, description = "The room"), ("user" = u64, Path, description = "Who")),
    responses(
        (status = 200, description = "They may write", body = Data<MuteState>),
        (status = 403, description = "`forbidden`, `staff_protected`")
    )
)]
async fn unmute_user(State(app): State<App>, Caller(actor): Caller, path: Someone) -> Answer {
    let input = UnmuteUser { room_id: path.room_id, user_id: path.user_id(&actor)? };
    Ok(data(rooms::unmute_user(&app, &actor, input).await?))
}

/// Puts somebody out of the room for five minutes. For the host and moderators.
#[utoipa::path(
    post, path = "/api/v1/live-rooms/{id}/participants/{user}/kick", tag = "rooms", operation_id = "kick_user",
    security(("bearer" = [])),
    params(("id" = u64, Path, description = "The room"), ("user" = u64, Path, description = "Who")),
    responses(
        (status = 200, description = "Until when they may not come in", body = Data<BanState>),
        (status = 403, description = "`forbidden`, `staff_protected`")
    )
)]
async fn kick_user(State(app): State<App>, Caller(actor): Caller, path: Someone) -> Answer {
    let input = KickUser { room_id: path.room_id, user_id: path.user_id(&actor)? };
    Ok(data(rooms::kick_user(&app, &actor, input).await?))
}

/// Puts somebody out of the room until unbanned. For the host and moderators.
#[utoipa::path(
    post, path = "/api/v1/live-rooms/{id}/participants/{user}/ban", tag = "rooms", operation_id = "ban_user",
    security(("bearer" = [])),
    params(("id" = u64, Path, description = "The room"), ("user" = u64, Path, description = "Who")),
    responses(
        (status = 200, description = "They may not come in", body = Data<BanState>),
        (status = 403, description = "`forbidden`, `staff_protected`")
    )
)]
async fn ban_user(State(app): State<App>, Caller(actor): Caller, path: Someone) -> Answer {
    let input = BanUser { room_id: path.room_id, user_id: path.user_id(&actor)? };
    Ok(data(rooms::ban_user(&app, &actor, input).await?))
}

/// Lets somebody in again after a kick or a ban. For the host and moderators; once more changes nothing.
#[utoipa::path(
    post, path = "/api/v1/live-rooms/{id}/participants/{user}/unban", tag = "rooms", operation_id = "unban_user",
    security(("bearer" = [])),
    params(("id" = u64, Path, description = "The room"), ("user" = u64, Path, description = "Who")),
    responses(
        (status = 200, description = "They may come in", body = Data<BanState>),
        (status = 403, description = "`forbidden`, `staff_protected`")
    )
)]
async fn unban_user(State(app): State<App>, Caller(actor): Caller, path: Someone) -> Answer {
    let input = UnbanUser { room_id: path.room_id, user_id: path.user_id(&actor)? };
    Ok(data(rooms::unban_user(&app, &actor, input).await?))
}
