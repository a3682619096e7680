//! The loads that both servers get: so many messages under way, a next one whenever every subscriber has one (closed), or
//! so many a second (paced).

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use super::crowd::{Crowd, OTHERS, knock, marked_body, send_text, upgraded, words_of};
use super::frame::{self, CLOSE, TEXT};
use super::process::{self, Busy};
use super::template::Template;
use crate::stats::float;

/// Nothing was heard for so long: something is lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest sleep of the loop.
const NAP: Duration = Duration::from_millis(50);
/// How often idle sockets elsewhere are looked after.
const ASIDE: Duration = Duration::from_secs(1);

/// Who sends the messages.
pub(crate) trait Publisher {
    /// Sends messages with these numbers.
    ///
    /// # Errors
    /// A connection is broken.
    fn publish(&mut self, messages: &[u64]) -> Result<()>;

    /// Something can be read from one of its sockets.
    ///
    /// # Errors
    /// A connection is broken, or a message was refused.
    fn hear(&mut self, number: usize) -> Result<()>;
}

/// How long, and how much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// What is not measured at the beginning.
    pub(crate) warm_up: Duration,
    /// What is measured.
    pub(crate) window: Duration,
    /// How messages follow each other.
    pub(crate) pace: Pace,
}

/// How messages follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// So many are under way.
    InFlight(u32),
    /// So many a second.
    Rate(f64),
}

/// What one round gave.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Round {
    /// Length of the window.
    pub(crate) seconds: f64,
    /// Publications that subscribers read in it, over all sockets.
    pub(crate) deliveries: u64,
    /// Messages written in it.
    pub(crate) messages: u64,
    /// Processor time of the measured processes in it.
    pub(crate) busy_seconds: f64,
    /// The same of each of them.
    pub(crate) busy_each: Vec<f64>,
    /// The same, of each delivery.
    pub(crate) microseconds_a_delivery: f64,
    /// Publications that one read of a subscriber brought.
    pub(crate) deliveries_a_read: f64,
    /// Bytes of frames, of each delivery.
    pub(crate) bytes_a_delivery: f64,
    /// From writing a message to reading it: half were faster.
    pub(crate) p50_ms: f64,
    /// 99 in a hundred were faster.
    pub(crate) p99_ms: f64,
}

impl Round {
    /// Deliveries a second.
    pub(crate) fn deliveries_per_second(&self) -> f64 {
        float(self.deliveries) / self.seconds.max(0.001)
    }
}

/// One round against the servers with these process ids. `aside` is called every second.
///
/// # Errors
/// A connection broke, or a message did not reach everybody.
pub(crate) fn round(
    crowd: &mut Crowd,
    publisher: &mut dyn Publisher,
    pids: &[u32],
    plan: Plan,
    aside: &mut dyn FnMut() -> Result<()>,
) -> Result<Round> {
    crowd.begin();
    let began = Instant::now();
    let window_begins = began + plan.warm_up;
    let window_ends = window_begins + plan.window;
    let mut others = Vec::new();
    let mut due = Vec::new();
    let (mut published, mut complete) = (0_u64, 0_u64);
    let (mut moved, mut looked) = (began, began);
    let mut opened: Option<(Instant, Vec<Busy>, u64)> = None;
    let busy_now = || pids.iter().map(|pid| process::busy(*pid)).collect::<Result<Vec<_>>>();
    let mut outcome = None;
    loop {
        let now = Instant::now();
        if opened.is_none() && now >= window_begins {
            opened = Some((now, busy_now()?, published));
            crowd.begin_window();
        }
        if outcome.is_none()
            && now >= window_ends
            && let Some((since, busy, before)) = &opened
        {
            let busy: Vec<Duration> =
                busy_now()?.iter().zip(busy).map(|(now, before)| now.since(before)).collect();
            outcome = Some(tell(crowd, now - *since, &busy, published - before));
        }
        if published == complete
            && let Some(outcome) = outcome.take()
        {
            return Ok(outcome);
        }
        let wanted = match plan.pace {
            _ if outcome.is_some() => 0,
            Pace::InFlight(most) => u64::from(most).saturating_sub(published - complete),
            Pace::Rate(rate) => due_by(rate, now - began).saturating_sub(published),
        };
        if wanted > 0 {
            if published == complete {
                moved = now;
            }
            due.clear();
            due.extend((0..wanted).map(|_| crowd.next_message()));
            publisher.publish(&due)?;
            published += wanted;
        }
        let nap = match plan.pace {
            Pace::InFlight(_) => NAP,
            Pace::Rate(_) => Duration::from_millis(1),
        };
        crowd.turn(nap, &mut others)?;
        for number in &others {
            publisher.hear(*number)?;
        }
        let done = crowd.take_complete().count();
        if done > 0 {
            complete += u64::try_from(done)?;
            moved = now;
        } else if now - moved > PATIENCE && published > complete {
            bail!("{} of {published} messages did not reach everybody", published - complete);
        }
        if now - looked > ASIDE {
            looked = now;
            aside()?;
        }
    }
}

fn due_by(rate: f64, elapsed: Duration) -> u64 {
    let due = (elapsed.as_secs_f64() * rate).floor();
    Duration::try_from_secs_f64(due).map_or(0, |due| due.as_secs())
}

fn tell(crowd: &Crowd, window: Duration, busy: &[Duration], messages: u64) -> Round {
    let heard = &crowd.heard;
    let busy_each: Vec<f64> = busy.iter().map(Duration::as_secs_f64).collect();
    let busy: Duration = busy.iter().sum();
    let each = |total: f64, by: u64| if by == 0 { 0.0 } else { total / float(by) };
    Round {
        seconds: window.as_secs_f64(),
        deliveries: heard.deliveries,
        messages,
        busy_seconds: busy.as_secs_f64(),
        busy_each,
        microseconds_a_delivery: each(busy.as_secs_f64() * 1e6, heard.deliveries),
        deliveries_a_read: each(float(heard.deliveries), heard.reads),
        bytes_a_delivery: each(float(heard.bytes), heard.deliveries),
        p50_ms: float(heard.latency.value_at_quantile(0.5)) / 1000.0,
        p99_ms: float(heard.latency.value_at_quantile(0.99)) / 1000.0,
    }
}

/// The publisher of the bare server: all that is due goes in one write.
pub(crate) struct BarePublisher {
    stream: TcpStream,
    template: Template,
}

impl BarePublisher {
    /// Connects.
    ///
    /// # Errors
    /// No connection.
    pub(crate) fn open(address: SocketAddr, template: Template) -> Result<Self> {
        let mut stream = knock(address, "/publish")?;
        upgraded(&mut stream)?;
        Ok(Self { stream, template })
    }

    /// From now on it sends frames of this kind.
    pub(crate) fn set_template(&mut self, template: Template) {
        self.template = template;
    }
}

impl Publisher for BarePublisher {
    fn publish(&mut self, messages: &[u64]) -> Result<()> {
        let mut bytes = Vec::new();
        for number in messages {
            frame::put_masked(TEXT, &self.template.render(*number), rand::random(), &mut bytes);
        }
        std::io::Write::write_all(&mut self.stream, &bytes).context("the bare server takes no messages")
    }

    fn hear(&mut self, _number: usize) -> Result<()> {
        bail!("the bare server closed the publisher's connection")
    }
}

/// One socket that posts into a room.
struct Poster {
    stream: TcpStream,
    begun: Vec<u8>,
    /// Posts without an answer yet.
    open: u32,
}

/// The publishers of a hub: `rooms.post_message` by RPC.
pub(crate) struct HubPublishers {
    posters: Vec<Poster>,
    room: u64,
    body_length: usize,
    next_id: u32,
    first_number: usize,
    /// Posts that were acknowledged.
    pub(crate) acknowledged: u64,
}

/// Length of a post's text.
pub(crate) const BODY: usize = 64;

impl HubPublishers {
    /// Connects, one socket for each token; `crowd` waits for them.
    ///
    /// # Errors
    /// One of them could not connect.
    pub(crate) fn open(
        address: SocketAddr,
        tokens: &[&str],
        room: u64,
        crowd: &Crowd,
        first: usize,
    ) -> Result<Self> {
        let mut posters = Vec::with_capacity(tokens.len());
        for (index, token) in tokens.iter().enumerate() {
            let mut stream = knock(address, HUB_PATH)?;
            upgraded(&mut stream)?;
            let command = json!({"id": 1, "connect": {"token": token}});
            send_text(&mut stream, &serde_json::to_vec(&command)?)?;
            stream.set_nonblocking(true)?;
            crowd.watch(&stream, OTHERS + first + index)?;
            posters.push(Poster { stream, begun: Vec::new(), open: 0 });
        }
        Ok(Self { posters, room, body_length: BODY, next_id: 2, first_number: first, acknowledged: 0 })
    }
}

impl Publisher for HubPublishers {
    fn publish(&mut self, messages: &[u64]) -> Result<()> {
        for number in messages {
            let poster = self.posters.iter_mut().min_by_key(|poster| poster.open).context("nobody posts")?;
            let command = json!({"id": self.next_id, "rpc": {"method": "rooms.post_message", "data": {
                "client_id": uuid::Uuid::new_v4(), "room_id": self.room,
                "body": marked_body(*number, self.body_length),
            }}});
            self.next_id += 1;
            send_text(&mut poster.stream, &serde_json::to_vec(&command)?)?;
            poster.open += 1;
        }
        Ok(())
    }

    fn hear(&mut self, number: usize) -> Result<()> {
        let place = number.checked_sub(OTHERS + self.first_number);
        let Some(poster) = place.and_then(|place| self.posters.get_mut(place)) else { return Ok(()) };
        self.acknowledged += u64::from(poster.read()?);
        Ok(())
    }
}

impl Poster {
    /// Reads once; gives how many posts were acknowledged.
    fn read(&mut self) -> Result<u32> {
        let mut buffer = [0; 16 * 1024];
        let count = match self.stream.read(&mut buffer) {
            Ok(0) => bail!("the hub closed a publisher's connection"),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        self.begun.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let mut acknowledged = 0;
        while let Some(cut) = frame::cut(&self.begun) {
            let whole: Vec<u8> = self.begun.drain(..cut.ends).collect();
            let payload = whole.get(cut.begins..).unwrap_or_default();
            ensure!(
                cut.opcode != CLOSE,
                "the hub closed a publisher's connection with {}",
                words_of(payload)
            );
            for line in payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                if line == b"{}" {
                    send_text(&mut self.stream, b"{}")?;
                    continue;
                }
                let reply: Value = serde_json::from_slice(line).context("an answer cannot be read")?;
                if let Some(error) = reply.get("error") {
                    bail!("a post was refused: {error}");
                }
                // The first answer is connect's.
                if reply.get("id").and_then(Value::as_u64).is_some_and(|id| id > 1) {
                    self.open = self.open.saturating_sub(1);
                    acknowledged += 1;
                }
            }
        }
        Ok(acknowledged)
    }
}

/// Where hubs take connections.
pub(crate) const HUB_PATH: &str = "/connection/websocket";
