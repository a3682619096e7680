//! One device, driven as the official SDKs drive theirs: it comes back with jitter to any node, recovers from its
//! positions, asks MySQL where that fails, and sends again what was not acknowledged.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base::Time;
use bytes::Bytes;
use client::Rest;
use protocol::codec::Encoding;
use protocol::frame::{
    Answer, ErrorReply, Publication, PushBody, Reply, Request, RpcRequest, ServerMessage, SubscribeResult,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::ledger::{Book, Ledger, Message, Tally, Target, body};
use super::outbox::Outbox;
use super::stack::Account;
use super::wire::{Broken, Position, Wire};

/// What all devices share.
pub(super) struct World {
    /// Where the hubs are reached.
    pub(super) nodes: Vec<SocketAddr>,
    pub(super) rest: Rest,
    pub(super) ledger: Ledger,
    pub(super) tally: Tally,
    /// Are new messages written?
    pub(super) sending: AtomicBool,
    /// Everything ends.
    pub(super) stop: CancellationToken,
}

/// What a device writes.
pub(super) struct Mouth {
    /// In turn.
    pub(super) targets: Vec<Target>,
    pub(super) period: Duration,
    pub(super) outbox: Outbox,
    /// Nothing waits for its acknowledgement.
    pub(super) is_silent: Arc<AtomicBool>,
}

/// One device.
pub(super) struct Person {
    world: Arc<World>,
    account: Account,
    encoding: Encoding,
    /// `user:` first, then a room.
    ears: Vec<Ear>,
    mouth: Option<Mouth>,
    written: usize,
    write_at: Instant,
    last_frame: Instant,
    /// What the rooms' lists gave.
    pages: (mpsc::Sender<Page>, mpsc::Receiver<Page>),
    session: Session,
}

/// One channel.
struct Ear {
    channel: String,
    book: Arc<Book>,
    position: Option<Position>,
    /// Asks for what lies after this, since a recovery failed; outlives the connection.
    missing_since: Option<Missing>,
    ask_at: Instant,
    asking: bool,
}

/// What was the newest before a recovery failed.
#[derive(Clone, Copy)]
struct Missing {
    id: u64,
    at: Option<Time>,
}

struct Page {
    ear: usize,
    since: Missing,
    messages: Option<Vec<Message>>,
}

/// What is known of the present connection.
#[derive(Default)]
struct Session {
    asked: HashMap<u32, (Asked, Option<Instant>)>,
    subscribe_at: HashMap<usize, Instant>,
    ping: Duration,
}

#[derive(Clone, Copy)]
enum Asked {
    Subscribe(usize),
    Sync,
    Send,
}

enum Happened {
    Frame(Vec<ServerMessage>),
    Tick,
    Page(Page),
}

/// The SDKs' patience with a command.
const PATIENCE: Duration = Duration::from_secs(5);
/// A ping may be so late.
const LATE_PING: Duration = Duration::from_secs(4);
const LONGEST_PAUSE: u64 = 2_000;
const SYNC_LIMIT: u32 = 100;
/// A room's list is read back to so long before the newest message known, since a message may be told long after its id
/// was given; `chat.sync` does the same by itself.
const OVERLAP_SECONDS: i64 = 30;
const PAGE: usize = 100;

impl Person {
    pub(super) fn new(
        world: Arc<World>,
        account: Account,
        encoding: Encoding,
        channels: Vec<(String, Arc<Book>)>,
        mouth: Option<Mouth>,
    ) -> Self {
        let now = Instant::now();
        let ear = |(channel, book)| Ear {
            channel,
            book,
            position: None,
            missing_since: None,
            ask_at: now,
            asking: false,
        };
        let ears = channels.into_iter().map(ear).collect();
        let pages = mpsc::channel(4);
        let session = Session::default();
        Self {
            world,
            account,
            encoding,
            ears,
            mouth,
            written: 0,
            write_at: now,
            last_frame: now,
            pages,
            session,
        }
    }

    /// Lives until the world stops.
    pub(super) async fn run(mut self) {
        let world = Arc::clone(&self.world);
        let mut failures = 0_u32;
        loop {
            let had_subscribed = self.ears.iter().all(|ear| ear.position.is_some());
            let began = Instant::now();
            let broken = tokio::select! {
                broken = Box::pin(self.connection()) => broken.unwrap_err(),
                () = world.stop.cancelled() => return,
            };
            if let Some(mouth) = &mut self.mouth {
                mouth.outbox.disconnected(&world.ledger);
            }
            if broken.is_final() {
                world.tally.refused.up();
                world.tally.example(format!("user {}: {broken:?}", self.account.id));
            }
            if had_subscribed {
                world.tally.reconnects.up();
            }
            failures = if began.elapsed() > Duration::from_secs(3) { 0 } else { failures + 1 };
            let longest = (300_u64 << failures.min(4)).min(LONGEST_PAUSE);
            let pause = Duration::from_millis(rand::random_range(50..longest));
            tokio::select! {
                () = sleep(pause) => {}
                () = world.stop.cancelled() => return,
            }
        }
    }

    async fn connection(&mut self) -> Result<Infallible, Broken> {
        self.session = Session::default();
        for ear in &mut self.ears {
            // The rooms' lists are asked for by another way, which does not break.
            ear.asking &= ear.channel.starts_with("room:");
        }
        let world = Arc::clone(&self.world);
        let node = world.nodes[rand::random_range(0..world.nodes.len())];
        let mut wire = Wire::open(node, self.encoding, PATIENCE).await?;
        let personal = &self.ears[0];
        let position = personal.position.as_ref().map(|position| (personal.channel.as_str(), position));
        let id = wire.send_connect(&self.account.token, position).await?;
        let mut meanwhile = Vec::new();
        let Answer::Connect(result) = wire.answer(id, PATIENCE, &mut meanwhile).await? else {
            return Err(Broken::Unreadable("another answer than connect's".to_owned()));
        };
        self.note_frame();
        self.session.ping = Duration::from_secs(u64::from(result.ping));
        for (channel, sub) in result.subs {
            assert_eq!(channel, self.ears[0].channel);
            self.begin(0, sub);
        }
        for ear in 1..self.ears.len() {
            self.subscribe(&mut wire, ear).await?;
        }
        for message in meanwhile {
            self.take(&mut wire, message).await?;
        }
        let mut tick = interval(Duration::from_millis(100));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let happened = tokio::select! {
                messages = wire.next() => Happened::Frame(messages?),
                _ = tick.tick() => Happened::Tick,
                Some(page) = self.pages.1.recv() => Happened::Page(page),
            };
            match happened {
                Happened::Frame(messages) => {
                    self.note_frame();
                    for message in messages {
                        self.take(&mut wire, message).await?;
                    }
                }
                Happened::Tick => {
                    if self.last_frame.elapsed() > self.session.ping + LATE_PING {
                        return Err(Broken::Silent("ping"));
                    }
                    self.look_after_commands(&mut wire).await?;
                }
                Happened::Page(page) => self.take_page(page),
            }
            self.ask_for_missing(&mut wire).await?;
            self.speak(&mut wire).await?;
        }
    }

    fn note_frame(&mut self) {
        self.world.tally.silence(self.last_frame);
        self.last_frame = Instant::now();
    }

    async fn take(&mut self, wire: &mut Wire, message: ServerMessage) -> Result<(), Broken> {
        match message {
            ServerMessage::Ping => wire.pong().await,
            ServerMessage::Reply(reply) => self.take_reply(reply),
            ServerMessage::Push(push) => {
                let ear = self.ears.iter().position(|ear| ear.channel == push.channel);
                match (push.body, ear) {
                    (PushBody::Publication(publication), Some(ear)) => {
                        self.world.tally.pushes.up();
                        self.hear(ear, &publication);
                        Ok(())
                    }
                    (PushBody::Unsubscribe(ended), Some(ear)) if ended.code >= 2500 => {
                        self.world.tally.resubscribed.up();
                        let pause = Duration::from_millis(rand::random_range(50..300));
                        self.session.subscribe_at.insert(ear, Instant::now() + pause);
                        Ok(())
                    }
                    (PushBody::Unsubscribe(ended), Some(_)) => Err(Broken::Refused(ErrorReply {
                        code: ended.code,
                        message: format!("unsubscribed from {}", push.channel),
                        temporary: false,
                    })),
                    _ => Ok(()),
                }
            }
        }
    }

    fn take_reply(&mut self, reply: Reply) -> Result<(), Broken> {
        let Some((asked, _)) = self.session.asked.remove(&reply.id) else { return Ok(()) };
        let tally = &self.world.tally;
        if let Err(error) = &reply.outcome {
            tally.temporary_errors.up();
            if !error.temporary {
                return Err(Broken::Refused(error.clone()));
            }
        }
        match (asked, reply.outcome) {
            (Asked::Subscribe(ear), Ok(Answer::Subscribe(result))) => self.begin(ear, result),
            (Asked::Subscribe(ear), Err(_)) => {
                let pause = Duration::from_millis(rand::random_range(200..800));
                self.session.subscribe_at.insert(ear, Instant::now() + pause);
            }
            (Asked::Send, outcome) => self.take_acknowledgement(reply.id, outcome),
            (Asked::Sync, outcome) => {
                let ear = &mut self.ears[0];
                ear.asking = false;
                match outcome {
                    Ok(Answer::Rpc(result)) => self.take_synced(&result.data),
                    _ => ear.ask_at = Instant::now() + Duration::from_millis(rand::random_range(200..800)),
                }
            }
            (Asked::Subscribe(_), Ok(_)) => {
                return Err(Broken::Unreadable("another answer than subscribe's".to_owned()));
            }
        }
        Ok(())
    }

    /// A subscription stands.
    fn begin(&mut self, ear: usize, result: SubscribeResult) {
        let world = Arc::clone(&self.world);
        let top = Position { offset: result.offset, epoch: result.epoch };
        let Some(known) = self.ears[ear].position.clone() else {
            self.ears[ear].position = Some(top);
            self.ears[ear].book.is_open.store(true, Ordering::Release);
            return;
        };
        if result.recovered {
            world.tally.recoveries.up();
            world.tally.recovered.add(u64::try_from(result.publications.len()).unwrap());
            for publication in &result.publications {
                self.hear(ear, publication);
            }
            let reached = self.ears[ear].position.as_ref().unwrap().offset;
            if reached != top.offset || known.epoch != top.epoch {
                world.tally.gaps.up();
                world.tally.example(format!(
                    "{} recovered from {known:?} to {reached} of {top:?}",
                    self.ears[ear].channel
                ));
            }
        } else {
            world.tally.not_recovered.up();
            let ear = &mut self.ears[ear];
            // Of two that failed the older counts.
            let missing = Missing { id: ear.book.newest_id(), at: ear.book.newest_at() };
            ear.missing_since.get_or_insert(missing);
        }
        self.ears[ear].position = Some(top);
    }

    fn hear(&mut self, ear: usize, publication: &Publication) {
        #[derive(Deserialize)]
        struct Event {
            #[serde(rename = "type")]
            event_type: String,
            id: String,
            data: Value,
        }
        let world = Arc::clone(&self.world);
        let ear = &mut self.ears[ear];
        if let (Some(position), true) = (&mut ear.position, publication.offset > 0) {
            if publication.offset <= position.offset {
                world.tally.doubled.up();
                world
                    .tally
                    .example(format!("{} at {position:?} heard {} again", ear.channel, publication.offset));
            } else if publication.offset > position.offset + 1 {
                world.tally.gaps.up();
                world.tally.example(format!("{} at {position:?} heard {}", ear.channel, publication.offset));
            }
            position.offset = position.offset.max(publication.offset);
        }
        let mut event: Event = serde_json::from_slice(&publication.data).unwrap();
        if matches!(event.event_type.as_str(), "chat.message_created" | "room.message_created") {
            let message: Message = serde_json::from_value(event.data["message"].take()).unwrap();
            let open = ear.asking || ear.missing_since.is_some();
            ear.book.hear(&world.ledger, &world.tally, (&event.id, &message), open);
        }
    }

    async fn subscribe(&mut self, wire: &mut Wire, ear: usize) -> Result<(), Broken> {
        let Ear { channel, position, .. } = &self.ears[ear];
        let id = wire.send_subscribe(channel, position.as_ref()).await?;
        self.session.asked.insert(id, (Asked::Subscribe(ear), Some(Instant::now())));
        Ok(())
    }

    /// What was asked and not answered, and what is due.
    async fn look_after_commands(&mut self, wire: &mut Wire) -> Result<(), Broken> {
        let overdue = |since: &Option<Instant>| since.is_some_and(|since| since.elapsed() > PATIENCE);
        let mut sync_overdue = false;
        for (asked, since) in self.session.asked.values_mut().filter(|(_, since)| overdue(since)) {
            match asked {
                // As the SDKs do.
                Asked::Subscribe(_) => return Err(Broken::Silent("answer to subscribe")),
                Asked::Sync => sync_overdue = true,
                Asked::Send => {}
            }
            *since = None;
        }
        if sync_overdue {
            self.ears[0].asking = false;
        }
        let now = Instant::now();
        let due: Vec<usize> =
            self.session.subscribe_at.iter().filter(|(_, at)| **at <= now).map(|(ear, _)| *ear).collect();
        for ear in due {
            self.session.subscribe_at.remove(&ear);
            self.subscribe(wire, ear).await?;
        }
        Ok(())
    }

    /// Asks MySQL for what the hot window has lost (realtime.md §5).
    async fn ask_for_missing(&mut self, wire: &mut Wire) -> Result<(), Broken> {
        for number in 0..self.ears.len() {
            let ear = &mut self.ears[number];
            let Some(since) = ear.missing_since else { continue };
            if ear.asking || Instant::now() < ear.ask_at {
                continue;
            }
            ear.asking = true;
            self.world.tally.syncs.up();
            match ear.book.targets[0] {
                Target::Conversation(_) => {
                    let data = json!({"after_message_id": since.id, "limit": SYNC_LIMIT}).to_string();
                    let request = RpcRequest { data: Bytes::from(data), method: "chat.sync".to_owned() };
                    let id = wire.send(Request::Rpc(request)).await?;
                    self.session.asked.insert(id, (Asked::Sync, Some(Instant::now())));
                }
                Target::Room(room) => {
                    // A failure of this very moment that comes later is asked for again.
                    ear.missing_since = None;
                    let (world, token) = (Arc::clone(&self.world), self.account.token.clone());
                    let pages = self.pages.0.clone();
                    tokio::spawn(async move {
                        let messages = read_room(&world.rest, room, &token, since.at).await;
                        let _gone = pages.send(Page { ear: number, since, messages }).await;
                    });
                }
            }
        }
        Ok(())
    }

    fn take_synced(&mut self, data: &[u8]) {
        #[derive(Deserialize)]
        struct Synced {
            messages: Vec<Message>,
            has_more: bool,
        }
        let synced: Synced = serde_json::from_slice(data).unwrap();
        let ear = &mut self.ears[0];
        for message in &synced.messages {
            ear.book.fetch(&self.world.ledger, &self.world.tally, message);
        }
        ear.missing_since = match (synced.has_more, synced.messages.last(), ear.missing_since) {
            (true, Some(last), Some(since)) => Some(Missing { id: last.id, ..since }),
            _ => None,
        };
    }

    fn take_page(&mut self, page: Page) {
        let ear = &mut self.ears[page.ear];
        ear.asking = false;
        match page.messages {
            Some(messages) => {
                for message in &messages {
                    ear.book.fetch(&self.world.ledger, &self.world.tally, message);
                }
            }
            None => {
                ear.missing_since = Some(page.since);
                ear.ask_at = Instant::now() + Duration::from_millis(rand::random_range(500..1_500));
            }
        }
    }

    /// Writes what is due, and sends what waits.
    async fn speak(&mut self, wire: &mut Wire) -> Result<(), Broken> {
        let world = Arc::clone(&self.world);
        let Some(mouth) = &mut self.mouth else { return Ok(()) };
        let now = Instant::now();
        if world.sending.load(Ordering::Acquire) {
            if self.written == 0 {
                self.write_at = now + mouth.period.mul_f64(rand::random::<f64>());
                self.written = 1;
            }
            while self.write_at <= now && !mouth.outbox.is_full() {
                let target = mouth.targets[self.written % mouth.targets.len()];
                let (number, key) = world.ledger.begin(self.account.id, target);
                mouth.outbox.write(number, key, target);
                self.written += 1;
                self.write_at += mouth.period;
            }
        }
        while let Some(message) = mouth.outbox.next(now) {
            let (method, mut data) = match message.target {
                Target::Conversation(id) => ("chat.send_message", json!({"conversation_id": id})),
                Target::Room(id) => ("rooms.post_message", json!({"room_id": id})),
            };
            data["client_id"] = json!(message.key);
            data["body"] = json!(body(message.number));
            if message.again {
                world.tally.repeated_sends.up();
            }
            let request = RpcRequest { data: Bytes::from(data.to_string()), method: method.to_owned() };
            // Half a write may have gone out: it counts as sent.
            mouth.outbox.took_off(message.number, 0);
            let id = wire.send(Request::Rpc(request)).await?;
            mouth.outbox.took_off(message.number, id);
            self.session.asked.insert(id, (Asked::Send, None));
        }
        mouth.is_silent.store(mouth.outbox.is_empty(), Ordering::Release);
        Ok(())
    }

    fn take_acknowledgement(&mut self, command: u32, outcome: Result<Answer, ErrorReply>) {
        #[derive(Deserialize)]
        struct Acknowledged {
            message: Message,
        }
        let world = Arc::clone(&self.world);
        let Some(mouth) = &mut self.mouth else { return };
        let Some(number) = mouth.outbox.asked(command) else { return };
        match outcome {
            Ok(Answer::Rpc(result)) => {
                let acknowledged: Acknowledged = serde_json::from_slice(&result.data).unwrap();
                mouth.outbox.acknowledged(number);
                if !world.ledger.acknowledge(number, acknowledged.message.id) {
                    world.tally.duplicated.up();
                    world.tally.example(format!(
                        "message {number} was acknowledged again as {}",
                        acknowledged.message.id
                    ));
                }
            }
            _ => mouth.outbox.failed(number, &world.ledger),
        }
    }
}

/// A room's messages, back to a little before the newest known; nothing where the API does not answer.
async fn read_room(rest: &Rest, room: u64, token: &str, newest: Option<Time>) -> Option<Vec<Message>> {
    let until = newest.map(|at| at.plus_seconds(-OVERLAP_SECONDS));
    let mut all: Vec<Message> = Vec::new();
    loop {
        let before = all.iter().map(|message| message.id).min();
        let cursor = before.map_or(String::new(), |id| format!("&before={id}"));
        let path = format!("/live-rooms/{room}/messages?per_page={PAGE}{cursor}");
        let page: Vec<Message> = serde_json::from_value(rest.get(&path, token).await.ok()?).unwrap();
        let is_last = page.len() < PAGE || page.iter().map(|message| message.created_at).min() < until;
        all.extend(page);
        if is_last {
            return Some(all);
        }
    }
}
