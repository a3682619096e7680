//! What recoveries have found a moment ago. After a network was away all listeners of a room want to know the same: what
//! came since the same event. It is read once, as long as nothing new comes.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bus::Position;
use protocol::channel::Channel;

use super::subscription::Start;

/// Recoveries remembered.
const MOST: usize = 64;
/// Bytes of events in all of them together. This much may stay in memory after a wave.
const MOST_BYTES: usize = 1024 * 1024;
/// And in one.
const LARGEST: usize = 256 * 1024;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    /// The newest last.
    recoveries: VecDeque<Recovery>,
    bytes: usize,
}

#[derive(Debug)]
struct Recovery {
    channel: Channel,
    since: Position,
    start: Start,
    bytes: usize,
}

impl Recent {
    /// What a recovery since this position found, when the stream's top was the given one.
    pub(crate) fn find(&self, channel: Channel, since: &Position, top: &Position) -> Option<Start> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut recoveries = found.recoveries.iter().rev();
        let is_it = |one: &&Recovery| {
            one.channel == channel && one.since == *since && one.start.top.as_ref() == Some(top)
        };
        recoveries.find(is_it).map(|one| one.start.clone())
    }

    /// Remembers a recovery, and forgets the oldest ones.
    pub(crate) fn note(&self, channel: Channel, since: Position, start: &Start) {
        let bytes = start.missed.iter().map(|one| one.data.len()).sum();
        if bytes > LARGEST {
            return;
        }
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.recoveries.push_back(Recovery { channel, since, start: start.clone(), bytes });
        found.bytes += bytes;
        while found.recoveries.len() > MOST || found.bytes > MOST_BYTES {
            let Some(oldest) = found.recoveries.pop_front() else { break };
            found.bytes = found.bytes.saturating_sub(oldest.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use bus::Position;
    use bytes::Bytes;
    use protocol::channel::Channel;
    use protocol::frame::Publication;

    use super::{LARGEST, MOST, MOST_BYTES, Recent, Start};

    const ROOM: Channel = Channel::Room(3);

    fn start(top: u64, bytes: usize) -> Start {
        let data = Bytes::from(vec![b'1'; bytes]);
        let missed = vec![Publication { offset: top, data, ..Publication::default() }];
        Start { top: Some(at(top)), was_recovering: true, recovered: true, missed: missed.into() }
    }

    fn at(offset: u64) -> Position {
        Position::new(offset, "e")
    }

    #[test]
    fn a_recovery_is_found_again_while_the_stream_stays_where_it_was() {
        let recent = Recent::default();
        recent.note(ROOM, at(4), &start(5, 10));
        let found = recent.find(ROOM, &at(4), &at(5)).unwrap();
        assert_eq!((found.recovered, found.missed.len()), (true, 1));
        for (channel, since, top) in [
            (Channel::Room(4), at(4), at(5)),
            (ROOM, at(3), at(5)),
            (ROOM, Position::new(4, "f"), at(5)),
            (ROOM, at(4), at(6)),
            (ROOM, at(4), Position::new(5, "f")),
        ] {
            assert!(recent.find(channel, &since, &top).is_none(), "{channel} {since:?} {top:?}");
        }
    }

    #[test]
    fn little_is_remembered_and_the_oldest_is_forgotten_first() {
        let recent = Recent::default();
        recent.note(ROOM, at(0), &start(1, LARGEST + 1));
        assert!(recent.find(ROOM, &at(0), &at(1)).is_none(), "too large");
        let most = u64::try_from(MOST).unwrap();
        for offset in 0..=most {
            recent.note(ROOM, at(offset), &start(offset + 1, 1));
        }
        assert!(recent.find(ROOM, &at(0), &at(1)).is_none() && recent.find(ROOM, &at(1), &at(2)).is_some());
        for offset in 0..=most {
            recent.note(ROOM, at(offset), &start(offset + 1, LARGEST));
        }
        let found = recent.0.lock().unwrap();
        assert_eq!((found.bytes, found.recoveries.len()), (MOST_BYTES, MOST_BYTES / LARGEST));
    }
}
