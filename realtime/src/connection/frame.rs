//! Frames on their way out: encoded once, shared by every socket that gets them.
//!
//! Several events go out as several WebSocket frames of one write, not joined into one frame: joining would mean copying
//! them for each socket, since each has another set of events waiting.

use bytes::Bytes;
use protocol::codec::Encoding;
use protocol::codes::CloseCode;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// What may become of a frame when its socket cannot keep up (realtime.md §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Typing, viewer counts: may be dropped.
    Signal,
    /// Messages, money: never dropped; the socket is closed instead and recovers.
    Event,
    /// Answers: a client asks for them one at a time, so that one may exceed the bound of the queue.
    Reply,
}

/// One WebSocket frame to be written; clones share the bytes.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) message: Message,
    /// What may become of it.
    pub(crate) class: Class,
    /// When what it tells happened, in milliseconds since 1970; 0: not to be measured.
    pub(crate) at_ms: i64,
    /// While it waits, a newer frame with the same key takes its place; 0: none does.
    pub(crate) conflation: u64,
}

impl Frame {
    /// A frame with messages of the client protocol.
    pub(crate) fn message(encoding: Encoding, class: Class, message: Bytes) -> Self {
        let message = if encoding.is_binary() {
            Message::Binary(message)
        } else {
            // JSON that we wrote is UTF-8; were it not, a binary frame would be refused by the client, visibly.
            Utf8Bytes::try_from(message.clone()).map_or(Message::Binary(message), Message::Text)
        };
        Self { message, class, at_ms: 0, conflation: 0 }
    }

    /// The server's ping: an empty message.
    pub(crate) const fn ping(encoding: Encoding) -> Self {
        let message = match encoding {
            Encoding::Json => Message::Text(Utf8Bytes::from_static("{}")),
            Encoding::Protobuf => Message::Binary(Bytes::from_static(&[0x00])),
            Encoding::MessagePack => Message::Binary(Bytes::from_static(&[0x80])),
        };
        Self { message, class: Class::Reply, at_ms: 0, conflation: 0 }
    }

    /// The close frame.
    pub(crate) fn close(code: CloseCode) -> Self {
        let frame = CloseFrame { code: code.code().into(), reason: Utf8Bytes::from_static(code.reason()) };
        Self { message: Message::Close(Some(frame)), class: Class::Reply, at_ms: 0, conflation: 0 }
    }

    /// Bytes that it takes up while it waits (the header, of at most ten bytes, is not counted).
    pub(crate) fn len(&self) -> usize {
        self.message.len()
    }
}

#[cfg(test)]
mod tests {
    use protocol::codec::{Encoding, encode_empty};
    use tokio_tungstenite::tungstenite::Message;

    use super::{Class, Frame};

    #[test]
    fn pings_are_the_empty_message_of_each_encoding_and_only_json_is_text() {
        for encoding in Encoding::ALL {
            let made = Frame::message(encoding, Class::Reply, encode_empty(encoding));
            assert_eq!(Frame::ping(encoding).message, made.message);
            assert_eq!(matches!(made.message, Message::Text(_)), encoding == Encoding::Json);
        }
    }
}
