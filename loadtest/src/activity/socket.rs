//! One signed-in socket whose messages are read whole: for activities that look at more than the ledger's messages.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use protocol::codec;
use protocol::frame::{
    Answer, ConnectRequest, ConnectResult, ErrorReply, PushBody, Request, ServerMessage, SubscribeRequest,
};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::stats::Counters;
use crate::wire::{Broken, Hub, PATIENCE, Wire, is_limit};

/// The server pings every 25 s; after this silence the connection is taken for dead.
const LONGEST_SILENCE: Duration = Duration::from_secs(40);

/// One connection. Dropping it breaks it.
pub(super) struct Socket {
    wire: Wire,
    encoding: codec::Encoding,
    waiting: VecDeque<ServerMessage>,
}

/// How a socket connects.
pub(super) struct Way<'a> {
    /// Where to.
    pub(super) hub: &'a Hub,
    /// Its number in the run.
    pub(super) index: u32,
    /// How frames are written.
    pub(super) encoding: codec::Encoding,
    /// Who.
    pub(super) token: &'a str,
    /// Positions to recover from, by channel.
    pub(super) subs: BTreeMap<String, SubscribeRequest>,
    /// Places for sockets that are connecting.
    pub(super) connecting: &'a Semaphore,
}

impl Socket {
    /// Opens a connection and signs in; `about_to` is called when the upgrade is done and `connect` goes out.
    ///
    /// # Errors
    /// [`Broken`].
    pub(super) async fn connect(
        way: Way<'_>,
        about_to: impl FnOnce(),
    ) -> Result<(Self, ConnectResult), Broken> {
        let _place = way.connecting.acquire().await.map_err(|_closed| Broken::Lost)?;
        let wire = Wire::open(way.hub, way.index, way.encoding).await?;
        let mut socket = Self { wire, encoding: way.encoding, waiting: VecDeque::new() };
        about_to();
        let connect =
            ConnectRequest { token: way.token.to_owned(), subs: way.subs, ..ConnectRequest::default() };
        match socket.ask(Request::Connect(connect)).await? {
            Ok(Answer::Connect(result)) => Ok((socket, result)),
            Ok(_) => Err(Broken::Unreadable("another answer than connect's".to_owned())),
            Err(error) => Err(refused("connect", &error)),
        }
    }

    /// Sends a command; gives its id.
    ///
    /// # Errors
    /// [`Broken`].
    pub(super) async fn send(&mut self, request: Request) -> Result<u32, Broken> {
        self.wire.send(request).await
    }

    /// Sends a command and waits for its answer. What comes meanwhile is kept for [`Self::next`].
    ///
    /// # Errors
    /// [`Broken`].
    pub(super) async fn ask(&mut self, request: Request) -> Result<Result<Answer, ErrorReply>, Broken> {
        let id = self.send(request).await?;
        let answered = timeout(PATIENCE, async {
            let mut passed = VecDeque::new();
            loop {
                match self.next().await? {
                    ServerMessage::Reply(reply) if reply.id == id => {
                        passed.append(&mut self.waiting);
                        self.waiting = passed;
                        return Ok(reply.outcome);
                    }
                    other => passed.push_back(other),
                }
            }
        });
        answered.await.unwrap_or(Err(Broken::TimedOut("answer to a command")))
    }

    /// The next reply or push; pings are answered here. Cancelling it loses nothing.
    ///
    /// # Errors
    /// [`Broken`].
    pub(super) async fn next(&mut self) -> Result<ServerMessage, Broken> {
        loop {
            while let Some(message) = self.waiting.pop_front() {
                match message {
                    ServerMessage::Ping => self.wire.pong().await?,
                    ServerMessage::Push(push) if matches!(push.body, PushBody::Disconnect(_)) => {}
                    other => return Ok(other),
                }
            }
            let frame = timeout(LONGEST_SILENCE, self.wire.next_frame())
                .await
                .unwrap_or(Err(Broken::TimedOut("sign of life")))?;
            for message in codec::decode_replies(self.encoding, &frame) {
                self.waiting.push_back(message.map_err(|error| Broken::Unreadable(error.to_string()))?);
            }
        }
    }

    /// Leaves politely.
    pub(super) async fn close(self) {
        self.wire.close().await;
    }
}

/// A refusal as the end of a connection that cannot do without.
pub(super) fn refused(command: &'static str, error: &ErrorReply) -> Broken {
    Broken::Refused { command, code: error.code, message: error.message.clone(), temporary: error.temporary }
}

/// Counts why a connection ended; gives whether it may come back.
pub(super) fn note_broken(counters: &Counters, broken: &Broken) -> bool {
    counters.error(&broken.to_string());
    if broken.is_limit() {
        counters.met_limit();
    }
    if broken.is_final() {
        counters.ended.up();
    }
    !broken.is_final()
}

/// Counts an error reply by its code and stable name.
pub(super) fn note_refused(counters: &Counters, what: &str, error: &ErrorReply) {
    let name = error.message.split(':').next().unwrap_or_default();
    counters.error(&format!("{what} answered {} {name}", error.code));
    if is_limit(error.code) {
        counters.met_limit();
    }
}

/// A pause before the `attempt`-th new connection (from 0): growing, and not in step with others.
pub(super) fn pause_before(attempt: u32) -> Duration {
    use rand::RngExt;
    let longest = Duration::from_millis(100).saturating_mul(1 << attempt.min(5)).min(Duration::from_secs(4));
    longest.mul_f64(rand::rng().random_range(0.1..1.0))
}
