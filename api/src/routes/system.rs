//! For operators and tools (domain.md §2.6): health, version, the description.

use std::sync::LazyLock;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::system::health::find_health;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::response::{Answer, Condition, conditional};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(report_live))
        .routes(routes!(report_up))
        .routes(routes!(report_ready))
        .routes(routes!(report_version))
        .routes(routes!(describe))
        .routes(routes!(describe_socket))
        .routes(routes!(show_socket_guide))
}

/// Health in a word, and of what it consists.
#[derive(Serialize, ToSchema)]
struct Report {
    /// `live`, `ready`, `degraded`, `draining` or `unavailable`.
    status: &'static str,
    /// `up` or `down`, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    mysql: Option<&'static str>,
    /// `up` or `down`, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<&'static str>,
}

const LIVE: Report = Report { status: "live", mysql: None, redis: None };

fn report(status: StatusCode, report: Report) -> Response {
    (status, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(report)).into_response()
}

/// The process runs.
#[utoipa::path(
    get, path = "/health/live", tag = "system", operation_id = "report_live",
    responses((status = 200, description = "It does", body = Report))
)]
async fn report_live() -> Response {
    report(StatusCode::OK, LIVE)
}

/// The same under Laravel's name.
#[utoipa::path(
    get, path = "/up", tag = "system", operation_id = "report_up",
    responses((status = 200, description = "The process runs", body = Report))
)]
async fn report_up() -> Response {
    report(StatusCode::OK, LIVE)
}

/// May this process be sent requests?
#[utoipa::path(
    get, path = "/health/ready", tag = "system", operation_id = "report_ready",
    responses(
        (status = 200, description = "Yes; `degraded` while Redis does not answer", body = Report),
        (status = 503, description = "No: MySQL does not answer within 1 s, or the process is ending", body = Report)
    )
)]
async fn report_ready(State(door): State<Door>) -> Response {
    if door.draining.is_cancelled() {
        let ending = Report { status: "draining", mysql: None, redis: None };
        return report(StatusCode::SERVICE_UNAVAILABLE, ending);
    }
    let health = find_health(&door.app).await;
    let word = |up| Some(if up { "up" } else { "down" });
    let (status, summary) = match (health.mysql, health.redis) {
        (true, true) => (StatusCode::OK, "ready"),
        (true, false) => (StatusCode::OK, "degraded"),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    report(status, Report { status: summary, mysql: word(health.mysql), redis: word(health.redis) })
}

/// What runs here.
#[derive(Serialize, ToSchema)]
struct Version {
    /// `majlis`.
    name: &'static str,
    /// Of the program.
    version: &'static str,
    /// Of the paths.
    api: &'static str,
}

/// The program's version.
#[utoipa::path(
    get, path = "/version", tag = "system", operation_id = "report_version",
    responses((status = 200, description = "The version", body = Version))
)]
async fn report_version() -> Json<Version> {
    Json(Version { name: "majlis", version: env!("CARGO_PKG_VERSION"), api: "v1" })
}

/// This description.
#[utoipa::path(
    get, path = "/openapi.json", tag = "system", operation_id = "describe",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
async fn describe(headers: HeaderMap) -> Answer {
    // It is the same for the life of the program.
    static DESCRIPTION: LazyLock<serde_json::Value> = LazyLock::new(crate::openapi);
    let public = HeaderValue::from_static("public, max-age=60");
    conditional(&Condition::of(&headers), &*DESCRIPTION, public)
}

/// The description of the socket.
#[utoipa::path(
    get, path = "/asyncapi.json", tag = "system", operation_id = "describe_socket",
    responses((status = 200, description = "AsyncAPI 3", body = Object))
)]
async fn describe_socket(headers: HeaderMap) -> Answer {
    static DESCRIPTION: LazyLock<serde_json::Value> = LazyLock::new(protocol::asyncapi::document);
    let public = HeaderValue::from_static("public, max-age=60");
    conditional(&Condition::of(&headers), &*DESCRIPTION, public)
}

/// The socket's guide for people, in Markdown.
#[utoipa::path(
    get, path = "/docs/realtime", tag = "system", operation_id = "show_socket_guide",
    responses((status = 200, description = "How to connect, methods, events, errors", body = String, content_type = "text/plain"))
)]
async fn show_socket_guide() -> Response {
    static GUIDE: LazyLock<String> = LazyLock::new(protocol::asyncapi::guide);
    // Plain text, which browsers show; `text/markdown` they offer to save.
    ([(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"))], GUIDE.as_str())
        .into_response()
}
