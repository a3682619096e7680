//! Accounts, sessions, profiles (domain.md §5.1, §5.2), and the administrators' part of accounts (§5.11).

mod admin;
mod auth;
mod me;
mod people;
mod portfolio;

use utoipa_axum::router::OpenApiRouter;

use crate::Door;

pub(crate) fn routes() -> OpenApiRouter<Door> {
    auth::routes()
        .merge(me::routes())
        .merge(portfolio::routes())
        .merge(people::routes())
        .merge(admin::routes())
}
