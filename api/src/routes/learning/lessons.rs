//! Lessons as students meet them (domain.md §5.4).

use axum::extract::State;
use axum::http::HeaderMap;
use domain::App;
use domain::learning;
use protocol::learning::{LessonPage, Progress, ReportProgress};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, JsonBody, MaybeCaller, PathId};
use crate::response::{Answer, Condition, Data, data, tagged};

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(find_lesson))
        .routes(routes!(report_progress))
        .routes(routes!(complete_lesson, reopen_lesson))
}

/// A lesson with its content, for students of its course, its author and administrators; one that is shown to everybody, for
/// everybody.
#[utoipa::path(
    get, path = "/api/v1/lessons/{id}", tag = "learning", operation_id = "find_lesson",
    security((), ("bearer" = [])), params(("id" = u64, Path, description = "The lesson")),
    responses((status = 200, description = "The lesson; a student's `content_url` is good for ten minutes at least",
        body = Data<LessonPage>))
)]
async fn find_lesson(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), learning::find_lesson(&app, viewer.as_ref(), id).await?)
}

/// Notes how far the asker is in a lesson. What was watched never decreases, and grows no faster than time allows.
#[utoipa::path(
    put, path = "/api/v1/lessons/{id}/progress", tag = "learning", operation_id = "report_progress",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The lesson")),
    request_body(content = ReportProgress, example = json!({"watched_duration_seconds": 180, "position": 195})),
    responses((status = 200, description = "How far the asker is in the lesson and its course", body = Data<Progress>))
)]
async fn report_progress(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<ReportProgress>,
) -> Answer {
    let input = body.input_after(learning::demand_lesson(&app, &actor, id)).await?;
    Ok(data(learning::report_progress(&app, &actor, id, input).await?))
}

/// Marks a lesson as done that is not done by watching it. Once more changes nothing.
#[utoipa::path(
    post, path = "/api/v1/lessons/{id}/complete", tag = "learning", operation_id = "complete_lesson",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The lesson")),
    responses(
        (status = 200, description = "How far the asker is", body = Data<Progress>),
        (status = 422, description = "`watch_to_complete`")
    )
)]
async fn complete_lesson(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(learning::complete_lesson(&app, &actor, id).await?))
}

/// Takes the mark back, while the course is not completed. Once more changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/lessons/{id}/complete", tag = "learning", operation_id = "reopen_lesson",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The lesson")),
    responses(
        (status = 200, description = "How far the asker is", body = Data<Progress>),
        (status = 409, description = "`illegal_transition`: the course is completed"),
        (status = 422, description = "`watch_to_complete`")
    )
)]
async fn reopen_lesson(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(learning::reopen_lesson(&app, &actor, id).await?))
}
