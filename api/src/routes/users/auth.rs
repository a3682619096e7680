//! Signing up, in and out; passwords; confirming an address (domain.md §5.1).

use axum::extract::{Path, RawQuery, State};
use base::{CommonFault, Problem};
use domain::App;
use domain::users::{self, Registered};
use protocol::accounts::{Accepted, ChangePassword, EmailVerified, ForgotPassword, ResetPassword};
use protocol::users::{CreateToken, LogIn, RefreshSession, Register, SignedIn, TokenCreated, TokenInfo};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::error::invalid;
use crate::extract::{Bearer, Caller, Client, JsonBody, Params, PathId, WholeList, row_id};
use crate::response::{Answer, Data, accepted, created, data, no_content};

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(log_in))
        .routes(routes!(refresh_session))
        .routes(routes!(log_out))
        .routes(routes!(list_tokens, create_token, revoke_other_tokens))
        .routes(routes!(revoke_token))
        .routes(routes!(change_password))
        .routes(routes!(forgot_password))
        .routes(routes!(reset_password))
        .routes(routes!(send_verification))
        .routes(routes!(verify_email))
}

/// Makes an account and signs it in.
#[utoipa::path(
    post, path = "/api/v1/auth/register", tag = "auth", operation_id = "register",
    request_body(content = Register, example = json!({
        "name": "سارة القحطاني", "username": "sara.q", "email": "sara@example.com", "password": "correct horse battery",
        "device_name": "iPhone", "language": "ar", "timezone": "Asia/Riyadh"
    })),
    responses(
        (status = 201, description = "The account's first session", body = Data<SignedIn>),
        (status = 202, description = "With the setting `auth.enumeration_safe`: a mail says what came of it",
            body = Data<Accepted>)
    )
)]
async fn register(State(app): State<App>, Client(client): Client, body: JsonBody<Register>) -> Answer {
    match users::register(&app, &client, body.input()?).await? {
        Registered::SignedIn(session) => created(&format!("/api/v1/users/{}", session.user.id), session),
        Registered::Accepted => Ok(accepted(Accepted { accepted: true })),
    }
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

/// Sets another password; links to choose one end with it, and with `revoke_others` all other sessions and API tokens.
#[utoipa::path(
    put, path = "/api/v1/auth/password", tag = "auth", operation_id = "change_password",
    security(("bearer" = [])),
    request_body(content = ChangePassword, example = json!({
        "current_password": "correct horse battery", "password": "a longer walk by the sea",
        "password_confirmation": "a longer walk by the sea", "revoke_others": true
    })),
    responses(
        (status = 204, description = "It is the password now"),
        (status = 401, description = "`invalid_credentials`: the present password is another"),
        (status = 423, description = "`account_locked`; `Retry-After` says for how long")
    )
)]
async fn change_password(
    State(app): State<App>,
    Caller(actor): Caller,
    body: JsonBody<ChangePassword>,
) -> Answer {
    users::change_password(&app, &actor, body.input()?).await?;
    Ok(no_content())
}

/// Sends a link to choose a new password, if there is an account for the address. The answer is always the same.
#[utoipa::path(
    post, path = "/api/v1/auth/password/forgot", tag = "auth", operation_id = "forgot_password",
    request_body(content = ForgotPassword, example = json!({"email": "sara@example.com"})),
    responses((status = 202, description = "A mail is on its way, if there is reason for one", body = Data<Accepted>))
)]
async fn forgot_password(
    State(app): State<App>,
    Client(client): Client,
    body: JsonBody<ForgotPassword>,
) -> Answer {
    Ok(accepted(users::forgot_password(&app, &client, body.input()?).await?))
}

/// Sets a new password by the token of a link, and ends everything that the account was signed in with.
#[utoipa::path(
    post, path = "/api/v1/auth/password/reset", tag = "auth", operation_id = "reset_password",
    request_body(content = ResetPassword, example = json!({
        "email": "sara@example.com", "token": "0f5b3c0d9ae14e4ab0f7f5d2c9e7a1b3d4c5e6f708192a3b4c5d6e7f8091a2b3",
        "password": "a longer walk by the sea", "password_confirmation": "a longer walk by the sea"
    })),
    responses(
        (status = 204, description = "It is the password now; sign in with it"),
        (status = 422, description = "`reset_token_invalid`, `validation_failed`"),
        (status = 423, description = "`account_locked`; `Retry-After` says for how long")
    )
)]
async fn reset_password(
    State(app): State<App>,
    Client(client): Client,
    body: JsonBody<ResetPassword>,
) -> Answer {
    users::reset_password(&app, &client, body.input()?).await?;
    Ok(no_content())
}

/// Sends the own address a link to confirm it, where it is not confirmed yet.
#[utoipa::path(
    post, path = "/api/v1/auth/email/verification-notification", tag = "auth", operation_id = "send_verification",
    security(("bearer" = [])),
    responses((status = 202, description = "A mail is on its way, if there is reason for one", body = Data<Accepted>))
)]
async fn send_verification(State(app): State<App>, Caller(actor): Caller) -> Answer {
    Ok(accepted(users::send_verification(&app, &actor).await?))
}

/// Confirms an address by the link that was sent to it, signed by us or by a Laravel application with the same `APP_KEY`.
#[utoipa::path(
    get, path = "/api/v1/auth/email/verify/{id}/{hash}", tag = "auth", operation_id = "verify_email",
    security(()),
    params(
        ("id" = u64, Path, description = "Whose address"),
        ("hash" = String, Path, description = "SHA-1 of the address, hexadecimal"),
        ("expires" = Option<i64>, Query, description = "Unix time at which the link ends"),
        ("signature" = Option<String>, Query, description = "HMAC-SHA256 of all before it, hexadecimal")
    ),
    responses(
        (status = 200, description = "The address is confirmed", body = Data<EmailVerified>),
        (status = 403, description = "`verification_link_invalid`, `verification_link_expired`")
    )
)]
async fn verify_email(
    State(app): State<App>,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    RawQuery(query): RawQuery,
) -> Answer {
    let nothing = || CommonFault::NotFound("resource");
    let Ok(Path((id, hash))) = path else { return Err(nothing().into()) };
    let id = row_id(&id).ok_or_else(nothing)?;
    users::demand_hash(&hash)?;
    Ok(data(users::verify_email(&app, id, &hash, query.as_deref().unwrap_or_default()).await?))
}
