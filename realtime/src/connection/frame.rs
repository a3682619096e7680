//! Frames on their way out: WebSocket frames, header and all, encoded once and shared by every socket that gets them.
//!
//! What one read from Redis brought to a channel travels as one [`Frame`] of several WebSocket frames ([`join`]): made once
//! for all its listeners, queued and written by each of them as one piece.

use bytes::{BufMut, Bytes, BytesMut};
use protocol::codec::Encoding;
use protocol::codes::CloseCode;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// What may become of a frame when its socket cannot keep up (realtime.md §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Typing, viewer counts: may be dropped.
    Signal,
    /// Messages, money: never dropped; the socket is closed instead and recovers.
    Event,
    /// Answers: a client asks for them one at a time, so that one may exceed the bound of the queue.
    Reply,
    /// The end of a frame whose beginning is written: always the next, whatever else becomes of the connection.
    Rest,
}

/// One WebSocket frame to be written, or several of the same fate; clones share the bytes.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// What goes over the wire.
    pub(crate) bytes: Bytes,
    /// How many WebSocket frames there are in it.
    pub(crate) count: u32,
    /// What may become of it.
    pub(crate) class: Class,
    /// When what it tells happened, in milliseconds since 1970; 0: not to be measured.
    pub(crate) at_ms: i64,
    /// While it waits, a newer frame with the same key takes its place; 0: none does.
    pub(crate) conflation: u64,
}

/// Most bytes that [`join`] puts together: beyond that a write costs by the byte, and a slow socket should be able to
/// stop between them.
const JOINED: usize = 16 * 1024;

impl Frame {
    /// A frame with messages of the client protocol.
    pub(crate) fn message(encoding: Encoding, class: Class, message: &[u8]) -> Self {
        let kind = if encoding.is_binary() { Data::Binary } else { Data::Text };
        Self::whole(OpCode::Data(kind), class, message)
    }

    /// The server's ping: an empty message.
    pub(crate) const fn ping(encoding: Encoding) -> Self {
        // 0x81 is a whole text frame, 0x82 a whole binary one; the length follows.
        let frame: &[u8] = match encoding {
            Encoding::Json => &[0x81, 2, b'{', b'}'],
            Encoding::Protobuf => &[0x82, 1, 0x00],
            Encoding::MessagePack => &[0x82, 1, 0x80],
        };
        Self { bytes: Bytes::from_static(frame), count: 1, class: Class::Reply, at_ms: 0, conflation: 0 }
    }

    /// The close frame.
    pub(crate) fn close(code: CloseCode) -> Self {
        let mut said = Vec::with_capacity(code.reason().len().saturating_add(2));
        said.extend_from_slice(&code.code().to_be_bytes());
        said.extend_from_slice(code.reason().as_bytes());
        Self::whole(OpCode::Control(Control::Close), Class::Reply, &said)
    }

    fn whole(opcode: OpCode, class: Class, payload: &[u8]) -> Self {
        let header = FrameHeader { opcode, ..FrameHeader::default() };
        let length = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        let mut bytes = BytesMut::with_capacity(header.len(length).saturating_add(payload.len()));
        let written = header.format(length, &mut (&mut bytes).writer());
        debug_assert!(written.is_ok(), "memory takes every header");
        bytes.extend_from_slice(payload);
        Self { bytes: bytes.freeze(), count: 1, class, at_ms: 0, conflation: 0 }
    }

    /// Bytes that it takes up while it waits.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What is left of it after so many bytes.
    pub(crate) fn rest(&self, written: usize) -> Self {
        Self {
            bytes: self.bytes.slice(written.min(self.len())..),
            class: Class::Rest,
            conflation: 0,
            ..*self
        }
    }

    /// Whether others may stand in one piece with it: events, which are all written or none.
    fn joins(&self) -> bool {
        self.class == Class::Event && self.conflation == 0
    }
}

/// Joins neighbouring events to pieces of at most 16 KiB, in their order. The time of a piece is that of its
/// first event, which has waited longest.
pub(crate) fn join(frames: &[Frame]) -> Vec<Frame> {
    let mut joined: Vec<Frame> = Vec::new();
    let mut rest = frames;
    while let Some(first) = rest.first() {
        let mut bytes = first.len();
        let fits = |frame: &&Frame| {
            bytes = bytes.saturating_add(frame.len());
            frame.joins() && bytes <= JOINED
        };
        let more = if first.joins() { rest.iter().skip(1).take_while(fits).count() } else { 0 };
        let (piece, others) = rest.split_at(more.saturating_add(1).min(rest.len()));
        joined.push(match piece {
            [_, _, ..] => {
                let bytes: Vec<u8> = piece.iter().flat_map(|frame| frame.bytes.iter().copied()).collect();
                let count = piece.iter().map(|frame| frame.count).sum();
                Frame { bytes: bytes.into(), count, ..first.clone() }
            }
            _ => first.clone(),
        });
        rest = others;
    }
    joined
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;

    use protocol::codec::{Encoding, encode_empty};
    use protocol::codes::CloseCode;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};

    use super::{Class, Frame, join};

    /// What a client's library makes of bytes.
    pub(crate) fn read(bytes: &[u8]) -> Vec<Message> {
        let mut client = WebSocket::from_raw_socket(Cursor::new(bytes.to_vec()), Role::Client, None);
        std::iter::from_fn(|| client.read().ok()).collect()
    }

    /// The text messages of a frame.
    pub(crate) fn texts(frame: &Frame) -> Vec<String> {
        read(&frame.bytes).into_iter().map(|message| message.into_text().unwrap().to_string()).collect()
    }

    #[test]
    fn pings_are_the_empty_message_of_each_encoding_and_only_json_is_text() {
        for encoding in Encoding::ALL {
            let made = Frame::message(encoding, Class::Reply, &encode_empty(encoding));
            assert_eq!(Frame::ping(encoding).bytes, made.bytes);
            let is_text = matches!(read(&made.bytes).as_slice(), [Message::Text(_)]);
            assert_eq!(is_text, encoding == Encoding::Json);
        }
    }

    #[test]
    fn frames_of_every_length_are_read_by_a_client_library() {
        for length in [0, 1, 125, 126, 65_535, 65_536, 200_000] {
            let text = "x".repeat(length);
            let frame = Frame::message(Encoding::Json, Class::Event, text.as_bytes());
            assert_eq!(read(&frame.bytes), [Message::text(text)], "{length}");
        }
        let close = Frame::close(CloseCode::Slow);
        let [Message::Close(Some(frame))] = &*read(&close.bytes) else { panic!("no close frame") };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (3008, CloseCode::Slow.reason()));
    }

    #[test]
    fn neighbouring_events_are_joined_up_to_a_bound_and_signals_stand_alone() {
        let event = |text: &str, at_ms| Frame {
            at_ms,
            ..Frame::message(Encoding::Json, Class::Event, text.as_bytes())
        };
        let signal = Frame { conflation: 7, ..Frame::message(Encoding::Json, Class::Signal, b"s") };
        let large = "l".repeat(15_000);
        let frames = vec![
            event("a", 1),
            event("b", 2),
            signal.clone(),
            signal,
            event("c", 3),
            event(&large, 4),
            event(&large, 5),
        ];
        let joined = join(&frames);
        let shape: Vec<_> = joined.iter().map(|frame| (frame.count, frame.class, frame.at_ms)).collect();
        assert_eq!(
            shape,
            [
                (2, Class::Event, 1),
                (1, Class::Signal, 0),
                (1, Class::Signal, 0),
                (2, Class::Event, 3),
                (1, Class::Event, 5)
            ]
        );
        let all = |frames: &[Frame]| frames.iter().flat_map(|frame| read(&frame.bytes)).collect::<Vec<_>>();
        assert_eq!(all(&joined), all(&frames));
    }
}
