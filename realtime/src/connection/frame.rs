//! WebSocket frames as a server writes them (RFC 6455 §5.2).
//!
//! A server's frames carry no mask, so the very bytes of one frame serve every socket: header and message are put
//! together once and only referred to afterwards. Several events therefore go out as several frames of one write;
//! joining them into one frame would mean copying them for each socket.

use bytes::{BufMut, Bytes, BytesMut};
use protocol::codec::Encoding;

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

/// One WebSocket frame, ready to be written; clones share the bytes.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Header and message.
    pub(crate) bytes: Bytes,
    /// What may become of it.
    pub(crate) class: Class,
    /// When what it tells happened, in milliseconds since 1970; 0: not to be measured.
    pub(crate) at_ms: i64,
}

const FINAL: u8 = 0x80;
/// The opcodes of RFC 6455 §11.8.
pub(crate) mod opcode {
    pub(crate) const CONTINUATION: u8 = 0;
    pub(crate) const TEXT: u8 = 1;
    pub(crate) const BINARY: u8 = 2;
    pub(crate) const CLOSE: u8 = 8;
    pub(crate) const PING: u8 = 9;
    pub(crate) const PONG: u8 = 10;
}

impl Frame {
    /// A frame with messages of the client protocol.
    pub(crate) fn message(encoding: Encoding, class: Class, message: &[u8]) -> Self {
        let kind = if encoding.is_binary() { opcode::BINARY } else { opcode::TEXT };
        Self { bytes: frame(kind, message), class, at_ms: 0 }
    }

    /// The server's ping: an empty message.
    pub(crate) const fn ping(encoding: Encoding) -> Self {
        let bytes: &'static [u8] = match encoding {
            Encoding::Json => b"\x81\x02{}",
            Encoding::Protobuf => b"\x82\x01\x00",
            Encoding::MessagePack => b"\x82\x01\x80",
        };
        Self { bytes: Bytes::from_static(bytes), class: Class::Reply, at_ms: 0 }
    }

    /// The answer to a ping of RFC 6455, which proxies send.
    pub(crate) fn pong(data: &[u8]) -> Self {
        Self { bytes: frame(opcode::PONG, data), class: Class::Reply, at_ms: 0 }
    }

    /// The close frame.
    pub(crate) fn close(code: u16, reason: &str) -> Self {
        let mut data = Vec::with_capacity(2 + reason.len());
        data.extend_from_slice(&code.to_be_bytes());
        data.extend_from_slice(reason.as_bytes());
        Self { bytes: frame(opcode::CLOSE, &data), class: Class::Reply, at_ms: 0 }
    }

    /// The close frame without a code, which answers one without a code.
    pub(crate) const fn close_without_code() -> Self {
        Self { bytes: Bytes::from_static(b"\x88\x00"), class: Class::Reply, at_ms: 0 }
    }

    /// Bytes on the wire.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }
}

fn frame(kind: u8, data: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(10 + data.len());
    bytes.put_u8(FINAL | kind);
    match (u8::try_from(data.len()), u16::try_from(data.len())) {
        (Ok(length @ 0..=125), _) => bytes.put_u8(length),
        (_, Ok(length)) => {
            bytes.put_u8(126);
            bytes.put_u16(length);
        }
        _ => {
            bytes.put_u8(127);
            bytes.put_u64(u64::try_from(data.len()).unwrap_or(u64::MAX));
        }
    }
    bytes.put_slice(data);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use protocol::codec::{Encoding, encode_empty};

    use super::{Class, Frame};

    #[test]
    fn headers_by_length() {
        for (length, header) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 255, 255]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = Frame::message(Encoding::Json, Class::Event, &vec![b'x'; length]);
            assert_eq!(frame.bytes[..header.len()], header, "{length}");
            assert_eq!(frame.len(), header.len() + length);
        }
    }

    #[test]
    fn pings_are_the_empty_message_of_each_encoding() {
        for encoding in Encoding::ALL {
            let made = Frame::message(encoding, Class::Reply, &encode_empty(encoding));
            assert_eq!(Frame::ping(encoding).bytes, made.bytes);
        }
    }
}
