//! Gift animations of rooms and posts, which would otherwise bury everything else (realtime.md §7): of one second the
//! first 20 frames pass at once; what comes beyond them is summed up for each sender and told when the second is over,
//! one frame a sender. Those frames count as the next second's first ones.
//!
//! The ends of streaks are kept for recovery and have their place in the order of the stream: they are never held.
//! Each node does this for its own listeners, since frames are what they pay for.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base::Money;
use base::id::UserId;
use protocol::Event;
use protocol::channel::Channel;
use protocol::event::EventData;
use protocol::gifts::GiftSentEvent;
use tokio::sync::Notify;

use super::channel::Heard;
use super::{Hub, fanout};

/// Frames of one room that pass at once within [`WINDOW`].
const AT_ONCE: usize = 20;
const WINDOW: Duration = Duration::from_secs(1);
/// Senders whose gifts are held for one room; beyond them the one who has waited longest is told early.
const MOST_SENDERS: usize = 1_000;
/// Gifts that are remembered within a window, so that a repeat of one that was told or summed up is not counted again.
const MOST_SEEN: usize = 10_000;
/// How far into an event its type is looked for: behind `id` and `at`.
const HEAD: usize = 128;
const MARK: &[u8] = br#""type":"gift.sent""#;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Gifts {
    windows: Mutex<HashMap<Channel, Window>>,
    /// A window was opened.
    opened: Notify,
}

/// A second of one room.
#[derive(Debug)]
struct Window {
    until: Instant,
    passed: usize,
    seen: HashSet<u64>,
    held: HashMap<UserId, Sum>,
    /// The senders of `held`, those who have waited longest first.
    order: VecDeque<UserId>,
}

/// The gifts of one sender that are held.
#[derive(Debug)]
struct Sum {
    last: EventData,
    gifts: u32,
    quantity: u64,
    total_price: Money,
    repeat_count: u32,
}

impl Sum {
    fn new(last: EventData, gift: &GiftSentEvent) -> Self {
        let (quantity, total_price) = (gift.quantity, gift.total_price);
        Self { last, gifts: 1, quantity, total_price, repeat_count: gift.repeat_count }
    }

    /// Adds a gift; no, where the sums would not hold it.
    fn add(&mut self, event: &EventData, gift: &GiftSentEvent) -> bool {
        let sums = (self.quantity.checked_add(gift.quantity), self.total_price.plus(gift.total_price));
        let (Some(quantity), Some(total_price)) = sums else { return false };
        self.gifts = self.gifts.saturating_add(1);
        self.quantity = quantity;
        self.total_price = total_price;
        self.repeat_count = self.repeat_count.max(gift.repeat_count);
        self.last = event.clone();
        true
    }

    fn into_heard(self) -> Option<Heard> {
        let mut data = self.last;
        if let Event::GiftSent(gift) = &mut data.event
            && self.gifts > 1
        {
            gift.quantity = self.quantity;
            gift.total_price = self.total_price;
            gift.repeat_count = self.repeat_count;
            gift.merged = Some(self.gifts);
        }
        // Held on purpose: how late it is says nothing about the hub, so it is not measured.
        let event = fanout::heard(None, serde_json::to_vec(&data).ok()?.into())?;
        Some(Heard { at_ms: 0, ..event })
    }
}

impl Window {
    fn new(now: Instant, passed: usize) -> Self {
        Self {
            until: now + WINDOW,
            passed,
            seen: HashSet::new(),
            held: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    fn is_seen(&mut self, id: u64) -> bool {
        if self.seen.len() >= MOST_SEEN {
            return self.seen.contains(&id);
        }
        !self.seen.insert(id)
    }

    /// Sums a gift up; the answer is what has to be told now to make room for it.
    fn hold(&mut self, event: EventData) -> Option<Heard> {
        let Event::GiftSent(gift) = &event.event else { return None };
        if let Some(sum) = self.held.get_mut(&gift.sender.id) {
            if sum.add(&event, gift) {
                return None;
            }
            let full = std::mem::replace(sum, Sum::new(event.clone(), gift));
            return full.into_heard();
        }
        let oldest = if self.order.len() >= MOST_SENDERS { self.order.pop_front() } else { None };
        let early = oldest.and_then(|sender| self.held.remove(&sender)).and_then(Sum::into_heard);
        self.order.push_back(gift.sender.id);
        self.held.insert(gift.sender.id, Sum::new(event.clone(), gift));
        early
    }

    /// Everything held, in the order in which its senders began to wait.
    fn flush(&mut self) -> Vec<Heard> {
        let order = std::mem::take(&mut self.order);
        order.iter().filter_map(|sender| self.held.remove(sender)).filter_map(Sum::into_heard).collect()
    }
}

impl Gifts {
    /// Takes an event in on its way to the listeners; the answer is what goes on now, if anything.
    pub(crate) fn admit(&self, channel: Channel, event: Heard) -> Option<Heard> {
        self.admit_at(channel, event, Instant::now())
    }

    fn admit_at(&self, channel: Channel, event: Heard, now: Instant) -> Option<Heard> {
        let Some((data, id)) = animation(channel, &event) else { return Some(event) };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(channel).or_insert_with(|| {
            self.opened.notify_one();
            Window::new(now, 0)
        });
        if window.passed < AT_ONCE {
            window.passed += 1;
            window.is_seen(id);
            return Some(event);
        }
        if window.is_seen(id) {
            return None;
        }
        metrics::counter!("realtime_gifts_held_total").increment(1);
        window.hold(data)
    }

    /// When the next window ends.
    fn next_end(&self) -> Option<Instant> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.values().map(|window| window.until).min()
    }

    /// Ends the windows whose time is over; what they held goes on now and opens the next ones.
    fn end_windows(&self, now: Instant) -> Vec<(Channel, Vec<Heard>)> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = Vec::new();
        windows.retain(|channel, window| {
            if window.until > now {
                return true;
            }
            let frames = window.flush();
            if frames.is_empty() {
                return false;
            }
            *window = Window::new(now, frames.len());
            told.push((*channel, frames));
            true
        });
        told
    }
}

/// The gift in an event, with the ledger's id of it, if it is an animation: not kept, and not the end of a streak.
fn animation(channel: Channel, event: &Heard) -> Option<(EventData, u64)> {
    if event.position.is_some() || !matches!(channel, Channel::Room(_) | Channel::Post(_)) {
        return None;
    }
    let payload = event.payload.as_bytes();
    let head = payload.get(..HEAD).unwrap_or(payload);
    if !head.windows(MARK.len()).any(|bytes| bytes == MARK) {
        return None;
    }
    let data: EventData = serde_json::from_slice(payload).ok()?;
    let Event::GiftSent(gift) = &data.event else { return None };
    let id = gift.gift_transaction_id;
    (!gift.repeat_end).then_some((data, id))
}

/// Tells what was held when its second is over, until the hub stops. Sleeps while nobody gives anything.
pub(crate) async fn keep(hub: Arc<Hub>) {
    loop {
        let end = hub.gifts.next_end();
        let due = async {
            match end {
                // Windows that open meanwhile end later.
                Some(end) => tokio::time::sleep_until(end.into()).await,
                None => hub.gifts.opened.notified().await,
            }
        };
        tokio::select! {
            () = hub.stopping.cancelled() => return,
            () = due => {}
        }
        for (channel, frames) in hub.gifts.end_windows(Instant::now()) {
            fanout::deliver(&hub, channel, frames);
            tokio::task::yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use base::Money;
    use protocol::channel::Channel;
    use protocol::event::EventData;
    use protocol::gifts::{GiftIcon, GiftSentEvent, GiftStreak, Giftable, GiftableRef};
    use protocol::rooms::RoomMember;
    use protocol::{Envelope, Event};

    use super::super::fanout::heard;
    use super::{AT_ONCE, Gifts, Heard, MOST_SENDERS, Window};

    const ROOM: Channel = Channel::Room(3);

    fn gift(id: u64, sender: u64, repeat_count: u32) -> GiftSentEvent {
        let price: Money = "1.25".parse().unwrap();
        GiftSentEvent {
            gift_transaction_id: id,
            gift: GiftIcon {
                id: 1,
                name: "rose".to_owned(),
                icon: "rose.png".to_owned(),
                animation_url: None,
                price,
            },
            sender: RoomMember { id: sender, name: "وردة".to_owned(), avatar: None },
            receiver_id: 9,
            quantity: 2,
            total_price: price.times(2).unwrap(),
            message: None,
            giftable: GiftableRef { kind: Giftable::LiveRoom, id: 3 },
            repeat_count,
            repeat_end: false,
            streak: GiftStreak::default(),
            merged: None,
        }
    }

    /// As it comes from the bus.
    fn frame(gift: GiftSentEvent) -> Heard {
        let envelope = Envelope::new(ROOM, Event::GiftSent(Box::new(gift)));
        heard(None, serde_json::to_vec(&envelope.data).unwrap().into()).unwrap()
    }

    fn read(event: &Heard) -> GiftSentEvent {
        match serde_json::from_slice::<EventData>(event.payload.as_bytes()).unwrap().event {
            Event::GiftSent(gift) => *gift,
            other => panic!("{other:?}"),
        }
    }

    fn held(gifts: &Gifts) -> usize {
        gifts.windows.lock().unwrap().values().map(|window| window.held.len()).sum()
    }

    #[test]
    fn of_a_second_twenty_gifts_pass_and_the_rest_is_summed_up_for_each_sender() {
        let gifts = Gifts::default();
        let now = Instant::now();
        let mut passed = Vec::new();
        for n in 0..200 {
            let n32 = u32::try_from(n).unwrap();
            passed.extend(gifts.admit_at(ROOM, frame(gift(n + 1, n % 5, n32 / 5 + 1)), now));
        }
        assert_eq!(passed.len(), AT_ONCE);
        assert!(passed.iter().all(|event| read(event).merged.is_none()));
        // A repeat of what is in the sums already changes nothing.
        assert!(gifts.admit_at(ROOM, frame(gift(200, 4, 40)), now).is_none());
        // What is kept, what is no animation, and other channels do not wait.
        let end = GiftSentEvent { repeat_end: true, ..gift(999, 1, 40) };
        assert!(gifts.admit_at(ROOM, frame(end), now).is_some());
        let kept = Heard { position: Some(bus::Position::new(7, "e")), ..frame(gift(1_000, 1, 1)) };
        assert!(gifts.admit_at(ROOM, kept, now).is_some());
        let other = br#"{"id":"x","at":"","type":"room.viewers","data":{}}"#;
        let other = heard(None, other.to_vec().into()).unwrap();
        assert!(gifts.admit_at(ROOM, other, now).is_some());
        assert!(gifts.admit_at(Channel::Room(4), frame(gift(1_001, 1, 1)), now).is_some());
        assert!(gifts.admit_at(Channel::User(9), frame(gift(1_002, 1, 1)), now).is_some());

        assert!(gifts.end_windows(now + Duration::from_millis(999)).is_empty());
        let later = now + Duration::from_secs(1);
        let told = gifts.end_windows(later);
        let (channel, merged) = &told[0];
        assert_eq!((told.len(), *channel, merged.len()), (1, ROOM, 5));
        let merged: Vec<_> = merged.iter().map(read).collect();
        assert_eq!(merged.iter().map(|gift| gift.sender.id).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert!(merged.iter().all(|gift| gift.merged == Some(36) && gift.repeat_count == 40));
        let all = passed.iter().map(read).chain(merged);
        let (quantity, total) = all.fold((0, Money::ZERO), |(quantity, total), gift| {
            (quantity + gift.quantity, total.plus(gift.total_price).unwrap())
        });
        assert_eq!((quantity, total.to_string()), (400, "500.00".to_owned()));

        // The five merged ones are the first of the next second.
        let next = (0..u64::try_from(AT_ONCE).unwrap())
            .filter_map(|n| gifts.admit_at(ROOM, frame(gift(2_000 + n, 7, 1)), later));
        assert_eq!(next.count(), AT_ONCE - 5);
        let told = gifts.end_windows(later + Duration::from_secs(1));
        assert_eq!(read(&told[0].1[0]).merged, Some(5));
        // A second without any gift, and nothing is left.
        assert!(gifts.end_windows(later + Duration::from_secs(2)).is_empty());
        assert!(gifts.windows.lock().unwrap().is_empty() && gifts.next_end().is_none());
    }

    #[test]
    fn one_gift_that_waited_alone_is_told_as_it_was() {
        let gifts = Gifts::default();
        let now = Instant::now();
        for n in 0..u64::try_from(AT_ONCE).unwrap() {
            assert!(gifts.admit_at(ROOM, frame(gift(n + 1, n, 1)), now).is_some());
        }
        let alone = frame(gift(50, 50, 3));
        assert!(gifts.admit_at(ROOM, alone.clone(), now).is_none());
        let told = gifts.end_windows(now + Duration::from_secs(1));
        assert_eq!(told[0].1[0].payload, alone.payload);
    }

    #[test]
    fn senders_beyond_the_bound_push_the_oldest_out() {
        let gifts = Gifts::default();
        let now = Instant::now();
        gifts.windows.lock().unwrap().insert(ROOM, Window::new(now, AT_ONCE));
        for n in 0..u64::try_from(MOST_SENDERS).unwrap() {
            assert!(gifts.admit_at(ROOM, frame(gift(n + 1, n, 1)), now).is_none());
        }
        let early = gifts.admit_at(ROOM, frame(gift(5_000, 5_000, 1)), now).unwrap();
        assert_eq!(read(&early).sender.id, 0);
        assert_eq!(held(&gifts), MOST_SENDERS);
    }

    #[test]
    fn sums_that_hold_no_more_are_told_early() {
        let gifts = Gifts::default();
        let now = Instant::now();
        gifts.windows.lock().unwrap().insert(ROOM, Window::new(now, AT_ONCE));
        let dear = |id| GiftSentEvent { total_price: Money::from_minor(600_000_000_000), ..gift(id, 1, 1) };
        assert!(gifts.admit_at(ROOM, frame(dear(1)), now).is_none());
        let second = gifts.admit_at(ROOM, frame(dear(2)), now);
        let third = gifts.admit_at(ROOM, frame(dear(3)), now);
        let told = gifts.end_windows(now + Duration::from_secs(1));
        let count =
            second.iter().chain(&third).chain(&told[0].1).map(|event| read(event).merged.unwrap_or(1));
        assert_eq!(count.sum::<u32>(), 3, "none is lost");
    }
}
