//! The node's one pub/sub link: subscribes to what the node has listeners for, hands over what arrives in
//! batches, probes itself and comes back by itself (realtime.md §5, §7). On a cluster it is one link to each master.

mod health;
mod inbox;
mod link;
mod reach;
mod switchboard;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::Bus;
use crate::control::ControlMessage;
use crate::error::BusError;
use crate::publish::Position;
use crate::server::Server;

use health::Ears;
use inbox::Inbox;
use link::{Request, Shared, SubscriberLink};
use reach::Reach;
use switchboard::Switchboard;

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
    /// The link (on a cluster: one of them) is gone; nothing is heard through it until [`BusEvent::LinkRestored`].
    LinkLost,
    /// All channels (on a cluster: of that link) are subscribed again: compare positions of each with
    /// [`Bus::positions`].
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
    ears: Arc<Ears>,
    timeout: Duration,
    task: AbortHandle,
    inbox: Arc<Inbox>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
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

impl Bus {
    /// Opens the node's pub/sub link and returns when it hears control messages.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] if there is no link within the command timeout.
    pub async fn listener(&self, settings: ListenerSettings) -> Result<(Listener, BusEvents), BusError> {
        let timeout = self.inner.settings.command_timeout;
        let inbox = Arc::new(Inbox::new(&settings, &self.keys().control()));
        let ears = Ears::new(settings.probe_deadline);
        let (requests, queue) = mpsc::channel(QUEUED_REQUESTS);
        let shared = Shared {
            bus: self.clone(),
            inbox: Arc::clone(&inbox),
            ears: Arc::clone(&ears),
            probe_every: settings.probe_every,
        };
        let (task, opened) = match &self.inner.server {
            Server::One(client) => {
                let link = SubscriberLink::new(shared, Reach::Everything(client.clone()));
                ears.set(vec![link.health()]);
                let (ready, opened) = oneshot::channel();
                (tokio::spawn(link.run(queue, Some(ready))), vec![opened])
            }
            Server::Cluster(cluster) => {
                let (switchboard, opened) = Switchboard::open(shared, Arc::clone(cluster))?;
                (tokio::spawn(switchboard.run(queue)), opened)
            }
        };
        // From here on, leaving early ends the task.
        let events = BusEvents { inbox: Arc::clone(&inbox) };
        let handle = Handle { requests, ears, timeout, task: task.abort_handle(), inbox };
        let listener = Listener { handle: Arc::new(handle) };
        match tokio::time::timeout(timeout, try_join_all(opened)).await {
            Ok(Ok(_all)) => Ok((listener, events)),
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

    /// Whether this node may be missing events: the link (on a cluster: any of them) is down or does not hear itself.
    /// For readiness.
    #[must_use]
    pub fn is_deaf(&self) -> bool {
        self.handle.ears.is_deaf()
    }

    /// How many messages Redis has sent to this node so far: events of subscribed channels (one message may bring
    /// several), control messages and the link's own. What is published elsewhere is not among them, so it costs this
    /// node nothing (realtime.md §7).
    #[must_use]
    pub fn message_count(&self) -> u64 {
        self.handle.inbox.message_count()
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
