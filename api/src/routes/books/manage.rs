//! Books in the hands of who sells them, and of administrators (domain.md §5.5, §5.11).

use axum::extract::State;
use domain::App;
use domain::books;
use protocol::admin::Trashed;
use protocol::books::{Book, BookStatus, CreateBook, ManagedBook, SetBookStatus, UpdateBook};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::NumberedParams;
use super::{NEWEST, SORTS, book_filter};
use crate::Door;
use crate::extract::{Caller, JsonBody, Numbered, PathId, Precondition, Takes};
use crate::response::{Answer, Data, NumberedList, changed, created, no_content, numbered};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(create_book))
        .routes(routes!(update_book, delete_book))
        .routes(routes!(publish_book))
        .routes(routes!(unpublish_book))
        .routes(routes!(archive_book))
        .routes(routes!(list_managed_books))
        .routes(routes!(set_book_status))
}

/// Makes a book, a draft, with the permission `books.create`.
#[utoipa::path(
    post, path = "/api/v1/books", tag = "books", operation_id = "create_book", security(("bearer" = [])),
    description = "The PDF and the cover are uploads of one's own (`POST /uploads`, kinds `book` and `image`); the number of \
        pages is read from the PDF. A book needs its PDF before it is published.",
    request_body(content = CreateBook, example = json!({
        "title": "كراسة الثلث", "author": "نورة الفهد", "category_id": 1, "language": "ar", "price": "35.00",
        "isbn": "978-0-306-40615-7"
    })),
    responses((status = 201, description = "The book", body = Data<Book>))
)]
async fn create_book(State(app): State<App>, Caller(actor): Caller, body: JsonBody<CreateBook>) -> Answer {
    let access = domain::access::demand_permission(&app, &actor, "books.create");
    let input = body.input_after(access).await?;
    let book = books::create_book(&app, &actor, input).await?;
    created(&format!("/api/v1/books/{}", book.id), book)
}

/// Changes a book. For who sells it and administrators.
#[utoipa::path(
    patch, path = "/api/v1/books/{id}", tag = "books", operation_id = "update_book", security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The book"),
        ("If-Match" = String, Header, description = "The `ETag` of the book as it was read")
    ),
    request_body(content = UpdateBook, example = json!({"price": "29.00", "preview_pages": 5})),
    responses(
        (status = 200, description = "The book as it is now, with its new `ETag`", body = Data<Book>),
        (status = 412, description = "`precondition_failed`: it was changed meanwhile"),
        (status = 428, description = "`precondition_required`: send If-Match")
    )
)]
async fn update_book(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(if_match): Precondition,
    body: JsonBody<UpdateBook>,
) -> Answer {
    let input = body.input_after(books::demand_control(&app, &actor, id)).await?;
    changed(books::update_book(&app, &actor, id, input, if_match).await?)
}

/// Deletes a book that nobody has. One that was bought can be archived.
#[utoipa::path(
    delete, path = "/api/v1/books/{id}", tag = "books", operation_id = "delete_book", security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The book"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the book as it was read")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`in_use`: people have it"),
        (status = 412, description = "`precondition_failed`: it was changed meanwhile")
    )
)]
async fn delete_book(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(if_match): Precondition,
) -> Answer {
    books::delete_book(&app, &actor, id, if_match).await?;
    Ok(no_content())
}

/// Puts a book up for sale; it needs its PDF.
#[utoipa::path(
    post, path = "/api/v1/books/{id}/publish", tag = "books", operation_id = "publish_book",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The book")),
    responses(
        (status = 200, description = "The book", body = Data<Book>),
        (status = 409, description = "`illegal_transition`, with `allowed`"),
        (status = 422, description = "`validation_failed`: what is missing")
    )
)]
async fn publish_book(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    changed(books::publish_book(&app, &actor, id).await?)
}

/// Makes a draft of a book again, as long as nobody has it.
#[utoipa::path(
    post, path = "/api/v1/books/{id}/unpublish", tag = "books", operation_id = "unpublish_book",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The book")),
    responses(
        (status = 200, description = "The book", body = Data<Book>),
        (status = 409, description = "`illegal_transition`, with `allowed`")
    )
)]
async fn unpublish_book(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    changed(books::unpublish_book(&app, &actor, id).await?)
}

/// Takes a book off the market; who has it keeps it.
#[utoipa::path(
    post, path = "/api/v1/books/{id}/archive", tag = "books", operation_id = "archive_book",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The book")),
    responses(
        (status = 200, description = "The book", body = Data<Book>),
        (status = 409, description = "`illegal_transition`, with `allowed`")
    )
)]
async fn archive_book(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    changed(books::archive_book(&app, &actor, id).await?)
}

/// What the administrators' list takes.
struct ManagedBooks;

impl Takes for ManagedBooks {
    const FILTERS: &'static [&'static str] = &[
        "filter[q]",
        "filter[category]",
        "filter[language]",
        "filter[user]",
        "filter[author]",
        "filter[isbn]",
        "filter[price_min]",
        "filter[price_max]",
        "filter[free]",
        "filter[rating_min]",
        "filter[status]",
        "filter[trashed]",
    ];
    const SORTS: &'static [&'static str] = SORTS;
}

/// All books, with the permission `books.manage`.
#[utoipa::path(
    get, path = "/api/v1/admin/books", tag = "books", operation_id = "list_managed_books",
    security(("bearer" = [])),
    params(
        NumberedParams,
        ("sort" = Option<String>, Query, description = "As in `GET /books`"),
        ("filter[q]" = Option<String>, Query, description = "Words of title, author and description"),
        ("filter[category]" = Option<u64>, Query, description = "Id of a category"),
        ("filter[language]" = Option<String>, Query, description = "`ar` or `en`"),
        ("filter[user]" = Option<String>, Query, description = "Id of who sells it, or `me`"),
        ("filter[author]" = Option<String>, Query, description = "A part of the name of who wrote it"),
        ("filter[isbn]" = Option<String>, Query, description = "ISBN-10 or ISBN-13"),
        ("filter[price_min]" = Option<String>, Query, description = "That much or more"),
        ("filter[price_max]" = Option<String>, Query, description = "That much or less"),
        ("filter[free]" = Option<bool>, Query, description = "Free ones, or those that cost something"),
        ("filter[rating_min]" = Option<String>, Query, description = "Rated so or better, `0` to `5`"),
        ("filter[status]" = Option<String>, Query, description = "`draft`, `published` or `archived`"),
        ("filter[trashed]" = Option<String>, Query, description = "`with` deleted ones, or `only` those")
    ),
    responses((status = 200, description = "A page, newest first", body = NumberedList<ManagedBook>))
)]
async fn list_managed_books(
    State(app): State<App>,
    Caller(actor): Caller,
    listing: Numbered<ManagedBooks>,
) -> Answer {
    let mut filter = book_filter(&listing.params, Some(&actor))?;
    filter.status = listing.params.one_of("filter[status]", BookStatus::NAMES)?;
    let trashed = listing.params.one_of("filter[trashed]", Trashed::NAMES)?;
    filter.trashed = trashed.unwrap_or_default();
    let sort = listing.sort.unwrap_or(NEWEST);
    numbered(&listing, books::list_managed_books(&app, &actor, filter, sort, listing.page).await?)
}

/// Moves a book to another state as an administrator, noted in the audit log.
#[utoipa::path(
    patch, path = "/api/v1/admin/books/{id}", tag = "books", operation_id = "set_book_status",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The book")),
    request_body(content = SetBookStatus, example = json!({"status": "archived", "reason": "Rights unclear"})),
    responses(
        (status = 200, description = "The book", body = Data<Book>),
        (status = 409, description = "`illegal_transition`, with `allowed`")
    )
)]
async fn set_book_status(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<SetBookStatus>,
) -> Answer {
    let access = async {
        domain::access::demand_permission(&app, &actor, "books.manage").await?;
        books::demand_book(&app, &actor, id).await
    };
    let input = body.input_after(access).await?;
    changed(books::set_book_status(&app, &actor, id, input).await?)
}
