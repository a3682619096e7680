//! What waits to be written to one socket → as few system calls as can be: frames lie ready as bytes that all sockets
//! share, and everything that waits goes out in one vectored write, without being copied.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Sink;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;

use super::frame::{Class, Frame};
use super::stream::WireStream;
use super::wire::{TOGETHER, Wire, fill};

/// A socket after its handshake.
pub(crate) type Socket = WebSocketStream<WireStream>;

/// Frames taken from the outbox.
#[derive(Debug, Default)]
pub(crate) struct FrameWriter {
    pub(crate) queue: VecDeque<Frame>,
    /// Bytes of the first frame that this has written.
    written: usize,
    /// The library has something to say by itself.
    library_speaks: bool,
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
        self.queue.is_empty() && !self.library_speaks
    }

    /// Has the library write what it has to say by itself: its answer to the peer's close.
    pub(crate) const fn want_flush(&mut self) {
        self.library_speaks = true;
    }

    /// Writes until the queue is empty or the socket takes no more. `sent` is told the `at_ms` of measured frames.
    pub(crate) fn poll_write(
        &mut self,
        socket: &mut Socket,
        cx: &mut Context<'_>,
        mut sent: impl FnMut(i64),
    ) -> Result<Turn, Error> {
        let mut bytes = 0;
        if socket.get_ref().wire().library_owes() && Pin::new(&mut *socket).poll_flush(cx)?.is_pending() {
            return Ok(Turn { bytes, done: false });
        }
        while !self.queue.is_empty() {
            let wire = socket.get_ref().wire();
            let Poll::Ready(taken) = self.write_some(wire, cx)? else {
                return Ok(Turn { bytes, done: false });
            };
            bytes += self.settle(taken, &mut sent);
            wire.set_mid_frame(self.written > 0);
        }
        if self.library_speaks {
            if Pin::new(&mut *socket).poll_flush(cx)?.is_pending() {
                return Ok(Turn { bytes, done: false });
            }
            self.library_speaks = false;
        }
        // Most sockets are idle most of the time: neither this queue nor the outbox, which it is swapped with, holds
        // memory meanwhile. A new one costs far less than the write that it is for.
        self.queue = VecDeque::new();
        Ok(Turn { bytes, done: true })
    }

    /// One system call for as much as there is.
    fn write_some(&self, wire: &Wire, cx: &mut Context<'_>) -> Result<Poll<usize>, Error> {
        let mut slices = [IoSlice::new(&[]); TOGETHER];
        let count = fill(&mut slices, self.queue.iter(), self.written);
        match wire.poll_write_frames(cx, slices.get(..count).unwrap_or_default())? {
            Poll::Ready(0) => Err(Error::Io(ErrorKind::WriteZero.into())),
            taken => Ok(taken),
        }
    }

    /// Takes what was written out of the queue; the answer is the bytes of frames that are written whole.
    fn settle(&mut self, taken: usize, sent: &mut impl FnMut(i64)) -> usize {
        let mut bytes = 0;
        self.written += taken;
        while let Some(frame) = self.queue.front()
            && frame.len() <= self.written
        {
            self.written -= frame.len();
            bytes += frame.len();
            if frame.at_ms > 0 {
                sent(frame.at_ms);
            }
            self.queue.pop_front();
        }
        bytes
    }

    /// Forgets every frame that the kernel has not got any of yet; the answer is how many bytes that were.
    pub(crate) fn drop_waiting(&mut self) -> usize {
        let begun = self.written > 0 || self.queue.front().is_some_and(|frame| frame.class == Class::Rest);
        let kept = usize::from(begun).min(self.queue.len());
        self.queue.drain(kept..).map(|frame| frame.len()).sum()
    }
}
