//! Light sockets: many subscribers in one thread, one epoll set and one read buffer. They cut frames, answer pings, and
//! take only the offset out of a publication: it rises by one on each socket, or the run has failed.
//!
//! The bare server and the hub are listened to by the same code.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hdrhistogram::Histogram;
use serde_json::Value;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;

use super::frame::{self, CLOSE, PING, PONG, TEXT};
use super::poll::{Poll, Ready};
use super::template::{FIRST, find, offset_of};

/// How a push on a user's own channel begins.
const USER: &[u8] = br#"{"push":{"channel":"user:"#;

/// Sockets that are opened at the same time.
pub(crate) const AT_A_TIME: usize = 64;
/// How long a step of opening may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// What one read may bring.
const READ: usize = 256 * 1024;
/// Begins a message of ours in its body; seven digits follow.
pub(crate) const MARK: &[u8] = b"\"#";
const MARKED_DIGITS: usize = 7;
/// Numbers from here on are not subscribers.
pub(crate) const OTHERS: usize = 1 << 24;

/// What is asked for after the upgrade: commands of the client protocol, whose last one's id is 2; none for the bare
/// server.
pub(crate) type Greeting = Option<Vec<u8>>;

struct Member {
    stream: TcpStream,
    /// The beginning of a frame whose end has not come yet.
    begun: Vec<u8>,
    /// The offset of the last publication; 0 before the first.
    last: u64,
}

/// How a publication tells which message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// The bare server's: by the offset alone.
    Offset,
    /// The hub's: our mark in the body.
    Mark,
}

/// One offset since [`Crowd::begin`].
#[derive(Clone, Copy, Default)]
struct Event {
    hearers: u32,
    /// The message; `None` for events that are no message of ours.
    message: Option<u64>,
}

/// What was heard since [`Crowd::begin`].
pub(crate) struct Heard {
    /// Publications, over all sockets.
    pub(crate) deliveries: u64,
    /// Bytes of all frames.
    pub(crate) bytes: u64,
    /// Reads that brought something.
    pub(crate) reads: u64,
    /// From writing a message to reading it, in microseconds, every socket's.
    pub(crate) latency: Histogram<u64>,
    /// The payload of the last message of ours.
    pub(crate) sample: Vec<u8>,
    numbering: Numbering,
    base: u64,
    events: Vec<Event>,
    /// When each message was written.
    written: Vec<Instant>,
    /// Messages that every socket has, not yet asked for.
    complete: Vec<u64>,
    sockets: u32,
}

/// The sockets.
pub(crate) struct Crowd {
    poll: Poll,
    members: Vec<Member>,
    buffer: Vec<u8>,
    ready: Vec<Ready>,
    /// What they heard.
    pub(crate) heard: Heard,
}

impl Crowd {
    /// Nobody yet.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn new(numbering: Numbering) -> Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            members: Vec::new(),
            buffer: vec![0; READ],
            ready: Vec::new(),
            heard: Heard {
                deliveries: 0,
                bytes: 0,
                reads: 0,
                latency: Histogram::new_with_bounds(1, 60_000_000, 3)?,
                sample: Vec::new(),
                numbering,
                base: 0,
                events: Vec::new(),
                written: Vec::new(),
                complete: Vec::new(),
                sockets: 0,
            },
        })
    }

    /// Opens `count` sockets more. `greeting` gives what the one with this index says first.
    ///
    /// # Errors
    /// One of them could not be opened.
    pub(crate) fn join(
        &mut self,
        (address, path): (SocketAddr, &str),
        count: usize,
        greeting: impl Fn(usize) -> Result<Greeting>,
    ) -> Result<()> {
        let mut opened = 0;
        while opened < count {
            let wave = AT_A_TIME.min(count - opened);
            let mut opening = Vec::with_capacity(wave);
            for _ in 0..wave {
                opening.push(knock(address, path)?);
            }
            for (index, stream) in opening.iter_mut().enumerate() {
                upgraded(stream)?;
                if let Some(commands) = greeting(opened + index)? {
                    send_text(stream, &commands)?;
                }
            }
            for (index, stream) in opening.into_iter().enumerate() {
                let greeted = greeting(opened + index)?.is_some();
                self.settle_in(stream, greeted)?;
            }
            opened += wave;
            // Those who are in already get pings.
            self.turn(Duration::ZERO, &mut Vec::new())?;
        }
        Ok(())
    }

    /// Waits for the answers to its greeting, then it is one of the crowd.
    fn settle_in(&mut self, stream: TcpStream, greeted: bool) -> Result<()> {
        let (behind, last) = if greeted { answered(&stream)? } else { (Vec::new(), 0) };
        stream.set_nonblocking(true)?;
        self.poll.add(&stream, self.members.len())?;
        let mut member = Member { stream, begun: Vec::new(), last };
        self.heard.sockets += 1;
        // A ping may have come right behind the answer.
        member.take(&behind, &mut self.heard)?;
        self.members.push(member);
        Ok(())
    }

    /// Waits for another socket too; [`Self::turn`] names its number ([`OTHERS`] and more) when it can be read.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn watch(&self, stream: &TcpStream, number: usize) -> Result<()> {
        Ok(self.poll.add(stream, number)?)
    }

    /// Forgets what was heard so far. The messages' numbers go on.
    pub(crate) fn begin(&mut self) {
        let heard = &mut self.heard;
        (heard.deliveries, heard.bytes, heard.reads, heard.base) = (0, 0, 0, 0);
        heard.latency.reset();
        heard.events.clear();
        heard.complete.clear();
    }

    /// From here on only the numbers count anew: what is under way stays under way.
    pub(crate) fn begin_window(&mut self) {
        let heard = &mut self.heard;
        (heard.deliveries, heard.bytes, heard.reads) = (0, 0, 0);
        heard.latency.reset();
    }

    /// A message is about to be written; gives its number.
    pub(crate) fn next_message(&mut self) -> u64 {
        self.heard.written.push(Instant::now());
        u64::try_from(self.heard.written.len()).unwrap_or(u64::MAX) - 1
    }

    /// The messages that every socket has by now; each is told once.
    pub(crate) fn take_complete(&mut self) -> std::vec::Drain<'_, u64> {
        self.heard.complete.drain(..)
    }

    /// Waits at most so long for something to read, and reads it once from each. `others` gets the numbers of the
    /// watched sockets that can be read.
    ///
    /// # Errors
    /// A socket was closed, or heard what it should not.
    pub(crate) fn turn(&mut self, limit: Duration, others: &mut Vec<usize>) -> Result<()> {
        others.clear();
        let Self { poll, members, buffer, ready, heard } = self;
        poll.wait(limit, ready)?;
        for event in ready.iter().filter(|event| event.readable) {
            match members.get_mut(event.number) {
                Some(member) => member
                    .read(buffer, heard)
                    .with_context(|| format!("listener {} of {}", event.number + 1, heard.sockets))?,
                None => others.push(event.number),
            }
        }
        Ok(())
    }
}

impl Member {
    fn read(&mut self, buffer: &mut [u8], heard: &mut Heard) -> Result<()> {
        let kept = self.begun.len();
        let (front, back) = buffer.split_at_mut_checked(kept).context("a frame is larger than the buffer")?;
        front.copy_from_slice(&self.begun);
        let count = match self.stream.read(back) {
            Ok(0) => bail!("the server closed the connection"),
            Ok(count) => count,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        heard.reads += 1;
        self.take(buffer.get(..kept + count).unwrap_or_default(), heard)
    }

    /// The whole frames of these bytes; the rest is kept.
    fn take(&mut self, bytes: &[u8], heard: &mut Heard) -> Result<()> {
        let now = Instant::now();
        let mut done = 0;
        while let Some(rest) = bytes.get(done..)
            && let Some(cut) = frame::cut(rest)
        {
            let payload = rest.get(cut.begins..cut.ends).unwrap_or_default();
            match cut.opcode {
                TEXT => self.text(payload, now, heard)?,
                PING => send(&mut self.stream, PONG, payload)?,
                CLOSE => bail!("the server closed with {}", words_of(payload)),
                other => bail!("a frame of kind {other}"),
            }
            done += cut.ends;
        }
        heard.bytes += u64::try_from(done).unwrap_or_default();
        self.begun.clear();
        self.begun.extend_from_slice(bytes.get(done..).unwrap_or_default());
        Ok(())
    }

    /// One text frame: messages, each on a line.
    fn text(&mut self, payload: &[u8], now: Instant, heard: &mut Heard) -> Result<()> {
        for line in payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if line == b"{}" {
                send(&mut self.stream, TEXT, b"{}")?;
                continue;
            }
            // Events of the account (seeded gifts, say) have offsets of another stream.
            if line.starts_with(USER) {
                continue;
            }
            let Some(offset) = offset_of(line) else { continue };
            if self.last > 0 && offset != self.last + 1 {
                bail!("offset {offset} came after {}", self.last);
            }
            self.last = offset;
            heard.publication(offset, line, now);
        }
        Ok(())
    }
}

impl Heard {
    fn publication(&mut self, offset: u64, payload: &[u8], now: Instant) {
        self.deliveries += 1;
        if self.base == 0 {
            self.base = offset;
        }
        // What was under way before the beginning is of no interest.
        let Some(place) = offset.checked_sub(self.base).and_then(|place| usize::try_from(place).ok()) else {
            return;
        };
        while self.events.len() <= place {
            // The first socket that hears it reads it for all. Sockets hear in order, so there is only one missing.
            let message = match self.numbering {
                Numbering::Offset => offset.checked_sub(FIRST),
                Numbering::Mark => marked(payload),
            };
            if message.is_some() {
                self.sample.clear();
                self.sample.extend_from_slice(payload);
            }
            self.events.push(Event { hearers: 0, message });
        }
        let Some(event) = self.events.get_mut(place) else { return };
        event.hearers += 1;
        let Some(message) = event.message else { return };
        let written = usize::try_from(message).ok().and_then(|message| self.written.get(message));
        if let Some(written) = written {
            let waited = u64::try_from(now.duration_since(*written).as_micros()).unwrap_or(u64::MAX);
            self.latency.saturating_record(waited.max(1));
        }
        if event.hearers == self.sockets {
            self.complete.push(message);
        }
    }
}

/// The number in the body of a message of ours.
pub(crate) fn marked(payload: &[u8]) -> Option<u64> {
    let from = find(payload, MARK)? + MARK.len();
    std::str::from_utf8(payload.get(from..from + MARKED_DIGITS)?).ok()?.parse().ok()
}

/// The body of a message of ours: its number, then filling.
pub(crate) fn marked_body(number: u64, length: usize) -> String {
    format!("{:x<length$}", format!("#{number:0MARKED_DIGITS$} "))
}

/// Connects and asks for the upgrade.
pub(crate) fn knock(address: SocketAddr, path: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)
        .with_context(|| format!("no connection to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\nSec-WebSocket-Protocol: centrifuge-json\r\n\r\n",
        generate_key()
    )?;
    Ok(stream)
}

/// Reads the answer to the upgrade, and not a byte more.
pub(crate) fn upgraded(stream: &mut TcpStream) -> Result<()> {
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).context("no answer to the upgrade")?;
        head.extend_from_slice(&byte);
        ensure!(head.len() < 8192, "the answer to the upgrade does not end");
    }
    let line = String::from_utf8_lossy(&head);
    let line = line.lines().next().unwrap_or_default();
    ensure!(line.starts_with("HTTP/1.1 101"), "the upgrade was answered with {line}");
    Ok(())
}

/// Reads until the greeting's last command is answered; gives what came behind it, and the stream's offset.
pub(crate) fn answered(mut stream: &TcpStream) -> Result<(Vec<u8>, u64)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).context("no answer to connect and subscribe")?;
        ensure!(count > 0, "the connection was closed while subscribing");
        bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
        while let Some(cut) = frame::cut(&bytes) {
            let frame: Vec<u8> = bytes.drain(..cut.ends).collect();
            let payload = frame.get(cut.begins..).unwrap_or_default();
            ensure!(cut.opcode != CLOSE, "closed with {} while subscribing", words_of(payload));
            let mut last = None;
            for line in payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                if line == b"{}" {
                    // The first ping may come before the answer.
                    send(&mut stream, TEXT, b"{}")?;
                    continue;
                }
                if last.is_some() {
                    // An event in the same frame as the answer.
                    last = offset_of(line).or(last);
                    continue;
                }
                let reply: Value = serde_json::from_slice(line).context("an answer cannot be read")?;
                if let Some(error) = reply.get("error") {
                    bail!("subscribing was refused: {error}");
                }
                if reply.get("id").and_then(Value::as_u64) == Some(2) {
                    let offset = reply.pointer("/subscribe/offset").and_then(Value::as_u64);
                    last = Some(offset.unwrap_or_default());
                }
            }
            if let Some(last) = last {
                return Ok((bytes, last));
            }
        }
    }
}

/// Writes a text frame as clients do.
///
/// # Errors
/// The connection is broken, or has no room.
pub(crate) fn send_text(stream: &mut TcpStream, payload: &[u8]) -> Result<()> {
    send(stream, TEXT, payload)
}

fn send(stream: &mut impl Write, opcode: u8, payload: &[u8]) -> Result<()> {
    let mut bytes = Vec::with_capacity(payload.len() + 14);
    frame::put_masked(opcode, payload, rand::random(), &mut bytes);
    stream.write_all(&bytes).context("a frame could not be written")
}

/// Code and reason of a close frame.
pub(crate) fn words_of(payload: &[u8]) -> String {
    let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
    format!("{code} {}", String::from_utf8_lossy(payload.get(2..).unwrap_or_default()))
}
