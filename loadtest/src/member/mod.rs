//! One socket of the test as an app would drive it: connects, listens, sends, comes back with its position when it breaks.

mod listening;
mod speaking;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::channel::Channel;
use protocol::frame::{Answer, ConnectRequest, ErrorReply, Reply, Request};
use rand::RngExt;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};
use uuid::Uuid;

use self::listening::subscribe_request;
use crate::activity::Gauges;
use crate::decode::Incoming;
use crate::listener::Listener;
use crate::outbox::Outbox;
use crate::stats::Kind;
use crate::wire::{Broken, PATIENCE, Wire, is_limit};
use crate::world::World;

/// Where a member's messages go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Destination {
    /// Into a conversation.
    Conversation(u64),
    /// Into a room.
    Room(u64),
    /// As words that go with a gift.
    Gift {
        /// Which gift.
        gift_id: u64,
        /// What for: `live_room` or `user`.
        giftable_type: &'static str,
        /// Which one.
        giftable_id: u64,
        /// How many.
        quantity: u32,
    },
}

/// What a member listens to.
pub(crate) struct Ear {
    channel: Channel,
    listener: Listener,
    /// What lies after this message id is being fetched since a recovery failed; outlives the connection.
    fetch_after: Option<u64>,
    link: Link,
}

/// What is known of a subscription on the present connection.
#[derive(Default)]
struct Link {
    stands: bool,
    subscribing: Option<u32>,
    subscribe_at: Option<Instant>,
    syncing: Option<u32>,
}

impl Ear {
    /// An ear for the member's own `user:` channel, or for a room's.
    pub(crate) fn new(channel: Channel, listener: Listener) -> Self {
        Self { channel, listener, fetch_after: None, link: Link::default() }
    }
}

/// What a member sends.
pub(crate) struct Mouth {
    /// Where to.
    pub(crate) destination: Destination,
    /// Which messages.
    pub(crate) outbox: Outbox,
}

/// One socket.
pub(crate) struct Member {
    world: Arc<World>,
    index: u32,
    account: usize,
    hub: usize,
    ears: Vec<Ear>,
    mouth: Option<Mouth>,
    ready_before: bool,
    /// When the connection before the present one was lost, until all that was missed since is known.
    lost_at: Option<Instant>,
    wire: Option<Wire>,
    /// Everything stands that is needed for listening and speaking.
    ready: bool,
    heard_at: Instant,
}

/// What the socket waits for.
enum Happened {
    Frame(Result<Arc<[Incoming]>, Broken>),
    Due(u32),
    Tick,
}

/// The server pings every 25 s; after this silence the connection is taken for dead.
const LONGEST_SILENCE: Duration = Duration::from_secs(40);
/// Reconnecting: the longest pause, as the SDKs' is some seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
impl Member {
    /// A member of this world, not connected yet; `hub` is where it goes first. One that only speaks is never cut off.
    pub(crate) fn new(
        world: Arc<World>,
        index: u32,
        (account, hub): (usize, usize),
        ears: Vec<Ear>,
        mouth: Option<Mouth>,
    ) -> Self {
        Self {
            world,
            index,
            account,
            hub,
            ears,
            mouth,
            ready_before: false,
            lost_at: None,
            wire: None,
            ready: false,
            heard_at: Instant::now(),
        }
    }

    /// Lives until the world stops; gives the accounts of what it heard.
    pub(crate) async fn run(mut self) -> Vec<Listener> {
        let world = Arc::clone(&self.world);
        let counters = &world.gauges.counters;
        let mut failures: u32 = 0;
        loop {
            self.heard_at = Instant::now();
            let line = if self.ears.is_empty() { world.stop.clone() } else { world.line() };
            let ended = tokio::select! {
                broken = Box::pin(self.connection()) => Some(broken),
                () = line.cancelled() => None,
            };
            let was_ready = std::mem::take(&mut self.ready);
            for ear in &mut self.ears {
                ear.link = Link::default();
            }
            if was_ready {
                counters.online.down();
                failures = 0;
            }
            if let Some(mouth) = &mut self.mouth {
                mouth.outbox.connection_lost();
            }
            let Some(broken) = ended else {
                let wire = self.wire.take();
                if world.stop.is_cancelled() {
                    if let Some(wire) = wire {
                        wire.close().await;
                    }
                    break;
                }
                // Cut: the connection is gone without a word, and its owner away until all may come back.
                drop(wire);
                self.lost_at = world.cut_at();
                self.hub = (self.hub + 1) % world.hubs.len().max(1);
                tokio::select! {
                    () = world.may_return() => continue,
                    () = world.stop.cancelled() => break,
                }
            };
            self.wire = None;
            if was_ready {
                self.lost_at.get_or_insert_with(Instant::now);
            }
            counters.error(&broken.to_string());
            if broken.is_limit() {
                counters.met_limit();
            }
            if broken.is_final() {
                counters.ended.up();
                world.give_up(&broken, self.ready_before);
                break;
            }
            // Another hub, after a random share of a growing pause: nobody comes back in step with the others.
            self.hub = (self.hub + 1) % world.hubs.len().max(1);
            let longest = Duration::from_millis(100).saturating_mul(1 << failures.min(6)).min(LONGEST_PAUSE);
            failures += 1;
            let pause = longest.mul_f64(rand::rng().random_range(0.1..1.0));
            tokio::select! {
                () = sleep(pause) => {}
                () = world.stop.cancelled() => break,
            }
        }
        self.ears.into_iter().map(|ear| ear.listener).collect()
    }

    /// One connection from beginning to end.
    async fn connection(&mut self) -> Broken {
        if let Err(broken) = self.open().await {
            return broken;
        }
        // A sender has repeats to time; a mere listener only looks whether the server still lives.
        let every = if self.mouth.is_some() { Duration::from_millis(50) } else { Duration::from_secs(5) };
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = match self.wait(&mut tick).await {
                Happened::Frame(Ok(messages)) => self.take_in(&messages).await,
                Happened::Frame(Err(broken)) => Err(broken),
                Happened::Due(sequence) => self.send_message(sequence, Uuid::new_v4()).await,
                Happened::Tick => self.look_around().await,
            };
            if let Err(broken) = step {
                return broken;
            }
        }
    }

    async fn wait(&mut self, tick: &mut Interval) -> Happened {
        let Self { wire, mouth, ready, heard_at, .. } = self;
        let Some(wire) = wire else { return Happened::Frame(Err(Broken::Lost)) };
        let due = async {
            match mouth {
                Some(mouth) if *ready => mouth.outbox.next_fresh().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            frame = wire.next() => {
                *heard_at = Instant::now();
                Happened::Frame(frame)
            }
            sequence = due => Happened::Due(sequence),
            _ = tick.tick() => Happened::Tick,
        }
    }

    fn wire(&mut self) -> Result<&mut Wire, Broken> {
        self.wire.as_mut().ok_or(Broken::Lost)
    }

    /// Opens the connection and signs in, then asks for the room where it listens to one.
    async fn open(&mut self) -> Result<(), Broken> {
        let world = Arc::clone(&self.world);
        // Bounded: a wave of connects would overrun the hub's accept queue, and measure that alone.
        let _place = world.connecting.acquire().await.map_err(|_closed| Broken::Lost)?;
        let hub = world.hubs.get(self.hub).ok_or(Broken::Lost)?;
        let account = world.accounts.get(self.account).ok_or(Broken::Lost)?;
        let mut wire = Wire::open(hub, self.index, world.encoding).await?;

        let own = Channel::User(account.id);
        let subs: BTreeMap<_, _> = (self.ears.iter().filter(|ear| ear.channel == own))
            .map(|ear| (own.to_string(), subscribe_request("", &ear.listener)))
            .collect();
        let request = ConnectRequest { token: account.token.to_string(), subs, ..ConnectRequest::default() };
        let id = wire.send(Request::Connect(request)).await?;
        let connected = timeout(PATIENCE, async {
            loop {
                let messages = wire.next().await?;
                let place = messages
                    .iter()
                    .position(|message| matches!(message, Incoming::Reply(reply) if reply.id == id));
                if let Some((Incoming::Reply(reply), rest)) =
                    place.and_then(|place| messages.get(place..)?.split_first())
                {
                    // Events may follow the answer in the same frame.
                    return Ok((reply.outcome.clone(), rest.to_vec()));
                }
            }
        });
        let (outcome, rest) = connected.await.map_err(|_elapsed| Broken::TimedOut("answer to connect"))??;
        self.wire = Some(wire);
        let mut result = match outcome {
            Ok(Answer::Connect(result)) => result,
            Ok(_) => return Err(Broken::Unreadable("another answer than connect's".to_owned())),
            Err(error) => return Err(refused("connect", &error)),
        };
        if let Some(lost_at) = self.lost_at {
            world.gauges.latencies.record(Kind::Connect, self.index, microseconds_since(lost_at));
        }
        for place in 0..self.ears.len() {
            let channel = self.ears.get(place).map(|ear| ear.channel);
            if channel == Some(own) {
                let result = result.subs.remove(&own.to_string()).ok_or_else(|| {
                    Broken::Unreadable("connect's answer lacks the user's own channel".to_owned())
                })?;
                self.begin(place, result).await?;
            } else {
                self.subscribe(place).await?;
            }
        }
        self.become_ready();
        self.take_in(&rest).await
    }

    /// If everything stands now.
    fn become_ready(&mut self) {
        if self.ears.iter().any(|ear| !ear.link.stands) {
            return;
        }
        let Gauges { counters, latencies, .. } = &*self.world.gauges;
        if self.ears.iter().all(|ear| ear.fetch_after.is_none())
            && let Some(lost_at) = self.lost_at.take()
        {
            latencies.record(Kind::Resume, self.index, microseconds_since(lost_at));
            counters.resumed.up();
        }
        if std::mem::replace(&mut self.ready, true) {
            return;
        }
        counters.online.up();
        if std::mem::replace(&mut self.ready_before, true) {
            counters.reconnects.up();
        } else {
            counters.ready.up();
        }
    }

    /// The ear that listens to this channel.
    fn ear_for(&self, channel: &str) -> Option<usize> {
        let channel: Channel = channel.parse().ok()?;
        self.ears.iter().position(|ear| ear.channel == channel)
    }

    async fn take_in(&mut self, messages: &[Incoming]) -> Result<(), Broken> {
        for message in messages {
            match message {
                Incoming::Published { channel, heard, data } => {
                    if heard.message.is_some() && self.world.gauges.sample.get().is_none() {
                        self.world.gauges.note_sample(channel, heard.offset, data);
                    }
                    self.hear(channel, heard);
                }
                Incoming::Ping => {
                    self.wire()?.pong().await?;
                    self.world.gauges.counters.pings.up();
                }
                Incoming::Reply(reply) => self.take_reply(reply).await?,
                Incoming::Unsubscribed { channel, code } => self.lose_channel(channel, *code).await?,
                Incoming::Other => {}
            }
        }
        Ok(())
    }

    async fn take_reply(&mut self, reply: &Reply) -> Result<(), Broken> {
        let asked = |ear: &Ear| [ear.link.subscribing, ear.link.syncing].contains(&Some(reply.id));
        if let Some(place) = self.ears.iter().position(asked) {
            return self.take_link_reply(place, reply).await;
        }
        self.take_answer(reply.id, &reply.outcome).await
    }

    fn note_failure(&self, what: &str, error: &ErrorReply) {
        let message = error.message.split(':').next().unwrap_or_default();
        self.world.gauges.counters.error(&format!("{what} answered {} {message}", error.code));
        if is_limit(error.code) {
            self.world.gauges.counters.met_limit();
        }
    }

    async fn look_around(&mut self) -> Result<(), Broken> {
        let now = Instant::now();
        if self.mouth.as_ref().is_some_and(|mouth| mouth.outbox.is_overdue(now, PATIENCE)) {
            return Err(Broken::TimedOut("answer to a message"));
        }
        if now.saturating_duration_since(self.heard_at) > LONGEST_SILENCE {
            return Err(Broken::TimedOut("sign of life"));
        }
        let due = |ear: &Ear| ear.link.subscribe_at.is_some_and(|at| at <= now);
        while let Some(place) = self.ears.iter().position(due) {
            self.subscribe(place).await?;
        }
        self.send_again().await
    }
}

fn microseconds_since(moment: Instant) -> u64 {
    u64::try_from(moment.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn refused(command: &'static str, error: &ErrorReply) -> Broken {
    Broken::Refused { command, code: error.code, message: error.message.clone(), temporary: error.temporary }
}
