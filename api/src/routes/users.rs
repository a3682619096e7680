//! Accounts, sessions, profiles (domain.md §5.1, §5.2).

use axum::extract::State;
use axum::http::HeaderMap;
use base::{CommonFault, Problem};
use domain::App;
use domain::users::{self, UserFilter};
use protocol::users::{
    BlockedUser, CreateToken, LogIn, Me, ProfileUpdated, RefreshSession, Register, Relationship, SignedIn,
    Standing, TokenCreated, TokenInfo, UpdateProfile, UpdateStanding, User, UserCard,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageParams;
use crate::Door;
use crate::error::invalid;
use crate::extract::{
    Bearer, Caller, Client, JsonBody, Listing, MaybeCaller, Params, PathId, PathText, Takes, WholeList,
    user_id,
};
use crate::response::{Answer, Condition, Data, List, created, data, list, no_content, tagged};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(log_in))
        .routes(routes!(refresh_session))
        .routes(routes!(log_out))
        .routes(routes!(list_tokens, create_token, revoke_other_tokens))
        .routes(routes!(revoke_token))
        .routes(routes!(find_me))
        .routes(routes!(update_profile))
        .routes(routes!(list_blocks))
        .routes(routes!(list_users))
        .routes(routes!(list_relationships))
        .routes(routes!(find_user))
        .routes(routes!(block_user, unblock_user))
        .routes(routes!(update_standing))
        .routes(routes!(force_log_out))
}

/// Makes an account and signs it in.
#[utoipa::path(
    post, path = "/api/v1/auth/register", tag = "auth", operation_id = "register",
    request_body(content = Register, example = json!({
        "name": "سارة القحطاني", "username": "sara.q", "email": "sara@example.com", "password": "correct horse battery",
        "device_name": "iPhone", "language": "ar", "timezone": "Asia/Riyadh"
    })),
    responses((status = 201, description = "The account's first session", body = Data<SignedIn>))
)]
async fn register(State(app): State<App>, Client(client): Client, body: JsonBody<Register>) -> Answer {
    let session = users::register(&app, &client, body.input()?).await?;
    created(&format!("/api/v1/users/{}", session.user.id), session)
}

/// Signs in with e-mail, phone or username.
#[utoipa::path(
    post, path = "/api/v1/auth/login", tag = "auth", operation_id = "log_in",
    request_body(content = LogIn, example = json!({
        "login": "sara@example.com", "password": "correct horse battery", "device_name": "iPhone"
    })),
    responses(
        (status = 200, description = "A new session", body = Data<SignedIn>),
        (status = 401, description = "`invalid_credentials`"),
        (status = 403, description = "`account_suspended`"),
        (status = 423, description = "`account_locked`; `Retry-After` says for how long")
    )
)]
async fn log_in(State(app): State<App>, Client(client): Client, body: JsonBody<LogIn>) -> Answer {
    Ok(data(users::log_in(&app, &client, body.input()?).await?))
}

/// Changes a refresh token for a new pair. A token that was used before ends its whole session.
#[utoipa::path(
    post, path = "/api/v1/auth/refresh", tag = "auth", operation_id = "refresh_session",
    request_body(content = RefreshSession, example = json!({
        "refresh_token": "12|Yt7oXyU4PpQ0kS2m8Jb6cV1nR5tW3zE9aLfGhDsK7f3b0c1d"
    })),
    responses(
        (status = 200, description = "The next pair of tokens", body = Data<SignedIn>),
        (status = 401, description = "`refresh_token_reused`, or a token that does not hold")
    )
)]
async fn refresh_session(
    State(app): State<App>,
    Client(client): Client,
    body: JsonBody<RefreshSession>,
) -> Answer {
    Ok(data(users::refresh_session(&app, &client, body.input()?).await?))
}

/// Ends the session of the presented token, its sockets included.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", tag = "auth", operation_id = "log_out", security(("bearer" = [])),
    responses((status = 204, description = "Signed out"))
)]
async fn log_out(State(app): State<App>, Bearer(actor): Bearer) -> Answer {
    users::log_out(&app, &actor).await?;
    Ok(no_content())
}

/// The sessions and API tokens of the account.
#[utoipa::path(
    get, path = "/api/v1/auth/tokens", tag = "auth", operation_id = "list_tokens", security(("bearer" = [])),
    responses((status = 200, description = "All of them", body = Data<Vec<TokenInfo>>))
)]
async fn list_tokens(State(app): State<App>, Caller(actor): Caller, _: WholeList) -> Answer {
    Ok(data(users::list_tokens(&app, &actor).await?))
}

/// Makes an API token; this answer is the only one that shows it.
#[utoipa::path(
    post, path = "/api/v1/auth/tokens", tag = "auth", operation_id = "create_token", security(("bearer" = [])),
    request_body(content = CreateToken, example = json!({
        "name": "Statistics", "password": "correct horse battery", "abilities": ["read"]
    })),
    responses((status = 201, description = "The token", body = Data<TokenCreated>))
)]
async fn create_token(State(app): State<App>, Caller(actor): Caller, body: JsonBody<CreateToken>) -> Answer {
    created("/api/v1/auth/tokens", users::create_token(&app, &actor, body.input()?).await?)
}

/// Ends all other sessions and tokens of the account.
#[utoipa::path(
    delete, path = "/api/v1/auth/tokens", tag = "auth", operation_id = "revoke_other_tokens",
    security(("bearer" = [])),
    params(("others" = bool, Query, description = "Has to be `true`")),
    responses((status = 204, description = "Only this one is left"))
)]
async fn revoke_other_tokens(State(app): State<App>, Caller(actor): Caller, params: Params) -> Answer {
    if params.flag("others")? != Some(true) {
        return Err(invalid("others", Problem::Required));
    }
    users::revoke_other_tokens(&app, &actor).await?;
    Ok(no_content())
}

/// Ends a session (all of it) or an API token.
#[utoipa::path(
    delete, path = "/api/v1/auth/tokens/{id}", tag = "auth", operation_id = "revoke_token",
    security(("bearer" = [])), params(("id" = u64, Path, description = "Id in the list")),
    responses((status = 204, description = "It holds no more, and its sockets are closed"))
)]
async fn revoke_token(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    users::revoke_token(&app, &actor, id).await?;
    Ok(no_content())
}

/// The own account, with profile, wallet, roles and what is unread.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "users", operation_id = "find_me", security(("bearer" = [])),
    responses((status = 200, description = "The account", body = Data<Me>))
)]
async fn find_me(State(app): State<App>, Caller(actor): Caller, headers: HeaderMap) -> Answer {
    tagged(&Condition::of(&headers), users::find_me(&app, &actor).await?)
}

/// Changes what is given of the own profile. With `show_online_status: false` nobody hears any more whether one is online.
#[utoipa::path(
    patch, path = "/api/v1/me/profile", tag = "users", operation_id = "update_profile",
    security(("bearer" = [])),
    request_body(content = UpdateProfile, example = json!({
        "bio": "معلمة فيزياء", "timezone": "Asia/Riyadh", "show_online_status": false,
        "allow_messages_from": "followers"
    })),
    responses((status = 200, description = "The profile as it is now", body = Data<ProfileUpdated>))
)]
async fn update_profile(
    State(app): State<App>,
    Caller(actor): Caller,
    body: JsonBody<UpdateProfile>,
) -> Answer {
    Ok(data(users::update_profile(&app, &actor, body.input()?).await?))
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
    const FILTERS: &'static [&'static str] = &["filter[q]", "filter[role]", "filter[is_verified]"];
}

/// Finds active users.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "users", operation_id = "list_users", security(("bearer" = [])),
    params(
        PageParams,
        ("filter[q]" = Option<String>, Query, description = "Beginning of the name or the username"),
        ("filter[role]" = Option<String>, Query, description = "`speaker`"),
        ("filter[is_verified]" = Option<bool>, Query, description = "Checked by the platform?")
    ),
    responses((status = 200, description = "A page, newest accounts first", body = List<UserCard>))
)]
async fn list_users(State(app): State<App>, Caller(actor): Caller, listing: Listing<Users>) -> Answer {
    let params = &listing.params;
    let filter = UserFilter {
        q: params.get("filter[q]").map(str::to_owned),
        role: params.get("filter[role]").map(str::to_owned),
        is_verified: params.flag("filter[is_verified]")?,
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

/// Suspends an account or verifies it, or takes either back, with the permission `users.suspend` or `users.verify`.
#[utoipa::path(
    patch, path = "/api/v1/admin/users/{user}", tag = "users", operation_id = "update_standing",
    security(("bearer" = [])),
    params(("user" = String, Path, description = "Id of the user")),
    request_body(content = UpdateStanding, example = json!({"is_active": false, "reason": "Spam in five rooms"})),
    responses(
        (status = 200, description = "The account as it is now", body = Data<Standing>),
        (status = 403, description = "`forbidden`, `missing_ability`, `protected_account`")
    )
)]
async fn update_standing(
    State(app): State<App>,
    Caller(actor): Caller,
    PathText(user): PathText,
    body: JsonBody<UpdateStanding>,
) -> Answer {
    // A stranger learns neither of the account nor of the body's rule.
    let user_id = users::demand_standing(&app, &actor, user_id(&user, &actor)).await?;
    Ok(data(users::update_standing(&app, &actor, user_id, body.input()?).await?))
}

/// Ends all sessions and tokens of an account, with the permission `users.suspend`.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{user}/force-logout", tag = "users", operation_id = "force_log_out",
    security(("bearer" = [])),
    params(("user" = String, Path, description = "Id of the user")),
    responses(
        (status = 204, description = "Nothing of it holds any more, and its sockets are closed"),
        (status = 403, description = "`forbidden`, `missing_ability`, `protected_account`")
    )
)]
async fn force_log_out(State(app): State<App>, Caller(actor): Caller, PathText(user): PathText) -> Answer {
    domain::access::demand_permission(&app, &actor, "users.suspend").await?;
    let user_id = user_id(&user, &actor).ok_or(CommonFault::NotFound("user"))?;
    users::force_log_out(&app, &actor, user_id).await?;
    Ok(no_content())
}
