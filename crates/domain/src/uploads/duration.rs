//! How long a sound or a video is, as far as its file says so at once. What cannot be told is left open: players know.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use lofty::config::{ParseOptions, ParsingMode};
use lofty::file::{AudioFile, FileType};
use lofty::probe::Probe;

use super::storage::rewind;

/// Boxes of a container that are gone through in search of its head.
const MOST_BOXES: usize = 1_000;
/// Longer than a week is no length.
const LONGEST: u64 = 7 * 24 * 3_600;

/// Whole seconds, rounded up.
pub(super) fn of(file: &mut File, mime: &str) -> Option<u32> {
    rewind(file).ok()?;
    let seconds = match mime {
        "video/mp4" | "video/quicktime" | "audio/mp4" => of_movie(file).ok().flatten(),
        "audio/mpeg" => of_sound(file, FileType::Mpeg),
        "audio/ogg" => of_sound(file, FileType::Vorbis).or_else(|| of_sound(file, FileType::Opus)),
        "audio/wav" => of_sound(file, FileType::Wav),
        _ => None,
    };
    seconds.filter(|seconds| (1..=LONGEST).contains(seconds)).and_then(|seconds| u32::try_from(seconds).ok())
}

fn of_sound(file: &mut File, file_type: FileType) -> Option<u64> {
    rewind(file).ok()?;
    let mut options = ParseOptions::new();
    let options = options.read_tags(false).read_cover_art(false).parsing_mode(ParsingMode::Relaxed);
    let probe = Probe::with_file_type(BufReader::new(&mut *file), file_type).options(options);
    let length = probe.read().ok()?.properties().duration();
    Some(length.as_secs().saturating_add(u64::from(length.subsec_nanos() > 0)))
}

/// The `mvhd` of an MP4 or QuickTime file (ISO 14496-12 §8.2.2).
fn of_movie(file: &mut File) -> io::Result<Option<u64>> {
    let end = file.seek(SeekFrom::End(0))?;
    let Some((start, end)) = find_box(file, *b"moov", (0, end))? else { return Ok(None) };
    let Some((start, _)) = find_box(file, *b"mvhd", (start, end))? else { return Ok(None) };
    file.seek(SeekFrom::Start(start))?;
    let mut head = [0; 32];
    file.read_exact(&mut head)?;
    let four =
        |at: usize| head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let eight =
        |at: usize| head.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
    // The long form has times of 64 bits.
    let (scale, length) = match head.first() {
        Some(1) => (four(20), eight(24)),
        _ => (four(12), four(16).map(u64::from)),
    };
    Ok(scale.map(u64::from).zip(length).and_then(|(scale, length)| {
        let known = length != u64::MAX && length != u64::from(u32::MAX);
        (known && scale > 0).then(|| length.div_ceil(scale))
    }))
}

/// Where the content of a box is among those between two places.
fn find_box(file: &mut File, name: [u8; 4], (start, end): (u64, u64)) -> io::Result<Option<(u64, u64)>> {
    let mut at = start;
    for _ in 0..MOST_BOXES {
        if at.saturating_add(8) > end {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(at))?;
        let (mut size, mut kind) = ([0; 4], [0; 4]);
        file.read_exact(&mut size)?;
        file.read_exact(&mut kind)?;
        let (size, head) = match u32::from_be_bytes(size) {
            0 => (end - at, 8),
            1 => {
                let mut long = [0; 8];
                file.read_exact(&mut long)?;
                (u64::from_be_bytes(long), 16)
            }
            size => (u64::from(size), 8),
        };
        let next = at.saturating_add(size);
        if size < head || next > end {
            return Ok(None);
        }
        if kind == name {
            return Ok(Some((at + head, next)));
        }
        at = next;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::of;

    fn told(bytes: &[u8], mime: &str) -> Option<u32> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        of(&mut file, mime)
    }

    fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(content.len() + 8).unwrap().to_be_bytes().to_vec();
        bytes.extend(name);
        bytes.extend(content);
        bytes
    }

    #[test]
    fn a_movie_says_how_long_it_is() {
        let head = |scale: u32, length: u32| {
            let mut head = vec![0; 12];
            head.extend(scale.to_be_bytes());
            head.extend(length.to_be_bytes());
            head.extend([0; 80]);
            let mut movie = boxed(b"ftyp", b"isom");
            movie.extend(boxed(b"free", &[0; 100]));
            movie.extend(boxed(b"moov", &[boxed(b"udta", b"x"), boxed(b"mvhd", &head)].concat()));
            movie
        };
        assert_eq!(told(&head(600, 600 * 95 + 1), "video/mp4"), Some(96));
        assert_eq!(told(&head(600, 600), "audio/mp4"), Some(1));
        for nothing in [head(0, 5), head(1, u32::MAX), head(1, 700_000), boxed(b"moov", b""), b"x".to_vec()] {
            assert_eq!(told(&nothing, "video/mp4"), None);
        }
        let mut cut = head(600, 1_200);
        cut.truncate(cut.len() - 90);
        assert_eq!(told(&cut, "video/quicktime"), None);
    }

    #[test]
    fn a_sound_says_how_long_it_is() {
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        wav.extend(8_000_u32.to_le_bytes());
        wav.extend(8_000_u32.to_le_bytes());
        wav.extend([1, 0, 8, 0]);
        wav.extend(b"data");
        wav.extend(20_000_u32.to_le_bytes());
        wav.extend([128; 20_000]);
        let size = u32::try_from(wav.len() - 8).unwrap();
        wav[4..8].copy_from_slice(&size.to_le_bytes());
        assert_eq!(told(&wav, "audio/wav"), Some(3));
        assert_eq!(told(b"ID3 and nothing", "audio/mpeg"), None);
        assert_eq!(told(b"", "audio/ogg"), None);
    }
}
