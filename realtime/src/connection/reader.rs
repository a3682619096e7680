//! Bytes from a socket → WebSocket messages, as a server reads them (RFC 6455 §5). Whatever comes, it never panics.
//!
//! Reads go into one buffer that all sockets of a thread share; a socket owns memory for incoming bytes only while a
//! frame has arrived in part. (With a buffer of its own, each idle socket would cost some KB more.)

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::frame::opcode;

/// One read takes at most so much.
const CHUNK: usize = 16 * 1024;

thread_local! {
    static SHARED: RefCell<Vec<u8>> = RefCell::new(vec![0; CHUNK]);
}

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Inbound<'a> {
    /// A whole message.
    Message {
        /// In a binary frame rather than a text frame.
        binary: bool,
        /// Its bytes; text is not checked for UTF-8, which the JSON decoder does.
        data: &'a [u8],
    },
    /// A ping of RFC 6455.
    Ping(&'a [u8]),
    /// A pong of RFC 6455.
    Pong,
    /// The peer closes, with its code.
    Close(Option<u16>),
}

/// What RFC 6455 or our limit forbids: closed with 3501.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("a frame uses reserved bits")]
    Reserved,
    #[error("a client's frame must be masked")]
    Unmasked,
    #[error("a message is too large")]
    TooLarge,
    #[error("a control frame is fragmented or too long")]
    Control,
    #[error("an unknown opcode")]
    Opcode,
    #[error("a continuation without a beginning, or a message within a message")]
    Sequence,
}

/// What one read brought.
pub(crate) enum Read {
    /// Some bytes, which were taken in.
    Some,
    /// The peer has ended its side.
    End,
    /// The peer broke a rule.
    Violation(Violation),
}

/// The state between two reads.
#[derive(Debug)]
pub(crate) struct FrameReader {
    /// The beginning of a frame whose rest has not come yet.
    partial: Vec<u8>,
    /// The fragments so far of a message, and whether it is binary.
    message: Option<(bool, Vec<u8>)>,
    /// Largest message in bytes.
    largest: usize,
}

struct Head {
    last: bool,
    kind: u8,
    mask: [u8; 4],
    start: usize,
    end: usize,
}

impl FrameReader {
    pub(crate) const fn new(largest: usize) -> Self {
        Self { partial: Vec::new(), message: None, largest }
    }

    /// Reads once from the socket and hands over every message that is complete, until `each` wants no more.
    pub(crate) fn poll_read(
        &mut self,
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
        mut each: impl FnMut(Inbound<'_>) -> bool,
    ) -> Poll<std::io::Result<Read>> {
        SHARED.with_borrow_mut(|chunk| {
            let mut buffer = ReadBuf::new(chunk);
            ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
            let bytes = buffer.filled_mut();
            if bytes.is_empty() {
                return Poll::Ready(Ok(Read::End));
            }
            Poll::Ready(Ok(match self.take_in(bytes, &mut each) {
                Ok(()) => Read::Some,
                Err(violation) => Read::Violation(violation),
            }))
        })
    }

    /// Takes in what one read brought.
    fn take_in(
        &mut self,
        bytes: &mut [u8],
        each: &mut impl FnMut(Inbound<'_>) -> bool,
    ) -> Result<(), Violation> {
        if self.partial.is_empty() {
            let used = self.scan(bytes, each)?;
            self.partial.extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            let mut joined = std::mem::take(&mut self.partial);
            joined.extend_from_slice(bytes);
            let used = self.scan(&mut joined, each)?;
            joined.drain(..used);
            if !joined.is_empty() {
                self.partial = joined;
            }
        }
        Ok(())
    }

    /// Hands over complete messages; the answer is how many bytes are done with.
    fn scan(
        &mut self,
        bytes: &mut [u8],
        each: &mut impl FnMut(Inbound<'_>) -> bool,
    ) -> Result<usize, Violation> {
        let mut used = 0;
        while let Some(rest) = bytes.get_mut(used..)
            && let Some(head) = read_head(rest, self.largest)?
            && let Some(data) = rest.get_mut(head.start..head.end)
        {
            used += head.end;
            unmask(data, head.mask);
            if !self.frame(&head, data, each)? {
                return Ok(bytes.len());
            }
        }
        Ok(used)
    }

    fn frame(
        &mut self,
        head: &Head,
        data: &[u8],
        each: &mut impl FnMut(Inbound<'_>) -> bool,
    ) -> Result<bool, Violation> {
        match (head.kind, self.message.take()) {
            (opcode::TEXT | opcode::BINARY, None) => {
                let binary = head.kind == opcode::BINARY;
                if head.last {
                    return Ok(each(Inbound::Message { binary, data }));
                }
                self.message = Some((binary, data.to_vec()));
                Ok(true)
            }
            (opcode::CONTINUATION, Some((binary, mut message))) => {
                if message.len().saturating_add(data.len()) > self.largest {
                    return Err(Violation::TooLarge);
                }
                message.extend_from_slice(data);
                if head.last {
                    return Ok(each(Inbound::Message { binary, data: &message }));
                }
                self.message = Some((binary, message));
                Ok(true)
            }
            (opcode::TEXT | opcode::BINARY, Some(_)) | (opcode::CONTINUATION, None) => {
                Err(Violation::Sequence)
            }
            // Control frames may stand between the fragments of a message.
            (kind, message) => {
                self.message = message;
                match kind {
                    opcode::PING => Ok(each(Inbound::Ping(data))),
                    opcode::PONG => Ok(each(Inbound::Pong)),
                    opcode::CLOSE => {
                        let code = data.first_chunk::<2>().map(|code| u16::from_be_bytes(*code));
                        Ok(each(Inbound::Close(code)))
                    }
                    _ => Err(Violation::Opcode),
                }
            }
        }
    }
}

/// Reads a frame's header; `None`: there is more of it to come.
fn read_head(bytes: &[u8], largest: usize) -> Result<Option<Head>, Violation> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let (last, kind) = (first & 0x80 != 0, first & 0x0f);
    if first & 0x70 != 0 {
        return Err(Violation::Reserved);
    }
    if second & 0x80 == 0 {
        return Err(Violation::Unmasked);
    }
    let (length, extended) = match second & 0x7f {
        126 => match rest.first_chunk::<2>() {
            Some(length) => (usize::from(u16::from_be_bytes(*length)), 2),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(length) => (usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX), 8),
            None => return Ok(None),
        },
        length => (usize::from(length), 0),
    };
    if kind >= opcode::CLOSE && (!last || length > 125) {
        return Err(Violation::Control);
    }
    if length > largest {
        return Err(Violation::TooLarge);
    }
    let Some(mask) = rest.get(extended..).and_then(<[u8]>::first_chunk::<4>) else { return Ok(None) };
    let start = 2 + extended + 4;
    Ok(Some(Head { last, kind, mask: *mask, start, end: start + length }))
}

fn unmask(data: &mut [u8], mask: [u8; 4]) {
    let word = u32::from_ne_bytes(mask);
    let (words, rest) = data.as_chunks_mut::<4>();
    for bytes in words {
        *bytes = (u32::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::{FrameReader, Inbound, Violation};

    /// A client's frame.
    fn frame(first: u8, data: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 250];
        let mut bytes = vec![first];
        match data.len() {
            0..=125 => bytes.push(0x80 | u8::try_from(data.len()).unwrap()),
            126..=65_535 => {
                bytes.push(0x80 | 126);
                bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            }
            _ => {
                bytes.push(0x80 | 127);
                bytes.extend(u64::try_from(data.len()).unwrap().to_be_bytes());
            }
        }
        bytes.extend(mask);
        bytes.extend(data.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    /// Everything read from bytes that come in pieces.
    fn read(bytes: &[u8], piece: usize) -> (Vec<String>, Result<(), Violation>, FrameReader) {
        let mut reader = FrameReader::new(1000);
        let mut heard = Vec::new();
        for piece in bytes.chunks(piece) {
            let outcome = reader.take_in(&mut piece.to_vec(), &mut |inbound| {
                heard.push(match inbound {
                    Inbound::Message { binary, data } => format!("{binary} {}", String::from_utf8_lossy(data)),
                    Inbound::Ping(data) => format!("ping {}", String::from_utf8_lossy(data)),
                    Inbound::Pong => "pong".to_owned(),
                    Inbound::Close(code) => format!("close {code:?}"),
                });
                true
            });
            if outcome.is_err() {
                return (heard, outcome, reader);
            }
        }
        (heard, Ok(()), reader)
    }

    #[test]
    fn messages_come_out_however_the_bytes_are_cut() {
        let long = "x".repeat(300);
        let mut bytes = frame(0x81, b"one");
        bytes.extend(frame(0x01, b"tw"));
        bytes.extend(frame(0x89, b"hello?"));
        bytes.extend(frame(0x00, b""));
        bytes.extend(frame(0x80, b"o"));
        bytes.extend(frame(0x82, long.as_bytes()));
        bytes.extend(frame(0x8a, b""));
        bytes.extend(frame(0x88, &[0x0b, 0xb9, b'b']));
        bytes.extend(frame(0x88, b""));
        for piece in [1, 2, 3, 7, 64, 10_000] {
            let (heard, outcome, reader) = read(&bytes, piece);
            assert_eq!(outcome, Ok(()));
            let long = format!("true {long}");
            let all = ["false one", "ping hello?", "false two", &long, "pong", "close Some(3001)", "close None"];
            assert_eq!(heard, all, "in pieces of {piece}");
            assert!(reader.partial.is_empty() && reader.partial.capacity() == 0 && reader.message.is_none());
        }
    }

    #[test]
    fn what_the_standard_forbids_is_refused() {
        for (bytes, violation) in [
            (vec![0xc1, 0x80], Violation::Reserved),
            (vec![0x81, 0x03], Violation::Unmasked),
            (frame(0x81, &[b'x'; 1001]), Violation::TooLarge),
            (vec![0x81, 0xff, 255, 255, 255, 255, 255, 255, 255, 255], Violation::TooLarge),
            (frame(0x09, b""), Violation::Control),
            (frame(0x89, &[b'x'; 126]), Violation::Control),
            (frame(0x83, b""), Violation::Opcode),
            (frame(0x8b, b""), Violation::Opcode),
            (frame(0x80, b""), Violation::Sequence),
            ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), Violation::Sequence),
            ([frame(0x01, &[b'a'; 600]), frame(0x80, &[b'b'; 600])].concat(), Violation::TooLarge),
        ] {
            assert_eq!(read(&bytes, 5).1, Err(violation), "{bytes:?}");
        }
    }

    #[test]
    fn noise_never_panics() {
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            let mut bytes = Vec::new();
            for _ in 0..24 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                bytes.push(u8::try_from(seed >> 56).unwrap());
            }
            drop(read(&bytes, 9));
        }
    }
}
