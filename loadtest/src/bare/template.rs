//! A frame of a hub, to be sent by the bare server: the same bytes but for the number in it.

/// Seven digits: as many messages as fit into a run.
const DIGITS: usize = 7;
/// What the first message's number is.
pub(crate) const FIRST: u64 = 1_000_000;
const OFFSET: &[u8] = br#""offset":"#;
/// What our own messages are filled up with.
const FILLING: &[u8] = b"xxxxxxxx";

/// A payload with a place for a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Template {
    /// The payload of a hub's push with the place of its offset; the same length where our filling gives room for
    /// the longer number. `None`: there is no offset in it.
    pub(crate) fn of(payload: &[u8]) -> Option<Self> {
        let (from, to) = offset_digits(payload)?;
        let mut before = payload.get(..from)?.to_vec();
        let after = payload.get(to..)?.to_vec();
        for _ in 0..DIGITS.saturating_sub(to - from) {
            if let Some(place) = find(&before, FILLING) {
                before.remove(place);
            }
        }
        Some(Self { before, after })
    }

    /// The smallest of this many bytes, frame header included (64 and more).
    pub(crate) fn small(frame: usize) -> Self {
        let before = br#"{"push":{"pub":{"data":""#.to_vec();
        let mut between = br#"","offset":"#.to_vec();
        let after = b"}}}".to_vec();
        let filling = frame.saturating_sub(2 + before.len() + between.len() + DIGITS + after.len());
        let mut whole = before;
        whole.resize(whole.len() + filling, b'x');
        whole.append(&mut between);
        Self { before: whole, after }
    }

    /// Bytes of a rendered payload.
    pub(crate) const fn length(&self) -> usize {
        self.before.len() + DIGITS + self.after.len()
    }

    /// The payload of a message; the first is 0.
    pub(crate) fn render(&self, number: u64) -> Vec<u8> {
        let mut payload = Vec::with_capacity(self.length());
        payload.extend_from_slice(&self.before);
        payload.extend_from_slice((FIRST + number).to_string().as_bytes());
        payload.extend_from_slice(&self.after);
        payload
    }
}

/// The offset of a push: the last member of its publication.
pub(crate) fn offset_of(payload: &[u8]) -> Option<u64> {
    let (from, to) = offset_digits(payload)?;
    payload
        .get(from..to)?
        .iter()
        .try_fold(0_u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

/// Where the digits stand. Only the end of the payload is looked at: `"offset":12}}}`.
fn offset_digits(payload: &[u8]) -> Option<(usize, usize)> {
    let to = payload.iter().rposition(u8::is_ascii_digit)? + 1;
    if payload.len() - to > 8 {
        return None;
    }
    let head = payload.get(..to)?;
    let from = head.iter().rposition(|byte| !byte.is_ascii_digit())? + 1;
    head.get(..from)?.ends_with(OFFSET).then_some((from, to))
}

/// The first place of some bytes in others.
pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

#[cfg(test)]
mod tests {
    use super::{FIRST, Template, offset_of};

    const PUSH: &[u8] =
        br##"{"push":{"channel":"room:5","pub":{"data":{"body":"#0000012 xxxxxxxxxxxxxxxx"},"offset":123}}}"##;

    #[test]
    fn a_hubs_frame_keeps_its_length_and_takes_other_numbers() {
        assert_eq!(offset_of(PUSH), Some(123));
        let template = Template::of(PUSH).unwrap();
        for number in [0, 1, 999_999] {
            let payload = template.render(number);
            assert_eq!(payload.len(), PUSH.len());
            assert_eq!(offset_of(&payload), Some(FIRST + number));
            assert!(payload.starts_with(b"{\"push\":{\"channel\":\"room:5\""));
        }
    }

    #[test]
    fn the_small_frame_has_the_length_that_was_asked_for() {
        let template = Template::small(64);
        assert_eq!((template.length() + 2, template.render(7).len() + 2), (64, 64));
        assert_eq!(offset_of(&template.render(7)), Some(FIRST + 7));
    }

    #[test]
    fn what_has_no_offset_is_no_publication() {
        for payload in [&b"{}"[..], b"", br#"{"id":12,"rpc":{}}"#, br#"{"push":{"pub":{"data":{"a":12}}}}"#] {
            assert_eq!(offset_of(payload), None);
            assert_eq!(Template::of(payload), None);
        }
    }
}
