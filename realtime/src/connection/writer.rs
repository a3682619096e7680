//! What waits to be written to one socket → as few system calls as can be: everything that waits is fed to the library,
//! which gathers small frames, and one flush follows.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::Context;

use futures_util::Sink;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;

use super::frame::Frame;
use super::stream::CountingStream;

/// A socket after its handshake.
pub(crate) type Socket = WebSocketStream<CountingStream>;

/// Frames taken from the outbox.
#[derive(Debug, Default)]
pub(crate) struct FrameWriter {
    pub(crate) queue: VecDeque<Frame>,
    /// Bytes of frames that the library has and the kernel perhaps not.
    unsent: usize,
    /// Something was fed and not flushed.
    unflushed: bool,
    /// `at_ms` of the frame fed last, where it is to be measured.
    at_ms: i64,
}

/// What one turn of writing achieved.
pub(crate) struct Turn {
    /// Bytes that wait no more.
    pub(crate) bytes: usize,
    /// Whether everything is written.
    pub(crate) done: bool,
}

impl FrameWriter {
    /// Whether nothing is to be written.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && !self.unflushed
    }

    /// Has the library write what it has to say by itself: its answer to the peer's close.
    pub(crate) fn want_flush(&mut self) {
        self.unflushed = true;
    }

    /// Writes until the queue is empty or the socket takes no more. `sent` is told the `at_ms` of measured frames.
    pub(crate) fn poll_write(
        &mut self,
        socket: &mut Socket,
        cx: &mut Context<'_>,
        mut sent: impl FnMut(i64),
    ) -> Result<Turn, Error> {
        let mut bytes = 0;
        while !self.queue.is_empty() {
            if Pin::new(&mut *socket).poll_ready(cx)?.is_pending() {
                return Ok(Turn { bytes, done: false });
            }
            // Ready: of what was fed before, at most the library's small buffer is still there.
            bytes += self.settle(&mut sent);
            let Some(frame) = self.queue.pop_front() else { break };
            self.unsent = frame.len();
            self.at_ms = frame.at_ms;
            self.unflushed = true;
            Pin::new(&mut *socket).start_send(frame.message)?;
        }
        if self.unflushed {
            if Pin::new(&mut *socket).poll_flush(cx)?.is_pending() {
                return Ok(Turn { bytes, done: false });
            }
            self.unflushed = false;
            bytes += self.settle(&mut sent);
        }
        // Most sockets are idle most of the time: neither this queue nor the outbox, which it is swapped with, holds
        // memory meanwhile. A new one costs far less than the write that it is for.
        self.queue = VecDeque::new();
        Ok(Turn { bytes, done: true })
    }

    fn settle(&mut self, sent: &mut impl FnMut(i64)) -> usize {
        if self.at_ms > 0 {
            sent(self.at_ms);
            self.at_ms = 0;
        }
        std::mem::take(&mut self.unsent)
    }

    /// Forgets everything that the library has not got yet; the answer is how many bytes that were.
    pub(crate) fn drop_waiting(&mut self) -> usize {
        self.queue.drain(..).map(|frame| frame.len()).sum()
    }
}
