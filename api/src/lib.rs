//! The REST door (domain.md §2): extract, call the operation, wrap. No rule of the product is here.
//!
//! [`serve`] runs it, [`router`] is the same for tests, [`openapi`] describes it.

mod context;
mod error;
mod extract;
mod file;
mod form;
mod middleware;
mod openapi;
mod response;
mod routes;

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::Response;
use axum::serve::ListenerExt;
use domain::App;
use domain::system::rate::RequestLimiter;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use utoipa_swagger_ui::{Config, SwaggerUi};

pub use openapi::openapi;

/// Largest body, bytes (domain.md §2: 413 above).
const MAX_BODY_BYTES: usize = 1 << 20;
/// Between saying that we end (503 on `/health/ready`) and taking no more connections, so that balancers can look away.
const NOTICE: Duration = Duration::from_secs(1);
/// What running requests get after that.
const LAST_ANSWERS: Duration = Duration::from_secs(8);
/// The page of documents loads nothing from elsewhere, and says so.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
);

/// The door's own handles.
#[derive(Clone)]
pub(crate) struct Door(Arc<DoorParts>);

pub(crate) struct DoorParts {
    pub(crate) app: App,
    pub(crate) limiter: RequestLimiter,
    pub(crate) draining: CancellationToken,
}

impl Deref for Door {
    type Target = DoorParts;

    fn deref(&self) -> &DoorParts {
        &self.0
    }
}

impl FromRef<Door> for App {
    fn from_ref(door: &Door) -> Self {
        door.app.clone()
    }
}

/// Serves until `shutdown`, then a second of notice, then what is running for 8 s at most.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(app: App, listener: TcpListener, shutdown: CancellationToken) -> io::Result<()> {
    let service = assemble(app, shutdown.clone()).into_make_service_with_connect_info::<SocketAddr>();
    // Answers are written in one go; waiting for more would only delay them.
    let listener = listener.tap_io(|socket| {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let stop = shutdown.clone();
    let graceful = axum::serve(listener, service).with_graceful_shutdown(async move {
        stop.cancelled().await;
        tokio::time::sleep(NOTICE).await;
    });
    let overtime = async {
        shutdown.cancelled().await;
        tokio::time::sleep(NOTICE + LAST_ANSWERS).await;
    };
    tokio::select! {
        ended = graceful.into_future() => ended,
        () = overtime => {
            tracing::warn!("requests that did not end were dropped");
            Ok(())
        }
    }
}

/// The whole door as a service without a socket.
pub fn router(app: App) -> Router {
    assemble(app, CancellationToken::new())
}

fn assemble(app: App, draining: CancellationToken) -> Router {
    let cors = middleware::cors(&app.settings.http.allowed_origins);
    let door = Door(Arc::new(DoorParts { app, limiter: RequestLimiter::default(), draining }));
    let identify = from_fn_with_state(door.clone(), middleware::identify);
    let (routes, _description) = routes::operators()
        .merge(routes::files())
        .merge(routes::hooks())
        .merge(routes::api().route_layer(identify))
        .split_for_parts();
    let around = ServiceBuilder::new()
        .layer(from_fn_with_state(door.clone(), middleware::observe))
        .layer(cors)
        .layer(from_fn(middleware::confine))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    routes.merge(docs()).layer(around).with_state(door)
}

/// Swagger UI with its files inside of the program.
fn docs() -> Router<Door> {
    let config = Config::new(["/openapi.json"])
        .validator_url("none")
        .display_operation_id(true)
        .display_request_duration(true)
        .persist_authorization(true);
    Router::from(SwaggerUi::new("/docs").config(config)).layer(map_response(
        async |mut response: Response| {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, DOCS_POLICY);
            response
        },
    ))
}
