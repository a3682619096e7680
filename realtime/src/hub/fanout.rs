//! From the bus to the sockets: one task takes whatever one read brought, groups it by channel, and leaves it with every
//! listener. No I/O and no waiting for anybody in here (realtime.md §7).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

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

/// A pass over a channel's listeners that takes so long is worth sharing: what is to be told next is gathered for a while.
const LONG_PASS: Duration = Duration::from_millis(1);
/// After a long pass its channel rests for as long again, and no longer than this, which nobody in a room notices.
const LONGEST_REST: Duration = Duration::from_millis(20);

/// Events that are to be delivered, in the order of their channels' first ones.
///
/// Writing to a socket costs much the same for one event and for eight. In a room with a thousand listeners a pass takes
/// milliseconds; events that come one by one meanwhile would each have a pass of their own. So after a long pass the
/// channel rests for some milliseconds, and what came until then goes out together. Small rooms never rest.
#[derive(Default)]
struct Groups {
    of: HashMap<Channel, usize>,
    groups: Vec<(Channel, Vec<Heard>)>,
    resting: HashMap<Channel, Instant>,
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

    /// What is due, in order; what belongs to resting channels stays.
    fn take_due(&mut self, now: Instant) -> Vec<(Channel, Vec<Heard>)> {
        self.resting.retain(|_, until| *until > now);
        if self.resting.is_empty() {
            return self.take_all();
        }
        let resting = &self.resting;
        let (stay, due): (Vec<_>, Vec<_>) = std::mem::take(&mut self.groups)
            .into_iter()
            .partition(|(channel, _)| resting.contains_key(channel));
        self.of = stay.iter().enumerate().map(|(index, (channel, _))| (*channel, index)).collect();
        self.groups = stay;
        due
    }

    fn take_all(&mut self) -> Vec<(Channel, Vec<Heard>)> {
        self.of.clear();
        std::mem::take(&mut self.groups)
    }

    /// A pass over a channel took so long.
    fn passed(&mut self, channel: Channel, took: Duration) {
        if took >= LONG_PASS {
            self.resting.insert(channel, Instant::now() + took.min(LONGEST_REST));
        }
    }

    /// When the first of those that wait is due.
    fn next_due(&self) -> Option<Instant> {
        self.groups.iter().filter_map(|(channel, _)| self.resting.get(channel)).min().copied()
    }
}

/// Delivers until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>, mut events: BusEvents) {
    let mut groups = Groups::default();
    loop {
        let due = groups.next_due();
        let batch = tokio::select! {
            () = hub.stopping.cancelled() => return,
            () = rest_until(due) => Some(Vec::new()),
            batch = events.recv_batch() => batch,
        };
        let Some(batch) = batch else { return };
        for event in batch {
            match event {
                BusEvent::Publication(publication) => sort(&hub, &mut groups, publication),
                BusEvent::Control(message) => {
                    // What was published before it is heard before it: `session.revoked` by the socket that it ends.
                    let all = groups.take_all();
                    deliver_all(&hub, &mut groups, all).await;
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
        let due = groups.take_due(Instant::now());
        deliver_all(&hub, &mut groups, due).await;
    }
}

/// Channels with so many listeners are delivered beside each other where there are cores for it.
const MANY: usize = 64;
/// After so many deliveries the sockets of this thread get their turn.
const TURN: u64 = 256;

async fn rest_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// Delivers what is due. Of one channel, everything is delivered before the next batch is begun.
async fn deliver_all(hub: &Arc<Hub>, groups: &mut Groups, due: Vec<(Channel, Vec<Heard>)>) {
    let beside = due.len() > 1 && has_other_workers();
    let mut elsewhere = JoinSet::new();
    let mut deliveries = 0;
    for (channel, events) in due {
        let Some(entry) = hub.registry.find(channel) else { continue };
        if beside && entry.lock().listeners() >= MANY {
            let hub = Arc::clone(hub);
            elsewhere.spawn(async move { (channel, deliver_to(&hub, entry, events).took) });
            continue;
        }
        let pass = deliver_to(hub, entry, events);
        groups.passed(channel, pass.took);
        deliveries += pass.deliveries;
        if deliveries >= TURN {
            deliveries = 0;
            tokio::task::yield_now().await;
        }
    }
    while let Some(ended) = elsewhere.join_next().await {
        match ended.map_err(JoinError::try_into_panic) {
            Ok((channel, took)) => groups.passed(channel, took),
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            Err(Err(_cancelled)) => {}
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

/// One pass over a channel's listeners.
struct Pass {
    deliveries: u64,
    took: Duration,
}

fn deliver_to(hub: &Arc<Hub>, entry: Arc<Entry>, events: Vec<Heard>) -> Pass {
    let began = Instant::now();
    let delivered = entry.lock().hear(entry.channel, &entry.name, events);
    hub.metrics.delivered(&delivered);
    if delivered.gap {
        hub.heal_soon(entry);
    }
    Pass { deliveries: delivered.deliveries, took: began.elapsed() }
}

fn tell_moves(hub: &Hub, channel: Channel, payload: &[u8]) {
    let (Some(entry), Ok(moves)) = (hub.registry.find(channel), serde_json::from_slice::<Moves>(payload))
    else {
        return;
    };
    let delivered = entry.lock().send_signal(|encoding| members::pushes(encoding, &entry.name, &moves));
    hub.metrics.delivered(&delivered);
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use protocol::channel::Channel;

    use super::{Groups, LONGEST_REST, heard};

    fn add(groups: &mut Groups, room: u64, at: u64) {
        let position = bus::Position::new(at, "e");
        groups.add(Channel::Room(room), heard(Some(position), bytes::Bytes::from_static(b"{}")).unwrap());
    }

    fn taken(due: &[(Channel, Vec<super::Heard>)]) -> Vec<(Channel, usize)> {
        due.iter().map(|(channel, events)| (*channel, events.len())).collect()
    }

    #[test]
    fn after_a_long_pass_events_are_gathered_for_a_while_and_others_do_not_wait() {
        let mut groups = Groups::default();
        let now = Instant::now();
        groups.passed(Channel::Room(1), Duration::from_millis(21));
        groups.passed(Channel::Room(2), Duration::from_micros(900));
        add(&mut groups, 1, 1);
        add(&mut groups, 2, 1);
        assert_eq!(taken(&groups.take_due(now)), [(Channel::Room(2), 1)]);
        add(&mut groups, 1, 2);
        add(&mut groups, 2, 2);
        assert_eq!(taken(&groups.take_due(now)), [(Channel::Room(2), 1)]);
        let due = groups.next_due().unwrap();
        assert!(due >= now + LONGEST_REST && due <= Instant::now() + LONGEST_REST);
        assert_eq!(taken(&groups.take_due(due)), [(Channel::Room(1), 2)]);
        assert_eq!(groups.next_due(), None);

        groups.passed(Channel::Room(1), Duration::from_millis(21));
        add(&mut groups, 3, 1);
        add(&mut groups, 1, 3);
        assert_eq!(
            taken(&groups.take_all()),
            [(Channel::Room(3), 1), (Channel::Room(1), 1)],
            "a control message"
        );
    }
}
