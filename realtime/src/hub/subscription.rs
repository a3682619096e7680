//! The way into a channel: listen first, read history second, merge by offset third (realtime.md §5). And the way out:
//! dropping the guard.

use std::sync::Arc;
use std::time::Instant;

use bus::{BusError, HistoryQuery, Position};
use protocol::channel::Channel;
use protocol::codec::Payload;
use protocol::frame::Publication;

use super::Hub;
use super::channel::{Phase, Stale};
use super::registry::Entry;
use crate::connection::frame::Frame;
use crate::connection::outbox::Peer;

/// The most events that one recovery may bring: what a channel keeps, and the hundred more that it may keep.
const MOST_RECOVERED: u32 = 1_200;
/// And the most bytes of them, the writer's bound of 16 MiB less what the reply needs besides (some 60 bytes an event).
/// A window full of the longest texts, in Arabic and escaped in JSON, is 9 MiB; what is above this is not for one reply
/// and the app reads it from MySQL instead: all or none (realtime.md §5).
const LARGEST_RECOVERY: usize = 15 * 1024 * 1024;

/// One connection's subscription to one channel, made or in the making. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    entry: Arc<Entry>,
    /// Unique in this process.
    pub(crate) number: u64,
    /// The connection's id, where it has been entered among those present.
    member: Option<uuid::Uuid>,
}

/// What a client is to be told at the beginning of a subscription.
#[derive(Clone, Debug, Default)]
pub(crate) struct Start {
    /// The stream's top; `None` in channels that keep nothing.
    pub(crate) top: Option<Position>,
    /// Whether recovery was asked for.
    pub(crate) was_recovering: bool,
    /// Whether `missed` is all that was missed.
    pub(crate) recovered: bool,
    /// In order.
    pub(crate) missed: Arc<[Publication]>,
}

/// Events of the stream as replies list them.
pub(crate) fn publications(events: Vec<(u64, bytes::Bytes)>) -> impl Iterator<Item = Publication> {
    events.into_iter().map(|(offset, data)| {
        // Checked, so that one bad entry does not make the whole reply impossible.
        let data = Payload::from_json(data).map(Payload::into_bytes).unwrap_or_default();
        Publication { offset, data, ..Publication::default() }
    })
}

impl Subscription {
    /// Begins to listen: when this returns, Redis has confirmed the node's subscription and every event that comes in
    /// waits for the subscription to be made.
    ///
    /// # Errors
    /// The link's.
    pub(crate) async fn begin(hub: &Arc<Hub>, peer: &Arc<Peer>, channel: Channel) -> Result<Self, BusError> {
        let entry = hub
            .registry
            .enter(channel)
            .ok_or_else(|| BusError::Unavailable("no place for the channel".to_owned()))?;
        // From here on, leaving early gives the interest back.
        let subscription = Self { hub: Arc::clone(hub), entry, number: hub.next_number(), member: None };
        subscription.confirm().await?;
        subscription.entry.lock().begin(subscription.number, Arc::clone(peer));
        Ok(subscription)
    }

    /// Waits until Redis has confirmed the node's subscription.
    async fn confirm(&self) -> Result<(), BusError> {
        loop {
            let left = self.hub.left.notified();
            tokio::pin!(left);
            left.as_mut().enable();
            let phase = self.entry.lock().phase;
            match phase {
                Phase::Confirmed => return Ok(()),
                Phase::Leaving => left.await,
                Phase::Unconfirmed => {
                    self.hub.listener.subscribe(&self.entry.name).await?;
                    self.entry.lock().phase = Phase::Confirmed;
                    return Ok(());
                }
            }
        }
    }

    pub(crate) fn channel(&self) -> Channel {
        self.entry.channel
    }

    pub(crate) fn name(&self) -> &str {
        &self.entry.name
    }

    /// Where the stream is, and what was missed since a position. Redis is asked only where this node does not know: a
    /// listener who comes back to a channel that others have kept, or that he left a moment ago, costs no command.
    ///
    /// # Errors
    /// The bus's.
    pub(crate) async fn read_start(&self, since: Option<Position>) -> Result<Start, BusError> {
        if !self.channel().recoverable() {
            return Ok(Start::default());
        }
        let start = match self.known_start(since.as_ref()) {
            Some(start) => start,
            None => self.ask_start(since).await?,
        };
        if start.was_recovering {
            self.hub.metrics.recovered(start.recovered, start.missed.len());
        }
        Ok(start)
    }

    /// The start, where this node is in step with the channel and hears. Events that come from now on wait in the
    /// subscription, which has begun before.
    fn known_start(&self, since: Option<&Position>) -> Option<Start> {
        if self.hub.listener.is_deaf() {
            return None;
        }
        let top = self.entry.known_top()?;
        match since {
            None => Some(Start { top: Some(top), ..Start::default() }),
            Some(since) if *since == top => {
                Some(Start { top: Some(top), was_recovering: true, recovered: true, ..Start::default() })
            }
            Some(since) => self.hub.registry.recent.find(self.channel(), since, &top),
        }
    }

    async fn ask_start(&self, since: Option<Position>) -> Result<Start, BusError> {
        let bus = &self.hub.app.bus;
        let Some(since) = since else {
            let history = bus.history(self.name(), &HistoryQuery::default()).await?;
            return Ok(Start { top: Some(history.top), ..Start::default() });
        };
        let mut found = bus.recover(self.name(), &since, MOST_RECOVERED).await?;
        let bytes: usize = found.publications.iter().map(|(_, payload)| payload.len()).sum();
        if bytes > LARGEST_RECOVERY {
            // All or none (realtime.md §5).
            found.recovered = false;
            found.publications = Vec::new();
        }
        let start = Start {
            top: Some(found.top),
            was_recovering: true,
            recovered: found.recovered,
            missed: publications(found.publications).collect(),
        };
        // What a user missed no other one wants to know.
        if !matches!(self.channel(), Channel::User(_)) {
            self.hub.registry.recent.note(self.channel(), since, &start);
        }
        Ok(start)
    }

    /// Ends the making: the reply goes out first, then what came after its position.
    ///
    /// # Errors
    /// [`Stale`]: begin again with a new subscription.
    pub(crate) fn go_live(&self, start: &Start, reply: &Frame) -> Result<(), Stale> {
        let entry = &self.entry;
        entry.lock().go_live(entry.channel, &entry.name, self.number, start.top.clone(), reply)?;
        if let Some(top) = &start.top {
            entry.compare_with(top);
        }
        Ok(())
    }

    /// After [`Stale`]: has the node itself looked after, if it is the one that is behind. In a task of its own: healing
    /// that ended half-way with this socket would hold the channel's events back for everybody.
    pub(crate) async fn look_after(&self, stale: Stale) {
        if stale.suspect {
            let (hub, entry) = (Arc::clone(&self.hub), Arc::clone(&self.entry));
            let healing = self.hub.tasks.spawn(async move { hub.heal(entry).await });
            if let Err(error) = healing.await {
                tracing::error!(channel = %self.entry.name, %error, "the healing of a channel ended badly");
            }
        }
    }

    /// Enters the connection among those present, in channels that tell who listens.
    pub(crate) fn enter_members(&mut self, peer: &Peer) {
        if let (true, Some(session)) = (self.channel().has_member_presence(), peer.session()) {
            self.hub.members.enter(self.channel(), peer.client, session.user_id(), session.card());
            self.member = Some(peer.client);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(client) = self.member {
            self.hub.members.leave(self.entry.channel, client);
        }
        let mut state = self.entry.lock();
        state.end(self.number);
        state.interest = state.interest.saturating_sub(1);
        let idle = state.interest == 0;
        if idle {
            state.idle_since = Some(Instant::now());
        }
        drop(state);
        if idle {
            self.hub.linger(Arc::clone(&self.entry));
        }
    }
}
