//! What happens by the clock: revocations are read again in every process; the rest is done by one elected node.

use std::time::Duration;

use base::CommonFault;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{purge_expired, relay_outbox};
use crate::App;

/// Beat of the clocks: what a commit left behind is published within a few seconds.
const BEAT: Duration = Duration::from_secs(1);
/// How long a node stays elected without renewing.
const LEASE: Duration = Duration::from_secs(5);
/// Between two readings of the revocations, for what no message brought.
const REVOCATIONS_EVERY: Duration = Duration::from_secs(30);
/// Between two purges.
const PURGE_EVERY: Duration = Duration::from_secs(600);
const LEASE_NAME: &str = "clocks";

/// Runs until `shutdown`. Failures are logged and tried again at the next beat.
pub async fn run_clocks(app: &App, shutdown: CancellationToken) {
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let start = Instant::now();
    let mut revocations_at = start + REVOCATIONS_EVERY;
    let mut purge_at = start + PURGE_EVERY / 10;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = beat.tick() => {}
        }
        let work = async {
            if Instant::now() >= revocations_at {
                revocations_at = Instant::now() + REVOCATIONS_EVERY;
                told("revocations", crate::users::load_revocations(app).await);
            }
            match app.bus.lease(LEASE_NAME, LEASE).await {
                Ok(true) => {}
                // Another node's turn, or Redis is away, without which there is nothing to relay to.
                Ok(false) | Err(_) => return,
            }
            told("relay_outbox", relay_outbox(app).await.map(drop));
            if Instant::now() >= purge_at {
                purge_at = Instant::now() + PURGE_EVERY;
                told("purge_expired", purge_expired(app).await.map(drop));
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = work => {}
        }
    }
    // Another node need not wait until the lease runs out; if Redis is away, it does.
    let _given_back = app.bus.release_lease(LEASE_NAME).await;
}

fn told(clock: &'static str, outcome: Result<(), CommonFault>) {
    if let Err(error) = outcome {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::warn!(%error, cause, clock, "a clock's work failed, it is tried again");
    }
}
