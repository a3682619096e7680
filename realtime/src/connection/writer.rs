//! What waits to be written to one socket → as few system calls as can be.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use super::frame::Frame;

/// Frames handed to the kernel in one call.
const AT_ONCE: usize = 64;

/// Frames taken from the outbox, and how much of the first one is written already.
#[derive(Debug, Default)]
pub(crate) struct FrameWriter {
    pub(crate) queue: VecDeque<Frame>,
    offset: usize,
}

/// What one turn of writing achieved.
pub(crate) struct Turn {
    /// Bytes that the kernel took.
    pub(crate) bytes: usize,
    /// Whether everything is written.
    pub(crate) done: bool,
}

impl FrameWriter {
    /// Writes until the queue is empty or the socket takes no more. `sent` is told the `at_ms` of each finished frame
    /// that has one.
    pub(crate) fn poll_write(
        &mut self,
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
        mut sent: impl FnMut(i64),
    ) -> io::Result<Turn> {
        let mut bytes = 0;
        while !self.queue.is_empty() {
            match self.poll_once(stream, cx) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(taken)) => {
                    bytes += taken;
                    self.advance(taken, &mut sent);
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(Turn { bytes, done: false }),
            }
        }
        Ok(Turn { bytes, done: true })
    }

    fn poll_once(&self, stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let stream = Pin::new(stream);
        let mut frames = self.queue.iter().map(|frame| frame.bytes.as_ref());
        let first = frames.next().and_then(|bytes| bytes.get(self.offset..)).unwrap_or_default();
        let mut slices = [IoSlice::new(&[]); AT_ONCE];
        let mut count = 0;
        for (slice, bytes) in slices.iter_mut().zip(std::iter::once(first).chain(frames)) {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        let taken = match slices.get(..count) {
            Some([single]) => ready!(stream.poll_write(cx, single))?,
            Some(several) => ready!(stream.poll_write_vectored(cx, several))?,
            None => 0,
        };
        Poll::Ready(Ok(taken))
    }

    fn advance(&mut self, mut taken: usize, sent: &mut impl FnMut(i64)) {
        while let Some(frame) = self.queue.front() {
            let left = frame.len().saturating_sub(self.offset);
            if taken < left {
                self.offset += taken;
                return;
            }
            taken -= left;
            self.offset = 0;
            if frame.at_ms > 0 {
                sent(frame.at_ms);
            }
            self.queue.pop_front();
        }
    }

    /// Forgets everything that is not begun. A frame begun must be finished, else what follows could not be read.
    /// The answer is how many bytes were forgotten.
    pub(crate) fn drop_waiting(&mut self) -> usize {
        let keep = usize::from(self.offset > 0);
        self.queue.drain(keep..).map(|frame| frame.len()).sum()
    }
}
