//! A speaker's own weekly windows.

use axum::extract::State;
use axum::http::HeaderMap;
use domain::{App, consultations};
use protocol::consultations::{Availability, CreateAvailability, ReplaceAvailabilities, UpdateAvailability};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, JsonBody, PathId, Precondition, WholeList};
use crate::response::{Answer, Condition, Data, changed, created, no_content, tagged};

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_availabilities, create_availability, replace_availabilities))
        .routes(routes!(find_availability, update_availability, delete_availability))
}

/// What a speaker needs to write here.
const OFFER: &str = "consultations.offer";

/// The asker's own windows, in the order of the week. For speakers.
#[utoipa::path(
    get, path = "/api/v1/me/availabilities", tag = "consultations", operation_id = "list_availabilities",
    security(("bearer" = [])),
    responses((status = 200, description = "All of them", body = Data<Vec<Availability>>))
)]
async fn list_availabilities(
    State(app): State<App>,
    Caller(actor): Caller,
    _: WholeList,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), consultations::list_availabilities(&app, &actor).await?)
}

/// Offers a window of every week, in the speaker's own time zone. For speakers.
#[utoipa::path(
    post, path = "/api/v1/me/availabilities", tag = "consultations", operation_id = "create_availability",
    security(("bearer" = [])),
    request_body(content = CreateAvailability, example = json!({
        "day_of_week": "sun", "start_time": "16:00", "end_time": "18:00", "session_duration": 60,
        "price_per_session": "150.00"
    })),
    responses((status = 201, description = "The window", body = Data<Availability>))
)]
async fn create_availability(
    State(app): State<App>,
    Caller(actor): Caller,
    body: JsonBody<CreateAvailability>,
) -> Answer {
    let input = body.input_after(domain::access::demand_permission(&app, &actor, OFFER)).await?;
    let window = consultations::create_availability(&app, &actor, input).await?;
    created(&format!("/api/v1/availabilities/{}", window.id), window)
}

/// Replaces the whole week. Sessions that were booked stay. For speakers.
#[utoipa::path(
    put, path = "/api/v1/me/availabilities", tag = "consultations", operation_id = "replace_availabilities",
    security(("bearer" = [])),
    params(("If-Match" = String, Header, description = "The ETag of `list_availabilities`")),
    request_body(content = ReplaceAvailabilities, example = json!({"availabilities": [{
        "day_of_week": "sun", "start_time": "16:00", "end_time": "18:00", "session_duration": 60,
        "price_per_session": "150.00"
    }]})),
    responses(
        (status = 200, description = "All windows as they are now", body = Data<Vec<Availability>>),
        (status = 412, description = "They were changed meanwhile"),
        (status = 428, description = "`If-Match` is missing")
    )
)]
async fn replace_availabilities(
    State(app): State<App>,
    Caller(actor): Caller,
    Precondition(version): Precondition,
    body: JsonBody<ReplaceAvailabilities>,
) -> Answer {
    let input = body.input_after(domain::access::demand_permission(&app, &actor, OFFER)).await?;
    changed(consultations::replace_availabilities(&app, &actor, &version, input).await?)
}

/// One of the asker's own windows.
#[utoipa::path(
    get, path = "/api/v1/availabilities/{id}", tag = "consultations", operation_id = "find_availability",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The window")),
    responses((status = 200, description = "The window", body = Data<Availability>))
)]
async fn find_availability(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), consultations::find_availability(&app, &actor, id).await?)
}

/// Changes one of the asker's own windows. Sessions that were booked stay as they are.
#[utoipa::path(
    patch, path = "/api/v1/availabilities/{id}", tag = "consultations", operation_id = "update_availability",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The window"),
        ("If-Match" = String, Header, description = "The ETag of `find_availability`")
    ),
    request_body(content = UpdateAvailability, example = json!({"price_per_session": "120.00"})),
    responses(
        (status = 200, description = "The window as it is now", body = Data<Availability>),
        (status = 412, description = "It was changed meanwhile"),
        (status = 428, description = "`If-Match` is missing")
    )
)]
async fn update_availability(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
    body: JsonBody<UpdateAvailability>,
) -> Answer {
    let input = body.input_after(consultations::demand_availability(&app, &actor, id)).await?;
    changed(consultations::update_availability(&app, &actor, id, &version, input).await?)
}

/// Takes one of the asker's own windows away. Sessions that were booked stay.
#[utoipa::path(
    delete, path = "/api/v1/availabilities/{id}", tag = "consultations", operation_id = "delete_availability",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The window"),
        ("If-Match" = String, Header, description = "The ETag of `find_availability`")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 412, description = "It was changed meanwhile"),
        (status = 428, description = "`If-Match` is missing")
    )
)]
async fn delete_availability(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
) -> Answer {
    consultations::delete_availability(&app, &actor, id, &version).await?;
    Ok(no_content())
}
