//! The social graph and the feed (domain.md §5.3).

use utoipa_axum::router::OpenApiRouter;

use crate::Door;

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
}
