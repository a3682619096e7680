//! Sections of courses (domain.md §5.4).

use axum::extract::State;
use domain::App;
use domain::courses;
use protocol::courses::{CreateSection, NewOrder, Section, UpdateSection};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, JsonBody, PathId, Precondition};
use crate::response::{Answer, Data, changed, created, data, no_content};

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(create_section))
        .routes(routes!(order_sections))
        .routes(routes!(update_section, delete_section))
}

/// Adds a section to a course, the last of it.
#[utoipa::path(
    post, path = "/api/v1/courses/{id}/sections", tag = "courses", operation_id = "create_section",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The course")),
    request_body(content = CreateSection, example = json!({"title": "الجملة الاسمية"})),
    responses((status = 201, description = "The section", body = Data<Section>))
)]
async fn create_section(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<CreateSection>,
) -> Answer {
    let input = body.input_after(courses::demand_course(&app, &actor, id, None)).await?;
    let section = courses::create_section(&app, &actor, id, input).await?;
    created(&format!("/api/v1/courses/{id}?include=sections"), section)
}

/// Gives a course's sections their places.
#[utoipa::path(
    put, path = "/api/v1/courses/{id}/sections/order", tag = "courses", operation_id = "order_sections",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The course")),
    request_body(content = NewOrder, example = json!({"ids": [2, 1, 3]})),
    responses((status = 200, description = "The sections in their new order", body = Data<Vec<Section>>))
)]
async fn order_sections(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<NewOrder>,
) -> Answer {
    let input = body.input_after(courses::demand_course(&app, &actor, id, None)).await?;
    Ok(data(courses::order_sections(&app, &actor, id, input).await?))
}

/// Changes a section's words.
#[utoipa::path(
    patch, path = "/api/v1/sections/{id}", tag = "courses", operation_id = "update_section",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The section"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the section as it was last answered")
    ),
    request_body(content = UpdateSection, example = json!({"title": "الجملة الفعلية"})),
    responses(
        (status = 200, description = "The section as it is now", body = Data<Section>),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn update_section(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
    body: JsonBody<UpdateSection>,
) -> Answer {
    let input = body.input_after(courses::demand_section(&app, &actor, id)).await?;
    changed(courses::update_section(&app, &actor, id, &version, input).await?)
}

/// Takes a section out of its course, with its lessons.
#[utoipa::path(
    delete, path = "/api/v1/sections/{id}", tag = "courses", operation_id = "delete_section",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The section"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the section as it was last answered")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn delete_section(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
) -> Answer {
    courses::delete_section(&app, &actor, id, &version).await?;
    Ok(no_content())
}
