//! What every process of the cluster says of itself: the API's own line, the page of the admin ports, and
//! `majlis nodes`, which prints that page of a running `majlis up`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base::Time;
use bus::{NODES_EVERY, NodeReport};
use domain::App;
use telemetry::NodesPage;
use tokio_util::sync::CancellationToken;

use crate::cli::Place;
use crate::term::say;
use crate::tools;

/// How long one admin port may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// The page of `/debug/nodes`.
pub(crate) fn page(
    app: &App,
) -> impl Fn() -> std::pin::Pin<Box<dyn Future<Output = Result<NodesPage, String>> + Send>> + Send + Sync + 'static
{
    let bus = app.bus.clone();
    move || {
        let bus = bus.clone();
        Box::pin(async move {
            let nodes = bus.nodes().await.map_err(|error| error.to_string())?;
            let json = serde_json::to_value(&nodes).map_err(|error| error.to_string())?;
            Ok(NodesPage { json, text: bus::nodes_table(&nodes) })
        })
    }
}

/// Reports this process, an API, until it stops; then its line is taken away.
pub(crate) async fn report_api(app: App, address: SocketAddr, stopping: CancellationToken) {
    let report = NodeReport {
        service: "api".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        address: address.to_string(),
        since: Time::now().to_string(),
        hub: None,
    };
    let mut turn = tokio::time::interval(NODES_EVERY);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopping.cancelled() => break,
            _ = turn.tick() => {}
        }
        if let Err(error) = app.bus.report_node(&report).await {
            tracing::debug!(%error, "the process could not report; the next turn will");
        }
    }
    if let Err(error) = app.bus.forget_node().await {
        tracing::debug!(%error, "the process's line was not taken away; it goes by itself");
    }
}

/// `majlis nodes`.
pub(crate) async fn run(place: &Place) -> Result<ExitCode> {
    let up = tools::running(&place.data)?;
    let http = reqwest::Client::builder().timeout(ANSWER).build()?;
    let mut last = None;
    for admin in &up.admin {
        let request = http.get(format!("{admin}/debug/nodes")).bearer_auth(&up.admin_token);
        match request.header("accept", "text/plain").send().await {
            Ok(response) if response.status().is_success() => {
                say(response.text().await.context("the list was cut off")?.trim_end());
                return Ok(ExitCode::SUCCESS);
            }
            Ok(response) => last = Some(format!("{admin} answers {}", response.status())),
            Err(error) => last = Some(format!("{admin} does not answer: {error}")),
        }
    }
    bail!("no admin port gives the list: {}", last.unwrap_or_else(|| "there is none".to_owned()))
}
