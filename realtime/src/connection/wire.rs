//! The writing side of a TCP stream, which three share: the connection's task with what waits, the library with its answers
//! to pings and closes, and whoever delivers an event while nothing waits ([`Wire::try_write`]). None of them ever gets
//! between another's frames.
//!
//! Delivering at once saves waking a task, which costs as much again as everything but the system call. It counts what is
//! written, too, so that a slow peer can be told from a dead one.

use std::io::{ErrorKind, IoSlice, Result};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::net::TcpStream;

use super::frame::Frame;

/// Frames of one system call at most.
pub(crate) const TOGETHER: usize = 32;

/// See the module.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes that the kernel has taken.
    written: u64,
    /// The kernel has the beginning of one of the hub's frames and not its end.
    mid_frame: bool,
    /// The same of what the library writes.
    library_owes: bool,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, state: Mutex::default() }
    }

    /// To be read from; for writing there are the methods.
    pub(crate) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Ends the writing side: nothing more will come from us.
    pub(crate) fn shut_down(&self) -> Result<()> {
        Ok(rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Write)?)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that the kernel has taken so far.
    pub(crate) fn written(&self) -> u64 {
        self.lock().written
    }

    /// Whether the library has to finish first; flushing it does.
    pub(crate) fn library_owes(&self) -> bool {
        self.lock().library_owes
    }

    /// Says whether what was written so far ends inside of a frame.
    pub(crate) fn set_mid_frame(&self, mid_frame: bool) {
        self.lock().mid_frame = mid_frame;
    }

    /// One system call.
    fn write_slices(&self, state: &mut State, slices: &[IoSlice<'_>]) -> Result<usize> {
        let taken = match slices {
            [one] => self.stream.try_write(one),
            several => self.stream.try_write_vectored(several),
        }?;
        state.written = state.written.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
        Ok(taken)
    }

    /// Writes frames, at most [`TOGETHER`] of them, if the kernel takes them now; not for a connection that has something
    /// waiting. The answer is the bytes taken: anything from none to all; the rest has to come next.
    pub(crate) fn try_write(&self, frames: &[Frame]) -> usize {
        let mut state = self.lock();
        if state.mid_frame || state.library_owes {
            return 0;
        }
        let mut slices = [IoSlice::new(&[]); TOGETHER];
        let count = fill(&mut slices, frames.iter(), 0);
        let Some(slices) = slices.get(..count) else { return 0 };
        // An error is found by the task, which writes the same again.
        let taken = self.write_slices(&mut state, slices).unwrap_or(0);
        let mut left = taken;
        for frame in frames {
            if left < frame.len() {
                break;
            }
            left -= frame.len();
        }
        state.mid_frame = left > 0;
        taken
    }

    /// Writes frames, or the rest of one, for the connection's task. Not while [`Self::library_owes`].
    pub(crate) fn poll_write_frames(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match self.write_slices(&mut self.lock(), slices) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                taken => return Poll::Ready(taken),
            }
        }
    }

    /// Writes what the library has to say: all that it has, which may be the rest of something.
    pub(crate) fn poll_write_library(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            let mut state = self.lock();
            if state.mid_frame {
                // The task writes the rest of the frame, and has the library asked again then.
                return Poll::Pending;
            }
            match self.write_slices(&mut state, &[IoSlice::new(bytes)]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                taken => {
                    if let Ok(taken) = taken {
                        state.library_owes = taken < bytes.len();
                    }
                    return Poll::Ready(taken);
                }
            }
        }
    }
}

/// Lays frames out for one system call, the first from a place inside of it; the answer is how many.
pub(crate) fn fill<'a>(
    slices: &mut [IoSlice<'a>],
    frames: impl Iterator<Item = &'a Frame>,
    mut from: usize,
) -> usize {
    let mut count = 0;
    for (slice, frame) in slices.iter_mut().zip(frames) {
        *slice = IoSlice::new(frame.bytes.get(from..).unwrap_or_default());
        from = 0;
        count += 1;
    }
    count
}
