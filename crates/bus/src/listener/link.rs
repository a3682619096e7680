//! The task that keeps one pub/sub connection and everything subscribed on it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, TryStreamExt};
use redis::PushInfo;
use redis::aio::MultiplexedConnection;
use tokio::sync::{mpsc, oneshot};

use super::BusEvent;
use super::health::{Ears, Health, Prober};
use super::inbox::{Inbox, Line};
use super::reach::Reach;
use crate::Bus;
use crate::error::BusError;
use crate::keys::Keys;
use crate::link::{connection_config, first_pause, next_pause};

/// Channels in one command.
const BATCH: usize = 512;
/// Commands under way at once when everything is subscribed again.
const RESUBSCRIBING: usize = 16;
/// A connection that lived shorter is followed by a pause.
const SHORT_LIFE: Duration = Duration::from_secs(1);

pub(super) enum Request {
    Subscribe { channel: Box<str>, done: oneshot::Sender<Result<(), BusError>> },
    Unsubscribe { channel: Box<str> },
}

/// What all links of a listener share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) bus: Bus,
    pub(super) inbox: Arc<Inbox>,
    pub(super) ears: Arc<Ears>,
    pub(super) probe_every: Duration,
}

pub(super) struct SubscriberLink {
    shared: Shared,
    reach: Reach,
    keys: Keys,
    /// The channel of control messages.
    control: String,
    timeout: Duration,
    health: Arc<Health>,
    broken: mpsc::Sender<u64>,
    reports: mpsc::Receiver<u64>,
}

/// What is to be sent; no channel is in both.
struct Change {
    inbox: Arc<Inbox>,
    coming: HashMap<String, Vec<oneshot::Sender<Result<(), BusError>>>>,
    going: HashSet<String>,
}

impl Drop for Change {
    fn drop(&mut self) {
        // The link is being ended in the middle of it: those who wait hear that it failed.
        for name in self.coming.keys() {
            self.inbox.remove_route(name);
        }
    }
}

/// A connection's way into the inbox, closed when the connection is given up, however that comes.
struct OpenLine {
    inbox: Arc<Inbox>,
    health: Arc<Health>,
    line: Arc<Line>,
}

impl Drop for OpenLine {
    fn drop(&mut self) {
        self.health.set(None);
        self.inbox.close_line(&self.line);
    }
}

/// Why serving a connection ended.
enum Ended {
    Closed,
    Broken,
}

impl SubscriberLink {
    pub(super) fn new(shared: Shared, reach: Reach) -> Self {
        let (broken, reports) = mpsc::channel(16);
        Self {
            keys: shared.bus.keys().clone(),
            control: shared.bus.keys().control(),
            timeout: shared.bus.inner.settings.command_timeout,
            health: Health::new(),
            shared,
            reach,
            broken,
            reports,
        }
    }

    /// Whether the link hears.
    pub(super) fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }

    /// Keeps the link until nobody can ask it for anything any more. `ready` is told of the first connection; without
    /// it that one, too, is told as [`BusEvent::LinkRestored`].
    pub(super) async fn run(self, requests: mpsc::Receiver<Request>, ready: Option<oneshot::Sender<()>>) {
        let prober = Prober {
            bus: self.shared.bus.clone(),
            every: self.shared.probe_every,
            ears: Arc::clone(&self.shared.ears),
            health: self.health(),
            broken: self.broken.clone(),
        };
        tokio::select! {
            () = prober.run() => {}
            () = self.keep(requests, ready) => {}
        }
    }

    async fn keep(mut self, mut requests: mpsc::Receiver<Request>, mut ready: Option<oneshot::Sender<()>>) {
        let inbox = Arc::clone(&self.shared.inbox);
        let mut pause = first_pause();
        let mut generation = 0_u64;
        loop {
            generation = generation.wrapping_add(1);
            let probe = self.reach.probe(&self.keys, self.shared.bus.node_id());
            let line = Line::new(generation, &probe, self.health(), self.broken.clone());
            let open = OpenLine { inbox: Arc::clone(&inbox), health: self.health(), line };
            let mut connection = match self.connect(&open.line, &probe).await {
                Ok(connection) => connection,
                Err(error) => {
                    drop(open);
                    self.reach.doubt();
                    tracing::debug!(%error, "cannot open the pub/sub link");
                    if !self.refuse_for(next_pause(&mut pause), &mut requests).await {
                        return;
                    }
                    continue;
                }
            };
            let since = Instant::now();
            self.health.set(Some(Arc::clone(&open.line)));
            match ready.take() {
                Some(ready) => drop(ready.send(())),
                None => inbox.notice(BusEvent::LinkRestored),
            }
            let ended = self.serve(&mut connection, generation, &mut requests).await;
            // What the old connection still brings is not taken any more, so that nothing follows the notice.
            drop(open);
            if matches!(ended, Ended::Closed) {
                return;
            }
            drop(connection);
            inbox.notice(BusEvent::LinkLost);
            self.reach.doubt();
            metrics::counter!("bus_link_rebuilds_total", "link" => "pubsub").increment(1);
            tracing::warn!("the pub/sub link was lost, opening it again");
            if since.elapsed() >= SHORT_LIFE {
                pause = first_pause();
            } else if !self.refuse_for(next_pause(&mut pause), &mut requests).await {
                return;
            }
        }
    }

    /// Connects and subscribes to everything there is a route for.
    async fn connect(&self, line: &Arc<Line>, probe: &str) -> Result<MultiplexedConnection, BusError> {
        let (inbox, of_reader) = (Arc::clone(&self.shared.inbox), Arc::clone(line));
        let config = connection_config(self.timeout).set_push_sender(move |push: PushInfo| {
            inbox.put(&of_reader, push);
            Ok::<(), std::convert::Infallible>(())
        });
        let attempt = self.reach.client().get_multiplexed_async_connection_with_config(&config);
        let mut connection = match tokio::time::timeout(self.timeout, Box::pin(attempt)).await {
            Ok(outcome) => outcome?,
            Err(_elapsed) => return Err(BusError::Unavailable("no connection in time".into())),
        };
        let mut own = vec![probe];
        if self.reach.covers(self.control.as_bytes()) {
            own.push(&self.control);
        }
        self.reach.subscribe(&mut connection, &own).await?;
        let mut names = self.shared.inbox.route_names();
        names.retain(|name| self.reach.covers(name));
        stream::iter(names.chunks(BATCH).map(Ok::<_, redis::RedisError>))
            .try_for_each_concurrent(RESUBSCRIBING, |chunk| {
                let mut connection = connection.clone();
                async move { self.reach.subscribe(&mut connection, chunk).await }
            })
            .await?;
        Ok(connection)
    }

    async fn serve(
        &mut self,
        connection: &mut MultiplexedConnection,
        generation: u64,
        requests: &mut mpsc::Receiver<Request>,
    ) -> Ended {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                report = self.reports.recv() => match report {
                    Some(lost) if lost == generation => return Ended::Broken,
                    Some(_earlier) => {}
                    None => return Ended::Closed,
                },
                // While one command is under way the next requests gather: that is the batching.
                count = requests.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return Ended::Closed;
                    }
                    if let Err(error) = self.apply(connection, &mut batch).await {
                        tracing::debug!(%error, "a subscription failed");
                        return Ended::Broken;
                    }
                }
            }
        }
    }

    /// Carries out requests: one command for all that come and one for all that go. A channel that comes and
    /// goes within one batch does so in the order asked for.
    async fn apply(
        &self,
        connection: &mut MultiplexedConnection,
        batch: &mut Vec<Request>,
    ) -> Result<(), BusError> {
        let inbox = &self.shared.inbox;
        let mut change = Change { inbox: Arc::clone(inbox), coming: HashMap::new(), going: HashSet::new() };
        let mut outcome = Ok(());
        for request in batch.drain(..) {
            match request {
                Request::Subscribe { done, .. } if done.is_closed() => {}
                Request::Subscribe { channel, done } => {
                    let name = self.keys.channel(&channel);
                    if outcome.is_ok() && change.going.contains(&name) {
                        outcome = self.carry_out(connection, &mut change).await;
                    }
                    if let Err(error) = &outcome {
                        let _ = done.send(Err(error.clone()));
                    } else if let Some(waiting) = change.coming.get_mut(&name) {
                        waiting.push(done);
                    } else if inbox.has_route(&name) {
                        let _ = done.send(Ok(()));
                    } else {
                        inbox.add_route(&name, &channel);
                        change.coming.insert(name, vec![done]);
                    }
                }
                Request::Unsubscribe { channel } => {
                    let name = self.keys.channel(&channel);
                    if outcome.is_ok() && change.coming.contains_key(&name) {
                        outcome = self.carry_out(connection, &mut change).await;
                    }
                    if inbox.has_route(&name) {
                        inbox.remove_route(&name);
                        change.going.insert(name);
                    }
                }
            }
        }
        if outcome.is_ok() {
            outcome = self.carry_out(connection, &mut change).await;
        }
        outcome
    }

    /// Sends what has gathered and answers those who wait. After an error the connection is to be given up: no
    /// channel that was coming has a route then.
    async fn carry_out(
        &self,
        connection: &mut MultiplexedConnection,
        change: &mut Change,
    ) -> Result<(), BusError> {
        if !change.coming.is_empty() {
            let names: Vec<&str> = change.coming.keys().map(String::as_str).collect();
            let outcome = self.reach.subscribe(connection, &names).await.map_err(BusError::from);
            for (name, waiting) in std::mem::take(&mut change.coming) {
                let mut wanted = false;
                for done in waiting {
                    wanted |= done.send(outcome.clone()).is_ok();
                }
                if outcome.is_err() || !wanted {
                    // Nobody waits any more: they were told that it failed.
                    change.inbox.remove_route(&name);
                    change.going.insert(name);
                }
            }
            outcome?;
        }
        if !change.going.is_empty() {
            let names: Vec<String> = change.going.drain().collect();
            self.reach.unsubscribe(connection, &names).await?;
        }
        Ok(())
    }

    /// Waits while there is no connection, refusing subscriptions at once; `false` when nobody is left.
    async fn refuse_for(&self, pause: Duration, requests: &mut mpsc::Receiver<Request>) -> bool {
        let until = tokio::time::Instant::now() + pause;
        loop {
            match tokio::time::timeout_at(until, requests.recv()).await {
                Err(_elapsed) => return true,
                Ok(None) => return false,
                Ok(Some(Request::Subscribe { done, .. })) => {
                    let _ = done.send(Err(BusError::Unavailable("the pub/sub link is down".into())));
                }
                Ok(Some(Request::Unsubscribe { channel })) => {
                    self.shared.inbox.remove_route(&self.keys.channel(&channel));
                }
            }
        }
    }
}
