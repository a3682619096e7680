//! Students' private notes (domain.md §5.4).

use axum::extract::State;
use domain::App;
use domain::learning;
use protocol::learning::{CreateNote, Note, UpdateNote};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, JsonBody, Listing, PathId};
use crate::response::{Answer, Data, List, data, list, no_content, recorded};
use crate::routes::PageParams;

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_notes, create_note))
        .routes(routes!(update_note, delete_note))
        .routes(routes!(list_course_notes))
}

/// The asker's notes on a lesson.
#[utoipa::path(
    get, path = "/api/v1/lessons/{id}/notes", tag = "learning", operation_id = "list_notes",
    security(("bearer" = [])), params(PageParams, ("id" = u64, Path, description = "The lesson")),
    responses((status = 200, description = "A page, newest first", body = List<Note>))
)]
async fn list_notes(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    listing: Listing,
) -> Answer {
    list(&listing, learning::list_notes(&app, &actor, id, listing.page).await?)
}

/// Writes a note on a lesson. Only the asker sees it.
#[utoipa::path(
    post, path = "/api/v1/lessons/{id}/notes", tag = "learning", operation_id = "create_note",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The lesson")),
    request_body(content = CreateNote, example = json!({"content": "المبتدأ مرفوع", "timestamp_seconds": 42})),
    responses((status = 201, description = "The note", body = Data<Note>))
)]
async fn create_note(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<CreateNote>,
) -> Answer {
    let input = body.input_after(learning::demand_lesson(&app, &actor, id)).await?;
    let answer = learning::create_note(&app, &actor, id, input).await?;
    Ok(recorded(domain::idempotency::Written { answer, replayed: false }))
}

/// Changes a note of the asker's.
#[utoipa::path(
    patch, path = "/api/v1/notes/{id}", tag = "learning", operation_id = "update_note",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The note")),
    request_body(content = UpdateNote, example = json!({"content": "المبتدأ والخبر مرفوعان"})),
    responses((status = 200, description = "The note as it is now", body = Data<Note>))
)]
async fn update_note(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<UpdateNote>,
) -> Answer {
    let input = body.input_after(learning::demand_note(&app, &actor, id)).await?;
    Ok(data(learning::update_note(&app, &actor, id, input).await?))
}

/// Deletes a note of the asker's.
#[utoipa::path(
    delete, path = "/api/v1/notes/{id}", tag = "learning", operation_id = "delete_note",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The note")),
    responses((status = 204, description = "It is gone"))
)]
async fn delete_note(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    learning::delete_note(&app, &actor, id).await?;
    Ok(no_content())
}

/// The asker's notes on all lessons of a course.
#[utoipa::path(
    get, path = "/api/v1/courses/{id}/notes", tag = "learning", operation_id = "list_course_notes",
    security(("bearer" = [])), params(PageParams, ("id" = u64, Path, description = "The course")),
    responses((status = 200, description = "A page, newest first", body = List<Note>))
)]
async fn list_course_notes(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    listing: Listing,
) -> Answer {
    list(&listing, learning::list_course_notes(&app, &actor, id, listing.page).await?)
}
