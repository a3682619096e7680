//! Reading a book that one has (domain.md §5.5).

use axum::extract::State;
use axum::http::HeaderMap;
use domain::App;
use domain::books;
use protocol::books::{BookContent, ReadingProgress, UpdateProgress};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, JsonBody, PathId};
use crate::response::{Answer, Condition, Data, data, tagged};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new().routes(routes!(open_book_content)).routes(routes!(find_progress, update_progress))
}

/// Where the book's PDF can be read for the next five minutes: for its readers, who sells it, and administrators.
#[utoipa::path(
    get, path = "/api/v1/books/{id}/content", tag = "books", operation_id = "open_book_content",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The book")),
    description = "The address needs no token, takes ranges, and ends at once with a refund. Where printing or copying is \
        off, the PDF is a copy of one's own, with name, a digest of the e-mail address and the time on each page.",
    responses(
        (status = 200, description = "The address, and what may be done with the book", body = Data<BookContent>),
        (status = 403, description = "`not_purchased`")
    )
)]
async fn open_book_content(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(books::open_content(&app, &actor, id).await?))
}

/// How far one has read.
#[utoipa::path(
    get, path = "/api/v1/books/{id}/progress", tag = "books", operation_id = "find_reading_progress",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The book")),
    responses(
        (status = 200, description = "The progress", body = Data<ReadingProgress>),
        (status = 403, description = "`not_purchased`")
    )
)]
async fn find_progress(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), books::find_progress(&app, &actor, id).await?)
}

/// Notes where one is. Going back is free; the furthest page stays.
#[utoipa::path(
    put, path = "/api/v1/books/{id}/progress", tag = "books", operation_id = "update_reading_progress",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The book")),
    request_body(content = UpdateProgress, example = json!({"current_page": 12, "minutes_delta": 3})),
    responses(
        (status = 200, description = "The progress", body = Data<ReadingProgress>),
        (status = 403, description = "`not_purchased`")
    )
)]
async fn update_progress(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<UpdateProgress>,
) -> Answer {
    let input = body.input_after(books::demand_copy(&app, &actor, id)).await?;
    Ok(data(books::update_progress(&app, &actor, id, input).await?))
}
