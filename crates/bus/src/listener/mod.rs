//! The node's one pub/sub link: subscribes to what the node has listeners for, hands over what arrives in
//! batches, probes itself and comes back by itself (realtime.md §5, §7).

mod inbox;
mod link;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::Bus;
use crate::control::ControlMessage;
use crate::error::BusError;
use crate::publish::Position;

use inbox::Inbox;
use link::{Request, SubscriberLink};

/// Subscribe and unsubscribe requests waiting for the link; callers beyond wait.
const QUEUED_REQUESTS: usize = 4_096;

/// How a listener works.
#[derive(Debug, Clone)]
pub struct ListenerSettings {
    /// Events waiting to be taken at most.
    pub queue_events: usize,
    /// Bytes of payload waiting to be taken at most. What does not fit is dropped and told as
    /// [`BusEvent::Overflowed`], so that Redis never waits for this node.
    pub queue_bytes: usize,
    /// How often the listener publishes to itself.
    pub probe_every: Duration,
    /// Not hearing itself for so long makes it deaf, and the link is rebuilt.
    pub probe_deadline: Duration,
}

impl Default for ListenerSettings {
    fn default() -> Self {
        Self {
            queue_events: 65_536,
            queue_bytes: 64 * 1_024 * 1_024,
            probe_every: Duration::from_secs(2),
            probe_deadline: Duration::from_secs(5),
        }
    }
}

/// An event of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The channel, without prefix; the same allocation for every event of a subscription.
    pub channel: Arc<str>,
    /// Place in the channel's history; `None` if the event is not kept.
    pub position: Option<Position>,
    /// JSON text as it was published.
    pub payload: Bytes,
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusEvent {
    /// An event of a subscribed channel. Within a channel they come in the order of their offsets, but some may
    /// be missing: pub/sub is lossy, compare offsets.
    Publication(Publication),
    /// A message to all nodes.
    Control(ControlMessage),
    /// The link is gone; nothing is heard until [`BusEvent::LinkRestored`].
    LinkLost,
    /// All channels are subscribed again: compare positions of each with [`Bus::positions`].
    LinkRestored,
    /// The queue was full and so many events were dropped: compare positions of each channel.
    Overflowed {
        /// How many.
        dropped: u64,
    },
}

/// Subscribes and unsubscribes. Cheap to clone; the link ends with the last clone.
#[derive(Clone)]
pub struct Listener {
    handle: Arc<Handle>,
}

struct Handle {
    requests: mpsc::Sender<Request>,
    health: Arc<Health>,
    timeout: Duration,
    tasks: [AbortHandle; 2],
    inbox: Arc<Inbox>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.inbox.close();
    }
}

/// What a listener hears, in batches. Only one task may take it.
pub struct BusEvents {
    inbox: Arc<Inbox>,
}

impl Drop for BusEvents {
    fn drop(&mut self) {
        self.inbox.close();
    }
}

impl BusEvents {
    /// Waits for events and takes all there are: whatever the reads since the last call brought, in order.
    /// `None` after the last [`Listener`] is gone and everything was taken. Cancel safe.
    pub async fn recv_batch(&mut self) -> Option<Vec<BusEvent>> {
        self.inbox.take().await
    }
}

/// Whether the link is up and hears itself. Times are milliseconds since `base`.
struct Health {
    base: Instant,
    up: AtomicBool,
    heard: AtomicU64,
}

impl Health {
    fn hear(&self) {
        let now = u64::try_from(self.base.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard.store(now, Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        self.base.elapsed().saturating_sub(Duration::from_millis(self.heard.load(Ordering::Relaxed)))
    }

    fn set_up(&self, up: bool) {
        if up {
            self.hear();
        }
        self.up.store(up, Ordering::Release);
    }

    fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }
}

impl Bus {
    /// Opens the node's pub/sub link and returns when it hears control messages.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] if there is no link within the command timeout.
    pub async fn listener(&self, settings: ListenerSettings) -> Result<(Listener, BusEvents), BusError> {
        let timeout = self.inner.settings.command_timeout;
        let control = self.keys().control();
        let probe = self.keys().probe(self.node_id(), rand::random());
        let health =
            Arc::new(Health { base: Instant::now(), up: AtomicBool::new(false), heard: AtomicU64::new(0) });
        let inbox = Arc::new(Inbox::new(&settings, &control, &probe, Arc::clone(&health)));
        let (requests, queue) = mpsc::channel(QUEUED_REQUESTS);
        let (broken, reports) = mpsc::channel(16);
        let (ready, opened) = oneshot::channel();
        let link = SubscriberLink {
            client: self.inner.client.clone(),
            keys: self.keys().clone(),
            own: [control, probe.clone()],
            timeout,
            inbox: Arc::clone(&inbox),
            health: Arc::clone(&health),
            broken: broken.clone(),
        };
        let link = tokio::spawn(link.run(queue, reports, ready)).abort_handle();
        let prober = Prober {
            bus: self.clone(),
            channel: probe,
            deadline: settings.probe_deadline,
            every: settings.probe_every,
            health: Arc::clone(&health),
            inbox: Arc::clone(&inbox),
            broken,
        };
        let prober = tokio::spawn(prober.run()).abort_handle();
        // From here on, leaving early ends both tasks.
        let events = BusEvents { inbox: Arc::clone(&inbox) };
        let handle = Handle { requests, health, timeout, tasks: [link, prober], inbox };
        let listener = Listener { handle: Arc::new(handle) };
        match tokio::time::timeout(timeout, opened).await {
            Ok(Ok(())) => Ok((listener, events)),
            Ok(Err(_)) | Err(_) => Err(BusError::Unavailable("no pub/sub link in time".into())),
        }
    }
}

impl Listener {
    /// Subscribes to a channel; returns when Redis has confirmed it, so that whatever is published from now on
    /// is heard. Subscribing again is answered at once. Calls under way are sent together, up to 512 a command.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: not subscribed.
    pub async fn subscribe(&self, channel: &str) -> Result<(), BusError> {
        let (done, confirmed) = oneshot::channel();
        let request = Request::Subscribe { channel: channel.into(), done };
        let answer = async {
            self.handle.requests.send(request).await.map_err(|_closed| closed())?;
            confirmed.await.map_err(|_closed| closed())?
        };
        match tokio::time::timeout(self.handle.timeout, answer).await {
            Ok(outcome) => outcome,
            // The link finds `confirmed` gone and takes the subscription back.
            Err(_elapsed) => Err(BusError::Unavailable("no confirmation of a subscription in time".into())),
        }
    }

    /// Unsubscribes from a channel. Takes effect before any later call of this listener; events of the channel
    /// that are under way are not heard any more.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] if the link is too busy to take the request.
    pub async fn unsubscribe(&self, channel: &str) -> Result<(), BusError> {
        let request = Request::Unsubscribe { channel: channel.into() };
        match tokio::time::timeout(self.handle.timeout, self.handle.requests.send(request)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(closed()),
            Err(_elapsed) => Err(BusError::Unavailable("the pub/sub link takes no requests".into())),
        }
    }

    /// Whether this node may be missing events: the link is down or does not hear itself. For readiness.
    #[must_use]
    pub fn is_deaf(&self) -> bool {
        !self.handle.health.is_up() || self.handle.health.silence() > self.handle.inbox.probe_deadline()
    }

    /// How many channels are subscribed.
    #[must_use]
    pub fn channel_count(&self) -> usize {
        self.handle.inbox.route_count()
    }
}

fn closed() -> BusError {
    BusError::Unavailable("the pub/sub link was closed".into())
}

/// Publishes to the listener itself, the way events come: through the command link. Hearing a failed-over old
/// server through its own connection would prove nothing.
struct Prober {
    bus: Bus,
    channel: String,
    every: Duration,
    deadline: Duration,
    health: Arc<Health>,
    inbox: Arc<Inbox>,
    broken: mpsc::Sender<u64>,
}

impl Prober {
    async fn run(self) {
        let mut published_ok = 0_u32;
        loop {
            tokio::time::sleep(self.every).await;
            let generation = self.inbox.generation();
            let mut command = redis::cmd("PUBLISH");
            command.arg(&self.channel).arg("");
            match self.bus.run("probe", vec![command]).await {
                Ok(_) => published_ok = published_ok.saturating_add(1),
                // Redis itself is away: that is not this link's fault.
                Err(_) => published_ok = 0,
            }
            let silence = self.health.silence();
            metrics::gauge!("bus_listener_silence_seconds").set(silence.as_secs_f64());
            // Two probes went out, and none came in for so long: rebuild.
            if published_ok >= 2 && self.health.is_up() && silence > self.deadline {
                tracing::warn!(?silence, "the pub/sub link does not hear itself, rebuilding it");
                published_ok = 0;
                let _ = self.broken.try_send(generation);
            }
        }
    }
}
