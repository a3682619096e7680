//! Books, the reader and its annotations (domain.md §5.5).

use utoipa_axum::router::OpenApiRouter;

use crate::Door;

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
}
