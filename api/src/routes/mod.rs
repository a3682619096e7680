//! The paths, one file a domain. Handlers extract, call the operation, wrap.

mod chat;
mod gifts;
mod presence;
mod rooms;
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
