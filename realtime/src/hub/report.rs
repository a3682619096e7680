//! What this hub says of itself to operators (realtime.md §8): its line in the list of all nodes, every three seconds.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::Time;
use bus::{HubReport, NODES_EVERY, NodeReport};
use tokio::time::MissedTickBehavior;

use super::Hub;

/// Turns of [`NODES_EVERY`] in the minute of which the lag is told.
pub(crate) const LAG_TURNS: usize = 20;

/// Reports until the hub stops. `address` is where it listens.
pub(crate) async fn keep(hub: Arc<Hub>, address: String) {
    let since = Time::now().to_string();
    let mut turn = tokio::time::interval(NODES_EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = hub.stopping.cancelled() => return,
            _ = turn.tick() => {}
        }
        let report = NodeReport {
            service: "hub".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: address.clone(),
            since: since.clone(),
            hub: Some(measure(&hub)),
        };
        if let Err(error) = hub.app.bus.report_node(&report).await {
            tracing::debug!(%error, "the node could not report; the next turn will");
        }
    }
}

fn measure(hub: &Hub) -> HubReport {
    let number = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
    let sizes = hub.sizes();
    let (lag_p50_ms, lag_p99_ms) = hub.metrics.lag_window.turn();
    HubReport {
        connections: number(sizes.connections),
        users: number(hub.people.user_count()),
        channels: number(hub.registry.len()),
        subscriptions: number(sizes.subscriptions),
        queue_bytes: number(sizes.queue_bytes),
        lag_p50_ms,
        lag_p99_ms,
        deaf: hub.listener.is_deaf(),
        draining: hub.draining.load(Ordering::Acquire),
    }
}

/// Takes the line away, at the end of a drain.
pub(crate) async fn give_up(hub: &Hub) {
    if let Err(error) = hub.app.bus.forget_node().await {
        tracing::debug!(%error, "the node's line was not taken away; it goes by itself");
    }
}
