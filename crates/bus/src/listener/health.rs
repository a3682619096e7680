//! Whether a node hears: each link publishes to itself, and one that does not hear that is rebuilt.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::inbox::Line;
use crate::Bus;

/// Whether one link is up and hears itself. Times are milliseconds since `base`.
pub(super) struct Health {
    base: Instant,
    up: AtomicBool,
    heard: AtomicU64,
    /// The connection in use.
    line: Mutex<Option<Arc<Line>>>,
}

impl Health {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            base: Instant::now(),
            up: AtomicBool::new(false),
            heard: AtomicU64::new(0),
            line: Mutex::default(),
        })
    }

    pub(super) fn hear(&self) {
        let now = u64::try_from(self.base.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard.store(now, Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        self.base.elapsed().saturating_sub(Duration::from_millis(self.heard.load(Ordering::Relaxed)))
    }

    /// The link is up with this connection, or down.
    pub(super) fn set(&self, line: Option<Arc<Line>>) {
        let up = line.is_some();
        if up {
            self.hear();
        }
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = line;
        self.up.store(up, Ordering::Release);
    }

    fn line(&self) -> Option<Arc<Line>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_deaf(&self, deadline: Duration) -> bool {
        !self.up.load(Ordering::Acquire) || self.silence() > deadline
    }
}

/// The health of all links of a listener.
pub(super) struct Ears {
    deadline: Duration,
    links: Mutex<Vec<Arc<Health>>>,
}

impl Ears {
    pub(super) fn new(deadline: Duration) -> Arc<Self> {
        Arc::new(Self { deadline, links: Mutex::default() })
    }

    pub(super) fn set(&self, links: Vec<Arc<Health>>) {
        *self.links.lock().unwrap_or_else(PoisonError::into_inner) = links;
    }

    /// Whether any link is down or does not hear itself.
    pub(super) fn is_deaf(&self) -> bool {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.is_empty() || links.iter().any(|health| health.is_deaf(self.deadline))
    }

    /// For how long the link that has heard nothing for longest has heard nothing.
    fn silence(&self) -> Duration {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.iter().map(|health| health.silence()).max().unwrap_or_default()
    }
}

/// Publishes to one link, the way events come: through the command links. Hearing a failed-over old server through
/// its own connection would prove nothing.
pub(super) struct Prober {
    pub(super) bus: Bus,
    pub(super) every: Duration,
    pub(super) ears: Arc<Ears>,
    pub(super) health: Arc<Health>,
    pub(super) broken: mpsc::Sender<u64>,
}

impl Prober {
    pub(super) async fn run(self) {
        let mut published_ok = 0_u32;
        loop {
            tokio::time::sleep(self.every).await;
            let Some(line) = self.health.line() else {
                published_ok = 0;
                continue;
            };
            let mut command = redis::cmd(self.bus.inner.server.publish_word());
            command.arg(line.probe()).arg("");
            match self.bus.run("probe", vec![command]).await {
                Ok(_) => published_ok = published_ok.saturating_add(1),
                // Redis itself is away: that is not this link's fault.
                Err(_) => published_ok = 0,
            }
            let silence = self.health.silence();
            metrics::gauge!("bus_listener_silence_seconds").set(self.ears.silence().as_secs_f64());
            // Two probes went out, and none came in for so long: rebuild.
            if published_ok >= 2 && self.health.line().is_some() && silence > self.ears.deadline {
                tracing::warn!(?silence, "the pub/sub link does not hear itself, rebuilding it");
                published_ok = 0;
                let _ = self.broken.try_send(line.generation());
            }
        }
    }
}
