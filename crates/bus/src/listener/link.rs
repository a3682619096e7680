//! The task that keeps the pub/sub connection and everything subscribed on it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, TryStreamExt};
use redis::aio::MultiplexedConnection;
use redis::{Client, PushInfo, PushKind};
use tokio::sync::{mpsc, oneshot};

use super::inbox::Inbox;
use super::{BusEvent, Health};
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

pub(super) struct SubscriberLink {
    pub(super) client: Client,
    pub(super) keys: Keys,
    /// Channels of the listener itself: control and probe.
    pub(super) own: [String; 2],
    pub(super) timeout: Duration,
    pub(super) inbox: Arc<Inbox>,
    pub(super) health: Arc<Health>,
    pub(super) broken: mpsc::Sender<u64>,
}

/// What is to be sent; no channel is in both.
#[derive(Default)]
struct Change {
    coming: HashMap<String, Vec<oneshot::Sender<Result<(), BusError>>>>,
    going: HashSet<String>,
}

/// Why serving a connection ended.
enum Ended {
    Closed,
    Broken,
}

impl SubscriberLink {
    pub(super) async fn run(
        self,
        mut requests: mpsc::Receiver<Request>,
        mut reports: mpsc::Receiver<u64>,
        ready: oneshot::Sender<()>,
    ) {
        let mut ready = Some(ready);
        let mut pause = first_pause();
        loop {
            let generation = self.inbox.begin_generation();
            let mut connection = match self.connect(generation).await {
                Ok(connection) => connection,
                Err(error) => {
                    tracing::debug!(%error, "cannot open the pub/sub link");
                    if !self.refuse_for(next_pause(&mut pause), &mut requests).await {
                        return;
                    }
                    continue;
                }
            };
            let since = Instant::now();
            self.health.set_up(true);
            match ready.take() {
                Some(ready) => drop(ready.send(())),
                None => self.inbox.notice(BusEvent::LinkRestored),
            }
            let ended = self.serve(&mut connection, generation, &mut requests, &mut reports).await;
            self.health.set_up(false);
            if matches!(ended, Ended::Closed) {
                return;
            }
            // What the old connection still brings is not taken any more, so that nothing follows the notice.
            self.inbox.begin_generation();
            drop(connection);
            self.inbox.notice(BusEvent::LinkLost);
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
    async fn connect(&self, generation: u64) -> Result<MultiplexedConnection, BusError> {
        let (inbox, broken) = (Arc::clone(&self.inbox), self.broken.clone());
        let config = connection_config(self.timeout).set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                let _ = broken.try_send(generation);
            } else {
                inbox.put(generation, push);
            }
            Ok::<(), std::convert::Infallible>(())
        });
        let attempt = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = match tokio::time::timeout(self.timeout, Box::pin(attempt)).await {
            Ok(outcome) => outcome?,
            Err(_elapsed) => return Err(BusError::Unavailable("no connection in time".into())),
        };
        connection.subscribe(&self.own).await?;
        let names = self.inbox.route_names();
        stream::iter(names.chunks(BATCH).map(Ok::<_, redis::RedisError>))
            .try_for_each_concurrent(RESUBSCRIBING, |chunk| {
                let mut connection = connection.clone();
                let names: Vec<&[u8]> = chunk.iter().map(AsRef::as_ref).collect();
                async move { connection.subscribe(names).await }
            })
            .await?;
        Ok(connection)
    }

    async fn serve(
        &self,
        connection: &mut MultiplexedConnection,
        generation: u64,
        requests: &mut mpsc::Receiver<Request>,
        reports: &mut mpsc::Receiver<u64>,
    ) -> Ended {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                report = reports.recv() => match report {
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
        let mut change = Change::default();
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
                    } else if self.inbox.has_route(&name) {
                        let _ = done.send(Ok(()));
                    } else {
                        self.inbox.add_route(&name, &channel);
                        change.coming.insert(name, vec![done]);
                    }
                }
                Request::Unsubscribe { channel } => {
                    let name = self.keys.channel(&channel);
                    if outcome.is_ok() && change.coming.contains_key(&name) {
                        outcome = self.carry_out(connection, &mut change).await;
                    }
                    if self.inbox.has_route(&name) {
                        self.inbox.remove_route(&name);
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
            let outcome = connection.subscribe(names).await.map_err(BusError::from);
            for (name, waiting) in change.coming.drain() {
                let mut wanted = false;
                for done in waiting {
                    wanted |= done.send(outcome.clone()).is_ok();
                }
                if outcome.is_err() || !wanted {
                    // Nobody waits any more: they were told that it failed.
                    self.inbox.remove_route(&name);
                    change.going.insert(name);
                }
            }
            outcome?;
        }
        if !change.going.is_empty() {
            let names: Vec<String> = change.going.drain().collect();
            connection.unsubscribe(names).await?;
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
                    self.inbox.remove_route(&self.keys.channel(&channel))
                }
            }
        }
    }
}
