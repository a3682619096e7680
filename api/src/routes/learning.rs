//! Learning: enrollments, progress, notes, certificates (domain.md §5.4).

use utoipa_axum::router::OpenApiRouter;

use crate::Door;

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
}
