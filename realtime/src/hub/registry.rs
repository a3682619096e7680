//! Which channels this node listens to, and who listens to them here.
//!
//! Two kinds of locks, always taken in this order and never held across an await: a shard of the map, then one channel.
//! (Inside a channel's lock the letter-box of a connection may be locked, never the other way round.)

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bus::Position;
use protocol::channel::Channel;
use tokio::sync::Semaphore;

use super::channel::{ChannelState, Phase};
use super::recent::Recent;

/// Enough that two tasks seldom meet in one.
const SHARDS: usize = 64;
/// Subscriptions made at a time. After a network was away thousands are asked for at once: so many keep Redis busy, and
/// with more each would only wait longer for its answers, until none came in time.
const SUBSCRIBING: usize = 256;

/// One channel on this node.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Which.
    pub(crate) channel: Channel,
    /// Its name, as the bus and the clients write it.
    pub(crate) name: Arc<str>,
    state: Mutex<ChannelState>,
    /// Since Redis confirmed the node's subscription it was found that the node has all there is: from then on its own
    /// position is the stream's top, as far as any listener can know.
    in_step: AtomicBool,
}

impl Entry {
    pub(crate) fn lock(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the stream is, as far as this node has heard, if it is in step with it. What it has not heard yet it will
    /// deliver, or find missing, for a new listener as for those who are here.
    pub(crate) fn known_top(&self) -> Option<Position> {
        let state = self.lock();
        let known = state.phase == Phase::Confirmed && !state.is_healing();
        if known && self.in_step.load(Ordering::Relaxed) { state.position.clone() } else { None }
    }

    /// A listener has begun at a position that was read from the stream, or given by [`Self::known_top`].
    pub(crate) fn compare_with(&self, top: &Position) {
        let state = self.lock();
        let has_it = |known: &Position| known.epoch == top.epoch && known.offset >= top.offset;
        let in_step = state.phase == Phase::Confirmed && state.position.as_ref().is_some_and(has_it);
        self.in_step.store(in_step, Ordering::Relaxed);
    }
}

type Shard = Mutex<HashMap<Channel, Arc<Entry>>>;

/// All channels on this node.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: Box<[Shard]>,
    hasher: RandomState,
    /// Turns of those who subscribe.
    pub(crate) subscribing: Semaphore,
    /// What recoveries have found a moment ago.
    pub(crate) recent: Recent,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            hasher: RandomState::new(),
            subscribing: Semaphore::new(SUBSCRIBING),
            recent: Recent::default(),
        }
    }

    fn shard(&self, channel: Channel) -> Option<MutexGuard<'_, HashMap<Channel, Arc<Entry>>>> {
        let hash = usize::try_from(self.hasher.hash_one(channel) & 0xffff).unwrap_or(0);
        let shard = self.shards.get(hash % SHARDS)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The channel, if anybody listens to it here (or did a moment ago).
    pub(crate) fn find(&self, channel: Channel) -> Option<Arc<Entry>> {
        self.shard(channel)?.get(&channel).cloned()
    }

    /// The channel, made if need be, with one more interest in it: whoever calls this must give the interest back.
    pub(crate) fn enter(&self, channel: Channel) -> Option<Arc<Entry>> {
        let mut shard = self.shard(channel)?;
        let entry = match shard.entry(channel) {
            MapEntry::Occupied(occupied) => Arc::clone(occupied.get()),
            MapEntry::Vacant(vacant) => {
                let name = channel.to_string().into();
                let state = Mutex::new(ChannelState::new());
                let in_step = AtomicBool::new(false);
                Arc::clone(vacant.insert(Arc::new(Entry { channel, name, state, in_step })))
            }
        };
        entry.lock().interest += 1;
        Some(entry)
    }

    /// Removes a channel in which nobody is interested any more; `false`: somebody is again.
    pub(crate) fn remove(&self, entry: &Entry) -> bool {
        let Some(mut shard) = self.shard(entry.channel) else { return false };
        let mut state = entry.lock();
        if state.interest > 0 {
            state.phase = Phase::Unconfirmed;
            // What happens until it is confirmed again is not heard.
            entry.in_step.store(false, Ordering::Relaxed);
            return false;
        }
        shard.remove(&entry.channel);
        if shard.is_empty() && shard.capacity() > 1024 {
            shard.shrink_to_fit();
        }
        true
    }

    /// Every channel.
    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(shard.lock().unwrap_or_else(PoisonError::into_inner).values().cloned());
        }
        all
    }

    /// How many channels there are.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::mem::size_of;

    use bus::Position;
    use protocol::channel::Channel;

    use super::{Entry, Phase, Registry};
    use crate::connection::Connection;
    use crate::connection::outbox::Peer;
    use crate::connection::session::Session;
    use crate::hub::subscription::Subscription;

    #[test]
    fn the_fixed_parts_of_an_idle_connection_are_small() {
        let parts = [
            ("its task", size_of::<Connection>()),
            ("what others see of it", size_of::<Peer>()),
            ("who is signed in", size_of::<Session>()),
            ("a personal channel", size_of::<Entry>()),
            ("two subscriptions", 2 * size_of::<Subscription>()),
        ];
        let sum: usize = parts.iter().map(|(_, size)| size).sum();
        // Of the 8 KB that a connection may take (docs/performance.md); its buffers and strings come to as much.
        assert!(sum <= 2_200, "{sum}: {parts:?}");
    }

    fn at(offset: u64) -> Option<Position> {
        Some(Position::new(offset, "e"))
    }

    #[test]
    fn a_channel_knows_its_top_only_while_it_is_in_step_with_the_stream() {
        let registry = Registry::new();
        let entry = registry.enter(Channel::Room(3)).unwrap();
        assert_eq!(entry.known_top(), None);
        entry.lock().phase = Phase::Confirmed;
        entry.lock().position = at(5);
        assert_eq!(entry.known_top(), None, "nobody has compared it yet");
        entry.compare_with(&Position::new(6, "e"));
        assert_eq!(entry.known_top(), None, "it is behind");
        entry.compare_with(&Position::new(5, "f"));
        assert_eq!(entry.known_top(), None, "the stream was lost");
        entry.compare_with(&Position::new(5, "e"));
        assert_eq!(entry.known_top(), at(5));
        entry.lock().position = at(6);
        assert_eq!(entry.known_top(), at(6), "it hears");

        // Given up while somebody came: it has not heard what happened meanwhile.
        entry.lock().phase = Phase::Leaving;
        assert_eq!(entry.known_top(), None);
        assert!(!registry.remove(&entry));
        entry.lock().phase = Phase::Confirmed;
        assert_eq!(entry.known_top(), None);
        entry.compare_with(&Position::new(6, "e"));
        assert_eq!(entry.known_top(), at(6));
        entry.lock().give_up(Channel::Room(3), "room:3", None);
        assert_eq!(entry.known_top(), None);
    }
}
