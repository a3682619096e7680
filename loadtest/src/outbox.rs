//! What one sender has to send: new messages from the schedule, and those that were not acknowledged, again with the same
//! key, before anything newer.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use uuid::Uuid;

/// A message under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flying {
    /// Its number.
    pub(crate) sequence: u32,
    /// Its `client_id`, the same on every repeat.
    pub(crate) key: Uuid,
    /// When it went out this time.
    pub(crate) since: Instant,
}

/// One sender's messages.
pub(crate) struct Outbox {
    fresh: mpsc::Receiver<u32>,
    fresh_ended: bool,
    window: usize,
    flying: HashMap<u32, Flying>,
    again: BTreeMap<u32, Uuid>,
    wait_until: Option<Instant>,
    failures: u32,
}

/// Between two attempts after a passing failure; doubled each time up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

impl Outbox {
    /// An outbox fed by `fresh`, with at most `window` messages under way.
    pub(crate) fn new(fresh: mpsc::Receiver<u32>, window: usize) -> Self {
        Self {
            fresh,
            fresh_ended: false,
            window,
            flying: HashMap::new(),
            again: BTreeMap::new(),
            wait_until: None,
            failures: 0,
        }
    }

    /// The next message to send again now.
    pub(crate) fn next_again(&mut self, now: Instant) -> Option<(u32, Uuid)> {
        // One at a time until the server accepts again: what it holds back comes slower, not in heaps.
        let window = if self.failures > 0 { 1 } else { self.window };
        if self.flying.len() >= window || !self.may_repeat(now) {
            return None;
        }
        self.again.pop_first()
    }

    /// The next new message; waits for ever while none may be sent. Cancelling it loses nothing.
    pub(crate) async fn next_fresh(&mut self) -> u32 {
        let may_send = self.again.is_empty()
            && self.wait_until.is_none()
            && self.flying.len() < self.window
            && !self.fresh_ended;
        if may_send {
            match self.fresh.recv().await {
                Some(sequence) => return sequence,
                None => self.fresh_ended = true,
            }
        }
        std::future::pending().await
    }

    /// A message went out as command `id`.
    pub(crate) fn took_off(&mut self, id: u32, flying: Flying) {
        self.flying.insert(id, flying);
    }

    /// Command `id` was answered.
    pub(crate) fn landed(&mut self, id: u32) -> Option<Flying> {
        self.flying.remove(&id)
    }

    /// The answer was good: no need to wait any more.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        if self.again.is_empty() {
            self.wait_until = None;
        }
    }

    /// The answer was a passing failure: the message goes again, alone, after what is under way and a pause.
    pub(crate) fn try_later(&mut self, message: Flying, now: Instant) {
        self.again.insert(message.sequence, message.key);
        let pause = FIRST_WAIT.saturating_mul(1 << self.failures.min(8)).min(LONGEST_WAIT);
        self.failures += 1;
        self.wait_until = Some(now + pause);
    }

    /// The connection is gone: all that was under way goes again, in the old order.
    pub(crate) fn connection_lost(&mut self) {
        self.again.extend(self.flying.drain().map(|(_, message)| (message.sequence, message.key)));
        self.wait_until = None;
    }

    /// Is something unanswered for longer than `patience`?
    pub(crate) fn is_overdue(&self, now: Instant, patience: Duration) -> bool {
        self.flying.values().any(|message| now.saturating_duration_since(message.since) > patience)
    }

    /// After a passing failure the order of the rest is kept by letting everything under way land first.
    fn may_repeat(&mut self, now: Instant) -> bool {
        match self.wait_until {
            None => true,
            Some(at) if at <= now && self.flying.is_empty() => {
                self.wait_until = None;
                true
            }
            Some(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::sync::mpsc;
    use tokio::time::timeout;
    use uuid::Uuid;

    use super::{Flying, Outbox};

    fn outbox(window: usize) -> (mpsc::Sender<u32>, Outbox) {
        let (sender, fresh) = mpsc::channel(16);
        (sender, Outbox::new(fresh, window))
    }

    fn flying(sequence: u32) -> Flying {
        Flying { sequence, key: Uuid::from_u128(u128::from(sequence)), since: Instant::now() }
    }

    async fn fresh(outbox: &mut Outbox) -> Option<u32> {
        timeout(Duration::from_millis(20), outbox.next_fresh()).await.ok()
    }

    #[tokio::test]
    async fn the_window_bounds_what_is_under_way() {
        let (sender, mut outbox) = outbox(2);
        for sequence in 0..3 {
            sender.send(sequence).await.unwrap();
        }
        for id in 1..=2 {
            let sequence = fresh(&mut outbox).await.unwrap();
            outbox.took_off(id, flying(sequence));
        }
        assert_eq!(fresh(&mut outbox).await, None);
        assert_eq!(outbox.landed(1).unwrap().sequence, 0);
        assert_eq!(outbox.landed(1), None);
        assert_eq!(fresh(&mut outbox).await, Some(2));
    }

    #[tokio::test]
    async fn a_lost_connection_repeats_all_in_order_with_the_same_keys_before_new_ones() {
        let (sender, mut outbox) = outbox(4);
        sender.send(9).await.unwrap();
        for (id, sequence) in [(1, 5), (2, 3), (3, 4)] {
            outbox.took_off(id, flying(sequence));
        }
        outbox.connection_lost();
        assert_eq!(fresh(&mut outbox).await, None);
        let mut again = Vec::new();
        while let Some((sequence, key)) = outbox.next_again(Instant::now()) {
            assert_eq!(key, Uuid::from_u128(u128::from(sequence)));
            again.push(sequence);
        }
        assert_eq!(again, [3, 4, 5]);
        assert_eq!(fresh(&mut outbox).await, Some(9));
    }

    #[tokio::test]
    async fn a_passing_failure_waits_for_what_is_under_way_and_a_pause() {
        let (sender, mut outbox) = outbox(4);
        sender.send(9).await.unwrap();
        outbox.took_off(2, flying(6));
        let now = Instant::now();
        outbox.try_later(flying(5), now);
        let later = now + Duration::from_secs(5);
        assert_eq!(outbox.next_again(later), None, "6 is still under way");
        outbox.landed(2);
        outbox.succeeded();
        assert_eq!(outbox.next_again(now), None, "the pause is not over");
        assert_eq!(fresh(&mut outbox).await, None, "5 comes first");
        assert_eq!(outbox.next_again(later).unwrap().0, 5);
        assert_eq!(fresh(&mut outbox).await, Some(9));
    }

    #[tokio::test]
    async fn what_is_held_back_goes_one_at_a_time_until_one_is_accepted() {
        let (_sender, mut outbox) = outbox(4);
        let now = Instant::now();
        for sequence in [3, 4, 5] {
            outbox.try_later(flying(sequence), now);
        }
        let later = now + Duration::from_secs(5);
        assert_eq!(outbox.next_again(later).unwrap().0, 3);
        outbox.took_off(1, flying(3));
        assert_eq!(outbox.next_again(later), None);
        outbox.landed(1);
        outbox.succeeded();
        assert_eq!(outbox.next_again(later).unwrap().0, 4);
        outbox.took_off(2, flying(4));
        assert_eq!(outbox.next_again(later).unwrap().0, 5);
    }

    #[tokio::test]
    async fn the_end_of_the_schedule_is_no_message() {
        let (sender, mut outbox) = outbox(4);
        drop(sender);
        assert_eq!(fresh(&mut outbox).await, None);
        assert_eq!(fresh(&mut outbox).await, None);
    }

    #[test]
    fn silence_is_noticed() {
        let (_sender, mut outbox) = outbox(4);
        outbox.took_off(1, flying(0));
        let patience = Duration::from_secs(10);
        assert!(!outbox.is_overdue(Instant::now(), patience));
        assert!(outbox.is_overdue(Instant::now() + Duration::from_secs(11), patience));
    }
}
