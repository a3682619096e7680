//! Books, the reader and its annotations (domain.md §5.5).

mod annotations;
mod manage;
mod reading;

use axum::extract::State;
use axum::http::{HeaderMap, Method};
use base::paging::Sort;
use base::{CommonFault, Money, Problem};
use domain::App;
use domain::books;
use protocol::admin::Trashed;
use protocol::books::{Book, BookFilter, BookPurchase, BookStatus, LibraryItem, RefundBook};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NumberedParams, PageParams};
use crate::Door;
use crate::error::{Refusal, invalid};
use crate::extract::{
    Caller, JsonBody, KeyHeader, Listing, MaybeCaller, NoFilters, Numbered, Params, PathId, PathText, Payer,
    Takes, user_id,
};
use crate::file;
use crate::response::{Answer, Condition, Data, List, NumberedList, list, numbered, tagged, written};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_books))
        .routes(routes!(find_book))
        .routes(routes!(purchase_book))
        .routes(routes!(refund_book))
        .routes(routes!(list_library))
        .routes(routes!(list_user_books))
        .routes(routes!(read_book_preview))
        .merge(manage::routes())
        .merge(reading::routes())
        .merge(annotations::routes())
}

/// What the catalogue takes.
struct Books;

/// The orders of lists of books.
const SORTS: &[&str] = &["created_at", "price", "purchases_count", "average_rating", "title"];

impl Takes for Books {
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
    ];
    const SORTS: &'static [&'static str] = SORTS;
}

/// Newest first, where the query does not say.
const NEWEST: Sort = Sort { by: "created_at", descending: true };

/// The books for sale.
#[utoipa::path(
    get, path = "/api/v1/books", tag = "books", operation_id = "list_books", security((), ("bearer" = [])),
    params(
        NumberedParams,
        ("sort" = Option<String>, Query, description = "`created_at`, `price`, `purchases_count`, `average_rating` or \
            `title`; downwards with a minus before it. Newest first unless asked otherwise"),
        ("filter[q]" = Option<String>, Query, description = "Words of title, author and description, or their beginnings"),
        ("filter[category]" = Option<u64>, Query, description = "Id of a category"),
        ("filter[language]" = Option<String>, Query, description = "`ar` or `en`"),
        ("filter[user]" = Option<String>, Query, description = "Id of who sells it, or `me`"),
        ("filter[author]" = Option<String>, Query, description = "A part of the name of who wrote it"),
        ("filter[isbn]" = Option<String>, Query, description = "ISBN-10 or ISBN-13"),
        ("filter[price_min]" = Option<String>, Query, description = "That much or more, such as `10.00`"),
        ("filter[price_max]" = Option<String>, Query, description = "That much or less"),
        ("filter[free]" = Option<bool>, Query, description = "Free ones, or those that cost something"),
        ("filter[rating_min]" = Option<String>, Query, description = "Rated so or better, `0` to `5`, such as `4.5`")
    ),
    responses((status = 200, description = "A page", body = NumberedList<Book>))
)]
async fn list_books(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    listing: Numbered<Books>,
) -> Answer {
    let filter = book_filter(&listing.params, viewer.as_ref())?;
    let sort = listing.sort.unwrap_or(NEWEST);
    numbered(&listing, books::list_books(&app, viewer.as_ref(), filter, sort, listing.page).await?)
}

/// The longest text that is searched for.
const MAX_QUERY: usize = 200;

fn book_filter(params: &Params, viewer: Option<&domain::Actor>) -> Result<BookFilter, Refusal> {
    let user_id = match (params.get("filter[user]"), viewer) {
        (Some("me"), Some(actor)) => user_id("me", actor),
        (Some("me"), None) => return Err(CommonFault::Unauthenticated.into()),
        _ => params.parsed("filter[user]")?,
    };
    let mut texts = [None, None, None];
    for (text, name) in texts.iter_mut().zip(["filter[q]", "filter[author]", "filter[isbn]"]) {
        *text = params.get(name).map(str::to_owned);
        if text.as_deref().is_some_and(|text| base::text::length(text) > MAX_QUERY) {
            return Err(invalid(name, Problem::TooLong(MAX_QUERY)));
        }
    }
    let [q, author, isbn] = texts;
    Ok(BookFilter {
        q,
        category_id: params.parsed("filter[category]")?,
        language: params.one_of("filter[language]", &["ar", "en"])?,
        user_id,
        author,
        isbn,
        price_min: price(params, "filter[price_min]")?,
        price_max: price(params, "filter[price_max]")?,
        free: params.flag("filter[free]")?,
        rating_min: rating(params)?,
        status: None,
        trashed: Trashed::Without,
    })
}

fn price(params: &Params, name: &'static str) -> Result<Option<Money>, Refusal> {
    let Some(text) = params.get(name) else { return Ok(None) };
    let price = text.parse().ok().filter(|price| *price >= Money::ZERO);
    price.map(Some).ok_or_else(|| invalid(name, Problem::Format("an amount such as 10.00")))
}

/// In hundredths.
fn rating(params: &Params) -> Result<Option<u32>, Refusal> {
    let name = "filter[rating_min]";
    let Some(text) = params.get(name) else { return Ok(None) };
    let rating = text.parse::<Money>().ok().and_then(|rating| u32::try_from(rating.minor()).ok());
    let rating = rating.filter(|hundredths| *hundredths <= 500);
    rating.map(Some).ok_or_else(|| invalid(name, Problem::Format("a number from 0 to 5, such as 4.5")))
}

/// One book, by its id or its name in addresses.
#[utoipa::path(
    get, path = "/api/v1/books/{id}", tag = "books", operation_id = "find_book", security((), ("bearer" = [])),
    params(("id" = String, Path, description = "Id or slug of the book")),
    responses((status = 200, description = "The book", body = Data<Book>))
)]
async fn find_book(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathText(id): PathText,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), books::find_book(&app, viewer.as_ref(), &id).await?)
}

/// Buys a book from the wallet; a free one is had for nothing. After a refund it is the same purchase again.
#[utoipa::path(
    post, path = "/api/v1/books/{id}/purchase", tag = "books", operation_id = "purchase_book",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The book"),
        ("Idempotency-Key" = String, Header, description = "A UUID")
    ),
    responses(
        (status = 201, description = "The purchase; `Idempotent-Replayed` marks a repeat", body = Data<BookPurchase>),
        (status = 400, description = "`idempotency_key_required`"),
        (status = 402, description = "`insufficient_funds`, with `required` and `available`"),
        (status = 409, description = "`already_purchased`, `not_for_sale`"),
        (status = 422, description = "`own_book`, `idempotency_key_reused`")
    )
)]
async fn purchase_book(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    KeyHeader(key): KeyHeader,
) -> Answer {
    let purchase = books::purchase_book(&app, &actor, id, key).await?;
    written(purchase, |purchase| (format!("/api/v1/books/{id}"), purchase))
}

/// Gives a book back: within 7 days, with 10 % of its pages read at most; with `refunds.issue` at any time, for anybody.
/// The money goes back to the wallet, access ends at once; marks are kept, hidden, until it is bought again.
#[utoipa::path(
    post, path = "/api/v1/books/{id}/refund", tag = "books", operation_id = "refund_book",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The book"),
        ("Idempotency-Key" = String, Header, description = "A UUID")
    ),
    request_body(content = RefundBook, example = json!({"reason": "Not what I expected"})),
    responses(
        (status = 201, description = "The purchase; `Idempotent-Replayed` marks a repeat", body = Data<BookPurchase>),
        (status = 400, description = "`idempotency_key_required`"),
        (status = 403, description = "`not_purchased`, `forbidden`"),
        (status = 409, description = "`illegal_transition`: it was given back already"),
        (status = 422, description = "`policy_violation`: too late, or too much was read")
    )
)]
async fn refund_book(
    State(app): State<App>,
    Payer(actor): Payer,
    PathId(id): PathId,
    KeyHeader(key): KeyHeader,
    body: JsonBody<RefundBook>,
) -> Answer {
    let input = body.input_after(books::demand_refund(&app, &actor, id, None)).await?;
    let purchase = books::refund_book(&app, &actor, id, input, key).await?;
    written(purchase, |purchase| (format!("/api/v1/books/{id}"), purchase))
}

/// The books that one has, with how far they were read.
#[utoipa::path(
    get, path = "/api/v1/me/library", tag = "books", operation_id = "list_library", security(("bearer" = [])),
    params(PageParams), responses((status = 200, description = "A page, newest first", body = List<LibraryItem>))
)]
async fn list_library(State(app): State<App>, Caller(actor): Caller, listing: Listing<NoFilters>) -> Answer {
    list(&listing, books::list_library(&app, &actor, listing.page).await?)
}

/// What the list of somebody's books takes.
struct BooksOf;

impl Takes for BooksOf {
    const FILTERS: &'static [&'static str] = &["filter[status]"];
}

/// What somebody sells: what is published; in whatever state for themselves and administrators.
#[utoipa::path(
    get, path = "/api/v1/users/{id}/books", tag = "books", operation_id = "list_user_books",
    security((), ("bearer" = [])),
    params(
        ("id" = String, Path, description = "Id of a user, or `me`"),
        PageParams,
        ("filter[status]" = Option<String>, Query, description = "`draft`, `published` or `archived`")
    ),
    responses((status = 200, description = "A page, newest first", body = List<Book>))
)]
async fn list_user_books(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathText(user): PathText,
    listing: Listing<BooksOf>,
) -> Answer {
    let status = listing.params.one_of("filter[status]", BookStatus::NAMES)?;
    let id = match (user.as_str(), &viewer) {
        ("me", None) => return Err(CommonFault::Unauthenticated.into()),
        (_, Some(actor)) => user_id(&user, actor),
        (_, None) => crate::extract::row_id(&user),
    };
    let id = id.ok_or(CommonFault::NotFound("user"))?;
    list(&listing, books::list_user_books(&app, viewer.as_ref(), id, status, listing.page).await?)
}

/// The first pages of a book as a PDF, for everybody.
#[utoipa::path(
    get, path = "/api/v1/books/{id}/preview", tag = "books", operation_id = "read_book_preview",
    security((), ("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The book"),
        ("Range" = Option<String>, Header, description = "One range of bytes, such as `bytes=0-1023`"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy that the client has")
    ),
    responses(
        (status = 200, description = "`preview_pages` pages, never all", body = Vec<u8>, content_type = "application/pdf"),
        (status = 206, description = "The part", body = Vec<u8>, content_type = "application/pdf"),
        (status = 304, description = "The client's copy is right"),
        (status = 404, description = "There is no such book, or it has no preview"),
        (status = 416, description = "`range_not_satisfiable`: it has no such part")
    )
)]
async fn read_book_preview(
    State(app): State<App>,
    method: Method,
    MaybeCaller(viewer): MaybeCaller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    let preview = books::find_preview(&app, viewer.as_ref(), id).await?;
    file::answer(&app, &method, &headers, preview).await
}
