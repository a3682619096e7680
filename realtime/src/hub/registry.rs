//! Which channels this node listens to, and who listens to them here.
//!
//! Two kinds of locks, always taken in this order and never held across an await: a shard of the map, then one channel.
//! (Inside a channel's lock the letter-box of a connection may be locked, never the other way round.)

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::channel::Channel;

use super::channel::{ChannelState, Phase};

/// Enough that two tasks seldom meet in one.
const SHARDS: usize = 64;

/// One channel on this node.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Which.
    pub(crate) channel: Channel,
    /// Its name, as the bus and the clients write it.
    pub(crate) name: Arc<str>,
    state: Mutex<ChannelState>,
}

impl Entry {
    pub(crate) fn lock(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Shard = Mutex<HashMap<Channel, Arc<Entry>>>;

/// All channels on this node.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: Box<[Shard]>,
    hasher: RandomState,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect(), hasher: RandomState::new() }
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
                Arc::clone(vacant.insert(Arc::new(Entry { channel, name, state })))
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
