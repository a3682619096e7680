//! What people show on their profiles beside it (domain.md §5.2).

use axum::extract::State;
use base::CommonFault;
use domain::App;
use domain::users::portfolio;
use protocol::portfolio::{
    AddCertificate, AddExperience, Experience, Expertises, Interest, Order, ProfileCertificate, SetInterests,
    UpdateCertificate, UpdateExperience,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, JsonBody, Language, MaybeCaller, PathId, PathText, WholeList};
use crate::response::{Answer, Data, created, data, no_content};

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_interests, set_interests))
        .routes(routes!(list_expertises, set_expertises))
        .routes(routes!(list_certificates, add_certificate))
        .routes(routes!(order_certificates))
        .routes(routes!(update_certificate, remove_certificate))
        .routes(routes!(list_certificates_of))
        .routes(routes!(list_experiences, add_experience))
        .routes(routes!(order_experiences))
        .routes(routes!(update_experience, remove_experience))
        .routes(routes!(list_experiences_of))
}

/// What one is interested in.
#[utoipa::path(
    get, path = "/api/v1/me/interests", tag = "users", operation_id = "list_interests",
    security(("bearer" = [])),
    responses((status = 200, description = "All of them, in the order of the categories", body = Data<Vec<Interest>>))
)]
async fn list_interests(
    State(app): State<App>,
    Caller(actor): Caller,
    Language(lang): Language,
    _: WholeList,
) -> Answer {
    Ok(data(portfolio::list_interests(&app, &actor, lang).await?))
}

/// Says what one is interested in, all of it.
#[utoipa::path(
    put, path = "/api/v1/me/interests", tag = "users", operation_id = "set_interests",
    security(("bearer" = [])),
    request_body(content = SetInterests, example = json!({"category_ids": [1, 4]})),
    responses((status = 200, description = "All of them, in the order of the categories", body = Data<Vec<Interest>>))
)]
async fn set_interests(
    State(app): State<App>,
    Caller(actor): Caller,
    Language(lang): Language,
    body: JsonBody<SetInterests>,
) -> Answer {
    Ok(data(portfolio::set_interests(&app, &actor, lang, body.input()?).await?))
}

/// What one knows, for speakers.
#[utoipa::path(
    get, path = "/api/v1/me/expertises", tag = "users", operation_id = "list_expertises",
    security(("bearer" = [])),
    responses((status = 200, description = "All of it, in one's own order", body = Data<Expertises>))
)]
async fn list_expertises(State(app): State<App>, Caller(actor): Caller, _: WholeList) -> Answer {
    Ok(data(portfolio::list_expertises(&app, &actor).await?))
}

/// Says what one knows, all of it, for speakers.
#[utoipa::path(
    put, path = "/api/v1/me/expertises", tag = "users", operation_id = "set_expertises",
    security(("bearer" = [])),
    request_body(content = Expertises, example = json!({"expertises": ["Physics", "الرياضيات"]})),
    responses((status = 200, description = "All of it, in one's own order", body = Data<Expertises>))
)]
async fn set_expertises(State(app): State<App>, Caller(actor): Caller, body: JsonBody<Expertises>) -> Answer {
    let input = body.input_after(portfolio::demand_speaker(&app, &actor)).await?;
    Ok(data(portfolio::set_expertises(&app, &actor, input).await?))
}

/// The own certificates.
#[utoipa::path(
    get, path = "/api/v1/me/certificates", tag = "users", operation_id = "list_certificates",
    security(("bearer" = [])),
    responses((status = 200, description = "All of them, in one's own order", body = Data<Vec<ProfileCertificate>>))
)]
async fn list_certificates(State(app): State<App>, Caller(actor): Caller, _: WholeList) -> Answer {
    Ok(data(portfolio::list_certificates(&app, &actor).await?))
}

/// Adds a certificate, at the end; fifty at most.
#[utoipa::path(
    post, path = "/api/v1/me/certificates", tag = "users", operation_id = "add_certificate",
    security(("bearer" = [])),
    request_body(content = AddCertificate, example = json!({
        "title": "Physics Teacher", "issuer": "KFUPM", "issue_date": "2024-05-01", "credential_id": "PT-17",
        "credential_url": "https://certificates.example.com/PT-17"
    })),
    responses((status = 201, description = "It is there", body = Data<ProfileCertificate>))
)]
async fn add_certificate(
    State(app): State<App>,
    Caller(actor): Caller,
    body: JsonBody<AddCertificate>,
) -> Answer {
    created("/api/v1/me/certificates", portfolio::add_certificate(&app, &actor, body.input()?).await?)
}

/// Puts the own certificates into another order.
#[utoipa::path(
    put, path = "/api/v1/me/certificates/order", tag = "users", operation_id = "order_certificates",
    security(("bearer" = [])),
    request_body(content = Order, example = json!({"ids": [3, 1, 2]})),
    responses((status = 200, description = "All of them, in the new order", body = Data<Vec<ProfileCertificate>>))
)]
async fn order_certificates(State(app): State<App>, Caller(actor): Caller, body: JsonBody<Order>) -> Answer {
    Ok(data(portfolio::order_certificates(&app, &actor, body.input()?).await?))
}

/// Changes what is given of a certificate of one's own.
#[utoipa::path(
    patch, path = "/api/v1/me/certificates/{id}", tag = "users", operation_id = "update_certificate",
    security(("bearer" = [])), params(("id" = u64, Path, description = "Its id")),
    request_body(content = UpdateCertificate, example = json!({"expiry_date": "2029-05-01", "credential_id": null})),
    responses((status = 200, description = "As it is now", body = Data<ProfileCertificate>))
)]
async fn update_certificate(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<UpdateCertificate>,
) -> Answer {
    Ok(data(portfolio::update_certificate(&app, &actor, id, body.input()?).await?))
}

/// Takes a certificate of one's own away.
#[utoipa::path(
    delete, path = "/api/v1/me/certificates/{id}", tag = "users", operation_id = "remove_certificate",
    security(("bearer" = [])), params(("id" = u64, Path, description = "Its id")),
    responses((status = 204, description = "It is gone"))
)]
async fn remove_certificate(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    portfolio::remove_certificate(&app, &actor, id).await?;
    Ok(no_content())
}

/// Somebody's certificates, for whoever may see the profile.
#[utoipa::path(
    get, path = "/api/v1/users/{user}/certificates", tag = "users", operation_id = "list_certificates_of",
    security((), ("bearer" = [])),
    params(("user" = String, Path, description = "Id, username, or `me`")),
    responses((status = 200, description = "All of them, in their owner's order", body = Data<Vec<ProfileCertificate>>))
)]
async fn list_certificates_of(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathText(user): PathText,
    _: WholeList,
) -> Answer {
    let user = named(viewer.as_ref(), user)?;
    Ok(data(portfolio::list_certificates_of(&app, viewer.as_ref(), &user).await?))
}

/// The own jobs.
#[utoipa::path(
    get, path = "/api/v1/me/experiences", tag = "users", operation_id = "list_experiences",
    security(("bearer" = [])),
    responses((status = 200, description = "All of them, in one's own order", body = Data<Vec<Experience>>))
)]
async fn list_experiences(State(app): State<App>, Caller(actor): Caller, _: WholeList) -> Answer {
    Ok(data(portfolio::list_experiences(&app, &actor).await?))
}

/// Adds a job, at the end; fifty at most.
#[utoipa::path(
    post, path = "/api/v1/me/experiences", tag = "users", operation_id = "add_experience",
    security(("bearer" = [])),
    request_body(content = AddExperience, example = json!({
        "title": "معلمة فيزياء", "company": "مدارس الرياض", "employment_type": "full_time", "location": "الرياض",
        "start_date": "2020-09-01", "is_current": true, "description": "المرحلة الثانوية"
    })),
    responses((status = 201, description = "It is there", body = Data<Experience>))
)]
async fn add_experience(
    State(app): State<App>,
    Caller(actor): Caller,
    body: JsonBody<AddExperience>,
) -> Answer {
    created("/api/v1/me/experiences", portfolio::add_experience(&app, &actor, body.input()?).await?)
}

/// Puts the own experiences into another order.
#[utoipa::path(
    put, path = "/api/v1/me/experiences/order", tag = "users", operation_id = "order_experiences",
    security(("bearer" = [])),
    request_body(content = Order, example = json!({"ids": [3, 1, 2]})),
    responses((status = 200, description = "All of them, in the new order", body = Data<Vec<Experience>>))
)]
async fn order_experiences(State(app): State<App>, Caller(actor): Caller, body: JsonBody<Order>) -> Answer {
    Ok(data(portfolio::order_experiences(&app, &actor, body.input()?).await?))
}

/// Changes what is given of a job of one's own.
#[utoipa::path(
    patch, path = "/api/v1/me/experiences/{id}", tag = "users", operation_id = "update_experience",
    security(("bearer" = [])), params(("id" = u64, Path, description = "Its id")),
    request_body(content = UpdateExperience, example = json!({"end_date": "2026-06-30", "is_current": false})),
    responses((status = 200, description = "As it is now", body = Data<Experience>))
)]
async fn update_experience(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<UpdateExperience>,
) -> Answer {
    Ok(data(portfolio::update_experience(&app, &actor, id, body.input()?).await?))
}

/// Takes a job of one's own away.
#[utoipa::path(
    delete, path = "/api/v1/me/experiences/{id}", tag = "users", operation_id = "remove_experience",
    security(("bearer" = [])), params(("id" = u64, Path, description = "Its id")),
    responses((status = 204, description = "It is gone"))
)]
async fn remove_experience(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    portfolio::remove_experience(&app, &actor, id).await?;
    Ok(no_content())
}

/// Somebody's jobs, for whoever may see the profile.
#[utoipa::path(
    get, path = "/api/v1/users/{user}/experiences", tag = "users", operation_id = "list_experiences_of",
    security((), ("bearer" = [])),
    params(("user" = String, Path, description = "Id, username, or `me`")),
    responses((status = 200, description = "All of them, in their owner's order", body = Data<Vec<Experience>>))
)]
async fn list_experiences_of(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathText(user): PathText,
    _: WholeList,
) -> Answer {
    let user = named(viewer.as_ref(), user)?;
    Ok(data(portfolio::list_experiences_of(&app, viewer.as_ref(), &user).await?))
}

/// `me` of a guest is nobody.
fn named(viewer: Option<&domain::Actor>, user: String) -> Result<String, CommonFault> {
    match viewer {
        None if user == "me" => Err(CommonFault::Unauthenticated),
        _ => Ok(user),
    }
}
