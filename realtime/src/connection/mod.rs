//! One socket: one task, one struct, whose drop is the whole clean-up.
//!
//! The task is written as a `poll` by hand. Whatever wakes it (bytes, an event, an answer, the clock), one pass takes
//! everything there is, and writing never waits: a peer that does not read only fills its own bounded queue.

pub(crate) mod allowance;
pub(crate) mod clock;
pub(crate) mod core;
pub(crate) mod frame;
pub(crate) mod outbox;
pub(crate) mod session;
pub(crate) mod stream;
pub(crate) mod wire;
pub(crate) mod writer;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use protocol::codec::Encoding;
use protocol::codes::CloseCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::{Error, Message};

use self::clock::Due;
use self::core::Core;
use self::frame::Frame;
use self::writer::{FrameWriter, Socket};
use crate::hub::Hub;

/// After a close the server reads and discards for so long (realtime.md §1), so that the code arrives: closing a socket
/// with unread bytes would reset it.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);
/// Passes in one poll before other tasks get their turn.
const PASSES: usize = 32;
/// Messages taken from the socket in one pass.
const MESSAGES: usize = 16;

/// See the module.
pub(crate) struct Connection {
    socket: Socket,
    writer: FrameWriter,
    core: Core,
    stage: Stage,
    /// The peer broke the rules of WebSocket: what still comes is no frames any more.
    broken: bool,
    /// [`Wire::written`](wire::Wire::written) when it was looked at last.
    written: u64,
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Everything goes both ways.
    Open,
    /// Our close waits to be written or was written; what comes is discarded.
    Closing,
    /// The peer has closed; our answer to that is the last thing to be written.
    Leaving,
}

/// What a pass found out.
enum Pass {
    /// Something happened: look again.
    Again,
    /// Nothing to do before somebody wakes the task.
    Wait,
    /// It is over.
    End,
}

impl Connection {
    /// A connection after its handshake. `bearer` is the token of the upgrade request.
    pub(crate) fn new(hub: &Arc<Hub>, socket: Socket, encoding: Encoding, bearer: Option<Box<str>>) -> Self {
        Self {
            core: Core::new(hub, encoding, bearer, socket.get_ref().wire()),
            socket,
            writer: FrameWriter::default(),
            stage: Stage::Open,
            broken: false,
            written: 0,
        }
    }

    /// Orders it to close, since the node drains.
    pub(crate) fn shut_down(&self) {
        self.core.peer.close(CloseCode::Shutdown);
    }

    fn pass(&mut self, cx: &mut Context<'_>) -> Pass {
        // Registered before looking: whatever comes after the look wakes the task again.
        self.core.peer.register(cx.waker());
        let mut again = false;
        if self.stage == Stage::Open {
            let close = self.core.take_mail(&mut self.writer.queue);
            again |= self.core.advance(cx);
            let close = close.or_else(|| self.core.take_close());
            if let Some(code) = close.or_else(|| self.core.take_shutdown()) {
                self.close(code);
            }
        }
        if let Some(due) = self.core.clock.poll(cx) {
            again = true;
            if self.due(due) {
                return Pass::End;
            }
        }
        match self.write(cx) {
            Ok(true) if self.stage == Stage::Leaving => return Pass::End,
            // All that was taken is written, and more has come or was left behind.
            Ok(true) if self.stage == Stage::Open && self.core.peer.has_frames() => again = true,
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, client = %self.core.peer.client, "a socket broke while writing");
                return Pass::End;
            }
        }
        match self.read(cx) {
            Pass::Wait if again => Pass::Again,
            pass => pass,
        }
    }

    /// What the clock says; `true`: it is over.
    fn due(&mut self, due: Due) -> bool {
        match due {
            Due::Ping if self.stage == Stage::Open => {
                self.core.peer.push(&[Frame::ping(self.core.peer.encoding)]);
                self.core.clock.pinged(&self.core.hub.settings);
            }
            // While a command runs nothing is read, so the answer may well be here already.
            Due::Pong if self.core.is_busy() => self.core.clock.forgive(&self.core.hub.settings),
            Due::Pong => self.close(CloseCode::NoPong),
            // It came in time; that we are slow with it is no reason to send the client away for good.
            Due::Connect if self.core.is_busy() => self.core.clock.wait_for_connect(&self.core.hub.settings),
            Due::Connect => self.close(CloseCode::Stale),
            Due::Expiry => self.close(CloseCode::Expired),
            Due::Write => {
                self.core.note_end("lost");
                return true;
            }
            Due::Close => return true,
            Due::Ping => {}
        }
        false
    }

    /// Writes what there is; whether everything is written.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        if self.writer.is_idle() {
            return Ok(true);
        }
        let core = &mut self.core;
        let turn = self.writer.poll_write(&mut self.socket, cx, |at_ms| core.hub.metrics.sent(at_ms))?;
        core.peer.forget_bytes(turn.bytes);
        if turn.done {
            core.clock.written();
        } else {
            let written = self.socket.get_ref().wire().written();
            core.clock.writing(&core.hub.settings, written != self.written);
            self.written = written;
        }
        Ok(turn.done)
    }

    /// Reads what there is, if anything is to be read.
    fn read(&mut self, cx: &mut Context<'_>) -> Pass {
        for _ in 0..MESSAGES {
            if self.broken {
                return self.discard(cx);
            }
            match self.stage {
                // Commands wait in the kernel, and so does the peer (realtime.md §4: one after the other).
                Stage::Open if self.core.takes_nothing() || self.core.peer.is_congested() => {
                    return Pass::Wait;
                }
                Stage::Leaving => return Pass::Wait,
                Stage::Open | Stage::Closing => {}
            }
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Pending => return Pass::Wait,
                Poll::Ready(Some(Ok(message))) => {
                    if self.take_in(&message) {
                        return Pass::End;
                    }
                }
                Poll::Ready(None) => return Pass::End,
                Poll::Ready(Some(Err(error))) => {
                    if is_gone(&error) {
                        return Pass::End;
                    }
                    tracing::debug!(%error, client = %self.core.peer.client, "a socket breaks the rules");
                    self.broken = true;
                    self.close(CloseCode::BadRequest);
                    return Pass::Again;
                }
            }
            if self.core.wants_pass() || self.stage == Stage::Leaving {
                return Pass::Again;
            }
        }
        Pass::Again
    }

    /// Takes in one message; `true`: it is over.
    fn take_in(&mut self, message: &Message) -> bool {
        match (self.stage, message) {
            // The peer has answered our close, so the code has arrived.
            (Stage::Closing | Stage::Leaving, Message::Close(_)) => return true,
            (Stage::Closing | Stage::Leaving, _) => {}
            (Stage::Open, Message::Close(_)) => self.leave(),
            (Stage::Open, message) => self.core.take_in(message),
        }
        false
    }

    /// Reads and forgets, until the peer has read our close and ends the stream.
    fn discard(&mut self, cx: &mut Context<'_>) -> Pass {
        let stream = self.socket.get_mut();
        if self.writer.is_idle() && Pin::new(&mut *stream).poll_shutdown(cx).is_pending() {
            return Pass::Wait;
        }
        let mut bytes = [0; 2048];
        let mut buffer = ReadBuf::new(&mut bytes);
        match Pin::new(stream).poll_read(cx, &mut buffer) {
            Poll::Pending => Pass::Wait,
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => Pass::Again,
            Poll::Ready(_) => Pass::End,
        }
    }

    /// Begins to close: what waits is still written (not for a slow peer), then the close frame.
    fn close(&mut self, code: CloseCode) {
        if self.stage != Stage::Open {
            return;
        }
        self.stage = Stage::Closing;
        self.core.peer.take_all(&mut self.writer.queue);
        self.core.note_end(&code.code().to_string());
        self.core.end(matches!(code, CloseCode::SessionRevoked | CloseCode::AccountSuspended));
        if code == CloseCode::Slow {
            let forgotten = self.writer.drop_waiting();
            self.core.peer.forget_bytes(forgotten);
        }
        let frame = Frame::close(code);
        self.core.peer.count_bytes(frame.len());
        self.writer.queue.push_back(frame);
        self.core.clock.closing(CLOSE_PATIENCE);
    }

    /// The peer has closed; the library answers it.
    fn leave(&mut self) {
        self.stage = Stage::Leaving;
        self.core.note_end("client");
        self.core.end(false);
        let forgotten = self.writer.drop_waiting();
        self.core.peer.forget_bytes(forgotten);
        self.writer.want_flush();
        self.core.clock.closing(CLOSE_PATIENCE);
    }
}

/// Whether the stream has ended or failed, so that no close can reach the peer.
fn is_gone(error: &Error) -> bool {
    matches!(
        error,
        Error::Io(_)
            | Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
    )
}

impl Future for Connection {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..PASSES {
            match self.pass(cx) {
                Pass::Again => {}
                Pass::Wait => return Poll::Pending,
                Pass::End => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
