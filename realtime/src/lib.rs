//! The socket door: accepts connections, speaks the client protocol in three encodings, runs operations, and delivers
//! the events of the bus to whoever listens (realtime.md).
//!
//! socket → `connection` → `commands` and `dispatch` → operation; bus → `hub::fanout` → queues → `connection` → socket.

mod accept;
mod commands;
mod connection;
mod dispatch;
mod error;
mod hub;
mod metrics;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bus::ListenerSettings;
use domain::App;
use protocol::codes::CloseCode;
use telemetry::Readiness;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::hub::Hub as Node;
use crate::metrics::Sizes;

/// After the last close was sent, sockets get so long to end: those whose command runs are closed when it is answered,
/// which takes 30 s at most, and a peer gets 5 s more to answer the close.
const LAST_SOCKETS: Duration = Duration::from_secs(36);
/// Commands that outlive their sockets get so long.
const LAST_COMMANDS: Duration = Duration::from_secs(10);
/// Before the lease of presence is given up: those closed last reach another node meanwhile.
const LAST_RECONNECTS: Duration = Duration::from_secs(2);
/// A drain closes some sockets in each step of this length.
const STEP: Duration = Duration::from_millis(50);

/// Why a hub did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("the socket door cannot listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// Redis does not answer.
    #[error("the hub needs Redis")]
    Bus(#[from] bus::BusError),
}

/// The socket door of one process.
pub struct Hub;

impl Hub {
    /// Starts listening on `settings.socket.listen`. Counters go to the recorder installed before. The process runs
    /// `domain::system::run_clocks` beside it, which reads the revocations again that no message brought.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(app: App) -> Result<RunningHub, StartError> {
        Self::start_with(app, ListenerSettings::default()).await
    }

    /// As [`Hub::start`], with other bounds of what may wait between the node's link to Redis and the sockets' queues.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start_with(app: App, listener: ListenerSettings) -> Result<RunningHub, StartError> {
        let address = app.settings.socket.listen;
        let node = Node::open(app, listener).await?;
        let bound = accept::listen(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = match bound {
            Ok(bound) => bound,
            Err(error) => {
                node.stopping.cancel();
                return Err(StartError::Listen(address, error));
            }
        };
        let accepting = CancellationToken::new();
        node.tasks.spawn(hub::report::keep(Arc::clone(&node), address.to_string()));
        node.tasks.spawn(accept::run(Arc::clone(&node), listener, accepting.clone()));
        Ok(RunningHub { node, address, accepting })
    }
}

/// How full a hub is, for tests and tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupancy {
    /// Open sockets.
    pub connections: usize,
    /// Signed-in users, those in their grace included.
    pub users: usize,
    /// Channels subscribed in Redis or about to be given up.
    pub channels: usize,
    /// Subscriptions of sockets.
    pub subscriptions: usize,
}

/// A hub that listens. Dropped without [`RunningHub::drain`] it ends at once, and what it held is swept by other nodes.
#[derive(Debug)]
pub struct RunningHub {
    node: Arc<Node>,
    address: SocketAddr,
    accepting: CancellationToken,
}

impl RunningHub {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it takes new sockets: not while it drains, nor while it hears nothing from Redis (realtime.md §5).
    pub fn readiness(&self) -> impl Fn() -> Readiness + Send + Sync + 'static {
        let node = Arc::clone(&self.node);
        move || {
            if node.draining.load(Ordering::Acquire) {
                Readiness::NotReady("draining".to_owned())
            } else if node.failed.is_cancelled() {
                Readiness::NotReady("failed: one of its tasks has ended, see the log".to_owned())
            } else if node.listener.is_deaf() {
                Readiness::NotReady("deaf: nothing is heard from Redis".to_owned())
            } else {
                Readiness::Ready
            }
        }
    }

    /// Waits until the hub cannot do its work any more, which is a mistake of ours: drain it and start another process.
    pub async fn failed(&self) {
        self.node.failed.cancelled().await;
    }

    /// Whether it may be missing events: its link to Redis is down or does not hear itself.
    #[must_use]
    pub fn is_deaf(&self) -> bool {
        self.node.listener.is_deaf()
    }

    /// How full it is.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        let Sizes { connections, subscriptions, channels, .. } = self.node.sizes();
        Occupancy { connections, users: self.node.people.user_count(), channels, subscriptions }
    }

    /// Ends in good order (realtime.md §7): not ready, no new sockets, closes 3001 spread over `settings.socket.drain`,
    /// commands answered, leases given up.
    pub async fn drain(self) {
        let node = &self.node;
        node.draining.store(true, Ordering::Release);
        self.accepting.cancel();
        self.close_sockets().await;
        node.sockets.close();
        if timeout(LAST_SOCKETS, node.sockets.wait()).await.is_err() {
            tracing::warn!(left = node.sockets.len(), "sockets are left that do not end");
        }
        node.commands.close();
        if timeout(LAST_COMMANDS, node.commands.wait()).await.is_err() {
            tracing::warn!(left = node.commands.len(), "commands are left that do not end");
        }
        if node.people.user_count() > 0 {
            let grace = node.settings.presence_grace.min(LAST_RECONNECTS);
            tokio::time::sleep(grace).await;
        }
        node.stopping.cancel();
        node.tasks.close();
        if timeout(LAST_COMMANDS, node.tasks.wait()).await.is_err() {
            tracing::warn!(left = node.tasks.len(), "tasks are left that do not end");
        }
        // After the renewing has ended, which would bring the lease back.
        hub::presence::give_up(node).await;
        hub::report::give_up(node).await;
        tracing::info!("the hub has drained");
    }

    /// Closes all sockets, spread evenly over the whole time, so that their reconnects do not come at once.
    async fn close_sockets(&self) {
        let peers = self.node.people.all();
        tracing::info!(sockets = peers.len(), "the hub drains");
        let steps = self.node.settings.drain.as_millis().div_ceil(STEP.as_millis()).max(1);
        let steps = usize::try_from(steps).unwrap_or(usize::MAX);
        let mut left = peers.as_slice();
        let mut tick = tokio::time::interval(STEP);
        for step in 1..=steps {
            tick.tick().await;
            // So many are to be closed by the end of this step.
            let due = peers.len().saturating_mul(step).div_ceil(steps);
            let closed = peers.len().saturating_sub(left.len());
            let (some, rest) = left.split_at(due.saturating_sub(closed).min(left.len()));
            left = rest;
            for peer in some {
                peer.close(CloseCode::Shutdown);
            }
            if left.is_empty() {
                break;
            }
        }
        // Those whose handshake was under way when the door was closed.
        for peer in self.node.people.all() {
            peer.close(CloseCode::Shutdown);
        }
    }
}

impl Drop for RunningHub {
    fn drop(&mut self) {
        self.accepting.cancel();
        self.node.draining.store(true, Ordering::Release);
        self.node.stopping.cancel();
        for peer in self.node.people.all() {
            peer.close(CloseCode::Shutdown);
        }
    }
}
