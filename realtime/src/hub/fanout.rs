//! From the bus to the sockets: one task takes whatever one read brought, groups it by channel, and leaves it with every
//! listener. No I/O and no waiting for anybody in here (realtime.md §7).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::Time;
use bus::{BusEvent, BusEvents};
use protocol::channel::Channel;
use protocol::codec::Payload;
use serde::Deserialize;
use tokio::task::{JoinError, JoinSet};

use super::channel::{Heard, has_other_workers};
use super::members::{MOVES_BEGIN, Moves};
use super::registry::Entry;
use super::{Hub, conflation, control, members};

/// The events of one batch, in the order of their channels' first ones.
#[derive(Default)]
struct Groups {
    of: HashMap<Channel, usize>,
    groups: Vec<(Channel, Vec<Heard>)>,
}

impl Groups {
    fn add(&mut self, channel: Channel, event: Heard) {
        let index = *self.of.entry(channel).or_insert_with(|| {
            self.groups.push((channel, Vec::new()));
            self.groups.len() - 1
        });
        if let Some((_, events)) = self.groups.get_mut(index) {
            events.push(event);
        }
    }
}

/// Delivers until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>, mut events: BusEvents) {
    loop {
        let batch = tokio::select! {
            () = hub.stopping.cancelled() => return,
            batch = events.recv_batch() => batch,
        };
        let Some(batch) = batch else { return };
        let mut groups = Groups::default();
        for event in batch {
            match event {
                BusEvent::Publication(publication) => sort(&hub, &mut groups, publication),
                BusEvent::Control(message) => {
                    // What was published before it is heard before it: `session.revoked` by the socket that it ends.
                    deliver_all(&hub, &mut groups).await;
                    control::hear(&hub, message);
                }
                BusEvent::LinkLost => tracing::warn!("the node hears nothing until its link is back"),
                BusEvent::LinkRestored => {
                    hub.was_deaf.store(true, Ordering::Release);
                    hub.catch_up("restored");
                }
                BusEvent::Overflowed { dropped } => {
                    tracing::warn!(dropped, "events came faster than they could be delivered");
                    // Control messages have more room than events, but not without end.
                    hub.was_deaf.store(true, Ordering::Release);
                    hub.catch_up("overflow");
                }
            }
        }
        deliver_all(&hub, &mut groups).await;
    }
}

/// Channels with so many listeners are delivered beside each other where there are cores for it.
const MANY: usize = 64;
/// After so many deliveries the sockets of this thread get their turn.
const TURN: u64 = 256;

/// Delivers what was gathered. Of one channel, everything is delivered before the next batch is begun.
async fn deliver_all(hub: &Arc<Hub>, groups: &mut Groups) {
    let groups = std::mem::take(groups).groups;
    let beside = groups.len() > 1 && has_other_workers();
    let mut elsewhere = JoinSet::new();
    let mut deliveries = 0;
    for (channel, events) in groups {
        let Some(entry) = hub.registry.find(channel) else { continue };
        if beside && entry.lock().listeners() >= MANY {
            let hub = Arc::clone(hub);
            elsewhere.spawn(async move { deliver_to(&hub, entry, events) });
            continue;
        }
        deliveries += deliver_to(hub, entry, events);
        if deliveries >= TURN {
            deliveries = 0;
            tokio::task::yield_now().await;
        }
    }
    while let Some(ended) = elsewhere.join_next().await {
        if let Err(Ok(panic)) = ended.map_err(JoinError::try_into_panic) {
            std::panic::resume_unwind(panic);
        }
    }
}

fn sort(hub: &Hub, groups: &mut Groups, publication: bus::Publication) {
    let Ok(channel) = publication.channel.parse::<Channel>() else {
        tracing::warn!(channel = %publication.channel, "an event came on a channel that is none of ours");
        return;
    };
    if publication.position.is_none() && publication.payload.starts_with(MOVES_BEGIN) {
        tell_moves(hub, channel, &publication.payload);
        return;
    }
    match heard(publication.position, publication.payload) {
        // Of the animations of gifts beyond a room's measure nothing goes on now.
        Some(event) => {
            if let Some(event) = hub.gifts.admit(channel, event) {
                groups.add(channel, event);
            }
        }
        // The gap that it leaves is found with the next event, and not healed either: say what is wrong.
        None => tracing::error!(channel = %publication.channel, "an event that is no JSON was left out"),
    }
}

/// What an event's envelope says of its time.
#[derive(Deserialize)]
struct Happened {
    at: Time,
}

/// An event as it is delivered; `None` if it is not JSON.
pub(crate) fn heard(position: Option<bus::Position>, payload: bytes::Bytes) -> Option<Heard> {
    let at_ms = serde_json::from_slice::<Happened>(&payload).map_or(0, |happened| happened.at.unix_millis());
    let conflation = if position.is_none() { conflation::key_of(&payload) } else { 0 };
    Some(Heard { position, payload: Payload::from_json(payload).ok()?, at_ms, conflation })
}

/// Leaves events of a channel with its listeners.
pub(crate) fn deliver(hub: &Arc<Hub>, channel: Channel, events: Vec<Heard>) {
    if let Some(entry) = hub.registry.find(channel) {
        deliver_to(hub, entry, events);
    }
}

/// The answer is how many deliveries it was.
fn deliver_to(hub: &Arc<Hub>, entry: Arc<Entry>, events: Vec<Heard>) -> u64 {
    let delivered = entry.lock().hear(entry.channel, &entry.name, events);
    hub.metrics.delivered(&delivered);
    if delivered.gap {
        hub.heal_soon(entry);
    }
    delivered.deliveries
}

fn tell_moves(hub: &Hub, channel: Channel, payload: &[u8]) {
    let (Some(entry), Ok(moves)) = (hub.registry.find(channel), serde_json::from_slice::<Moves>(payload))
    else {
        return;
    };
    let delivered = entry.lock().send_signal(|encoding| members::pushes(encoding, &entry.name, &moves));
    hub.metrics.delivered(&delivered);
}
