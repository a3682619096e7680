//! One process of the product: `majlis api` or `majlis hub`, with its settings from the environment.

use std::process::ExitCode;

use anyhow::{Context, Result};
use config::Settings;
use domain::App;
use telemetry::{Admin, Metrics, Readiness};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{nodes, tools};

/// What the build calls itself.
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) async fn api() -> Result<ExitCode> {
    let (app, metrics) = prepare().await?;
    let settings = app.settings.http.clone();
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("{} (MAJLIS_HTTP_LISTEN) cannot be listened on", settings.listen))?;
    let stopping = stop_requested(app.settings.exit_with_parent)?;
    let draining = stopping.clone();
    let readiness = move || {
        if draining.is_cancelled() { Readiness::NotReady("draining".to_owned()) } else { Readiness::Ready }
    };
    let ended = CancellationToken::new();
    let admin = Admin::new("api", VERSION, metrics, readiness)
        .with_nodes(app.settings.admin_token.clone(), nodes::page(&app));
    let admin =
        telemetry::serve_admin(settings.admin_listen, admin, ended.clone()).await.with_context(|| {
            format!("{} (MAJLIS_HTTP_ADMIN_LISTEN) cannot be listened on", settings.admin_listen)
        })?;
    tracing::info!(address = %settings.listen, admin = %admin.address, "the API listens");
    // Roles and the platform's own account, without which nothing can be sold; nothing to do from the second start on.
    domain::system::install(&app)
        .await
        .context("the roles and the platform's account cannot be written; run `majlis migrate` first")?;
    let address = listener.local_addr().unwrap_or(settings.listen);
    let report = tokio::spawn(nodes::report_api(app.clone(), address, stopping.clone()));
    let clocks = tokio::spawn(clocks(app.clone(), stopping.clone()));
    let control = tokio::spawn({
        let (app, stopping) = (app.clone(), stopping.clone());
        async move { domain::system::hear_control(&app, stopping).await }
    });
    api::serve(app.clone(), listener, stopping).await?;
    let _ended_early = tokio::join!(clocks, control, report);
    ended.cancel();
    admin.closed().await;
    app.store.close().await;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn hub() -> Result<ExitCode> {
    raise_file_limit();
    let (app, metrics) = prepare().await?;
    let settings = app.settings.socket.clone();
    let stopping = stop_requested(app.settings.exit_with_parent)?;
    let hub = realtime::Hub::start(app.clone())
        .await
        .with_context(|| format!("the hub cannot start on {} (MAJLIS_SOCKET_LISTEN)", settings.listen))?;
    let ended = CancellationToken::new();
    let readiness = hub.readiness();
    let admin = Admin::new("hub", VERSION, metrics, readiness)
        .with_nodes(app.settings.admin_token.clone(), nodes::page(&app));
    let admin =
        telemetry::serve_admin(settings.admin_listen, admin, ended.clone()).await.with_context(|| {
            format!("{} (MAJLIS_SOCKET_ADMIN_LISTEN) cannot be listened on", settings.admin_listen)
        })?;
    tracing::info!(address = %hub.address(), admin = %admin.address, node = app.bus.node_id(), "the hub listens");
    let clocks = tokio::spawn(clocks(app.clone(), stopping.clone()));
    let code = tokio::select! {
        () = stopping.cancelled() => ExitCode::SUCCESS,
        // Whoever watches over this process starts another one.
        () = hub.failed() => ExitCode::FAILURE,
    };
    stopping.cancel();
    hub.drain().await;
    let _ended_early = clocks.await;
    ended.cancel();
    admin.closed().await;
    app.store.close().await;
    Ok(code)
}

async fn prepare() -> Result<(App, Metrics)> {
    let settings = Settings::from_env()?;
    telemetry::init_log(&settings.log.filter, settings.log.json)?;
    let metrics = Metrics::install()?;
    Ok((tools::app(settings).await?, metrics))
}

/// The clocks of every process; one elected node at a time does the work.
async fn clocks(app: App, stopping: CancellationToken) {
    domain::system::run_clocks(&app, stopping).await;
}

/// Cancelled on SIGTERM or SIGINT and, for the processes of a parent, when its end of our standard input closes.
fn stop_requested(with_parent: bool) -> Result<CancellationToken> {
    let stopping = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = stopping.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        token.cancel();
    });
    if with_parent {
        let token = stopping.clone();
        // A thread of its own: a blocking read cannot be cancelled and must not hold the runtime up.
        std::thread::spawn(move || {
            let _bytes = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            token.cancel();
        });
    }
    Ok(stopping)
}

/// A socket is an open file: asks for as many as the system allows.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}
