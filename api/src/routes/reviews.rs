//! Reviews of courses and books (domain.md §4.3 `hub_reviews`).

use utoipa_axum::router::OpenApiRouter;

use crate::Door;

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
}
