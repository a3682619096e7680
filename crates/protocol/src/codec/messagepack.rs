//! MessagePack frames: maps with JSON's names, one after the other; payloads are values (ours, realtime.md §1).

use bytes::Bytes;
use serde::Serialize;
use serde::de::Deserialize;

use super::{
    Cut, DecodeError, EncodeError, MAX_DEPTH, Payload, Problem, ServerMessage, finish_command, finish_reply,
};
use crate::frame::{Command, CommandMembers, ReplyMembers};

/// A payload's depth and what the protocol's own messages put around it.
const MAX_NESTING: usize = MAX_DEPTH + 8;

/// How the first bytes of a value describe it.
struct Head {
    /// Bytes of the value itself: marker, length, content.
    own: usize,
    /// Values inside.
    children: usize,
    /// Whether it is a map, as every message is.
    map: bool,
}

/// The big-endian number of `width` bytes behind the marker.
fn number(bytes: &[u8], width: usize) -> Result<usize, Problem> {
    let digits = bytes.get(1..=width).ok_or(Problem::Truncated)?;
    Ok(digits.iter().fold(0, |number: usize, digit| number << 8 | usize::from(*digit)))
}

fn head(bytes: &[u8]) -> Result<Head, Problem> {
    let leaf = |own| Ok(Head { own, children: 0, map: false });
    let text = |width: usize, extra: usize| {
        number(bytes, width).map(|len| Head {
            own: len.saturating_add(1 + width + extra),
            children: 0,
            map: false,
        })
    };
    let array = |width| number(bytes, width).map(|len| Head { own: 1 + width, children: len, map: false });
    let map = |width| {
        number(bytes, width).map(|len| Head { own: 1 + width, children: len.saturating_mul(2), map: true })
    };
    let marker = *bytes.first().ok_or(Problem::Truncated)?;
    match marker {
        0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => leaf(1),
        0x80..=0x8f => Ok(Head { own: 1, children: usize::from(marker & 0x0f) * 2, map: true }),
        0x90..=0x9f => Ok(Head { own: 1, children: usize::from(marker & 0x0f), map: false }),
        0xa0..=0xbf => leaf(1 + usize::from(marker & 0x1f)),
        0xc1 => Err(Problem::Marker),
        0xc4 | 0xd9 => text(1, 0),
        0xc5 | 0xda => text(2, 0),
        0xc6 | 0xdb => text(4, 0),
        0xc7 => text(1, 1),
        0xc8 => text(2, 1),
        0xc9 => text(4, 1),
        0xcc | 0xd0 => leaf(2),
        0xcd | 0xd1 => leaf(3),
        0xca | 0xce | 0xd2 => leaf(5),
        0xcb | 0xcf | 0xd3 => leaf(9),
        0xd4 => leaf(3),
        0xd5 => leaf(4),
        0xd6 => leaf(6),
        0xd7 => leaf(10),
        0xd8 => leaf(18),
        0xdc => array(2),
        0xdd => array(4),
        0xde => map(2),
        0xdf => map(4),
    }
}

/// The length of the map at the beginning of `bytes`, having seen that all of it is there and how deep it goes: the parser
/// behind trusts lengths and recurses.
fn map_len(bytes: &[u8]) -> Result<usize, Problem> {
    if !head(bytes)?.map {
        return Err(Problem::NotAnObject);
    }
    let mut read: usize = 0;
    // How many values are still to come, level by level.
    let mut open: Vec<usize> = vec![1];
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        let rest = bytes.get(read..).ok_or(Problem::Truncated)?;
        let value = head(rest)?;
        // Every value takes a byte at least.
        if value.own.saturating_add(value.children) > rest.len() {
            return Err(Problem::Truncated);
        }
        read += value.own;
        if value.children > 0 {
            if open.len() > MAX_NESTING {
                return Err(Problem::TooDeep);
            }
            open.push(value.children);
        }
    }
    Ok(read)
}

fn id_in(bytes: &[u8]) -> Option<u32> {
    let mut parser = rmp_serde::Deserializer::from_read_ref(bytes);
    parser.set_max_depth(MAX_NESTING);
    super::id::find(&mut parser)
}

fn next<'a, T: Deserialize<'a>>(rest: &mut &'a [u8]) -> Cut<T> {
    if rest.is_empty() {
        return None;
    }
    let frame = *rest;
    let (message, after) = match map_len(frame).map(|len| frame.split_at_checked(len)) {
        Ok(Some(parts)) => parts,
        Ok(None) => (frame, [].as_slice()),
        Err(problem) => {
            // Where the next message begins is unknown.
            *rest = &[];
            let id = if matches!(problem, Problem::NotAnObject) { None } else { id_in(frame) };
            return Some(Err(DecodeError { id, problem }));
        }
    };
    *rest = after;
    let mut parser = rmp_serde::Deserializer::from_read_ref(message);
    // `map_len` has bounded the depth; the parser's own count, which also counts options, is only a second lock.
    parser.set_max_depth(4 * MAX_NESTING);
    Some(
        T::deserialize(&mut parser)
            .map_err(|error| DecodeError { id: id_in(message), problem: Problem::MessagePack(error) }),
    )
}

pub(super) fn next_command(rest: &mut &[u8]) -> Cut<Command> {
    let members = next::<CommandMembers>(rest)?;
    Some(members.and_then(|mut members| finish_command(members.id, members.take_member())))
}

pub(super) fn next_reply(rest: &mut &[u8]) -> Cut<ServerMessage> {
    Some(next::<ReplyMembers>(rest)?.and_then(finish_reply))
}

pub(super) fn encode(message: &impl Serialize) -> Result<Bytes, EncodeError> {
    write(message, 128)
}

fn write(message: &impl Serialize, capacity: usize) -> Result<Bytes, EncodeError> {
    let mut out = Vec::with_capacity(capacity);
    message.serialize(&mut rmp_serde::Serializer::new(&mut out).with_struct_map())?;
    Ok(Bytes::from(out))
}

pub(super) fn encode_publication_push(
    channel: &str,
    data: &Payload,
    offset: u64,
) -> Result<Bytes, EncodeError> {
    #[derive(Serialize)]
    struct Publication<'a> {
        data: &'a Payload,
        #[serde(skip_serializing_if = "super::wire::is_zero")]
        offset: u64,
    }
    #[derive(Serialize)]
    struct Push<'a> {
        channel: &'a str,
        r#pub: Publication<'a>,
    }
    // MessagePack is never longer than JSON but for a few numbers.
    let capacity = 64 + channel.len() + data.as_bytes().len();
    write(&super::PushFrame { push: &Push { channel, r#pub: Publication { data, offset } } }, capacity)
}
