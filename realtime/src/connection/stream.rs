//! A TCP stream that counts what it has written, so that a slow peer can be told from a dead one.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// See the module.
#[derive(Debug)]
pub(crate) struct CountingStream {
    stream: TcpStream,
    written: u64,
}

impl CountingStream {
    pub(crate) const fn new(stream: TcpStream) -> Self {
        Self { stream, written: 0 }
    }

    /// Bytes that the kernel has taken so far.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }
}

impl AsyncRead for CountingStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for CountingStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let taken = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(taken)) = taken {
            self.written = self.written.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
        }
        taken
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let taken = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        if let Poll::Ready(Ok(taken)) = taken {
            self.written = self.written.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
        }
        taken
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
