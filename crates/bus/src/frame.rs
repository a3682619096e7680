//! What one message of pub/sub says: `offset:epoch:event`, or of several events of a channel, whose offsets follow one
//! another, `firstoffset+:epoch:lengths:events` with their lengths in bytes joined by commas. Of events that are not kept
//! the offset is 0 and the epoch empty. `publish.lua` writes those of events that are kept.

use std::fmt::Write as _;

use bytes::Bytes;

/// The events of one message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Of the first event; 0: they are not kept.
    pub(crate) first: u64,
    /// Of all of them.
    pub(crate) epoch: Bytes,
    /// The lengths of the events, as text; `None`: there is one.
    lengths: Option<Bytes>,
    /// The events, one behind the other.
    body: Bytes,
}

impl Frame {
    /// Its parts, which share the message's memory; `None` for anything else than a frame.
    pub(crate) fn parse(message: Vec<u8>) -> Option<Self> {
        let message = Bytes::from(message);
        let mut parts = message.splitn(3, |byte| *byte == b':');
        let (offset, epoch, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let (offset, is_batch) = match offset.strip_suffix(b"+") {
            Some(offset) => (offset, true),
            None => (offset, false),
        };
        let first = std::str::from_utf8(offset).ok()?.parse().ok()?;
        let epoch = message.slice_ref(epoch);
        if !is_batch {
            return Some(Self { first, epoch, lengths: None, body: message.slice_ref(rest) });
        }
        let mut parts = rest.splitn(2, |byte| *byte == b':');
        let (lengths, body) = (message.slice_ref(parts.next()?), message.slice_ref(parts.next()?));
        let mut left = body.len();
        for length in lengths.split(|byte| *byte == b',') {
            left = left.checked_sub(number(length)?)?;
        }
        (left == 0).then_some(Self { first, epoch, lengths: Some(lengths), body })
    }

    /// How many events.
    pub(crate) fn len(&self) -> usize {
        self.lengths
            .as_ref()
            .map_or(1, |lengths| lengths.iter().filter(|byte| **byte == b',').count().saturating_add(1))
    }

    /// The events with their offsets, in order.
    pub(crate) fn events(&self) -> impl Iterator<Item = (u64, Bytes)> + '_ {
        let mut from = 0_usize;
        let alone = self.lengths.is_none().then(|| self.body.clone());
        let several = self.lengths.iter().flat_map(|lengths| lengths.split(|byte| *byte == b','));
        let several = several.map(move |length| {
            let begin = from;
            from = from.saturating_add(number(length).unwrap_or(0)).min(self.body.len());
            self.body.slice(begin..from)
        });
        let is_kept = self.first > 0;
        alone
            .into_iter()
            .chain(several)
            .zip(self.first..)
            .map(move |(event, offset)| (if is_kept { offset } else { 0 }, event))
    }
}

fn number(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The lengths of several events.
pub(crate) fn lengths(events: &[&Bytes]) -> String {
    let mut text = String::with_capacity(events.len().saturating_mul(5));
    for (number, event) in events.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{}", event.len());
    }
    text
}

/// A message of events that are not kept.
pub(crate) fn of_signals(events: &[&Bytes]) -> Vec<u8> {
    let mut message = match events {
        [_] => b"0::".to_vec(),
        _ => format!("0+::{}:", lengths(events)).into_bytes(),
    };
    message.reserve_exact(events.iter().map(|event| event.len()).sum());
    for event in events {
        message.extend_from_slice(event);
    }
    message
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Frame, of_signals};

    fn read(message: &[u8]) -> Option<(Vec<(u64, Bytes)>, Bytes)> {
        let frame = Frame::parse(message.to_vec())?;
        let events: Vec<_> = frame.events().collect();
        assert_eq!(events.len(), frame.len());
        Some((events, frame.epoch))
    }

    #[test]
    fn one_event_and_several() {
        let (events, epoch) = read(b"12:ab:{\"a\":1}").unwrap();
        assert_eq!((events, &epoch[..]), (vec![(12, "{\"a\":1}".into())], &b"ab"[..]));
        let (events, epoch) = read(b"12+:ab:3,0,2:a:b,,").unwrap();
        assert_eq!(events, [(12, "a:b".into()), (13, "".into()), (14, ",,".into())]);
        assert_eq!(epoch, "ab");
        let (events, epoch) = read(b"0::x").unwrap();
        assert_eq!((events, &epoch[..]), (vec![(0, "x".into())], &b""[..]));
        assert_eq!(read(b"7+:e:1:x").unwrap().0, [(7, "x".into())]);
    }

    #[test]
    fn what_is_no_frame() {
        for bad in [
            "",
            "x",
            "1:2",
            "a:b:c",
            "-1::x",
            "+:e:1:x",
            "1+:e:1",
            "1+:e::x",
            "1+:e:2:x",
            "1+:e:1:xy",
            "1+:e:1,:x",
            "1+:e:-1,2:x",
            "1+:e:99999999999999999999:x",
            "1++:e:1:x",
        ] {
            assert_eq!(read(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn signals_are_read_as_they_were_written() {
        let events: Vec<Bytes> = ["a", "", "b:c,d"].map(Bytes::from).to_vec();
        let all: Vec<&Bytes> = events.iter().collect();
        for count in 1..=3 {
            let (read, epoch) = read(&of_signals(&all[..count])).unwrap();
            assert!(epoch.is_empty());
            assert_eq!(read, events[..count].iter().map(|event| (0, event.clone())).collect::<Vec<_>>());
        }
    }
}
