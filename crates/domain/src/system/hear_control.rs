//! What every process without sockets has to hear: tokens that were revoked elsewhere.

use std::time::Duration;

use bus::{BusEvent, ListenerSettings};
use tokio_util::sync::CancellationToken;

use crate::App;
use crate::users::{load_revocations, observe_control};

/// Until the link is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Listens to the control messages until `shutdown`, so that a token revoked through another process is refused here
/// within a moment. What was missed while the link was down is read from MySQL. Hubs hear them through their own link.
pub async fn hear_control(app: &App, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = listen(app) => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

async fn listen(app: &App) {
    let (_listener, mut events) = match app.bus.listener(ListenerSettings::default()).await {
        Ok(opened) => opened,
        Err(error) => {
            tracing::warn!(%error, "control messages cannot be heard");
            return;
        }
    };
    reload(app).await;
    while let Some(batch) = events.recv_batch().await {
        for event in batch {
            match event {
                BusEvent::Control(message) => observe_control(app, &message),
                BusEvent::LinkRestored | BusEvent::Overflowed { .. } => reload(app).await,
                BusEvent::Publication(_) | BusEvent::LinkLost => {}
            }
        }
    }
}

async fn reload(app: &App) {
    if let Err(error) = load_revocations(app).await {
        tracing::warn!(%error, "revoked tokens could not be read");
    }
}
