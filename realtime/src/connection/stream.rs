//! A TCP stream with two writers that never get between each other's frames: the hub writes frames that it has encoded
//! once for everybody, and the library answers pings and closes by itself. It counts what it has written, so that a slow
//! peer can be told from a dead one.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// See the module. Written to as [`AsyncWrite`] by the library, through [`Self::poll_write_frames`] by the hub.
#[derive(Debug)]
pub(crate) struct WireStream {
    stream: TcpStream,
    written: u64,
    /// The kernel has the beginning of one of the hub's frames and not its end.
    mid_frame: bool,
    /// The same of what the library writes.
    library_owes: bool,
}

impl WireStream {
    pub(crate) const fn new(stream: TcpStream) -> Self {
        Self { stream, written: 0, mid_frame: false, library_owes: false }
    }

    /// Bytes that the kernel has taken so far.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    /// Whether the library has to finish first; flushing it does.
    pub(crate) const fn library_owes(&self) -> bool {
        self.library_owes
    }

    /// Writes frames, or the rest of one. Not while [`Self::library_owes`].
    pub(crate) fn poll_write_frames(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let taken = match slices {
            [one] => Pin::new(&mut self.stream).poll_write(cx, one),
            several => Pin::new(&mut self.stream).poll_write_vectored(cx, several),
        };
        self.count(&taken);
        taken
    }

    /// Says whether what was written so far ends inside of a frame.
    pub(crate) const fn set_mid_frame(&mut self, mid_frame: bool) {
        self.mid_frame = mid_frame;
    }

    fn count(&mut self, taken: &Poll<Result<usize>>) {
        if let Poll::Ready(Ok(taken)) = taken {
            self.written = self.written.saturating_add(u64::try_from(*taken).unwrap_or(u64::MAX));
        }
    }
}

impl AsyncRead for WireStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for WireStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        if self.mid_frame {
            // The task is woken when the rest of the frame can be written, and the library asked again then.
            return Poll::Pending;
        }
        let taken = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.count(&taken);
        if let Poll::Ready(Ok(taken)) = taken {
            // It always writes everything that it has.
            self.library_owes = taken < bytes.len();
        }
        taken
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
