//! WebSocket frames as bytes (RFC 6455 §5): just enough to cut a stream of them and to write whole ones.

/// A text frame.
pub(crate) const TEXT: u8 = 1;
/// The end, with a code and words.
pub(crate) const CLOSE: u8 = 8;
/// A ping of the WebSocket protocol itself.
pub(crate) const PING: u8 = 9;
/// Its answer.
pub(crate) const PONG: u8 = 10;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// One frame at the beginning of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// What kind it is.
    pub(crate) opcode: u8,
    /// Where its payload begins.
    pub(crate) begins: usize,
    /// Where it ends, and the next one begins.
    pub(crate) ends: usize,
    /// What its payload is masked with.
    pub(crate) mask: Option<[u8; 4]>,
}

/// The first frame, if it is there as a whole.
pub(crate) fn cut(bytes: &[u8]) -> Option<Cut> {
    let [first, second, rest @ ..] = bytes else { return None };
    let (length, mut begins) = match second & !MASKED {
        126 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?, 10),
        short => (usize::from(short), 2),
    };
    let mut mask = None;
    if second & MASKED != 0 {
        mask = Some(*bytes.get(begins..)?.first_chunk()?);
        begins += 4;
    }
    let ends = begins.checked_add(length)?;
    (bytes.len() >= ends).then_some(Cut { opcode: first & 0x0f, begins, ends, mask })
}

/// Adds a frame as servers write it.
pub(crate) fn put(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    put_head(opcode, 0, payload.len(), out);
    out.extend_from_slice(payload);
}

/// Adds a frame as clients write it.
pub(crate) fn put_masked(opcode: u8, payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    put_head(opcode, MASKED, payload.len(), out);
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// Takes the mask off a payload.
pub(crate) fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

fn put_head(opcode: u8, masked: u8, length: usize, out: &mut Vec<u8>) {
    out.push(FINAL | opcode);
    if let Ok(short) = u8::try_from(length)
        && short < 126
    {
        out.push(masked | short);
    } else if let Ok(medium) = u16::try_from(length) {
        out.push(masked | 126);
        out.extend_from_slice(&medium.to_be_bytes());
    } else {
        out.push(masked | 127);
        out.extend_from_slice(&u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::{CLOSE, Cut, PING, TEXT, cut, put, put_masked, unmask};

    #[test]
    fn frames_of_every_length_are_cut_where_they_end_and_not_before() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut bytes = Vec::new();
            put(TEXT, &payload, &mut bytes);
            let whole = bytes.len();
            assert_eq!(cut(&bytes[..whole - 1]), None, "{length}");
            bytes.extend_from_slice(b"\x81\x02{}");
            let found = cut(&bytes).unwrap();
            assert_eq!(
                found,
                Cut { opcode: TEXT, begins: whole - length, ends: whole, mask: None },
                "{length}"
            );
            assert_eq!(&bytes[found.begins..found.ends], payload);
            assert_eq!(cut(&bytes[whole..]).unwrap().ends, 4);
        }
    }

    #[test]
    fn a_mask_comes_off_as_it_went_on() {
        for length in [0, 5, 200] {
            let payload: Vec<u8> = (0..length).collect();
            let mut bytes = Vec::new();
            put_masked(PING, &payload, [1, 2, 3, 200], &mut bytes);
            for missing in 1..=bytes.len() {
                assert_eq!(cut(&bytes[..bytes.len() - missing]), None);
            }
            let found = cut(&bytes).unwrap();
            assert_eq!((found.opcode, found.ends), (PING, bytes.len()));
            let mut read = bytes[found.begins..].to_vec();
            unmask(&mut read, found.mask.unwrap());
            assert_eq!(read, payload);
        }
    }

    #[test]
    fn a_close_frame_is_one_like_others() {
        let found = cut(b"\x88\x02\x0b\xb8").unwrap();
        assert_eq!((found.opcode, found.begins, found.ends), (CLOSE, 2, 4));
    }
}
