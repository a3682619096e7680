//! What a file is, by its content (domain.md §9.5). Neither its name nor what the client says of it is asked.

use std::fs::File;
use std::io::{self, BufReader, Read};

use protocol::uploads::UploadKind;

use super::archive::{self, Archive, ArchiveFault};
use super::duration;
use super::picture::MAX_PIXELS;
use super::storage::rewind;

/// Bytes that show what a file is.
const HEAD_BYTES: u64 = 8_192;
/// Bytes of a text that are looked at together.
const TEXT_BYTES: usize = 64 << 10;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileType {
    /// Its media type.
    pub(super) mime: &'static str,
    /// What its name on the disk ends in.
    pub(super) extension: &'static str,
    /// Width and height in pixels, of pictures.
    pub(super) dimensions: Option<(u32, u32)>,
    /// Pages, of books.
    pub(super) pages: Option<u32>,
    /// Seconds, of sounds and videos that say so.
    pub(super) duration: Option<u32>,
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContentFault {
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Refused; the sentence is for the client.
    #[error("{0}")]
    Refused(&'static str),
}

impl From<ArchiveFault> for ContentFault {
    fn from(fault: ArchiveFault) -> Self {
        match fault {
            ArchiveFault::Io(error) => Self::Io(error),
            ArchiveFault::Refused(why) => Self::Refused(why),
        }
    }
}

/// Judges a file of `size` bytes that is meant as `kind`. Reads; blocks.
///
/// # Errors
/// [`ContentFault::Refused`] for what the kind does not admit.
pub(super) fn judge(file: &mut File, size: u64, kind: UploadKind) -> Result<FileType, ContentFault> {
    rewind(file)?;
    let mut head = Vec::new();
    (&mut *file).take(HEAD_BYTES).read_to_end(&mut head)?;
    rewind(file)?;
    let mime = infer::get(&head).map(|found| found.mime_type());
    match kind {
        UploadKind::Image => image(file, mime),
        UploadKind::Video => video(mime).map(|found| with_duration(file, found)),
        UploadKind::Audio => audio(mime).map(|found| with_duration(file, found)),
        UploadKind::Document => document(file, size, &head, mime),
        UploadKind::Book => book(file, mime),
    }
}

const fn plain(mime: &'static str, extension: &'static str) -> FileType {
    FileType { mime, extension, dimensions: None, pages: None, duration: None }
}

fn image(file: &mut File, mime: Option<&str>) -> Result<FileType, ContentFault> {
    let found = match mime {
        Some("image/jpeg") => plain("image/jpeg", "jpg"),
        Some("image/png") => plain("image/png", "png"),
        Some("image/webp") => plain("image/webp", "webp"),
        Some("image/gif") => plain("image/gif", "gif"),
        _ => return Err(ContentFault::Refused("A picture has to be a JPEG, PNG, WebP or GIF.")),
    };
    let broken = ContentFault::Refused("The picture is broken.");
    let size = match imagesize::reader_size(BufReader::new(file)) {
        Ok(size) => size,
        Err(imagesize::ImageError::IoError(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
            return Err(error.into());
        }
        Err(_) => return Err(broken),
    };
    let (Ok(width), Ok(height)) = (u32::try_from(size.width), u32::try_from(size.height)) else {
        return Err(broken);
    };
    if width == 0 || height == 0 {
        return Err(broken);
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ContentFault::Refused("A picture may have 40 million pixels at most."));
    }
    Ok(FileType { dimensions: Some((width, height)), ..found })
}

fn with_duration(file: &mut File, found: FileType) -> FileType {
    FileType { duration: duration::of(file, found.mime), ..found }
}

fn video(mime: Option<&str>) -> Result<FileType, ContentFault> {
    match mime {
        Some("video/mp4" | "video/x-m4v") => Ok(plain("video/mp4", "mp4")),
        Some("video/webm") => Ok(plain("video/webm", "webm")),
        Some("video/quicktime") => Ok(plain("video/quicktime", "mov")),
        _ => Err(ContentFault::Refused("A video has to be an MP4, WebM or QuickTime file.")),
    }
}

fn audio(mime: Option<&str>) -> Result<FileType, ContentFault> {
    match mime {
        Some("audio/mpeg") => Ok(plain("audio/mpeg", "mp3")),
        // Telephones write the general name of the container into their recordings.
        Some("audio/m4a" | "video/mp4") => Ok(plain("audio/mp4", "m4a")),
        Some("audio/ogg" | "audio/opus") => Ok(plain("audio/ogg", "ogg")),
        Some("audio/x-wav") => Ok(plain("audio/wav", "wav")),
        _ => Err(ContentFault::Refused("A sound has to be an MP3, M4A, Ogg or WAV file.")),
    }
}

fn document(file: &mut File, size: u64, head: &[u8], mime: Option<&str>) -> Result<FileType, ContentFault> {
    if mime == Some("application/pdf") {
        return Ok(plain("application/pdf", "pdf"));
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(match archive::read(file, size)? {
            Archive::Docx => {
                plain("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx")
            }
            Archive::Pptx => {
                plain("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx")
            }
            Archive::Xlsx => {
                plain("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx")
            }
            Archive::Zip => plain("application/zip", "zip"),
        });
    }
    if is_text(file)? {
        return Ok(plain("text/plain; charset=utf-8", "txt"));
    }
    Err(ContentFault::Refused("A document has to be a PDF, DOCX, PPTX, XLSX, ZIP or plain text in UTF-8."))
}

/// A PDF whose pages can be counted, which runs nothing and carries nothing else (domain.md §9.5).
fn book(file: &mut File, mime: Option<&str>) -> Result<FileType, ContentFault> {
    if mime != Some("application/pdf") {
        return Err(ContentFault::Refused("A book has to be a PDF."));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let found = documents::inspect(&bytes)
        .map_err(|_broken| ContentFault::Refused("The PDF is broken, or needs a password."))?;
    if found.has_actions {
        return Err(ContentFault::Refused("A book may not have scripts, actions or files in it."));
    }
    Ok(FileType { pages: Some(found.pages), ..plain("application/pdf", "pdf") })
}

/// UTF-8 without control characters, which does not begin like HTML, SVG or XML.
fn is_text(file: &mut impl Read) -> io::Result<bool> {
    let mut buffer = Vec::with_capacity(TEXT_BYTES);
    let mut start = String::new();
    loop {
        let read =
            (&mut *file).take(u64::try_from(TEXT_BYTES).unwrap_or(u64::MAX)).read_to_end(&mut buffer)?;
        let (valid, rest) = match std::str::from_utf8(&buffer) {
            Ok(text) => (text, 0),
            // Cut in the middle of a character, unless nothing follows.
            Err(error) if error.error_len().is_none() && read > 0 => {
                let (valid, rest) = buffer.split_at_checked(error.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(valid).unwrap_or_default(), rest.len())
            }
            Err(_) => return Ok(false),
        };
        if valid.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
            return Ok(false);
        }
        if start.chars().count() < 2 {
            let unseen = |character: char| character.is_whitespace() || character == '\u{FEFF}';
            let seen = if start.is_empty() { valid.trim_start_matches(unseen) } else { valid };
            start.extend(seen.chars().take(2));
        }
        if read == 0 {
            break;
        }
        let kept = buffer.len() - rest;
        buffer.drain(..kept);
    }
    let mut start = start.chars();
    let markup = start.next() == Some('<')
        && start.next().is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '!' | '?' | '/'));
    Ok(!markup)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::is_text;

    /// Gives its bytes one at a time.
    struct Dripping<'a>(&'a [u8]);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let some = self.0.len().min(1).min(buffer.len());
            self.0.read(&mut buffer[..some])
        }
    }

    #[test]
    fn a_text_is_utf8_that_is_no_markup() {
        let long = "مرحبا\n".repeat(20_000);
        for (bytes, text) in [
            ("hello\r\n\tworld".as_bytes(), true),
            (long.as_bytes(), true),
            ("\u{FEFF}<3 you".as_bytes(), true),
            (b"a <b> c", true),
            (b"\xFF\xFEh\0i\0", false),
            (b"a\0b", false),
            (b"\x1b[2J", false),
            ("a\u{85}b".as_bytes(), false),
            (b"caf\xE9", false),
            ("مرحب".as_bytes().split_last().unwrap().1, false),
            (b"<!DOCTYPE html><p>", false),
            ("\u{FEFF} \n <svg xmlns='http://www.w3.org/2000/svg'/>".as_bytes(), false),
            (b"<?xml version='1.0'?>", false),
        ] {
            assert_eq!(is_text(&mut &*bytes).unwrap(), text, "{:?}", String::from_utf8_lossy(bytes));
            if bytes.len() < 100 {
                assert_eq!(is_text(&mut Dripping(bytes)).unwrap(), text);
            }
        }
    }
}
