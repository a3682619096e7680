//! What one device has to send: in order, again until it is acknowledged, with the same key.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::ledger::{Ledger, Target};

/// A message without an acknowledgement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unanswered {
    pub(super) number: u32,
    pub(super) target: Target,
    pub(super) key: Uuid,
    /// Sent before, now or on an earlier connection.
    pub(super) again: bool,
    flying_since: Option<Instant>,
    not_before: Option<Instant>,
}

/// See the module.
pub(super) struct Outbox {
    /// So many are under way at a time; with one, the order is the sender's own care.
    window: usize,
    waiting: VecDeque<Unanswered>,
    /// Commands of this connection.
    asked: HashMap<u32, u32>,
    /// The greatest number sent so far.
    last: Option<u32>,
}

/// As the SDKs' own patience with a call.
const PATIENCE: Duration = Duration::from_secs(5);
/// More is not written before the first of them has gone.
const MOST_WAITING: usize = 30;

impl Outbox {
    pub(super) fn new(window: usize) -> Self {
        Self { window, waiting: VecDeque::new(), asked: HashMap::new(), last: None }
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST_WAITING
    }

    pub(super) fn write(&mut self, number: u32, key: Uuid, target: Target) {
        let fresh = Unanswered { number, target, key, again: false, flying_since: None, not_before: None };
        self.waiting.push_back(fresh);
    }

    /// The next one to send now: the first that is not under way, unless it has to wait a little.
    pub(super) fn next(&mut self, now: Instant) -> Option<Unanswered> {
        for message in self.waiting.iter_mut().take(self.window) {
            if message.flying_since.is_some_and(|since| now.duration_since(since) > PATIENCE) {
                message.flying_since = None;
            }
        }
        let next = self.waiting.iter().take(self.window).find(|message| message.flying_since.is_none())?;
        next.not_before.is_none_or(|until| until <= now).then_some(*next)
    }

    /// It was sent with this command.
    pub(super) fn took_off(&mut self, number: u32, command: u32) {
        self.asked.insert(command, number);
        self.last = self.last.max(Some(number));
        if let Some(message) = self.waiting.iter_mut().find(|message| message.number == number) {
            message.flying_since = Some(Instant::now());
            message.again = true;
        }
    }

    /// Which message a reply is about.
    pub(super) fn asked(&mut self, command: u32) -> Option<u32> {
        self.asked.remove(&command)
    }

    pub(super) fn acknowledged(&mut self, number: u32) {
        self.waiting.retain(|message| message.number != number);
    }

    /// It may succeed a little later.
    pub(super) fn failed(&mut self, number: u32, ledger: &Ledger) {
        if self.last > Some(number) {
            ledger.set_overtaken(number);
        }
        if let Some(message) = self.waiting.iter_mut().find(|message| message.number == number) {
            message.flying_since = None;
            let pause = Duration::from_millis(rand::random_range(200..700));
            message.not_before = Some(Instant::now() + pause);
        }
    }

    /// The connection is gone, and with it the answers to what was under way.
    pub(super) fn disconnected(&mut self, ledger: &Ledger) {
        self.asked.clear();
        for message in &mut self.waiting {
            if message.flying_since.take().is_some() && self.last > Some(message.number) {
                ledger.set_overtaken(message.number);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[test]
fn messages_go_in_order_and_again_with_the_same_key() {
    let ledger = Ledger::default();
    let mut outbox = Outbox::new(1);
    let numbers: Vec<u32> = (0..2)
        .map(|_| {
            let (number, key) = ledger.begin(1, Target::Room(1));
            outbox.write(number, key, Target::Room(1));
            number
        })
        .collect();
    let first = outbox.next(Instant::now()).unwrap();
    assert_eq!((first.number, first.again), (numbers[0], false));
    outbox.took_off(first.number, 9);
    assert!(outbox.next(Instant::now()).is_none(), "one at a time");
    outbox.disconnected(&ledger);
    let again = outbox.next(Instant::now()).unwrap();
    assert_eq!((again.number, again.key, again.again), (numbers[0], first.key, true));
    assert!(!ledger.all()[0].overtaken, "nothing was sent after it");
    outbox.took_off(again.number, 1);
    outbox.failed(numbers[0], &ledger);
    assert!(outbox.next(Instant::now()).is_none(), "not before the one that failed");
    assert_eq!(outbox.asked(1), Some(numbers[0]));
    outbox.acknowledged(numbers[0]);
    assert_eq!(outbox.next(Instant::now()).unwrap().number, numbers[1]);
}
