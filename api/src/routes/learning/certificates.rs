//! Certificates (domain.md §5.4).

use axum::extract::State;
use axum::http::HeaderMap;
use domain::App;
use domain::learning;
use protocol::learning::{Certificate, VerifiedCertificate};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::extract::{Caller, Client, PathId, PathText};
use crate::response::{Answer, Condition, Data, catalogue, data, tagged};

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(find_certificate, render_certificate))
        .routes(routes!(verify_certificate))
}

/// The certificate of a completed enrollment, with its PDF.
#[utoipa::path(
    get, path = "/api/v1/enrollments/{id}/certificate", tag = "learning", operation_id = "find_certificate",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The enrollment")),
    responses((status = 200, description = "The certificate; `pdf_url` is good for ten minutes at least",
        body = Data<Certificate>))
)]
async fn find_certificate(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), learning::find_certificate(&app, &actor, id).await?)
}

/// Draws the certificate's PDF again, with the names of today.
#[utoipa::path(
    post, path = "/api/v1/enrollments/{id}/certificate", tag = "learning", operation_id = "render_certificate",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The enrollment")),
    responses((status = 200, description = "The certificate with its new PDF", body = Data<Certificate>))
)]
async fn render_certificate(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(learning::render_certificate(&app, &actor, id).await?))
}

/// What anybody may know of a certificate's number. An address may ask 30 times a minute.
#[utoipa::path(
    get, path = "/api/v1/certificates/verify/{number}", tag = "learning", operation_id = "verify_certificate",
    security((), ("bearer" = [])), params(("number" = String, Path, description = "The number on the certificate")),
    responses((status = 200, description = "Whose it is, and of what", body = Data<VerifiedCertificate>))
)]
async fn verify_certificate(
    State(app): State<App>,
    Client(client): Client,
    PathText(number): PathText,
    headers: HeaderMap,
) -> Answer {
    catalogue(&Condition::of(&headers), learning::verify_certificate(&app, client.ip, &number).await?)
}
