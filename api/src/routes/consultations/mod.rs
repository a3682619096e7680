//! Consultations: what speakers offer, and booking it.

mod availabilities;
mod bookings;
mod ratings;
mod speakers;

use utoipa_axum::router::OpenApiRouter;

use crate::Door;

pub(crate) fn routes() -> OpenApiRouter<Door> {
    availabilities::routes().merge(speakers::routes()).merge(bookings::routes()).merge(ratings::routes())
}
