//! Lessons of courses, as their authors write them (domain.md §5.4).

use axum::extract::State;
use domain::App;
use domain::courses;
use protocol::courses::{CreateLesson, Lesson, MoveLesson, NewOrder, UpdateLesson};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, JsonBody, PathId, Precondition};
use crate::response::{Answer, Data, changed, created, data, no_content};

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(create_lesson))
        .routes(routes!(order_lessons))
        .routes(routes!(update_lesson, delete_lesson))
        .routes(routes!(move_lesson))
}

/// Adds a lesson to a section, the last of it. Students of a published course are told.
#[utoipa::path(
    post, path = "/api/v1/sections/{id}/lessons", tag = "courses", operation_id = "create_lesson",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The section")),
    request_body(content = CreateLesson, example = json!({
        "title": "المبتدأ والخبر", "content_type": "link", "link": "https://example.com/mubtada", "duration_seconds": 600,
        "is_preview": true
    })),
    responses((status = 201, description = "The lesson", body = Data<Lesson>))
)]
async fn create_lesson(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<CreateLesson>,
) -> Answer {
    let input = body.input_after(courses::demand_section(&app, &actor, id)).await?;
    let lesson = courses::create_lesson(&app, &actor, id, input).await?;
    created(&format!("/api/v1/lessons/{}", lesson.id), lesson)
}

/// Gives a section's lessons their places.
#[utoipa::path(
    put, path = "/api/v1/sections/{id}/lessons/order", tag = "courses", operation_id = "order_lessons",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The section")),
    request_body(content = NewOrder, example = json!({"ids": [2, 1, 3]})),
    responses((status = 200, description = "The lessons in their new order", body = Data<Vec<Lesson>>))
)]
async fn order_lessons(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<NewOrder>,
) -> Answer {
    let input = body.input_after(courses::demand_section(&app, &actor, id)).await?;
    Ok(data(courses::order_lessons(&app, &actor, id, input).await?))
}

/// Changes a lesson.
#[utoipa::path(
    patch, path = "/api/v1/lessons/{id}", tag = "courses", operation_id = "update_lesson",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The lesson"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the lesson as it was last answered to its author")
    ),
    request_body(content = UpdateLesson, example = json!({"title": "الخبر", "is_preview": false})),
    responses(
        (status = 200, description = "The lesson as it is now", body = Data<Lesson>),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn update_lesson(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
    body: JsonBody<UpdateLesson>,
) -> Answer {
    let input = body.input_after(courses::demand_lesson(&app, &actor, id)).await?;
    changed(courses::update_lesson(&app, &actor, id, &version, input).await?)
}

/// Takes a lesson out of its course.
#[utoipa::path(
    delete, path = "/api/v1/lessons/{id}", tag = "courses", operation_id = "delete_lesson",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The lesson"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the lesson as it was last answered to its author")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn delete_lesson(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
) -> Answer {
    courses::delete_lesson(&app, &actor, id, &version).await?;
    Ok(no_content())
}

/// Puts a lesson into a section of its course, at a place there.
#[utoipa::path(
    post, path = "/api/v1/lessons/{id}/move", tag = "courses", operation_id = "move_lesson",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The lesson")),
    request_body(content = MoveLesson, example = json!({"section_id": 2, "position": 0})),
    responses((status = 200, description = "The lesson in its new place", body = Data<Lesson>))
)]
async fn move_lesson(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<MoveLesson>,
) -> Answer {
    let input = body.input_after(courses::demand_lesson(&app, &actor, id)).await?;
    changed(courses::move_lesson(&app, &actor, id, input).await?)
}
