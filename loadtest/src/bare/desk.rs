//! Light sockets that write and hear: every one may have messages of its own under way, and all accounts are exact. What
//! is acknowledged must be heard, once, by every socket of its group.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hdrhistogram::Histogram;
use serde_json::json;

use super::closed::{BODY, HUB_PATH};
use super::crowd::{AT_A_TIME, answered, knock, marked, marked_body, send_text, upgraded, words_of};
use super::frame::{self, CLOSE};
use super::poll::{Poll, Ready};
use super::template::offset_of;
use crate::stats::float;

/// What one read may bring.
const READ: usize = 256 * 1024;
/// Longest sleep of the loop.
const NAP: Duration = Duration::from_millis(2);
/// How often the number of unanswered messages is noted.
const NOTED: Duration = Duration::from_millis(250);

/// One socket to be.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Its hub.
    pub(crate) hub: SocketAddr,
    /// Who it is.
    pub(crate) token: String,
    /// The group whose messages it hears: a conversation's two users, or a room. `None`: it hears none.
    pub(crate) hears: Option<usize>,
    /// The channel that it hears them on.
    pub(crate) channel: String,
    /// Must the channel be asked for, or does it come by itself?
    pub(crate) subscribes: bool,
    /// Where it writes to, and the group that hears it; `None`: it only listens.
    pub(crate) writes: Option<Address>,
}

/// Where a socket writes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Address {
    /// A conversation, and its group.
    Conversation(u64, usize),
    /// A room, and its group.
    Room(u64, usize),
}

struct Seat {
    stream: TcpStream,
    begun: Vec<u8>,
    /// How a push of its channel begins.
    prefix: Vec<u8>,
    last: u64,
    hears: Option<usize>,
    writes: Option<Address>,
    /// The commands without an answer, oldest first: id and message.
    open: VecDeque<(u64, usize)>,
    next_id: u64,
}

struct Message {
    group: usize,
    written: Instant,
    acknowledged: bool,
    hearers: u32,
}

/// How messages follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flow {
    /// Every socket that writes has so many under way.
    Closed(u32),
    /// So many a second, over all of them in turn.
    Open(f64),
}

/// What the accounts of one run say.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub(crate) struct Account {
    /// Length of the window.
    pub(crate) seconds: f64,
    /// Messages that were acknowledged in it.
    pub(crate) acknowledged: u64,
    /// Messages that were written in it.
    pub(crate) written: u64,
    /// Pushes of messages that were read in it.
    pub(crate) deliveries: u64,
    /// From writing to the acknowledgement, half were faster.
    pub(crate) p50_ms: f64,
    /// 99 in a hundred were faster.
    pub(crate) p99_ms: f64,
    /// The same in the window's first quarter.
    pub(crate) first_quarter_p99_ms: f64,
    /// And in its last.
    pub(crate) last_quarter_p99_ms: f64,
    /// Unanswered messages, every quarter of a second.
    pub(crate) unanswered: Vec<u64>,
    /// From writing a message to reading it elsewhere: 99 in a hundred were faster.
    pub(crate) delivery_p99_ms: f64,
    /// Messages that were acknowledged and that somebody did not hear.
    pub(crate) lost: u64,
    /// Messages that somebody heard twice.
    pub(crate) duplicated: u64,
    /// Messages without an answer at the end.
    pub(crate) unacknowledged: u64,
}

impl Account {
    /// Acknowledged messages a second.
    pub(crate) fn rate(&self) -> f64 {
        float(self.acknowledged) / self.seconds.max(0.001)
    }
}

/// The sockets and the accounts.
pub(crate) struct Desk {
    poll: Poll,
    seats: Vec<Seat>,
    writers: Vec<usize>,
    /// How many hear each group.
    hearers: Vec<u32>,
    messages: Vec<Message>,
    buffer: Vec<u8>,
    ready: Vec<Ready>,
    answered: u64,
    heard: u64,
    waited: Histogram<u64>,
    quarters: Vec<Histogram<u64>>,
    quarter: usize,
    travelled: Histogram<u64>,
}

impl Desk {
    /// Opens the sockets.
    ///
    /// # Errors
    /// One of them could not be opened.
    pub(crate) fn open(places: &[Place], groups: usize) -> Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, 60_000_000, 3);
        let mut desk = Self {
            poll: Poll::new()?,
            seats: Vec::with_capacity(places.len()),
            writers: Vec::new(),
            hearers: vec![0; groups],
            messages: Vec::new(),
            buffer: vec![0; READ],
            ready: Vec::new(),
            answered: 0,
            heard: 0,
            waited: histogram()?,
            quarters: (0..4).map(|_| histogram()).collect::<Result<_, _>>()?,
            quarter: 0,
            travelled: histogram()?,
        };
        for wave in places.chunks(AT_A_TIME) {
            let mut opening = Vec::with_capacity(wave.len());
            for place in wave {
                opening.push((knock(place.hub, HUB_PATH)?, place));
            }
            for (stream, place) in &mut opening {
                upgraded(stream)?;
                // The last command's id is 2.
                let mut greeting =
                    json!({"id": if place.subscribes { 1 } else { 2 }, "connect": {"token": place.token}})
                        .to_string();
                if place.subscribes {
                    greeting.push('\n');
                    greeting.push_str(&json!({"id": 2, "subscribe": {"channel": place.channel}}).to_string());
                }
                send_text(stream, greeting.as_bytes())?;
            }
            for (stream, place) in opening {
                desk.seat(stream, place)?;
            }
            desk.turn(Duration::ZERO)?;
        }
        Ok(desk)
    }

    fn seat(&mut self, stream: TcpStream, place: &Place) -> Result<()> {
        let (begun, last) = answered(&stream)?;
        stream.set_nonblocking(true)?;
        let number = self.seats.len();
        self.poll.add(&stream, number)?;
        if place.writes.is_some() {
            self.writers.push(number);
        }
        if let Some(count) = place.hears.and_then(|group| self.hearers.get_mut(group)) {
            *count += 1;
        }
        self.seats.push(Seat {
            stream,
            begun: Vec::new(),
            prefix: format!("{{\"push\":{{\"channel\":\"{}\",\"pub\":", place.channel).into_bytes(),
            last,
            hears: place.hears,
            writes: place.writes,
            open: VecDeque::new(),
            next_id: 3,
        });
        self.take(number, &begun)
    }

    /// Messages without an answer.
    fn unanswered(&self) -> u64 {
        u64::try_from(self.messages.len()).unwrap_or(u64::MAX).saturating_sub(self.answered)
    }

    /// Lets the messages flow: a warm-up, a window in which is counted, and then until everything is answered and heard,
    /// at most `settle`. `look` is called at the window's beginning and end.
    ///
    /// # Errors
    /// A connection broke, or a message was refused.
    pub(crate) fn run(
        &mut self,
        flow: Flow,
        (warm_up, window, settle): (Duration, Duration, Duration),
        look: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Account> {
        let from = self.messages.len();
        let began = Instant::now();
        let mut account = Account::default();
        if let Flow::Closed(most) = flow {
            for _ in 0..most {
                for writer in self.writers.clone() {
                    self.write(writer)?;
                }
            }
        }
        let (mut sent, mut noted) = (0_u64, began);
        let mut opened: Option<(Instant, u64, u64, usize)> = None;
        loop {
            let now = Instant::now();
            if opened.is_none() && now >= began + warm_up {
                look()?;
                opened = Some((Instant::now(), self.answered, self.heard, self.messages.len()));
                self.waited.reset();
                self.travelled.reset();
                self.quarters.iter_mut().for_each(Histogram::reset);
            }
            if let Some((since, answered, heard, written)) = opened {
                let elapsed = now.saturating_duration_since(since);
                self.quarter = quarter_of(elapsed, window);
                if elapsed >= window {
                    look()?;
                    account.seconds = elapsed.as_secs_f64();
                    account.acknowledged = self.answered - answered;
                    account.deliveries = self.heard - heard;
                    account.written = u64::try_from(self.messages.len() - written)?;
                    break;
                }
                if now - noted >= NOTED {
                    noted = now;
                    account.unanswered.push(self.unanswered());
                }
            }
            if let Flow::Open(rate) = flow {
                let due = (now - began).as_secs_f64() * rate;
                while float(sent) < due {
                    let turn = usize::try_from(sent)? % self.writers.len().max(1);
                    let writer = *self.writers.get(turn).context("nobody writes")?;
                    self.write(writer)?;
                    sent += 1;
                }
            }
            for answered in self.turn(NAP)? {
                if matches!(flow, Flow::Closed(_)) {
                    self.write(answered)?;
                }
            }
        }
        account.p50_ms = milliseconds(&self.waited, 0.5);
        account.p99_ms = milliseconds(&self.waited, 0.99);
        account.delivery_p99_ms = milliseconds(&self.travelled, 0.99);
        account.first_quarter_p99_ms = self.quarters.first().map_or(0.0, |all| milliseconds(all, 0.99));
        account.last_quarter_p99_ms = self.quarters.last().map_or(0.0, |all| milliseconds(all, 0.99));
        self.settle(from, settle)?;
        let messages = self.messages.get(from..).unwrap_or_default();
        for message in messages {
            let expected = self.hearers.get(message.group).copied().unwrap_or_default();
            account.unacknowledged += u64::from(!message.acknowledged);
            account.lost += u64::from(message.acknowledged && message.hearers < expected);
            account.duplicated += u64::from(message.hearers > expected);
        }
        Ok(account)
    }

    fn settle(&mut self, from: usize, limit: Duration) -> Result<()> {
        let began = Instant::now();
        let open = |desk: &Self| {
            desk.messages.get(from..).unwrap_or_default().iter().any(|message| {
                let expected = desk.hearers.get(message.group).copied().unwrap_or_default();
                !message.acknowledged || message.hearers < expected
            })
        };
        while open(self) && began.elapsed() < limit {
            let until = Instant::now() + Duration::from_millis(50);
            while Instant::now() < until {
                self.turn(NAP)?;
            }
        }
        // A duplicate may follow on the heels of the last message.
        self.idle(Duration::from_millis(200))
    }

    /// Hears and answers pings for so long.
    ///
    /// # Errors
    /// A connection broke.
    pub(crate) fn idle(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.turn(Duration::from_millis(20))?;
        }
        Ok(())
    }

    fn write(&mut self, writer: usize) -> Result<()> {
        let number = self.messages.len();
        let seat = self.seats.get_mut(writer).context("there is no such socket")?;
        let to = seat.writes.context("it does not write")?;
        let body = marked_body(u64::try_from(number)?, BODY);
        let key = uuid::Uuid::new_v4();
        let id = seat.next_id;
        seat.next_id += 1;
        let (group, method, name, value) = match to {
            Address::Conversation(value, group) => (group, "chat.send_message", "conversation_id", value),
            Address::Room(value, group) => (group, "rooms.post_message", "room_id", value),
        };
        let command = format!(
            r#"{{"id":{id},"rpc":{{"method":"{method}","data":{{"client_id":"{key}","{name}":{value},"body":"{body}"}}}}}}"#
        );
        self.messages.push(Message { group, written: Instant::now(), acknowledged: false, hearers: 0 });
        seat.open.push_back((id, number));
        send_text(&mut seat.stream, command.as_bytes())
    }

    /// Reads once from each socket that something came to; gives who was answered, once for each answer.
    fn turn(&mut self, limit: Duration) -> Result<Vec<usize>> {
        let mut ready = std::mem::take(&mut self.ready);
        self.poll.wait(limit, &mut ready)?;
        let mut buffer = std::mem::take(&mut self.buffer);
        let before: Vec<(usize, usize)> = ready
            .iter()
            .filter_map(|event| Some((event.number, self.seats.get(event.number)?.open.len())))
            .collect();
        for (number, _) in &before {
            self.read(*number, &mut buffer).with_context(|| format!("socket {}", number + 1))?;
        }
        (self.ready, self.buffer) = (ready, buffer);
        let mut answered = Vec::new();
        for (number, open) in before {
            let now = self.seats.get(number).map_or(open, |seat| seat.open.len());
            answered.extend(std::iter::repeat_n(number, open.saturating_sub(now)));
        }
        Ok(answered)
    }

    fn read(&mut self, number: usize, buffer: &mut [u8]) -> Result<()> {
        let Some(seat) = self.seats.get_mut(number) else { return Ok(()) };
        let kept = seat.begun.len();
        let (front, back) = buffer.split_at_mut_checked(kept).context("a frame is larger than the buffer")?;
        front.copy_from_slice(&seat.begun);
        let count = match seat.stream.read(back) {
            Ok(0) => bail!("the hub closed the connection"),
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        self.take(number, buffer.get(..kept + count).unwrap_or_default())
    }

    /// The whole frames of these bytes; the rest is kept.
    fn take(&mut self, number: usize, bytes: &[u8]) -> Result<()> {
        let mut done = 0;
        while let Some(rest) = bytes.get(done..)
            && let Some(cut) = frame::cut(rest)
        {
            let payload = rest.get(cut.begins..cut.ends).unwrap_or_default();
            ensure!(cut.opcode != CLOSE, "the hub closed with {}", words_of(payload));
            for line in payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                self.line(number, line)?;
            }
            done += cut.ends;
        }
        let Some(seat) = self.seats.get_mut(number) else { return Ok(()) };
        seat.begun.clear();
        seat.begun.extend_from_slice(bytes.get(done..).unwrap_or_default());
        Ok(())
    }

    fn line(&mut self, number: usize, line: &[u8]) -> Result<()> {
        let Some(seat) = self.seats.get_mut(number) else { return Ok(()) };
        if line == b"{}" {
            return send_text(&mut seat.stream, b"{}");
        }
        if let Some(id) = reply_id(line) {
            let (expected, message) = seat.open.pop_front().context("an answer that nobody waits for")?;
            ensure!(id == expected, "answer {id} came before {expected}");
            if line.windows(9).take(32).any(|part| part == b"\"error\":{") {
                bail!("a message was refused: {}", String::from_utf8_lossy(line));
            }
            if let Some(message) = self.messages.get_mut(message) {
                message.acknowledged = true;
                self.answered += 1;
                let waited = micros(message.written);
                self.waited.saturating_record(waited);
                if let Some(quarter) = self.quarters.get_mut(self.quarter) {
                    quarter.saturating_record(waited);
                }
            }
            return Ok(());
        }
        if !line.starts_with(&seat.prefix) {
            return Ok(());
        }
        if let Some(offset) = offset_of(line) {
            ensure!(seat.last == 0 || offset == seat.last + 1, "offset {offset} came after {}", seat.last);
            seat.last = offset;
        }
        let message = marked(line).and_then(|message| self.messages.get_mut(usize::try_from(message).ok()?));
        if let (Some(message), Some(group)) = (message, seat.hears) {
            ensure!(message.group == group, "a message went to another group");
            message.hearers += 1;
            self.heard += 1;
            self.travelled.saturating_record(micros(message.written));
        }
        Ok(())
    }
}

/// The id that an answer begins with.
fn reply_id(line: &[u8]) -> Option<u64> {
    let digits = line.strip_prefix(b"{\"id\":")?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
}

fn milliseconds(all: &Histogram<u64>, quantile: f64) -> f64 {
    float(all.value_at_quantile(quantile)) / 1000.0
}

/// Which quarter of the window it is, 0 to 3.
fn quarter_of(elapsed: Duration, window: Duration) -> usize {
    [1, 2, 3].into_iter().filter(|quarter| elapsed * 4 >= window * *quarter).count()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{quarter_of, reply_id};

    #[test]
    fn answers_are_told_from_pushes() {
        assert_eq!(reply_id(br#"{"id":12,"rpc":{}}"#), Some(12));
        assert_eq!(reply_id(br#"{"push":{"channel":"user:1"}}"#), None);
        assert_eq!(reply_id(br#"{"id":"#), None);
    }

    #[test]
    fn a_window_has_four_quarters() {
        let window = Duration::from_secs(8);
        let quarters: Vec<usize> = [0, 1999, 2000, 4100, 6000, 9000]
            .map(|at| quarter_of(Duration::from_millis(at), window))
            .to_vec();
        assert_eq!(quarters, [0, 0, 1, 2, 3, 3]);
    }
}
