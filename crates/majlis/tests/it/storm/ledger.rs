//! What was sent, and what every device knows of it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base::Time;
use base::id::UserId;
use serde::Deserialize;
use uuid::Uuid;

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// Into a conversation.
    Conversation(u64),
    /// Into a live room.
    Room(u64),
}

/// One message of the test.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) sender: UserId,
    pub(super) target: Target,
    /// Its id, once it was acknowledged.
    pub(super) acknowledged: Option<u64>,
    /// Its sender sent a later one before it was sure of this one: its place is not promised.
    pub(super) overtaken: bool,
}

/// Numbers and ids of acknowledged messages, by where they went.
pub(super) type Acknowledged = HashMap<Target, Vec<(u32, u64)>>;

/// Every message, by number.
#[derive(Default)]
pub(super) struct Ledger(Mutex<Vec<Sent>>);

impl Ledger {
    /// A new message; gives its number and its key.
    pub(super) fn begin(&self, sender: UserId, target: Target) -> (u32, Uuid) {
        let key = Uuid::new_v4();
        let mut all = self.0.lock().unwrap();
        all.push(Sent { sender, target, acknowledged: None, overtaken: false });
        (u32::try_from(all.len() - 1).unwrap(), key)
    }

    pub(super) fn find(&self, number: u32) -> Option<Sent> {
        self.0.lock().unwrap().get(usize::try_from(number).unwrap()).copied()
    }

    /// Notes an acknowledgement; false where an earlier one named another message.
    pub(super) fn acknowledge(&self, number: u32, message_id: u64) -> bool {
        let mut all = self.0.lock().unwrap();
        let sent = &mut all[usize::try_from(number).unwrap()];
        *sent.acknowledged.get_or_insert(message_id) == message_id
    }

    pub(super) fn set_overtaken(&self, number: u32) {
        self.0.lock().unwrap()[usize::try_from(number).unwrap()].overtaken = true;
    }

    /// What was acknowledged until now.
    pub(super) fn acknowledged(&self) -> Acknowledged {
        let mut found = Acknowledged::new();
        for (number, sent) in (0..).zip(self.0.lock().unwrap().iter()) {
            if let Some(id) = sent.acknowledged {
                found.entry(sent.target).or_default().push((number, id));
            }
        }
        found
    }

    /// All of it, as it is now.
    pub(super) fn all(&self) -> Vec<Sent> {
        self.0.lock().unwrap().clone()
    }
}

/// The words of a message.
pub(super) fn body(number: u32) -> String {
    format!("storm {number} والعاصفة تمضي")
}

/// A message as events, acknowledgements and lists show it.
#[derive(Deserialize)]
pub(super) struct Message {
    pub(super) id: u64,
    pub(super) body: Option<String>,
    pub(super) created_at: Time,
    conversation_id: Option<u64>,
    room_id: Option<u64>,
}

impl Message {
    /// Its number, if it is one of the test.
    fn number(&self) -> Option<u32> {
        self.body.as_deref()?.strip_prefix("storm ")?.split(' ').next()?.parse().ok()
    }

    fn target(&self) -> Option<Target> {
        let conversation = self.conversation_id.map(Target::Conversation);
        conversation.or(self.room_id.map(Target::Room))
    }
}

/// What one device knows of one channel.
pub(super) struct Book {
    /// Whose messages belong into it.
    pub(super) targets: Vec<Target>,
    /// Its channel was subscribed for the first time.
    pub(super) is_open: AtomicBool,
    knowledge: Mutex<Knowledge>,
}

#[derive(Default)]
struct Knowledge {
    /// Message id and event id; no event id where the message was asked for.
    known: HashMap<u32, (u64, Option<String>)>,
    /// The newest number of each sender in each place.
    newest: HashMap<(UserId, Target), u32>,
    newest_id: u64,
    newest_at: Option<Time>,
}

impl Book {
    pub(super) fn of(targets: Vec<Target>) -> Self {
        Self { targets, is_open: AtomicBool::new(false), knowledge: Mutex::default() }
    }

    /// The greatest message id known: what to sync from.
    pub(super) fn newest_id(&self) -> u64 {
        self.knowledge.lock().unwrap().newest_id
    }

    /// When the newest message known was written.
    pub(super) fn newest_at(&self) -> Option<Time> {
        self.knowledge.lock().unwrap().newest_at
    }

    /// Takes in an event, as it arrived. While a question to MySQL is `open`, what was lost may be told again after newer
    /// ones, by a repeated write; else that is a fault.
    pub(super) fn hear(&self, ledger: &Ledger, tally: &Tally, event: (&str, &Message), open: bool) {
        let (event_id, message) = event;
        let Some((number, sent)) = self.place(ledger, tally, message) else { return };
        let mut book = self.knowledge.lock().unwrap();
        book.note(message);
        if let Some((id, event)) = book.known.get_mut(&number) {
            let same_event = event.get_or_insert_with(|| event_id.to_owned()) == event_id;
            if same_event && *id == message.id {
                tally.repeats.up();
            } else {
                tally.duplicated.up();
                tally.example(format!("message {number} came as {id} and as {} ({event_id})", message.id));
            }
            return;
        }
        book.known.insert(number, (message.id, Some(event_id.to_owned())));
        let newest = book.newest.entry((sent.sender, sent.target)).or_insert(number);
        if *newest > number && !sent.overtaken {
            if open {
                tally.late_while_asking.up();
            } else {
                tally.out_of_order.up();
                tally.example(format!("message {number} of {} came after {newest}", sent.sender));
            }
        }
        *newest = number.max(*newest);
    }

    /// Takes in a message that was asked for. The order of what is asked for says nothing.
    pub(super) fn fetch(&self, ledger: &Ledger, tally: &Tally, message: &Message) {
        let Some((number, sent)) = self.place(ledger, tally, message) else { return };
        let mut book = self.knowledge.lock().unwrap();
        book.note(message);
        match book.known.get(&number) {
            Some((id, _)) if *id == message.id => {}
            Some((id, _)) => {
                tally.duplicated.up();
                tally.example(format!("message {number} is {id} and {}", message.id));
            }
            None => {
                tally.synced.up();
                book.known.insert(number, (message.id, None));
                let newest = book.newest.entry((sent.sender, sent.target)).or_insert(number);
                *newest = number.max(*newest);
            }
        }
    }

    fn place(&self, ledger: &Ledger, tally: &Tally, message: &Message) -> Option<(u32, Sent)> {
        let number = message.number()?;
        let sent = ledger.find(number)?;
        if message.target() != Some(sent.target) || !self.targets.contains(&sent.target) {
            tally.misplaced.up();
            tally.example(format!("message {number} for {:?} came as {:?}", sent.target, message.target()));
            return None;
        }
        Some((number, sent))
    }

    /// Numbers of those acknowledged messages that it does not know, or knows under another id.
    pub(super) fn missing(&self, acknowledged: &Acknowledged) -> Vec<u32> {
        let book = self.knowledge.lock().unwrap();
        let is_known = |number, id| book.known.get(number).is_some_and(|known| known.0 == id);
        let due = self.targets.iter().filter_map(|target| acknowledged.get(target)).flatten();
        due.filter(|(number, id)| !is_known(number, *id)).map(|(number, _)| *number).collect()
    }
}

impl Knowledge {
    fn note(&mut self, message: &Message) {
        self.newest_id = self.newest_id.max(message.id);
        self.newest_at = self.newest_at.max(Some(message.created_at));
    }
}

/// A counter.
#[derive(Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn up(&self) {
        self.add(1);
    }

    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is counted over all devices.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) repeated_sends: Counter,
    pub(super) temporary_errors: Counter,
    pub(super) pushes: Counter,
    pub(super) repeats: Counter,
    pub(super) recoveries: Counter,
    pub(super) recovered: Counter,
    pub(super) not_recovered: Counter,
    pub(super) resubscribed: Counter,
    pub(super) syncs: Counter,
    pub(super) synced: Counter,
    pub(super) reconnects: Counter,
    /// One write under two ids, or as two events.
    pub(super) duplicated: Counter,
    pub(super) out_of_order: Counter,
    /// Heard after later ones, before the answer of MySQL was there.
    pub(super) late_while_asking: Counter,
    /// The same offset heard twice.
    pub(super) doubled: Counter,
    /// Offsets left out in a stream that was said to be whole.
    pub(super) gaps: Counter,
    /// In a channel where it does not belong.
    pub(super) misplaced: Counter,
    /// What an SDK would take for final: a bug here or there.
    pub(super) refused: Counter,
    longest_silence: Mutex<Duration>,
    examples: Mutex<Vec<String>>,
    started: Mutex<Option<Instant>>,
}

/// Failures told in words, at most.
const EXAMPLES: usize = 12;

impl Tally {
    /// The test begins to count silences, or ends to.
    pub(super) fn watch_silence(&self, from: Option<Instant>) {
        *self.started.lock().unwrap() = from;
    }

    /// Somebody heard nothing from then until now.
    pub(super) fn silence(&self, since: Instant) {
        let Some(started) = *self.started.lock().unwrap() else { return };
        let length = since.max(started).elapsed();
        let mut longest = self.longest_silence.lock().unwrap();
        *longest = longest.max(length);
    }

    pub(super) fn longest_silence(&self) -> Duration {
        *self.longest_silence.lock().unwrap()
    }

    pub(super) fn example(&self, words: String) {
        let mut examples = self.examples.lock().unwrap();
        if examples.len() < EXAMPLES {
            examples.push(words);
        }
    }

    pub(super) fn examples(&self) -> String {
        self.examples.lock().unwrap().join("\n")
    }
}

#[test]
fn the_ledger_finds_what_is_lost_twice_or_late() {
    let (ledger, tally) = (Ledger::default(), Tally::default());
    let place = Target::Room(5);
    let numbers: Vec<u32> = (0..4).map(|_| ledger.begin(7, place).0).collect();
    for &number in &numbers {
        assert!(ledger.acknowledge(number, 100 + u64::from(number)));
    }
    assert!(!ledger.acknowledge(0, 999), "acknowledged as another");
    let message = |number: u32, id: u64| {
        let shown = serde_json::json!({
            "id": id, "room_id": 5, "body": body(number), "created_at": Time::now(),
        });
        serde_json::from_value::<Message>(shown).unwrap()
    };
    let book = Book::of(vec![place]);
    book.hear(&ledger, &tally, ("a", &message(0, 100)), false);
    book.hear(&ledger, &tally, ("a", &message(0, 100)), false);
    assert_eq!((tally.repeats.get(), tally.duplicated.get()), (1, 0));
    book.hear(&ledger, &tally, ("b", &message(0, 100)), false);
    book.hear(&ledger, &tally, ("a", &message(0, 888)), false);
    assert_eq!(tally.duplicated.get(), 2);
    book.hear(&ledger, &tally, ("c", &message(2, 102)), false);
    book.hear(&ledger, &tally, ("d", &message(1, 101)), false);
    assert_eq!(tally.out_of_order.get(), 1);
    assert_eq!(book.missing(&ledger.acknowledged()), [3]);
    book.fetch(&ledger, &tally, &message(3, 103));
    assert_eq!((book.missing(&ledger.acknowledged()).len(), tally.synced.get()), (0, 1));
    Book::of(vec![Target::Room(6)]).hear(&ledger, &tally, ("a", &message(0, 100)), false);
    assert_eq!(tally.misplaced.get(), 1);
}
