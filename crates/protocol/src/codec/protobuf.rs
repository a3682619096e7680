//! Protobuf frames: each message after its length as a varint; payloads are JSON text in `bytes` fields.

use bytes::{Buf, Bytes};
use prost::Message;

use super::{Cut, DecodeError, EncodeError, Payload, Problem, ServerMessage, finish_command, finish_reply};
use crate::frame::{Command, CommandMembers, Push, Reply, ReplyMembers};

/// Low three bits of a key: the kinds of field that our messages have.
const VARINT: u8 = 0;
const LENGTH_DELIMITED: u8 = 2;
/// Fields of `Reply` and `Command` besides the members.
const ID: u8 = 1;
const ERROR: u8 = 2;
const PUSH: u8 = 4;
/// Fields of `Push` and `Publication`.
const CHANNEL: u8 = 2;
const PUBLICATION: u8 = 4;
const DATA: u8 = 4;
const OFFSET: u8 = 6;

/// A key of one byte, which every field numbered up to 15 has.
const fn key(field: u8, kind: u8) -> u8 {
    field << 3 | kind
}

fn varint_len(number: u64) -> usize {
    // Seven bits a byte.
    let bits = u64::BITS - (number | 1).leading_zeros();
    usize::try_from(bits.div_ceil(7)).unwrap_or(10)
}

fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or(0));
}

/// The length in bytes of a delimited field: key, length, content.
fn delimited_len(content: usize) -> usize {
    1 + prost::length_delimiter_len(content) + content
}

fn put_delimited(field: u8, content: &[u8], out: &mut Vec<u8>) -> Result<(), prost::EncodeError> {
    out.push(key(field, LENGTH_DELIMITED));
    prost::encode_length_delimiter(content.len(), out)?;
    out.extend_from_slice(content);
    Ok(())
}

/// The length in bytes of a message as a field.
pub(crate) fn nested_len(message: &impl Message) -> usize {
    delimited_len(message.encoded_len())
}

/// Writes a message as a field.
pub(crate) fn put_nested(
    field: u8,
    message: &impl Message,
    out: &mut Vec<u8>,
) -> Result<(), prost::EncodeError> {
    out.push(key(field, LENGTH_DELIMITED));
    message.encode_length_delimited(out)
}

/// The message at the beginning of a frame, and what follows it.
fn cut<'a>(rest: &mut &'a [u8]) -> Option<Result<&'a [u8], DecodeError>> {
    if rest.is_empty() {
        return None;
    }
    let mut after = *rest;
    let len = prost::decode_length_delimiter(&mut after);
    let cut = match len {
        Ok(len) => after
            .split_at_checked(len)
            .ok_or_else(|| DecodeError { id: id_in(after), problem: Problem::Truncated }),
        Err(error) => Err(DecodeError { id: None, problem: Problem::Protobuf(error) }),
    };
    *rest = cut.as_ref().map_or([].as_slice(), |(_, after)| after);
    Some(cut.map(|(message, _)| message))
}

/// The id of a command that could not be read as a whole: looks at the fields up to the id or the damage.
fn id_in(mut message: &[u8]) -> Option<u32> {
    while message.has_remaining() {
        let key = varint(&mut message)?;
        match key & 7 {
            0 => {
                let number = varint(&mut message)?;
                if key >> 3 == u64::from(ID) {
                    // Protobuf cuts a longer number down to the field's width; an id that does not fit is none.
                    return u32::try_from(number).ok().filter(|id| *id > 0);
                }
            }
            1 => message = message.get(8..)?,
            2 => {
                let len = usize::try_from(varint(&mut message)?).ok()?;
                message = message.get(len..)?;
            }
            5 => message = message.get(4..)?,
            _ => return None,
        }
    }
    None
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn read<T: Message + Default>(message: &[u8]) -> Result<T, DecodeError> {
    T::decode(message).map_err(|error| DecodeError { id: id_in(message), problem: Problem::Protobuf(error) })
}

pub(super) fn next_command(rest: &mut &[u8]) -> Cut<Command> {
    let members = cut(rest)?.and_then(read::<CommandMembers>);
    Some(members.and_then(|mut members| {
        let mut command = finish_command(members.id, members.take_member())?;
        let id = (command.id > 0).then_some(command.id);
        for payload in command.request.payloads_mut() {
            check(payload).map_err(|problem| DecodeError { id, problem })?;
        }
        Ok(command)
    }))
}

/// Protobuf's `bytes` may hold anything; ours hold JSON. The value null means absent, as in the other encodings.
fn check(payload: &mut Bytes) -> Result<(), Problem> {
    if !payload.is_empty() {
        let checked = Payload::from_json(std::mem::take(payload))?;
        if checked.as_bytes() != b"null" {
            *payload = checked.into_bytes();
        }
    }
    Ok(())
}

pub(super) fn next_reply(rest: &mut &[u8]) -> Cut<ServerMessage> {
    Some(cut(rest)?.and_then(read::<ReplyMembers>).and_then(finish_reply))
}

/// Begins a message: its length, then its id unless that is 0.
fn begin(id: u32, content: usize) -> Result<Vec<u8>, EncodeError> {
    let id = u64::from(id);
    let len = content + if id > 0 { 1 + varint_len(id) } else { 0 };
    let mut out = Vec::with_capacity(prost::length_delimiter_len(len) + len);
    prost::encode_length_delimiter(len, &mut out)?;
    if id > 0 {
        out.push(key(ID, VARINT));
        put_varint(id, &mut out);
    }
    Ok(out)
}

pub(super) fn encode_command(command: &Command) -> Result<Bytes, EncodeError> {
    let mut out = begin(command.id, command.request.member_len())?;
    command.request.encode_member(&mut out)?;
    Ok(Bytes::from(out))
}

pub(super) fn encode_reply(reply: &Reply) -> Result<Bytes, EncodeError> {
    let out = match &reply.outcome {
        Ok(answer) => {
            let mut out = begin(reply.id, answer.member_len())?;
            answer.encode_member(&mut out)?;
            out
        }
        Err(error) => {
            let mut out = begin(reply.id, nested_len(error))?;
            put_nested(ERROR, error, &mut out)?;
            out
        }
    };
    Ok(Bytes::from(out))
}

pub(super) fn encode_push(push: &Push) -> Result<Bytes, EncodeError> {
    let channel = push.channel.as_bytes();
    let channel_len = if channel.is_empty() { 0 } else { delimited_len(channel.len()) };
    let len = channel_len + push.body.member_len();
    let mut out = begin(0, delimited_len(len))?;
    out.push(key(PUSH, LENGTH_DELIMITED));
    prost::encode_length_delimiter(len, &mut out)?;
    if !channel.is_empty() {
        put_delimited(CHANNEL, channel, &mut out)?;
    }
    push.body.encode_member(&mut out)?;
    Ok(Bytes::from(out))
}

pub(super) fn encode_publication_push(
    channel: &str,
    data: &Payload,
    offset: u64,
) -> Result<Bytes, EncodeError> {
    let offset_len = if offset > 0 { 1 + varint_len(offset) } else { 0 };
    let publication_len = delimited_len(data.as_bytes().len()) + offset_len;
    let push_len = delimited_len(channel.len()) + delimited_len(publication_len);
    let mut out = begin(0, delimited_len(push_len))?;
    out.push(key(PUSH, LENGTH_DELIMITED));
    prost::encode_length_delimiter(push_len, &mut out)?;
    put_delimited(CHANNEL, channel.as_bytes(), &mut out)?;
    out.push(key(PUBLICATION, LENGTH_DELIMITED));
    prost::encode_length_delimiter(publication_len, &mut out)?;
    put_delimited(DATA, data.as_bytes(), &mut out)?;
    if offset > 0 {
        out.push(key(OFFSET, VARINT));
        put_varint(offset, &mut out);
    }
    Ok(Bytes::from(out))
}
