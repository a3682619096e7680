//! Sockets that look on in the rooms. Animations pass and are not kept (realtime.md §7): a hub merges them beyond 20 a
//! second, and a slow socket gets the newest of a streak. The end of a streak with its sums is kept and ordered: from those
//! every listener must come to the same sums as the givers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use protocol::channel::Channel;
use protocol::event::{Event, EventData};
use protocol::frame::{Answer, Publication, PushBody, Request, ServerMessage, SubscribeRequest};
use protocol::gifts::GiftSentEvent;
use tokio::time::sleep;

use crate::activity::socket::{Socket, Way, note_broken, pause_before, refused};
use crate::ledger::Tag;
use crate::session::Account;
use crate::stats::{Kind, Latencies};
use crate::wire::Broken;
use crate::world::World;

/// What one listener has heard in its room.
#[derive(Debug, Default)]
pub(super) struct Sums {
    position: Option<(u64, String)>,
    ended: HashMap<String, String>,
    /// Of ended streaks, by giver.
    settled: BTreeMap<u64, u64>,
    /// Of animations, by giver.
    shown: BTreeMap<u64, u64>,
    events: HashSet<String>,
    pub(super) merged: u64,
    pub(super) frames: u64,
    pub(super) gaps: u64,
    pub(super) repeats: u64,
    pub(super) duplicated: u64,
    /// What was missed could not be recovered: its sums prove nothing any more.
    pub(super) is_blind: bool,
}

impl Sums {
    /// The stream begins here.
    fn begin(&mut self, offset: u64, epoch: String) {
        self.position = Some((offset, epoch));
    }

    /// Takes in an event. Gives whether it brought something new.
    fn hear(&mut self, offset: u64, id: &str, gift: Option<&GiftSentEvent>) -> bool {
        if let Some((at, _)) = self.position.as_mut().filter(|_| offset > 0) {
            if offset <= *at {
                self.duplicated += 1;
                return false;
            }
            self.gaps += offset - *at - 1;
            *at = offset;
        }
        let Some(gift) = gift else { return false };
        if !self.events.insert(id.to_owned()) {
            self.repeats += 1;
            return false;
        }
        if gift.repeat_end {
            // Each streak ends once.
            if self.ended.insert(gift.streak.id.clone(), id.to_owned()).is_some() {
                self.duplicated += 1;
                return false;
            }
            *self.settled.entry(gift.sender.id).or_default() += u64::from(gift.repeat_count);
        } else {
            self.frames += 1;
            self.merged += u64::from(gift.merged.is_some());
            *self.shown.entry(gift.sender.id).or_default() += u64::from(gift.merged.unwrap_or(1));
        }
        true
    }

    /// Gifts of this giver in streaks that are over.
    pub(super) fn settled(&self, giver: u64) -> u64 {
        self.settled.get(&giver).copied().unwrap_or(0)
    }

    /// Gifts of this giver in animations.
    pub(super) fn shown(&self, giver: u64) -> u64 {
        self.shown.get(&giver).copied().unwrap_or(0)
    }
}

/// A listener's sums, and its place.
pub(super) struct Seat {
    /// Which of the ledger's parts.
    pub(super) part: usize,
    /// What it has heard.
    pub(super) sums: Mutex<Sums>,
}

impl Seat {
    /// Looks at the sums.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Sums) -> T) -> T {
        look(&mut self.sums.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One listener.
pub(super) struct Listener {
    pub(super) world: Arc<World>,
    pub(super) room: u64,
    pub(super) account: Account,
    pub(super) index: u32,
    pub(super) hub: usize,
    pub(super) seat: Arc<Seat>,
    /// Listeners that have been ready.
    pub(super) ready: Arc<AtomicU64>,
    /// From the sending of a gift to its animation.
    pub(super) animation: Arc<Latencies>,
}

impl Listener {
    /// Listens until the world stops.
    pub(super) async fn run(mut self) {
        let world = Arc::clone(&self.world);
        let counters = &world.gauges.counters;
        let mut attempt = 0;
        let mut was_ready = false;
        loop {
            let mut is_ready = false;
            let broken = tokio::select! {
                broken = Box::pin(self.connection(&mut is_ready, was_ready)) => broken,
                () = world.stop.cancelled() => Broken::Lost,
            };
            if is_ready {
                was_ready = true;
                attempt = 0;
                counters.online.down();
            }
            if world.stop.is_cancelled() {
                break;
            }
            if !note_broken(counters, &broken) {
                world.give_up(&broken, was_ready);
                break;
            }
            self.hub += 1;
            tokio::select! {
                () = sleep(pause_before(attempt)) => attempt += 1,
                () = world.stop.cancelled() => break,
            }
        }
    }

    async fn connection(&mut self, is_ready: &mut bool, was_ready: bool) -> Broken {
        match self.listen(is_ready, was_ready).await {
            Ok(never) => match never {},
            Err(broken) => broken,
        }
    }

    async fn listen(
        &mut self,
        is_ready: &mut bool,
        was_ready: bool,
    ) -> Result<std::convert::Infallible, Broken> {
        let world = Arc::clone(&self.world);
        let hub = world.hubs.get(self.hub % world.hubs.len().max(1)).ok_or(Broken::Lost)?;
        let way = Way {
            hub,
            index: self.index,
            encoding: world.encoding,
            token: &self.account.token,
            subs: BTreeMap::new(),
            connecting: &world.connecting,
        };
        let (mut socket, _) = Socket::connect(way, || {}).await?;
        self.subscribe(&mut socket).await?;
        *is_ready = true;
        let counters = &world.gauges.counters;
        counters.online.up();
        if was_ready {
            counters.reconnects.up();
        } else {
            self.ready.fetch_add(1, Relaxed);
        }
        loop {
            let ServerMessage::Push(push) = socket.next().await? else { continue };
            // The listener's own `user:` channel has a stream of its own.
            if push.channel != self.channel() {
                continue;
            }
            match push.body {
                PushBody::Publication(publication) => self.hear(&publication)?,
                PushBody::Unsubscribe(ended) if ended.code >= 2500 => self.subscribe(&mut socket).await?,
                PushBody::Unsubscribe(ended) => {
                    return Err(Broken::Closed {
                        code: 3500,
                        reason: format!("unsubscribed with {} {}", ended.code, ended.reason),
                    });
                }
                _ => {}
            }
        }
    }

    fn channel(&self) -> String {
        Channel::Room(self.room).to_string()
    }

    async fn subscribe(&mut self, socket: &mut Socket) -> Result<(), Broken> {
        let channel = self.channel();
        let known = self.seat.with(|sums| sums.position.clone());
        let recover = known.is_some();
        let (offset, epoch) = known.unwrap_or_default();
        let request = SubscribeRequest { channel, recover, offset, epoch, ..SubscribeRequest::default() };
        let result = match socket.ask(Request::Subscribe(request)).await? {
            Ok(Answer::Subscribe(result)) => result,
            Ok(_) => return Err(Broken::Unreadable("another answer than subscribe's".to_owned())),
            Err(error) => return Err(refused("subscribe", &error)),
        };
        let counters = &self.world.gauges.counters;
        if recover && result.recovered {
            counters.recovered.up();
            for publication in &result.publications {
                self.hear(publication)?;
            }
        } else {
            if recover {
                counters.not_recovered.up();
            }
            self.seat.with(|sums| {
                sums.is_blind |= recover;
                sums.begin(result.offset, result.epoch);
            });
        }
        Ok(())
    }

    fn hear(&self, publication: &Publication) -> Result<(), Broken> {
        let event: EventData = serde_json::from_slice(&publication.data)
            .map_err(|error| Broken::Unreadable(error.to_string()))?;
        let gift = match &event.event {
            Event::GiftSent(gift) => Some(&**gift),
            _ => None,
        };
        let is_new = self.seat.with(|sums| sums.hear(publication.offset, &event.id, gift));
        let Some(gift) = gift.filter(|gift| is_new && !gift.repeat_end) else { return Ok(()) };
        self.world.gauges.note_delivery();
        let tag = gift.message.as_deref().and_then(Tag::read);
        if let Some(tag) = tag.filter(|tag| gift.merged.is_none() && self.world.ledger.holds(*tag)) {
            let age = self.world.ledger.age(tag.sequence);
            self.animation.record(Kind::Delivery, self.index, age);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base::Money;
    use protocol::gifts::{GiftIcon, GiftSentEvent, GiftStreak, Giftable, GiftableRef};
    use protocol::rooms::RoomMember;

    use super::Sums;

    fn gift(sender: u64, streak: &str, repeat_count: u32, repeat_end: bool) -> GiftSentEvent {
        let price = Money::from_minor(50);
        GiftSentEvent {
            gift_transaction_id: 1,
            gift: GiftIcon {
                id: 1,
                name: "rose".to_owned(),
                icon: "rose.png".to_owned(),
                animation_url: None,
                price,
            },
            sender: RoomMember { id: sender, name: "وردة".to_owned(), avatar: None },
            receiver_id: 9,
            quantity: 1,
            total_price: price,
            message: None,
            giftable: GiftableRef { kind: Giftable::LiveRoom, id: 3 },
            repeat_count,
            repeat_end,
            streak: GiftStreak { id: streak.to_owned(), ..GiftStreak::default() },
            merged: None,
        }
    }

    #[test]
    fn animations_and_ends_of_streaks_add_up_apart() {
        let mut sums = Sums::default();
        sums.begin(4, "e".to_owned());
        assert!(sums.hear(0, "a", Some(&gift(7, "s", 1, false))));
        let merged = GiftSentEvent { merged: Some(5), ..gift(7, "s", 6, false) };
        assert!(sums.hear(0, "b", Some(&merged)));
        assert!(sums.hear(5, "c", Some(&gift(7, "s", 6, true))));
        assert!(sums.hear(6, "d", Some(&gift(8, "t", 2, true))));
        assert!(!sums.hear(7, "other", None), "somebody's message");
        assert_eq!((sums.shown(7), sums.settled(7), sums.settled(8), sums.settled(9)), (6, 6, 2, 0));
        assert_eq!((sums.frames, sums.merged, sums.gaps, sums.duplicated, sums.repeats), (2, 1, 0, 0, 0));
    }

    #[test]
    fn what_comes_twice_and_what_is_missing_is_counted() {
        let mut sums = Sums::default();
        sums.begin(4, "e".to_owned());
        sums.hear(5, "a", Some(&gift(7, "s", 2, true)));
        assert!(!sums.hear(5, "a", Some(&gift(7, "s", 2, true))), "the same place in the stream");
        assert!(!sums.hear(6, "a", Some(&gift(7, "s", 2, true))), "the same event once more");
        assert!(!sums.hear(7, "b", Some(&gift(7, "s", 2, true))), "a second end of one streak");
        sums.hear(10, "c", Some(&gift(7, "t", 1, true)));
        assert_eq!((sums.duplicated, sums.repeats, sums.gaps, sums.settled(7)), (2, 1, 2, 3));
    }
}
