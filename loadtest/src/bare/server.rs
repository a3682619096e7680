//! A broadcast server with nothing in it: one thread, one epoll loop, no names, no order, no memory.
//!
//! What a publisher (path `/publish`) sends is framed once. Everything that one turn of the loop read goes in one write to
//! each subscriber (any other path). It is the least that a WebSocket server can do for a fan-out.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::frame::{self, CLOSE, PING, PONG, TEXT};
use super::poll::{Poll, Ready};

/// The listening socket's number; connections are counted from [`FIRST`].
const LISTENER: usize = 0;
/// What ends the server when it closes.
const LEASH: usize = 1;
const FIRST: usize = 2;
/// What one read may bring.
const READ: usize = 64 * 1024;
/// A subscriber with more than this unsent is let go.
const UNSENT: usize = 64 << 20;
/// A request head is smaller.
const HEAD: usize = 8 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Greeting,
    Subscriber,
    Publisher,
}

struct Connection {
    stream: TcpStream,
    role: Role,
    /// Read, and not yet a whole frame or request head.
    begun: Vec<u8>,
    /// Not yet taken by the socket.
    unsent: Vec<u8>,
}

/// The server; [`Self::run`] serves.
pub(crate) struct Server {
    listener: TcpListener,
    poll: Poll,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
    /// What this turn's publishers sent, framed.
    batch: Vec<u8>,
}

impl Server {
    /// A server of this socket.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let poll = Poll::new()?;
        poll.add(&listener, LISTENER)?;
        Ok(Self {
            listener,
            poll,
            connections: Vec::new(),
            free: Vec::new(),
            buffer: vec![0; READ],
            batch: Vec::new(),
        })
    }

    /// Serves until `leash` can be read or is closed.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn run(mut self, leash: impl AsFd) -> io::Result<()> {
        // By reference: a set forgets a file that is closed.
        self.poll.add(&leash, LEASH)?;
        let mut ready = Vec::new();
        loop {
            self.poll.wait(Duration::from_secs(60), &mut ready)?;
            for event in &ready {
                match event.number {
                    LISTENER => self.accept()?,
                    LEASH => return Ok(()),
                    number => self.turn(number - FIRST, *event),
                }
            }
            if !self.batch.is_empty() {
                self.broadcast();
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
                    ) =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let place = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            self.poll.add(&stream, place + FIRST)?;
            if let Some(slot) = self.connections.get_mut(place) {
                let (begun, unsent) = (Vec::new(), Vec::new());
                *slot = Some(Connection { stream, role: Role::Greeting, begun, unsent });
            }
        }
    }

    /// Whatever one connection is ready for; one that is over goes.
    fn turn(&mut self, place: usize, event: Ready) {
        let Self { connections, poll, buffer, batch, .. } = self;
        let Some(Some(connection)) = connections.get_mut(place) else { return };
        let mut lives = true;
        if event.writable {
            lives = connection.send(&[], poll, place);
        }
        if lives && event.readable {
            lives = connection.read(buffer, batch, poll, place);
        }
        if !lives {
            self.drop_connection(place);
        }
    }

    fn broadcast(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        for place in 0..self.connections.len() {
            let Some(Some(connection)) = self.connections.get_mut(place) else { continue };
            if connection.role == Role::Subscriber && !connection.send(&batch, &self.poll, place) {
                self.drop_connection(place);
            }
        }
        self.batch = batch;
        self.batch.clear();
    }

    fn drop_connection(&mut self, place: usize) {
        if let Some(gone) = self.connections.get_mut(place).and_then(Option::take) {
            // Closing it takes it out of the set anyway.
            let _removed = self.poll.remove(&gone.stream);
            self.free.push(place);
        }
    }
}

impl Connection {
    /// Sends what was left over, then `bytes`, as far as the socket takes them; false: it is over.
    fn send(&mut self, bytes: &[u8], poll: &Poll, place: usize) -> bool {
        if !self.unsent.is_empty() {
            match write(&mut self.stream, &self.unsent) {
                Some(sent) => drop(self.unsent.drain(..sent)),
                None => return false,
            }
            self.unsent.extend_from_slice(bytes);
            if self.unsent.is_empty() {
                return poll.want_room(&self.stream, place + FIRST, false).is_ok();
            }
            return self.unsent.len() < UNSENT;
        }
        let Some(sent) = write(&mut self.stream, bytes) else { return false };
        match bytes.get(sent..) {
            Some(rest) if !rest.is_empty() => {
                self.unsent.extend_from_slice(rest);
                poll.want_room(&self.stream, place + FIRST, true).is_ok()
            }
            _ => true,
        }
    }

    /// Reads once and does what is asked; false: it is over.
    fn read(&mut self, buffer: &mut [u8], batch: &mut Vec<u8>, poll: &Poll, place: usize) -> bool {
        let count = match self.stream.read(buffer) {
            Ok(0) => return false,
            Ok(count) => count,
            Err(error) => {
                return matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted);
            }
        };
        self.begun.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if self.role == Role::Greeting {
            match self.greet() {
                Greeting::NotYet => return self.begun.len() < HEAD,
                Greeting::Wrong => return false,
                Greeting::Answer(answer) => {
                    if !self.send(answer.as_bytes(), poll, place) {
                        return false;
                    }
                }
            }
        }
        let mut done = 0;
        while let Some(rest) = self.begun.get_mut(done..)
            && let Some(cut) = frame::cut(rest)
        {
            let payload = rest.get_mut(cut.begins..cut.ends).unwrap_or_default();
            if let Some(mask) = cut.mask {
                frame::unmask(payload, mask);
            }
            match (cut.opcode, self.role) {
                (CLOSE, _) => return false,
                (TEXT, Role::Publisher) => frame::put(TEXT, payload, batch),
                (PING, _) => {
                    let mut pong = Vec::new();
                    frame::put(PONG, payload, &mut pong);
                    if !self.send(&pong, poll, place) {
                        return false;
                    }
                }
                _ => {}
            }
            done += cut.ends;
        }
        self.begun.drain(..done);
        if self.begun.is_empty() {
            // Nothing is kept for a connection that is quiet.
            self.begun = Vec::new();
        }
        true
    }

    /// Answers the upgrade once its head is whole.
    fn greet(&mut self) -> Greeting {
        let Some(end) = self.begun.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            return Greeting::NotYet;
        };
        let head: Vec<u8> = self.begun.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head);
        let mut lines = head.lines();
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some("GET"), Some(path)) = (words.next(), words.next()) else { return Greeting::Wrong };
        let value = |wanted: &str| {
            lines.clone().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
            })
        };
        let Some(key) = value("sec-websocket-key") else { return Greeting::Wrong };
        let subprotocol = value("sec-websocket-protocol")
            .map_or(String::new(), |name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
        self.role = if path == "/publish" { Role::Publisher } else { Role::Subscriber };
        Greeting::Answer(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n{subprotocol}\r\n",
            derive_accept_key(key.as_bytes())
        ))
    }
}

enum Greeting {
    NotYet,
    Wrong,
    Answer(String),
}

/// How much the socket took; `None`: it is over.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> Option<usize> {
    if bytes.is_empty() {
        return Some(0);
    }
    match stream.write(bytes) {
        Ok(0) => None,
        Ok(count) => Some(count),
        Err(error) => {
            matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted).then_some(0)
        }
    }
}
