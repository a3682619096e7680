//! JSON frames: messages joined with a line feed; payloads embedded as they are.

use std::io::Write as _;

use bytes::Bytes;
use serde::Serialize;
use serde::de::Deserialize;

use super::{Cut, DecodeError, EncodeError, Payload, Problem, ServerMessage, finish_command, finish_reply};
use crate::frame::{Command, CommandMembers, ReplyMembers};

/// The next line with something in it.
fn next_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    while !rest.is_empty() {
        let (line, after) = match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => (rest.get(..end)?, rest.get(end + 1..)?),
            None => (*rest, [].as_slice()),
        };
        *rest = after;
        let line = line.trim_ascii();
        if !line.is_empty() {
            return Some(line);
        }
    }
    None
}

fn read<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, DecodeError> {
    // serde would take an array for a struct too.
    if line.first() != Some(&b'{') {
        return Err(DecodeError { id: None, problem: Problem::NotAnObject });
    }
    serde_json::from_slice(line).map_err(|error| {
        let id = super::id::find(&mut serde_json::Deserializer::from_slice(line));
        DecodeError { id, problem: Problem::Json(error) }
    })
}

pub(super) fn next_command(rest: &mut &[u8]) -> Cut<Command> {
    let members = read::<CommandMembers>(next_line(rest)?);
    Some(members.and_then(|mut members| finish_command(members.id, members.take_member())))
}

pub(super) fn next_reply(rest: &mut &[u8]) -> Cut<ServerMessage> {
    Some(read::<ReplyMembers>(next_line(rest)?).and_then(finish_reply))
}

pub(super) fn encode(message: &impl Serialize) -> Result<Bytes, EncodeError> {
    Ok(Bytes::from(serde_json::to_vec(message)?))
}

pub(super) fn encode_publication_push(
    channel: &str,
    data: &Payload,
    offset: u64,
) -> Result<Bytes, EncodeError> {
    /// The fixed parts, the quotes and 20 digits.
    const FRAME: usize = 64;
    let mut out = Vec::with_capacity(FRAME + channel.len() + data.as_bytes().len());
    out.extend_from_slice(br#"{"push":{"channel":"#);
    serde_json::to_writer(&mut out, channel)?;
    out.extend_from_slice(br#","pub":{"data":"#);
    out.extend_from_slice(data.as_bytes());
    if offset > 0 {
        write!(out, r#","offset":{offset}"#)?;
    }
    out.extend_from_slice(b"}}}");
    Ok(Bytes::from(out))
}
