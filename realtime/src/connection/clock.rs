//! The one timer of a connection: it is set to whichever of the deadlines comes first.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use config::Socket;
use rand::RngExt;
use tokio::time::{Instant, Sleep};

/// What has come due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Send a ping.
    Ping,
    /// The answer to the ping did not come.
    Pong,
    /// There was no `connect` in time.
    Connect,
    /// The token and its grace are over.
    Expiry,
    /// The socket took nothing for too long.
    Write,
    /// The peer did not answer our close.
    Close,
}

/// The deadlines of one connection.
#[derive(Debug)]
pub(crate) struct Clock {
    sleep: Pin<Box<Sleep>>,
    armed: Instant,
    polled: bool,
    ping: Option<Instant>,
    pong: Option<Instant>,
    connect: Option<Instant>,
    expiry: Option<Instant>,
    write: Option<Instant>,
    close: Option<Instant>,
}

impl Clock {
    pub(crate) fn new(connect_timeout: Duration) -> Self {
        let connect = Instant::now() + connect_timeout;
        Self {
            sleep: Box::pin(tokio::time::sleep_until(connect)),
            armed: connect,
            polled: false,
            ping: None,
            pong: None,
            connect: Some(connect),
            expiry: None,
            write: None,
            close: None,
        }
    }

    /// The connection is signed in. The first ping comes at a random point of the interval, so that the pings of many
    /// that came together do not stay together.
    pub(crate) fn signed_in(&mut self, settings: &Socket, ttl: Option<u32>) {
        self.connect = None;
        let interval = settings.ping_interval;
        let share = rand::rng().random_range(0.0..1.0);
        self.ping = Some(Instant::now() + interval.mul_f64(share));
        self.refreshed(settings, ttl);
    }

    /// There is a new token, which ends after `ttl` seconds.
    pub(crate) fn refreshed(&mut self, settings: &Socket, ttl: Option<u32>) {
        self.expiry =
            ttl.map(|ttl| Instant::now() + Duration::from_secs(u64::from(ttl)) + settings.expiry_grace);
    }

    /// A ping was sent.
    pub(crate) fn pinged(&mut self, settings: &Socket) {
        let now = Instant::now();
        self.ping = Some(now + settings.ping_interval);
        self.pong = Some(now + settings.pong_timeout);
    }

    /// Something came from the peer; the answer is whether a ping was open.
    pub(crate) fn heard(&mut self) -> bool {
        self.pong.take().is_some()
    }

    /// We could not have heard the peer: give it more time.
    pub(crate) fn forgive(&mut self, settings: &Socket) {
        self.pong = Some(Instant::now() + settings.pong_timeout);
    }

    /// A `connect` is being answered: when that fails, there is as much time for another one.
    pub(crate) fn wait_for_connect(&mut self, settings: &Socket) {
        self.connect = Some(Instant::now() + settings.connect_timeout);
    }

    /// Something waits to be written. `progress`: the socket has just taken a part.
    pub(crate) fn writing(&mut self, settings: &Socket, progress: bool) {
        if progress || self.write.is_none() {
            self.write = Some(Instant::now() + settings.write_timeout);
        }
    }

    /// Everything is written.
    pub(crate) fn written(&mut self) {
        self.write = None;
    }

    /// Our close was sent: nothing else counts any more.
    pub(crate) fn closing(&mut self, patience: Duration) {
        self.ping = None;
        self.pong = None;
        self.connect = None;
        self.expiry = None;
        self.close = Some(Instant::now() + patience);
    }

    fn deadlines(&self) -> [(Due, Option<Instant>); 6] {
        [
            (Due::Close, self.close),
            (Due::Write, self.write),
            (Due::Connect, self.connect),
            (Due::Expiry, self.expiry),
            (Due::Pong, self.pong),
            (Due::Ping, self.ping),
        ]
    }

    /// Arms the timer, and says what is due. What is due comes once: it is no deadline any more.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Option<Due> {
        let next = self.deadlines().into_iter().filter_map(|(_, at)| at).min()?;
        // A timer set too early only costs a look; it is not moved for every change.
        if next < self.armed {
            self.arm(next);
        }
        // The task's waker stays the same, so that one poll for each arming is enough.
        while self.sleep.is_elapsed() || !self.polled {
            self.polled = true;
            if self.sleep.as_mut().poll(cx) == Poll::Pending {
                return None;
            }
            let now = Instant::now();
            let due = self.deadlines().into_iter().find(|(_, at)| at.is_some_and(|at| at <= now));
            if let Some((due, _)) = due {
                match due {
                    Due::Close => self.close = None,
                    Due::Write => self.write = None,
                    Due::Connect => self.connect = None,
                    Due::Expiry => self.expiry = None,
                    Due::Pong => self.pong = None,
                    Due::Ping => self.ping = None,
                }
                return Some(due);
            }
            let next = self.deadlines().into_iter().filter_map(|(_, at)| at).min()?;
            self.arm(next);
        }
        None
    }

    fn arm(&mut self, at: Instant) {
        self.sleep.as_mut().reset(at);
        self.armed = at;
        self.polled = false;
    }
}
