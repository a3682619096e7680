//! What one client knows: every message once, in order, by offset and by id. No I/O, so that it can be tested.

use std::collections::{HashMap, HashSet};

use crate::decode::{Heard, Tagged};
use crate::ledger::{Ledger, SameEvent, Tag};

/// A place in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The last event that the client has.
    pub(crate) offset: u64,
    /// The stream that the offset is of.
    pub(crate) epoch: String,
}

/// What a listener counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Messages that became known, each once, however they came.
    pub(crate) known: u64,
    /// The same event at a new offset: a repeated write published it again, and apps drop it by its id. No fault.
    pub(crate) repeats: u64,
    /// The same offset twice, or one write heard as two events or two messages.
    pub(crate) duplicated: u64,
    /// Messages of one sender heard after a later one of the same, or a new message at an old offset.
    pub(crate) out_of_order: u64,
    /// Offsets that were skipped.
    pub(crate) gaps: u64,
}

/// The accounts of one client that listens to one channel.
pub(crate) struct Listener {
    part: u32,
    side: usize,
    known: Vec<u64>,
    /// Messages known through `chat.sync` or REST, whose event may still come without being a repeat.
    fetched: HashSet<u32>,
    newest_of: HashMap<u32, u32>,
    newest_message: u64,
    position: Option<Position>,
    tally: Tally,
}

impl Listener {
    /// A client that shall hear the messages of `part`, on the channel of that side (0 or 1).
    pub(crate) fn new(part: u32, side: usize) -> Self {
        Self {
            part,
            side,
            known: Vec::new(),
            fetched: HashSet::new(),
            newest_of: HashMap::new(),
            newest_message: 0,
            position: None,
            tally: Tally::default(),
        }
    }

    /// What was counted so far.
    pub(crate) const fn tally(&self) -> Tally {
        self.tally
    }

    /// Where it stands in the stream: what to recover from.
    pub(crate) const fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// The greatest message id heard: what to sync from.
    pub(crate) const fn newest_message(&self) -> u64 {
        self.newest_message
    }

    /// The stream begins for this client here, with nothing to make up for.
    pub(crate) fn begin(&mut self, position: Position) {
        self.position = Some(position);
    }

    /// The server gave everything missed, up to `top`, before this call.
    pub(crate) fn recovered(&mut self, top: u64) {
        if let Some(position) = &mut self.position {
            // "Never a part": what lies between the last one given and the top was left out.
            self.tally.gaps += top.saturating_sub(position.offset);
            position.offset = position.offset.max(top);
        }
    }

    /// Takes in an event of the channel. Gives the message that became known by it.
    pub(crate) fn hear(&mut self, ledger: &Ledger, heard: &Heard) -> Option<u32> {
        let at_old_offset = self.advance(heard.offset);
        let Some(Tagged { tag: Tag { sequence, .. }, message_id }) =
            heard.message.filter(|tagged| ledger.holds(tagged.tag))
        else {
            // Somebody else's event; its offset counts all the same.
            self.tally.duplicated += u64::from(at_old_offset);
            return None;
        };
        if ledger.part_of(sequence) != self.part {
            self.tally.duplicated += u64::from(at_old_offset);
            return None;
        }
        let same = ledger.compare(sequence, self.side, heard.event, message_id);
        if self.is_known(ledger, sequence) {
            if at_old_offset || same == SameEvent::No {
                self.tally.duplicated += 1;
            } else if !self.fetched.remove(&sequence) {
                self.tally.repeats += 1;
            }
            return None;
        }
        if same == SameEvent::No {
            self.tally.duplicated += 1;
        }
        self.set_known(ledger, sequence);
        self.newest_message = self.newest_message.max(message_id);
        let newest = self.newest_of.entry(ledger.sender_of(sequence)).or_insert(sequence);
        let late = *newest > sequence && !ledger.is_overtaken(sequence);
        *newest = (*newest).max(sequence);
        self.tally.out_of_order += u64::from(late || at_old_offset);
        Some(sequence)
    }

    /// Takes in a message that was asked for (`chat.sync`, REST). Gives it where it was not known yet.
    pub(crate) fn fetch(&mut self, ledger: &Ledger, message: Tagged) -> Option<u32> {
        let Tagged { tag, message_id } = message;
        let sequence = tag.sequence;
        self.newest_message = self.newest_message.max(message_id);
        if !ledger.holds(tag) || ledger.part_of(sequence) != self.part || self.is_known(ledger, sequence) {
            return None;
        }
        self.set_known(ledger, sequence);
        self.fetched.insert(sequence);
        let newest = self.newest_of.entry(ledger.sender_of(sequence)).or_insert(sequence);
        *newest = (*newest).max(sequence);
        Some(sequence)
    }

    /// Acknowledged messages of the part that this client does not know.
    pub(crate) fn count_lost(&self, ledger: &Ledger) -> u64 {
        (self.part..ledger.total())
            .step_by(usize::try_from(ledger.parts()).unwrap_or(1))
            .filter(|sequence| ledger.is_acknowledged(*sequence) && !self.is_known(ledger, *sequence))
            .fold(0, |count, _| count + 1)
    }

    /// Moves on to `offset`; gives whether it was passed already.
    fn advance(&mut self, offset: u64) -> bool {
        let Some(position) = &mut self.position else { return false };
        // 0: the event is not kept, it has no place.
        if offset == 0 {
            return false;
        }
        if offset <= position.offset {
            return true;
        }
        self.tally.gaps += offset - position.offset - 1;
        position.offset = offset;
        false
    }

    fn place(ledger: &Ledger, sequence: u32) -> (usize, u64) {
        let index = ledger.index_in_part(sequence);
        (usize::try_from(index / 64).unwrap_or(usize::MAX), 1 << (index % 64))
    }

    fn is_known(&self, ledger: &Ledger, sequence: u32) -> bool {
        let (word, bit) = Self::place(ledger, sequence);
        self.known.get(word).is_some_and(|bits| bits & bit != 0)
    }

    fn set_known(&mut self, ledger: &Ledger, sequence: u32) {
        let (word, bit) = Self::place(ledger, sequence);
        if self.known.len() <= word {
            self.known.resize(word + 1, 0);
        }
        if let Some(bits) = self.known.get_mut(word) {
            *bits |= bit;
            self.tally.known += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Listener, Position, Tally};
    use crate::decode::{Heard, Tagged};
    use crate::ledger::{Ledger, Tag};

    /// Six messages of one sender, sent and acknowledged.
    fn world(parts: u32) -> (Ledger, Listener) {
        let ledger = Ledger::new(6, parts, 1);
        for sequence in 0..6 {
            ledger.mark_sent(sequence, 0);
            ledger.mark_acknowledged(sequence, 100 + u64::from(sequence));
        }
        let mut listener = Listener::new(0, 0);
        listener.begin(Position { offset: 10, epoch: "a".to_owned() });
        (ledger, listener)
    }

    fn tagged(sequence: u32) -> Tagged {
        Tagged { tag: Tag { run: 1, sequence }, message_id: 100 + u64::from(sequence) }
    }

    fn heard(sequence: u32, offset: u64) -> Heard {
        Heard { offset, event: 900 + u64::from(sequence), message: Some(tagged(sequence)) }
    }

    #[test]
    fn all_of_it_once_and_in_order_is_faultless() {
        let (ledger, mut listener) = world(1);
        for sequence in 0..6 {
            assert_eq!(listener.hear(&ledger, &heard(sequence, 11 + u64::from(sequence))), Some(sequence));
        }
        assert_eq!(listener.tally(), Tally { known: 6, ..Tally::default() });
        assert_eq!(listener.count_lost(&ledger), 0);
        assert_eq!(listener.position().unwrap().offset, 16);
        assert_eq!(listener.newest_message(), 105);
    }

    #[test]
    fn what_was_acknowledged_and_not_heard_is_lost() {
        let (ledger, mut listener) = world(1);
        listener.hear(&ledger, &heard(0, 11));
        listener.hear(&ledger, &heard(2, 13));
        assert_eq!(listener.count_lost(&ledger), 4);
        assert_eq!(listener.tally().gaps, 1);
        let open = Ledger::new(3, 1, 1);
        open.mark_sent(0, 0);
        assert_eq!(Listener::new(0, 0).count_lost(&open), 0, "nobody promised it");
    }

    #[test]
    fn the_same_offset_twice_is_a_duplicate_and_a_repeated_event_is_not() {
        let (ledger, mut listener) = world(1);
        listener.hear(&ledger, &heard(0, 11));
        assert_eq!(listener.hear(&ledger, &heard(0, 11)), None);
        assert_eq!(listener.tally(), Tally { known: 1, duplicated: 1, ..Tally::default() });
        assert_eq!(listener.hear(&ledger, &heard(0, 12)), None);
        assert_eq!(listener.tally(), Tally { known: 1, duplicated: 1, repeats: 1, ..Tally::default() });
    }

    #[test]
    fn one_write_that_became_two_events_or_two_messages_is_a_duplicate() {
        let (ledger, mut listener) = world(1);
        listener.hear(&ledger, &heard(0, 11));
        listener.hear(&ledger, &Heard { event: 1, ..heard(0, 12) });
        assert_eq!(listener.tally().duplicated, 1);
        let second_row = Some(Tagged { message_id: 999, ..tagged(1) });
        listener.hear(&ledger, &Heard { message: second_row, ..heard(1, 13) });
        assert_eq!(listener.tally().duplicated, 2, "the acknowledgement named another message");
    }

    #[test]
    fn an_earlier_message_after_a_later_one_of_its_sender_is_out_of_order() {
        let (ledger, mut listener) = world(1);
        listener.hear(&ledger, &heard(1, 11));
        listener.hear(&ledger, &heard(0, 12));
        assert_eq!(listener.tally().out_of_order, 1);

        let (ledger, mut listener) = world(1);
        ledger.mark_sent(0, 9);
        listener.hear(&ledger, &heard(1, 11));
        listener.hear(&ledger, &heard(0, 12));
        assert_eq!(listener.tally().out_of_order, 0, "two senders may be heard in either order");

        let (ledger, mut listener) = world(1);
        ledger.mark_overtaken(0);
        listener.hear(&ledger, &heard(1, 11));
        listener.hear(&ledger, &heard(0, 12));
        assert_eq!(listener.tally().out_of_order, 0, "its sender was told to send it again");
    }

    #[test]
    fn a_new_message_at_an_old_offset_is_out_of_order() {
        let (ledger, mut listener) = world(1);
        listener.hear(&ledger, &heard(0, 12));
        assert_eq!(listener.hear(&ledger, &heard(1, 11)), Some(1));
        assert_eq!(listener.tally(), Tally { known: 2, out_of_order: 1, gaps: 1, ..Tally::default() });
    }

    #[test]
    fn a_recovery_that_leaves_something_out_shows_as_a_gap() {
        let (ledger, mut listener) = world(1);
        listener.hear(&ledger, &heard(0, 11));
        listener.recovered(11);
        assert_eq!(listener.tally().gaps, 0);
        listener.recovered(13);
        assert_eq!(listener.tally().gaps, 2);
        listener.hear(&ledger, &heard(3, 14));
        assert_eq!(listener.tally().gaps, 2);
    }

    #[test]
    fn what_was_fetched_is_known_and_its_event_no_repeat() {
        let (ledger, mut listener) = world(1);
        assert_eq!(listener.fetch(&ledger, tagged(0)), Some(0));
        assert_eq!(listener.fetch(&ledger, tagged(0)), None, "sync may overlap");
        listener.begin(Position { offset: 3, epoch: "b".to_owned() });
        assert_eq!(listener.hear(&ledger, &heard(0, 4)), None);
        assert_eq!(listener.tally(), Tally { known: 1, ..Tally::default() });
    }

    #[test]
    fn others_events_move_the_position_and_other_parts_are_not_counted() {
        let (ledger, mut listener) = world(2);
        assert_eq!(listener.hear(&ledger, &Heard { offset: 11, event: 1, message: None }), None);
        assert_eq!(listener.hear(&ledger, &Heard { offset: 0, event: 2, message: None }), None);
        assert_eq!(listener.hear(&ledger, &heard(1, 12)), None);
        let of_another_ledger = Some(Tagged { tag: Tag { run: 2, sequence: 2 }, message_id: 7 });
        let other = Heard { offset: 13, event: 3, message: of_another_ledger };
        assert_eq!(listener.hear(&ledger, &other), None);
        for (sequence, offset) in [(0, 14), (2, 15), (4, 16)] {
            listener.hear(&ledger, &heard(sequence, offset));
        }
        assert_eq!(listener.tally(), Tally { known: 3, ..Tally::default() });
        assert_eq!(listener.count_lost(&ledger), 0);
    }
}
