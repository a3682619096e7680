//! Consultations: availabilities, slots, bookings, ratings (domain.md §5.7).

use utoipa_axum::router::OpenApiRouter;

use crate::Door;

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
}
