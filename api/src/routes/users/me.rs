//! The own account and profile (domain.md §5.1, §5.2).

use axum::extract::State;
use axum::http::HeaderMap;
use domain::App;
use domain::users::{self, Picture};
use protocol::accounts::{DeleteAccount, SetPicture, UpdateAccount};
use protocol::users::{Account, Me, ProfileUpdated, UpdateProfile};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, JsonBody};
use crate::response::{Answer, Condition, Data, data, no_content, tagged};

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(find_me, update_account, delete_account))
        .routes(routes!(update_profile))
        .routes(routes!(set_avatar, remove_avatar))
        .routes(routes!(set_cover, remove_cover))
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
        "allow_messages_from": "followers", "social_links": {"x": "https://x.com/sara"}
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

/// Changes what is given of the own account. Another address or number needs the password, again; a new address has to be
/// confirmed by the link that is sent to it.
#[utoipa::path(
    patch, path = "/api/v1/me", tag = "users", operation_id = "update_account", security(("bearer" = [])),
    request_body(content = UpdateAccount, example = json!({
        "name": "سارة القحطاني", "headline": "معلمة فيزياء", "email": "sara.q@example.com",
        "current_password": "correct horse battery"
    })),
    responses(
        (status = 200, description = "The account as it is now", body = Data<Account>),
        (status = 401, description = "`invalid_credentials`: the password is another"),
        (status = 423, description = "`account_locked`; `Retry-After` says for how long")
    )
)]
async fn update_account(
    State(app): State<App>,
    Caller(actor): Caller,
    body: JsonBody<UpdateAccount>,
) -> Answer {
    Ok(data(users::update_account(&app, &actor, body.input()?).await?))
}

/// Deletes the own account. For thirty days an administrator can give it back.
#[utoipa::path(
    delete, path = "/api/v1/me", tag = "users", operation_id = "delete_account", security(("bearer" = [])),
    request_body(content = DeleteAccount, example = json!({"password": "correct horse battery"})),
    responses(
        (status = 204, description = "It is gone, its tokens do not hold, its sockets are closed"),
        (status = 401, description = "`invalid_credentials`: the password is another"),
        (status = 403, description = "`protected_account`: the last super-admin"),
        (status = 423, description = "`account_locked`; `Retry-After` says for how long")
    )
)]
async fn delete_account(
    State(app): State<App>,
    Caller(actor): Caller,
    body: JsonBody<DeleteAccount>,
) -> Answer {
    users::delete_account(&app, &actor, body.input()?).await?;
    Ok(no_content())
}

/// Shows an uploaded picture as the own face.
#[utoipa::path(
    put, path = "/api/v1/me/avatar", tag = "users", operation_id = "set_avatar", security(("bearer" = [])),
    request_body(content = SetPicture, example = json!({"upload_id": 17})),
    responses((status = 200, description = "The account as it is now", body = Data<Account>))
)]
async fn set_avatar(State(app): State<App>, Caller(actor): Caller, body: JsonBody<SetPicture>) -> Answer {
    Ok(data(users::set_picture(&app, &actor, Picture::Avatar, body.input()?).await?))
}

/// Shows no picture of oneself any more.
#[utoipa::path(
    delete, path = "/api/v1/me/avatar", tag = "users", operation_id = "remove_avatar", security(("bearer" = [])),
    responses((status = 204, description = "There is none"))
)]
async fn remove_avatar(State(app): State<App>, Caller(actor): Caller) -> Answer {
    users::remove_picture(&app, &actor, Picture::Avatar).await?;
    Ok(no_content())
}

/// Shows an uploaded picture on top of the own profile.
#[utoipa::path(
    put, path = "/api/v1/me/cover", tag = "users", operation_id = "set_cover", security(("bearer" = [])),
    request_body(content = SetPicture, example = json!({"upload_id": 18})),
    responses((status = 200, description = "The account as it is now", body = Data<Account>))
)]
async fn set_cover(State(app): State<App>, Caller(actor): Caller, body: JsonBody<SetPicture>) -> Answer {
    Ok(data(users::set_picture(&app, &actor, Picture::Cover, body.input()?).await?))
}

/// Shows no picture on top of the own profile any more.
#[utoipa::path(
    delete, path = "/api/v1/me/cover", tag = "users", operation_id = "remove_cover", security(("bearer" = [])),
    responses((status = 204, description = "There is none"))
)]
async fn remove_cover(State(app): State<App>, Caller(actor): Caller) -> Answer {
    users::remove_picture(&app, &actor, Picture::Cover).await?;
    Ok(no_content())
}
