//! The port for operators: `/metrics`, `/health/live`, `/health/ready` (domain.md §2.6) and, behind a token,
//! `/debug/nodes`. Never exposed to clients.

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base::Secret;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Metrics;
use crate::nodes::{Guarded, NodesPage};
use crate::process::Identity;

/// Prometheus's text format, version 0.0.4.
const EXPOSITION: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
/// Between two emptyings of the histograms' buffers.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long open connections may keep a stopping port.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// May this process get new clients?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Yes.
    Ready,
    /// Yes, but something that it can do without for a while is away; the sentence says what.
    Degraded(String),
    /// No: it is ending, or lacks what it needs; the sentence says what.
    NotReady(String),
}

impl Readiness {
    /// 200, 200 or 503.
    fn answer(&self) -> Response {
        let (status, word, reason) = match self {
            Self::Ready => (StatusCode::OK, "ready", None),
            Self::Degraded(reason) => (StatusCode::OK, "degraded", Some(reason)),
            Self::NotReady(reason) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready", Some(reason)),
        };
        let mut body = serde_json::json!({ "status": word });
        if let (Some(reason), Some(members)) = (reason, body.as_object_mut()) {
            members.insert("reason".to_owned(), reason.as_str().into());
        }
        (status, axum::Json(body)).into_response()
    }
}

/// What the port tells.
pub struct Admin {
    identity: Identity,
    metrics: Metrics,
    readiness: Box<dyn Fn() -> Readiness + Send + Sync>,
    nodes: Guarded,
}

impl Admin {
    /// `service` is `api` or `hub`; `readiness` is asked at every probe and must not block.
    pub fn new(
        service: &'static str,
        version: &'static str,
        metrics: Metrics,
        readiness: impl Fn() -> Readiness + Send + Sync + 'static,
    ) -> Self {
        let nodes = Guarded::closed();
        Self { identity: Identity::new(service, version), metrics, readiness: Box::new(readiness), nodes }
    }

    /// Opens `/debug/nodes` to whoever has the token; without a token it stays closed and says so. `page` is asked at
    /// every request; its error is a sentence, which answers 503.
    #[must_use]
    pub fn with_nodes<F>(
        mut self,
        token: Option<Secret>,
        page: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<NodesPage, String>> + Send + 'static,
    {
        self.nodes = Guarded::new(token, page);
        self
    }
}

/// The running port.
#[derive(Debug)]
pub struct AdminServer {
    /// Where it listens: what was asked for, with the number that the system chose for port 0.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl AdminServer {
    /// Waits until the port is closed, after the shutdown was asked for.
    pub async fn closed(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the admin port ended badly");
        }
    }
}

/// Listens on `address` until `shutdown`.
///
/// # Errors
/// When the address cannot be had.
pub async fn serve_admin(
    address: SocketAddr,
    admin: Admin,
    shutdown: CancellationToken,
) -> io::Result<AdminServer> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let admin = Arc::new(admin);
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/health/live", get(async || axum::Json(serde_json::json!({ "status": "live" }))))
        .route(
            "/debug/nodes",
            get(async |State(admin): State<Arc<Admin>>, headers: HeaderMap| {
                admin.nodes.answer(&headers).await
            }),
        )
        .route("/health/ready", get(async |State(admin): State<Arc<Admin>>| (admin.readiness)().answer()))
        .with_state(Arc::clone(&admin));
    let task = tokio::spawn(async move {
        let upkeep = async {
            let mut tick = tokio::time::interval(UPKEEP);
            loop {
                tick.tick().await;
                admin.metrics.run_upkeep();
            }
        };
        let stop = shutdown.clone();
        let serve = axum::serve(listener, router)
            .with_graceful_shutdown(async move { stop.cancelled().await })
            .into_future();
        let overtime = async {
            shutdown.cancelled().await;
            tokio::time::sleep(LAST_ANSWERS).await;
        };
        tokio::select! {
            ended = serve => if let Err(error) = ended {
                tracing::error!(%error, "the admin port failed");
            },
            () = overtime => {}
            () = upkeep => {}
        }
    });
    Ok(AdminServer { address, task })
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    let mut text = admin.identity.render();
    text.push_str(&admin.metrics.render());
    ([(header::CONTENT_TYPE, EXPOSITION)], text).into_response()
}
