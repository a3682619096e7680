//! The codec, seen from outside.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers of tests; clippy.toml covers only the tests themselves"
)]

use protocol::codec::{DecodeError, Encoding, decode_commands};
use protocol::frame::Command;

mod documents;
mod golden;
mod hostile;
mod names;
mod payloads;
mod round_trip;

/// The only command of a frame.
fn one_command(encoding: Encoding, frame: &[u8]) -> Result<Command, DecodeError> {
    let mut commands = decode_commands(encoding, frame);
    let command = commands.next().expect("a command");
    assert!(commands.next().is_none(), "one command only");
    command
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Bytes of hexadecimal digits; spaces are for the reader.
fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
