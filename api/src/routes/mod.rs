//! The paths, one file a domain. Handlers extract, call the operation, wrap.

mod admin;
mod books;
mod chat;
mod consultations;
mod courses;
mod gifts;
mod learning;
mod notifications;
mod presence;
mod reviews;
mod rooms;
mod search;
mod social;
mod system;
mod uploads;
mod users;
mod wallet;

use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

use crate::Door;

/// Everything under `/api/v1`: what needs to know who asks.
pub(crate) fn api() -> OpenApiRouter<Door> {
    users::routes()
        .merge(chat::routes())
        .merge(rooms::routes())
        .merge(gifts::routes())
        .merge(wallet::routes())
        .merge(presence::routes())
        .merge(uploads::routes())
        .merge(social::routes())
        .merge(courses::routes())
        .merge(reviews::routes())
        .merge(learning::routes())
        .merge(books::routes())
        .merge(consultations::routes())
        .merge(notifications::routes())
        .merge(search::routes())
        .merge(admin::routes())
}

/// What other servers tell, with secrets of their own: under `/api/v1`, but of nobody who is signed in.
pub(crate) fn hooks() -> OpenApiRouter<Door> {
    rooms::hooks()
}

/// Files by their signed addresses: outside of `/api`, and for whoever has one.
pub(crate) fn files() -> OpenApiRouter<Door> {
    uploads::files()
}

/// What operators and tools ask.
pub(crate) fn operators() -> OpenApiRouter<Door> {
    system::routes()
}

/// How every list is walked.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters; they are read by `Listing`")]
struct PageParams {
    /// Where the page begins: `meta.next_cursor` or `meta.prev_cursor` of another page.
    cursor: Option<String>,
    /// How many items.
    #[param(minimum = 1, maximum = 100, default = 20)]
    per_page: Option<u32>,
}

/// How lists that are walked by number are asked.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters; they are read by `Numbered`")]
struct NumberedParams {
    /// The page's number.
    #[param(minimum = 1, maximum = 10_000, default = 1)]
    page: Option<u32>,
    /// How many items.
    #[param(minimum = 1, maximum = 100, default = 20)]
    per_page: Option<u32>,
    /// `false` leaves the number of all items out.
    #[param(default = true)]
    with_total: Option<bool>,
}
