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
use crate::decode::Incoming;
use crate::listener::Listener;
use crate::outbox::Outbox;
use crate::wire::{Broken, PATIENCE, Wire, is_limit};
use crate::world::World;

/// Where a member's messages go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Destination {
    /// Into a conversation.
    Conversation(u64),
    /// Into a room.
    Room(u64),
}

/// What a member listens to.
pub(crate) struct Ear {
    /// The member's own `user:` channel, or a room's.
    pub(crate) channel: Channel,
    /// The accounts.
    pub(crate) listener: Listener,
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
    ear: Option<Ear>,
    mouth: Option<Mouth>,
    ready_before: bool,
    /// What lies after this message id is being fetched since a recovery failed; outlives the connection.
    fetch_after: Option<u64>,
    wire: Option<Wire>,
    session: Session,
}

/// What is known of the present connection.
struct Session {
    ready: bool,
    subscribing: Option<u32>,
    subscribe_at: Option<Instant>,
    syncing: Option<u32>,
    heard_at: Instant,
}

impl Session {
    fn new() -> Self {
        Self { ready: false, subscribing: None, subscribe_at: None, syncing: None, heard_at: Instant::now() }
    }
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
    /// A member of this world, not connected yet; `hub` is where it goes first.
    pub(crate) fn new(
        world: Arc<World>,
        index: u32,
        (account, hub): (usize, usize),
        ear: Option<Ear>,
        mouth: Option<Mouth>,
    ) -> Self {
        Self {
            world,
            index,
            account,
            hub,
            ear,
            mouth,
            ready_before: false,
            fetch_after: None,
            wire: None,
            session: Session::new(),
        }
    }

    /// Lives until the world stops; gives the accounts of what it heard.
    pub(crate) async fn run(mut self) -> Option<Listener> {
        let world = Arc::clone(&self.world);
        let mut failures: u32 = 0;
        loop {
            self.session = Session::new();
            let ended = tokio::select! {
                broken = Box::pin(self.connection()) => Some(broken),
                () = world.stop.cancelled() => None,
            };
            let was_ready = std::mem::take(&mut self.session.ready);
            if was_ready {
                world.counters.online.down();
                failures = 0;
            }
            let Some(broken) = ended else {
                if let Some(wire) = self.wire.take() {
                    wire.close().await;
                }
                break;
            };
            self.wire = None;
            world.counters.error(&broken.to_string());
            if broken.is_limit() {
                world.counters.met_limit();
            }
            if broken.is_final() {
                world.counters.ended.up();
                world.give_up(&broken, self.ready_before);
                break;
            }
            if let Some(mouth) = &mut self.mouth {
                mouth.outbox.connection_lost();
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
        self.ear.map(|ear| ear.listener)
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
        let Self { wire, mouth, world, session, .. } = self;
        let Some(wire) = wire else { return Happened::Frame(Err(Broken::Lost)) };
        let due = async {
            match mouth {
                Some(mouth) if session.ready => mouth.outbox.next_fresh().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            frame = wire.next(&world.ledger) => {
                session.heard_at = Instant::now();
                Happened::Frame(frame)
            }
            sequence = due => Happened::Due(sequence),
            _ = tick.tick() => Happened::Tick,
        }
    }

    fn wire(&mut self) -> Result<&mut Wire, Broken> {
        self.wire.as_mut().ok_or(Broken::Lost)
    }

    /// Opens the connection and signs in, then asks for the room where there is one.
    async fn open(&mut self) -> Result<(), Broken> {
        let world = Arc::clone(&self.world);
        // Bounded: a wave of connects would overrun the hub's accept queue, and measure that alone.
        let _place = world.connecting.acquire().await.map_err(|_closed| Broken::Lost)?;
        let hub = world.hubs.get(self.hub).ok_or(Broken::Lost)?;
        let account = world.accounts.get(self.account).ok_or(Broken::Lost)?;
        let mut wire = Wire::open(hub, self.index, world.encoding).await?;

        let own = Channel::User(account.id);
        let subs = match self.ear.as_ref() {
            Some(ear) if ear.channel == own => {
                BTreeMap::from([(own.to_string(), subscribe_request("", &ear.listener))])
            }
            _ => BTreeMap::new(),
        };
        let request = ConnectRequest { token: account.token.to_string(), subs, ..ConnectRequest::default() };
        let id = wire.send(Request::Connect(request)).await?;
        let connected = timeout(PATIENCE, async {
            loop {
                let messages = wire.next(&world.ledger).await?;
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
        match self.ear.as_ref().map(|ear| ear.channel) {
            None => self.become_ready(),
            Some(channel) if channel == own => {
                let result = result.subs.remove(&own.to_string()).ok_or_else(|| {
                    Broken::Unreadable("connect's answer lacks the user's own channel".to_owned())
                })?;
                self.begin(result).await?;
            }
            Some(_) => self.subscribe().await?,
        }
        self.take_in(&rest).await
    }

    fn become_ready(&mut self) {
        if std::mem::replace(&mut self.session.ready, true) {
            return;
        }
        self.world.counters.online.up();
        if std::mem::replace(&mut self.ready_before, true) {
            self.world.counters.reconnects.up();
        } else {
            self.world.counters.ready.up();
        }
    }

    async fn take_in(&mut self, messages: &[Incoming]) -> Result<(), Broken> {
        for message in messages {
            match message {
                Incoming::Published { channel, heard } => self.hear(channel, heard),
                Incoming::Ping => self.wire()?.pong().await?,
                Incoming::Reply(reply) => self.take_reply(reply).await?,
                Incoming::Unsubscribed { channel, code } => self.lose_channel(channel, *code).await?,
                Incoming::Other => {}
            }
        }
        Ok(())
    }

    async fn take_reply(&mut self, reply: &Reply) -> Result<(), Broken> {
        if self.session.subscribing == Some(reply.id) {
            self.session.subscribing = None;
            return match &reply.outcome {
                Ok(Answer::Subscribe(result)) => self.begin(result.clone()).await,
                Ok(_) => Err(Broken::Unreadable("another answer than subscribe's".to_owned())),
                Err(error) if error.temporary => {
                    self.note_failure("subscribe", error);
                    self.session.subscribe_at = Some(Instant::now() + Duration::from_millis(500));
                    Ok(())
                }
                Err(error) => Err(refused("subscribe", error)),
            };
        }
        if self.session.syncing == Some(reply.id) {
            self.session.syncing = None;
            return self.take_synced(&reply.outcome).await;
        }
        self.take_answer(reply.id, &reply.outcome).await
    }

    fn note_failure(&self, what: &str, error: &ErrorReply) {
        let message = error.message.split(':').next().unwrap_or_default();
        self.world.counters.error(&format!("{what} answered {} {message}", error.code));
        if is_limit(error.code) {
            self.world.counters.met_limit();
        }
    }

    async fn look_around(&mut self) -> Result<(), Broken> {
        let now = Instant::now();
        if self.mouth.as_ref().is_some_and(|mouth| mouth.outbox.is_overdue(now, PATIENCE)) {
            return Err(Broken::TimedOut("answer to a message"));
        }
        if now.saturating_duration_since(self.session.heard_at) > LONGEST_SILENCE {
            return Err(Broken::TimedOut("sign of life"));
        }
        if self.session.subscribe_at.is_some_and(|at| at <= now) {
            self.subscribe().await?;
        }
        self.send_again().await
    }
}

fn refused(command: &'static str, error: &ErrorReply) -> Broken {
    Broken::Refused { command, code: error.code, message: error.message.clone(), temporary: error.temporary }
}
