//! Other people: finding them, what is between, blocks (domain.md §5.2).

use axum::extract::State;
use axum::http::HeaderMap;
use base::{CommonFault, Problem};
use domain::App;
use domain::users::{self, UserFilter};
use protocol::users::{BlockedUser, Relationship, User, UserCard};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::error::invalid;
use crate::extract::{Caller, Listing, MaybeCaller, Params, PathText, Takes, WholeList, user_id};
use crate::response::{Answer, Condition, Data, List, data, list, no_content, tagged};
use crate::routes::PageParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_blocks))
        .routes(routes!(list_users))
        .routes(routes!(list_relationships))
        .routes(routes!(find_user))
        .routes(routes!(block_user, unblock_user))
}

/// Those whom one blocks.
#[utoipa::path(
    get, path = "/api/v1/me/blocks", tag = "users", operation_id = "list_blocks", security(("bearer" = [])),
    params(PageParams),
    responses((status = 200, description = "A page, newest blocks first", body = List<BlockedUser>))
)]
async fn list_blocks(State(app): State<App>, Caller(actor): Caller, listing: Listing) -> Answer {
    list(&listing, users::list_blocks(&app, &actor, listing.page).await?)
}

/// What the list of users takes.
struct Users;

impl Takes for Users {
    const FILTERS: &'static [&'static str] =
        &["filter[q]", "filter[role]", "filter[is_verified]", "filter[category]"];
    const SORTS: &'static [&'static str] = &["created_at", "followers"];
}

/// Finds active users.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "users", operation_id = "list_users", security(("bearer" = [])),
    params(
        PageParams,
        ("filter[q]" = Option<String>, Query, description = "Beginning of the name or the username"),
        ("filter[role]" = Option<String>, Query, description = "`speaker`"),
        ("filter[is_verified]" = Option<bool>, Query, description = "Checked by the platform?"),
        ("filter[category]" = Option<u64>, Query, description = "Who is interested in this category"),
        ("sort" = Option<String>, Query, description = "`-created_at` (unless asked otherwise), or `followers`: whom most follow")
    ),
    responses((status = 200, description = "A page, newest accounts or most followed first", body = List<UserCard>))
)]
async fn list_users(State(app): State<App>, Caller(actor): Caller, listing: Listing<Users>) -> Answer {
    let params = &listing.params;
    let filter = UserFilter {
        q: params.get("filter[q]").map(str::to_owned),
        role: params.get("filter[role]").map(str::to_owned),
        is_verified: params.flag("filter[is_verified]")?,
        category_id: params.parsed("filter[category]")?,
        by_followers: match params.get("sort") {
            None | Some("-created_at") => false,
            Some("followers" | "-followers") => true,
            Some(_) => return Err(invalid("sort", Problem::NotOneOf(&["-created_at", "followers"]))),
        },
    };
    list(&listing, users::list_users(&app, &actor, filter, listing.page).await?)
}

/// What is between the asker and one user.
#[derive(Serialize, ToSchema)]
struct RelationshipTo {
    /// The user.
    id: u64,
    #[serde(flatten)]
    relationship: Relationship,
}

/// What is between the asker and others.
#[utoipa::path(
    get, path = "/api/v1/users/relationships", tag = "users", operation_id = "list_relationships",
    security(("bearer" = [])),
    params(("id[]" = Vec<u64>, Query, description = "The others")),
    responses((status = 200, description = "One entry for each who exists", body = Data<Vec<RelationshipTo>>))
)]
async fn list_relationships(
    State(app): State<App>,
    Caller(actor): Caller,
    _: WholeList,
    params: Params,
) -> Answer {
    let ids = params.user_ids("id", &actor)?;
    let found = users::list_relationships(&app, &actor, ids).await?;
    let entries = found.into_iter().map(|(id, relationship)| RelationshipTo { id, relationship });
    Ok(data(entries.collect::<Vec<_>>()))
}

/// Somebody's profile, as far as the asker may see it.
#[utoipa::path(
    get, path = "/api/v1/users/{user}", tag = "users", operation_id = "find_user",
    security((), ("bearer" = [])),
    params(("user" = String, Path, description = "Id, username, or `me`")),
    responses((status = 200, description = "The profile", body = Data<User>))
)]
async fn find_user(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathText(user): PathText,
    headers: HeaderMap,
) -> Answer {
    let user = match (&viewer, user.as_str()) {
        (Some(actor), "me") => actor.user_id().to_string(),
        (None, "me") => return Err(CommonFault::Unauthenticated.into()),
        _ => user,
    };
    tagged(&Condition::of(&headers), users::find_user(&app, viewer.as_ref(), &user).await?)
}

/// Blocks somebody: follows and requests between the two end, neither can write to the other, and neither sees whether
/// the other is online.
#[utoipa::path(
    post, path = "/api/v1/users/{user}/block", tag = "users", operation_id = "block_user",
    security(("bearer" = [])),
    params(("user" = String, Path, description = "Id of the user")),
    responses(
        (status = 200, description = "What is between the two now", body = Data<RelationshipTo>),
        (status = 422, description = "`self_block`")
    )
)]
async fn block_user(State(app): State<App>, Caller(actor): Caller, PathText(user): PathText) -> Answer {
    let id = user_id(&user, &actor).ok_or(CommonFault::NotFound("user"))?;
    let relationship = users::block_user(&app, &actor, id).await?;
    Ok(data(RelationshipTo { id, relationship }))
}

/// Takes a block back.
#[utoipa::path(
    delete, path = "/api/v1/users/{user}/block", tag = "users", operation_id = "unblock_user",
    security(("bearer" = [])),
    params(("user" = String, Path, description = "Id of the user")),
    responses((status = 204, description = "The user is not blocked"))
)]
async fn unblock_user(State(app): State<App>, Caller(actor): Caller, PathText(user): PathText) -> Answer {
    let id = user_id(&user, &actor).ok_or(CommonFault::NotFound("user"))?;
    users::unblock_user(&app, &actor, id).await?;
    Ok(no_content())
}
