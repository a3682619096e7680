//! What an activity has sent: one entry a message, shared by all sockets and written without locks.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The messages of one activity, numbered from 0 in the order of the schedule.
///
/// There are one or more *parts* (pairs of accounts, rooms); message `n` belongs to part `n % parts`, and every
/// listener hears all messages of its part and no others.
pub(crate) struct Ledger {
    entries: Box<[Entry]>,
    parts: u32,
    began: Instant,
    /// Tells this ledger's messages from those of any other, of this run or another.
    run: u32,
}

/// What [`Ledger::body`] put into a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Which ledger's.
    pub(crate) run: u32,
    /// The message's number in it.
    pub(crate) sequence: u32,
}

impl Tag {
    /// The tag of a text; `None` for texts that no ledger wrote.
    pub(crate) fn read(body: &str) -> Option<Self> {
        let rest = body.strip_prefix("lt-")?;
        let (run, rest) = rest.split_once('-')?;
        let digits = rest.split(' ').next()?;
        Some(Self { run: u32::from_str_radix(run, 16).ok()?, sequence: digits.parse().ok()? })
    }
}

/// One message. Times are microseconds since the run began, 0 for "not yet".
#[derive(Default)]
struct Entry {
    sent: AtomicU64,
    acknowledged: AtomicU64,
    message_id: AtomicU64,
    /// Hash of the event's id, for each of the (at most two) channels of its part.
    events: [AtomicU64; 2],
    sender: AtomicU32,
    refused: AtomicBool,
    held_back: AtomicBool,
    overtaken: AtomicBool,
}

/// What comparing an event of a message with the one heard first says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SameEvent {
    /// The first one, or the same one again.
    Yes,
    /// Another event, or another message, for one and the same write.
    No,
}

/// What an acknowledgement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// Microseconds since the message was first sent; only for its first acknowledgement.
    pub(crate) after: Option<u64>,
    /// `false`: the write was acknowledged or heard before as another message.
    pub(crate) same_message: bool,
}

impl Ledger {
    /// A ledger of `total` messages in `parts` parts.
    pub(crate) fn new(total: u32, parts: u32, run: u32) -> Self {
        Self {
            entries: (0..total).map(|_| Entry::default()).collect(),
            parts: parts.max(1),
            began: Instant::now(),
            run,
        }
    }

    /// Number of messages planned.
    pub(crate) fn total(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// Number of parts.
    pub(crate) const fn parts(&self) -> u32 {
        self.parts
    }

    /// The part that a message belongs to.
    pub(crate) const fn part_of(&self, sequence: u32) -> u32 {
        sequence % self.parts
    }

    /// The message's number within its part.
    pub(crate) const fn index_in_part(&self, sequence: u32) -> u32 {
        sequence / self.parts
    }

    /// Microseconds since the run began, at least 1.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }

    /// The text of a message: its tag, then filler.
    pub(crate) fn body(&self, sequence: u32, length: usize) -> String {
        let mut body = format!("lt-{:08x}-{sequence} ", self.run);
        while body.len() < length {
            body.push('.');
        }
        body
    }

    /// Is it one of this ledger's messages?
    pub(crate) fn holds(&self, tag: Tag) -> bool {
        tag.run == self.run && tag.sequence < self.total()
    }

    fn entry(&self, sequence: u32) -> Option<&Entry> {
        self.entries.get(usize::try_from(sequence).ok()?)
    }

    /// A message goes out; gives whether for the first time.
    pub(crate) fn mark_sent(&self, sequence: u32, sender: u32) -> bool {
        let Some(entry) = self.entry(sequence) else { return false };
        entry.sender.store(sender, Relaxed);
        entry.sent.compare_exchange(0, self.now(), Relaxed, Relaxed).is_ok()
    }

    /// A message was acknowledged under this id.
    pub(crate) fn mark_acknowledged(&self, sequence: u32, message_id: u64) -> Acknowledged {
        let Some(entry) = self.entry(sequence) else {
            return Acknowledged { after: None, same_message: false };
        };
        let now = self.now();
        let first = entry.acknowledged.compare_exchange(0, now, Relaxed, Relaxed).is_ok();
        Acknowledged {
            after: first.then(|| now.saturating_sub(entry.sent.load(Relaxed))),
            same_message: same(&entry.message_id, message_id),
        }
    }

    /// The server will never accept the message.
    pub(crate) fn mark_refused(&self, sequence: u32) {
        if let Some(entry) = self.entry(sequence) {
            entry.refused.store(true, Relaxed);
        }
    }

    /// The server's limits put the message off.
    pub(crate) fn mark_held_back(&self, sequence: u32) {
        if let Some(entry) = self.entry(sequence) {
            entry.held_back.store(true, Relaxed);
        }
    }

    /// The messages that are still open because the server's limits put them off.
    pub(crate) fn count_held_back(&self) -> u64 {
        let held_back = |sequence: &u32| {
            self.is_open(*sequence)
                && self.entry(*sequence).is_some_and(|entry| entry.held_back.load(Relaxed))
        };
        (0..self.total()).filter(held_back).fold(0, |count, _| count + 1)
    }

    /// A passing failure made the sender repeat the message after later ones: its place is no longer promised.
    pub(crate) fn mark_overtaken(&self, sequence: u32) {
        if let Some(entry) = self.entry(sequence) {
            entry.overtaken.store(true, Relaxed);
        }
    }

    /// May the message come after later ones of its sender?
    pub(crate) fn is_overtaken(&self, sequence: u32) -> bool {
        self.entry(sequence).is_some_and(|entry| entry.overtaken.load(Relaxed))
    }

    /// Was it acknowledged?
    pub(crate) fn is_acknowledged(&self, sequence: u32) -> bool {
        self.entry(sequence).is_some_and(|entry| entry.acknowledged.load(Relaxed) > 0)
    }

    /// Was it sent, and neither acknowledged nor refused?
    pub(crate) fn is_open(&self, sequence: u32) -> bool {
        self.entry(sequence).is_some_and(|entry| {
            entry.sent.load(Relaxed) > 0
                && entry.acknowledged.load(Relaxed) == 0
                && !entry.refused.load(Relaxed)
        })
    }

    /// Who sent it.
    pub(crate) fn sender_of(&self, sequence: u32) -> u32 {
        self.entry(sequence).map_or(0, |entry| entry.sender.load(Relaxed))
    }

    /// Microseconds since it was first sent.
    pub(crate) fn age(&self, sequence: u32) -> u64 {
        let sent = self.entry(sequence).map_or(0, |entry| entry.sent.load(Relaxed));
        self.now().saturating_sub(sent)
    }

    /// Compares what was heard of a message with what was heard first; `side` is the channel's (0 or 1).
    pub(crate) fn compare(&self, sequence: u32, side: usize, event: u64, message_id: u64) -> SameEvent {
        let Some(entry) = self.entry(sequence) else { return SameEvent::No };
        let event_known = entry.events.get(side).is_some_and(|known| same(known, event));
        if event_known && same(&entry.message_id, message_id) { SameEvent::Yes } else { SameEvent::No }
    }

    /// The messages that are acknowledged, by part.
    pub(crate) fn acknowledged_by_part(&self) -> Vec<u64> {
        let mut counts = vec![0; usize::try_from(self.parts).unwrap_or_default()];
        for sequence in (0..self.total()).filter(|sequence| self.is_acknowledged(*sequence)) {
            if let Some(count) =
                usize::try_from(self.part_of(sequence)).ok().and_then(|part| counts.get_mut(part))
            {
                *count += 1;
            }
        }
        counts
    }

    /// The messages that were sent and are neither acknowledged nor refused.
    pub(crate) fn count_open(&self) -> u64 {
        (0..self.total()).filter(|sequence| self.is_open(*sequence)).fold(0, |count, _| count + 1)
    }
}

/// Notes a value, or compares it with the one noted first.
fn same(known: &AtomicU64, value: u64) -> bool {
    match known.compare_exchange(0, value, Relaxed, Relaxed) {
        Ok(_) => true,
        Err(first) => first == value,
    }
}

/// When message `sequence` is due after the beginning, at `rate` messages a second.
pub(crate) fn due_after(sequence: u32, rate: f64) -> Duration {
    Duration::try_from_secs_f64(f64::from(sequence) / rate.max(1e-6)).unwrap_or(Duration::MAX)
}

/// How many messages a schedule of `rate` a second has in `duration`; the last is due before its end.
pub(crate) fn planned(rate: f64, duration: Duration) -> u32 {
    // A duration is the safe way from a float to an integer; a hair more, for 0.1 × 30 is 2.9999….
    let count = Duration::try_from_secs_f64((rate * duration.as_secs_f64() + 1e-6).max(0.0));
    count.map_or(u32::MAX, |count| u32::try_from(count.as_secs()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Acknowledged, Ledger, SameEvent, Tag, due_after, planned};

    #[test]
    fn a_text_carries_its_number_and_only_for_its_own_run() {
        let ledger = Ledger::new(10, 2, 0xbeef);
        let body = ledger.body(7, 64);
        assert_eq!(body.len(), 64);
        let tag = Tag::read(&body).unwrap();
        assert_eq!((tag.sequence, ledger.holds(tag)), (7, true));
        for other in [Ledger::new(10, 2, 0xbeee).body(7, 64), ledger.body(10, 32)] {
            assert!(!ledger.holds(Tag::read(&other).unwrap()), "{other}");
        }
        assert_eq!((Tag::read("hello"), Tag::read("lt-")), (None, None));
    }

    #[test]
    fn times_count_from_the_first_sending_and_only_the_first_acknowledgement() {
        let ledger = Ledger::new(2, 1, 1);
        assert!(ledger.mark_sent(0, 5));
        assert!(ledger.is_open(0));
        assert!(!ledger.mark_sent(0, 5), "the repeat is no new message");
        assert!(ledger.mark_acknowledged(0, 77).after.is_some());
        assert_eq!(ledger.mark_acknowledged(0, 77), Acknowledged { after: None, same_message: true });
        assert!(!ledger.mark_acknowledged(0, 78).same_message, "the write happened twice");
        assert!(!ledger.is_open(0) && ledger.is_acknowledged(0));
        assert_eq!((ledger.sender_of(0), ledger.count_open()), (5, 0));
        ledger.mark_sent(1, 5);
        assert_eq!((ledger.count_open(), ledger.count_held_back()), (1, 0));
        ledger.mark_held_back(1);
        assert_eq!((ledger.count_open(), ledger.count_held_back()), (1, 1));
        ledger.mark_refused(1);
        assert_eq!(ledger.count_open(), 0);
        assert_eq!(ledger.acknowledged_by_part(), [1]);
    }

    #[test]
    fn one_write_has_one_message_and_one_event_a_channel() {
        let ledger = Ledger::new(1, 1, 1);
        assert_eq!(ledger.compare(0, 0, 11, 500), SameEvent::Yes);
        assert_eq!(
            ledger.compare(0, 1, 12, 500),
            SameEvent::Yes,
            "the other user's channel has an event of its own"
        );
        assert_eq!(ledger.compare(0, 0, 11, 500), SameEvent::Yes);
        assert_eq!(ledger.compare(0, 0, 13, 500), SameEvent::No);
        assert_eq!(ledger.compare(0, 1, 12, 501), SameEvent::No, "the write happened twice");
    }

    #[test]
    fn the_schedule_is_even() {
        assert_eq!(due_after(0, 50.0), Duration::ZERO);
        assert_eq!(due_after(1, 50.0), Duration::from_millis(20));
        assert_eq!(due_after(u32::MAX, 1.0), Duration::from_secs(u64::from(u32::MAX)));
        for (rate, seconds, count) in [(50.0, 20, 1000), (0.1, 30, 3), (0.5, 1, 0), (1e12, 600, u32::MAX)] {
            assert_eq!(planned(rate, Duration::from_secs(seconds)), count, "{rate}/s for {seconds} s");
        }
    }
}
