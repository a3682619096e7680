//! The administrators' part of accounts (domain.md §5.11).

use axum::extract::State;
use axum::http::HeaderMap;
use base::CommonFault;
use domain::App;
use domain::users::{self, AdminUserFilter};
use protocol::accounts::{AdminUser, SetRoles};
use protocol::users::{Standing, UpdateStanding};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, JsonBody, Numbered, PathText, Precondition, Takes, user_id};
use crate::response::{Answer, Condition, Data, NumberedList, changed, data, no_content, numbered, tagged};
use crate::routes::NumberedParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_accounts))
        .routes(routes!(find_account, update_standing))
        .routes(routes!(set_roles))
        .routes(routes!(force_log_out))
        .routes(routes!(restore_account))
}

/// What the table of accounts takes.
struct Accounts;

impl Takes for Accounts {
    const FILTERS: &'static [&'static str] =
        &["filter[q]", "filter[role]", "filter[is_active]", "filter[is_verified]", "filter[trashed]"];
    const SORTS: &'static [&'static str] = users::ACCOUNT_SORTS;
}

/// All accounts, with the permission `users.view`.
#[utoipa::path(
    get, path = "/api/v1/admin/users", tag = "admin", operation_id = "list_accounts", security(("bearer" = [])),
    params(
        NumberedParams,
        ("filter[q]" = Option<String>, Query, description = "Beginning of name, username or address"),
        ("filter[role]" = Option<String>, Query, description = "Name of a role"),
        ("filter[is_active]" = Option<bool>, Query, description = "Not suspended?"),
        ("filter[is_verified]" = Option<bool>, Query, description = "Checked by the platform?"),
        ("filter[trashed]" = Option<String>, Query, description = "`with` deleted ones, or `only` those"),
        ("sort" = Option<String>, Query,
            description = "`-created_at` (unless asked otherwise), `name`, `followers_count`; each with `-` downwards")
    ),
    responses((status = 200, description = "A page", body = NumberedList<AdminUser>))
)]
async fn list_accounts(State(app): State<App>, Caller(actor): Caller, listing: Numbered<Accounts>) -> Answer {
    let params = &listing.params;
    let filter = AdminUserFilter {
        q: params.get("filter[q]").map(str::to_owned),
        role: params.get("filter[role]").map(str::to_owned),
        is_active: params.flag("filter[is_active]")?,
        is_verified: params.flag("filter[is_verified]")?,
        trashed: params.get("filter[trashed]").map(str::to_owned),
    };
    let page = users::list_accounts(&app, &actor, filter, listing.sort, listing.page).await?;
    numbered(&listing, page)
}

/// An account, deleted or not, with the permission `users.view`.
#[utoipa::path(
    get, path = "/api/v1/admin/users/{user}", tag = "admin", operation_id = "find_account",
    security(("bearer" = [])),
    params(("user" = String, Path, description = "Id of the user, or `me`")),
    responses((status = 200, description = "The account", body = Data<AdminUser>))
)]
async fn find_account(
    State(app): State<App>,
    Caller(actor): Caller,
    PathText(user): PathText,
    headers: HeaderMap,
) -> Answer {
    let found = users::find_account(&app, &actor, user_id(&user, &actor)).await?;
    tagged(&Condition::of(&headers), found)
}

/// Gives an account exactly these roles, with the permission `roles.manage`.
#[utoipa::path(
    put, path = "/api/v1/admin/users/{user}/roles", tag = "admin", operation_id = "set_roles",
    security(("bearer" = [])),
    params(
        ("user" = String, Path, description = "Id of the user, or `me`"),
        ("If-Match" = Option<String>, Header, description = "The version of the account that is changed; required")
    ),
    request_body(content = SetRoles, example = json!({"roles": ["speaker"], "reason": "Teaches physics"})),
    responses(
        (status = 200, description = "The account as it is now", body = Data<AdminUser>),
        (status = 403, description = "`forbidden`, `missing_ability`, `protected_account`"),
        (status = 412, description = "It was changed meanwhile"),
        (status = 428, description = "`If-Match` is missing")
    )
)]
async fn set_roles(
    State(app): State<App>,
    Caller(actor): Caller,
    PathText(user): PathText,
    Precondition(version): Precondition,
    body: JsonBody<SetRoles>,
) -> Answer {
    let user_id = users::demand_roles(&app, &actor, user_id(&user, &actor)).await?;
    changed(users::set_roles(&app, &actor, user_id, &version, body.input()?).await?)
}

/// Gives a deleted account back within thirty days, with the permission `users.delete`.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{user}/restore", tag = "admin", operation_id = "restore_account",
    security(("bearer" = [])),
    params(("user" = String, Path, description = "Id of the user")),
    responses(
        (status = 200, description = "The account as it is now", body = Data<AdminUser>),
        (status = 409, description = "`illegal_transition`: it is not deleted, or was longer ago")
    )
)]
async fn restore_account(State(app): State<App>, Caller(actor): Caller, PathText(user): PathText) -> Answer {
    domain::access::demand_permission(&app, &actor, "users.delete").await?;
    let user_id = user_id(&user, &actor).ok_or(CommonFault::NotFound("user"))?;
    Ok(data(users::restore_account(&app, &actor, user_id).await?))
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
