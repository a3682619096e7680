//! Following, and asking to.

use axum::extract::State;
use domain::{App, social};
use protocol::social::{FollowRequest, FollowState, FollowedUser};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::somebody;
use crate::Door;
use crate::extract::{Caller, Listing, MaybeCaller, PathId, PathText};
use crate::response::{Answer, Data, List, data, list, no_content};
use crate::routes::PageParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(follow_user, unfollow_user))
        .routes(routes!(remove_follower))
        .routes(routes!(list_followers))
        .routes(routes!(list_following))
        .routes(routes!(list_follow_requests))
        .routes(routes!(accept_follow_request))
        .routes(routes!(reject_follow_request))
}

/// Follows somebody, or asks a private account for it. Doing it again changes nothing.
#[utoipa::path(
    post, path = "/api/v1/users/{user}/follow", tag = "social", operation_id = "follow_user",
    security(("bearer" = [])),
    params(("user" = String, Path, description = "Id of the user")),
    responses(
        (status = 200, description = "`following`, or `requested` where the account is private", body = Data<FollowState>),
        (status = 403, description = "`blocked`"),
        (status = 409, description = "`follow_too_soon` within a day after a refusal"),
        (status = 422, description = "`self_follow`")
    )
)]
async fn follow_user(State(app): State<App>, Caller(actor): Caller, PathText(user): PathText) -> Answer {
    let user_id = somebody(&user, Some(&actor))?;
    Ok(data(social::follow_user(&app, &actor, user_id).await?))
}

/// Follows somebody no more, or takes the request back. Doing it again changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/users/{user}/follow", tag = "social", operation_id = "unfollow_user",
    security(("bearer" = [])),
    params(("user" = String, Path, description = "Id of the user")),
    responses(
        (status = 204, description = "The asker does not follow them"),
        (status = 422, description = "`self_follow`")
    )
)]
async fn unfollow_user(State(app): State<App>, Caller(actor): Caller, PathText(user): PathText) -> Answer {
    social::unfollow_user(&app, &actor, somebody(&user, Some(&actor))?).await?;
    Ok(no_content())
}

/// Takes a follower away. Doing it again changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/users/{user}/follower", tag = "social", operation_id = "remove_follower",
    security(("bearer" = [])),
    params(("user" = String, Path, description = "Id of the follower")),
    responses(
        (status = 204, description = "They do not follow the asker"),
        (status = 422, description = "`self_follow`")
    )
)]
async fn remove_follower(State(app): State<App>, Caller(actor): Caller, PathText(user): PathText) -> Answer {
    social::remove_follower(&app, &actor, somebody(&user, Some(&actor))?).await?;
    Ok(no_content())
}

/// Those who follow somebody. Of a private account for its followers.
#[utoipa::path(
    get, path = "/api/v1/users/{user}/followers", tag = "social", operation_id = "list_followers",
    security((), ("bearer" = [])),
    params(("user" = String, Path, description = "Id of the user, or `me`"), PageParams),
    responses(
        (status = 200, description = "A page, the newest first", body = List<FollowedUser>),
        (status = 403, description = "`private_account`")
    )
)]
async fn list_followers(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathText(user): PathText,
    listing: Listing,
) -> Answer {
    let user_id = somebody(&user, viewer.as_ref())?;
    list(&listing, social::list_followers(&app, viewer.as_ref(), user_id, listing.page).await?)
}

/// Those whom somebody follows. Of a private account for its followers.
#[utoipa::path(
    get, path = "/api/v1/users/{user}/following", tag = "social", operation_id = "list_following",
    security((), ("bearer" = [])),
    params(("user" = String, Path, description = "Id of the user, or `me`"), PageParams),
    responses(
        (status = 200, description = "A page, the newest first", body = List<FollowedUser>),
        (status = 403, description = "`private_account`")
    )
)]
async fn list_following(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathText(user): PathText,
    listing: Listing,
) -> Answer {
    let user_id = somebody(&user, viewer.as_ref())?;
    list(&listing, social::list_following(&app, viewer.as_ref(), user_id, listing.page).await?)
}

/// Requests to follow that wait: received, unless `direction` says sent.
#[utoipa::path(
    get, path = "/api/v1/follow-requests", tag = "social", operation_id = "list_follow_requests",
    security(("bearer" = [])),
    params(
        PageParams,
        ("direction" = Option<protocol::social::RequestDirection>, Query, description = "`in` (where left out) or `out`")
    ),
    responses((status = 200, description = "A page, the newest first", body = List<FollowRequest>))
)]
async fn list_follow_requests(State(app): State<App>, Caller(actor): Caller, listing: Listing) -> Answer {
    let direction = listing.params.one_of("direction", &["in", "out"])?.unwrap_or_default();
    list(&listing, social::list_follow_requests(&app, &actor, direction, listing.page).await?)
}

/// Accepts a request: who asked follows from now on.
#[utoipa::path(
    post, path = "/api/v1/follow-requests/{id}/accept", tag = "social", operation_id = "accept_follow_request",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The request")),
    responses(
        (status = 200, description = "The request, accepted", body = Data<FollowRequest>),
        (status = 409, description = "`illegal_transition`")
    )
)]
async fn accept_follow_request(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(social::accept_follow_request(&app, &actor, id).await?))
}

/// Refuses a request. Who asked is not told, and may ask again a day later.
#[utoipa::path(
    post, path = "/api/v1/follow-requests/{id}/reject", tag = "social", operation_id = "reject_follow_request",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The request")),
    responses(
        (status = 200, description = "The request, refused", body = Data<FollowRequest>),
        (status = 409, description = "`illegal_transition`")
    )
)]
async fn reject_follow_request(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(social::reject_follow_request(&app, &actor, id).await?))
}
