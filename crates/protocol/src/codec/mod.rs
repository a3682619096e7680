//! Frames to messages and back, in the three encodings of realtime.md §1.
//!
//! Decoding takes what any peer may send: it never panics, allocates no more than a small multiple of the frame's length, and
//! says of every command it cannot read whether a reply can name it.

use bytes::Bytes;

use crate::frame::{Command, Push, Reply, Request, ServerMessage};

mod id;
mod json;
mod messagepack;
mod payload;
pub(crate) mod protobuf;
pub(crate) mod wire;

pub use payload::{MAX_DEPTH, Payload, PayloadError};

/// How messages are written on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Text frames, messages joined with a line feed.
    Json,
    /// Binary frames, each message after its length.
    Protobuf,
    /// Binary frames, maps one after the other.
    MessagePack,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 3] = [Self::Json, Self::Protobuf, Self::MessagePack];

    /// The encoding that a WebSocket subprotocol stands for; none asks for JSON. `None`: not one of ours.
    #[must_use]
    pub fn from_subprotocol(subprotocol: Option<&str>) -> Option<Self> {
        match subprotocol {
            None | Some("centrifuge-json") => Some(Self::Json),
            Some("centrifuge-protobuf") => Some(Self::Protobuf),
            Some("majlis-msgpack") => Some(Self::MessagePack),
            Some(_) => None,
        }
    }

    /// The name in `Sec-WebSocket-Protocol`.
    #[must_use]
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "centrifuge-json",
            Self::Protobuf => "centrifuge-protobuf",
            Self::MessagePack => "majlis-msgpack",
        }
    }

    /// Whether frames are binary rather than text.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        !matches!(self, Self::Json)
    }
}

/// A message that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct DecodeError {
    /// The command's id where it could be read, above 0: answer with error 107. `None`: close with 3501.
    pub id: Option<u32>,
    /// What is wrong with it.
    #[source]
    pub problem: Problem,
}

/// What is wrong with a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A frame without a message.
    #[error("the frame is empty")]
    Empty,
    /// The frame ends within a message.
    #[error("the frame ends within a message")]
    Truncated,
    /// Arrays and objects in one another beyond any message's need.
    #[error("nested too deeply")]
    TooDeep,
    /// The message is not an object.
    #[error("a message is an object")]
    NotAnObject,
    /// Not JSON, or not of the message's shape.
    #[error("malformed JSON message")]
    Json(#[source] serde_json::Error),
    /// Not Protobuf, or not of the message's shape.
    #[error("malformed Protobuf message")]
    Protobuf(#[source] prost::DecodeError),
    /// Not MessagePack, or not of the message's shape.
    #[error("malformed MessagePack message")]
    MessagePack(#[source] rmp_serde::decode::Error),
    /// A byte that begins no MessagePack value.
    #[error("no MessagePack value begins with this byte")]
    Marker,
    /// A payload that is not JSON.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// No request (result, push) that we know.
    #[error("no known request in the message")]
    NoMember,
    /// More than one request (result, push).
    #[error("several requests in one message")]
    SeveralMembers,
    /// A request that needs an id and has none.
    #[error("the request has no id")]
    NoId,
}

/// A message of ours that cannot be written: a payload field was filled with something else than a [`Payload`].
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// JSON.
    #[error("a message cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// Protobuf.
    #[error("a message cannot be written as Protobuf")]
    Protobuf(#[from] prost::EncodeError),
    /// MessagePack.
    #[error("a message cannot be written as MessagePack")]
    MessagePack(#[from] rmp_serde::encode::Error),
    /// Writing to memory.
    #[error("a message cannot be written to memory")]
    Io(#[from] std::io::Error),
}

/// One message cut out of a frame, before it is understood: the message, or what could be told of its id.
type Cut<T> = Option<Result<T, DecodeError>>;

/// The commands of one frame, in their order. Ends after the first error without an id, and after the first one that hides
/// where the next command begins.
#[derive(Debug)]
pub struct Commands<'a> {
    encoding: Encoding,
    rest: &'a [u8],
    begun: bool,
}

/// Reads the commands of one frame. An empty frame is one error.
#[must_use]
pub fn decode_commands(encoding: Encoding, frame: &[u8]) -> Commands<'_> {
    Commands { encoding, rest: frame, begun: false }
}

impl Iterator for Commands<'_> {
    type Item = Result<Command, DecodeError>;

    fn next(&mut self) -> Cut<Command> {
        let item = match self.encoding {
            Encoding::Json => json::next_command(&mut self.rest),
            Encoding::Protobuf => protobuf::next_command(&mut self.rest),
            Encoding::MessagePack => messagepack::next_command(&mut self.rest),
        };
        let item =
            item.or_else(|| (!self.begun).then_some(Err(DecodeError { id: None, problem: Problem::Empty })));
        self.begun = true;
        if let Some(Err(DecodeError { id: None, .. })) = &item {
            self.rest = &[];
        }
        item
    }
}

/// The rules that all encodings share, once the members of a command are known.
fn finish_command(id: u32, member: Result<Option<Request>, Problem>) -> Result<Command, DecodeError> {
    let named = (id > 0).then_some(id);
    match member {
        Ok(None) if id == 0 => Ok(Command { id, request: Request::Empty }),
        Ok(None) => Err(DecodeError { id: named, problem: Problem::NoMember }),
        Ok(Some(Request::Send(send))) => Ok(Command { id, request: Request::Send(send) }),
        Ok(Some(_)) if id == 0 => Err(DecodeError { id: None, problem: Problem::NoId }),
        Ok(Some(request)) => Ok(Command { id, request }),
        Err(problem) => Err(DecodeError { id: named, problem }),
    }
}

/// Reads the messages of one frame from a server, for the load tester and the self-check. Ends after the first error.
#[must_use]
pub fn decode_replies(encoding: Encoding, frame: &[u8]) -> Vec<Result<ServerMessage, DecodeError>> {
    let mut rest = frame;
    let mut messages = Vec::new();
    loop {
        let next = match encoding {
            Encoding::Json => json::next_reply(&mut rest),
            Encoding::Protobuf => protobuf::next_reply(&mut rest),
            Encoding::MessagePack => messagepack::next_reply(&mut rest),
        };
        let Some(next) = next else { break };
        let failed = next.is_err();
        messages.push(next);
        if failed {
            break;
        }
    }
    messages
}

/// The rules that all encodings share, once the members of a server's message are known.
fn finish_reply(mut members: crate::frame::ReplyMembers) -> Result<ServerMessage, DecodeError> {
    let id = members.id;
    let fail = |problem| DecodeError { id: (id > 0).then_some(id), problem };
    let answer = members.take_member().map_err(fail)?;
    match (members.error, members.push, answer) {
        (None, None, None) if id == 0 => Ok(ServerMessage::Ping),
        (Some(error), None, None) => Ok(ServerMessage::Reply(Reply { id, outcome: Err(error) })),
        (None, None, Some(answer)) => Ok(ServerMessage::Reply(Reply { id, outcome: Ok(answer) })),
        (None, Some(mut push), None) => {
            let body = push.take_member().map_err(fail)?.ok_or_else(|| fail(Problem::NoMember))?;
            Ok(ServerMessage::Push(Push { channel: push.channel, body }))
        }
        (None, None, None) => Err(fail(Problem::NoMember)),
        _ => Err(fail(Problem::SeveralMembers)),
    }
}

/// Writes a command (the client's side).
///
/// # Errors
/// A payload field that holds no JSON.
pub fn encode_command(encoding: Encoding, command: &Command) -> Result<Bytes, EncodeError> {
    match encoding {
        Encoding::Json => json::encode(command),
        Encoding::Protobuf => protobuf::encode_command(command),
        Encoding::MessagePack => messagepack::encode(command),
    }
}

/// Writes a reply.
///
/// # Errors
/// A payload field that holds no JSON.
pub fn encode_reply(encoding: Encoding, reply: &Reply) -> Result<Bytes, EncodeError> {
    match encoding {
        Encoding::Json => json::encode(reply),
        Encoding::Protobuf => protobuf::encode_reply(reply),
        Encoding::MessagePack => messagepack::encode(reply),
    }
}

/// What wraps a push: a reply without an id.
#[derive(serde::Serialize)]
struct PushFrame<'a, T> {
    push: &'a T,
}

/// Writes a push of any kind; for plain publications see [`encode_publication_push`].
///
/// # Errors
/// A payload field that holds no JSON.
pub fn encode_push(encoding: Encoding, push: &Push) -> Result<Bytes, EncodeError> {
    match encoding {
        Encoding::Json => json::encode(&PushFrame { push }),
        Encoding::Protobuf => protobuf::encode_push(push),
        Encoding::MessagePack => messagepack::encode(&PushFrame { push }),
    }
}

/// Writes one event of a channel: the hot path, run once for each encoding in use. One allocation of the right size in JSON
/// and Protobuf; in MessagePack the payload's values besides. `offset` 0: the channel keeps nothing.
///
/// # Errors
/// None that a [`Payload`] can cause.
pub fn encode_publication_push(
    encoding: Encoding,
    channel: &str,
    data: &Payload,
    offset: u64,
) -> Result<Bytes, EncodeError> {
    match encoding {
        Encoding::Json => json::encode_publication_push(channel, data, offset),
        Encoding::Protobuf => protobuf::encode_publication_push(channel, data, offset),
        Encoding::MessagePack => messagepack::encode_publication_push(channel, data, offset),
    }
}

/// The server's ping and the client's answer to it: the empty message.
#[must_use]
pub fn encode_empty(encoding: Encoding) -> Bytes {
    match encoding {
        Encoding::Json => Bytes::from_static(b"{}"),
        Encoding::Protobuf => Bytes::from_static(&[0]),
        Encoding::MessagePack => Bytes::from_static(&[0x80]),
    }
}

/// What stands between two messages of one frame.
#[must_use]
pub const fn separator(encoding: Encoding) -> &'static [u8] {
    match encoding {
        Encoding::Json => b"\n",
        Encoding::Protobuf | Encoding::MessagePack => b"",
    }
}

/// One frame's body out of encoded messages; a single one is not copied.
#[must_use]
pub fn join(encoding: Encoding, messages: &[Bytes]) -> Bytes {
    match messages {
        [single] => single.clone(),
        _ => Bytes::from(messages.join(separator(encoding))),
    }
}
