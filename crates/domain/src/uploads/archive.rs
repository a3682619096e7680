//! The directory of a ZIP file (APPNOTE 6.3, 4.3.12 and 4.3.16), read without unpacking anything: how much would come
//! out, and whose format it is. Read in one pass, with bounded memory, whatever the file claims.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// Entries at most.
const MAX_ENTRIES: u16 = 10_000;
/// The directory itself at most, bytes.
const MAX_DIRECTORY: u32 = 16 << 20;
/// What may come out at most, bytes.
const MAX_UNPACKED: u64 = 1 << 30;
/// How many times larger than the file the unpacked content may be.
const MAX_RATIO: u64 = 200;
/// The end record without its comment.
const END_BYTES: usize = 22;
/// The longest comment.
const MAX_COMMENT: usize = 65_535;
/// An entry's record without its name, extra field and comment.
const ENTRY_BYTES: usize = 46;

/// What an archive holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Archive {
    /// Word.
    Docx,
    /// PowerPoint.
    Pptx,
    /// Excel.
    Xlsx,
    /// Anything else.
    Zip,
}

/// Why it is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveFault {
    /// It cannot be read at all.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Refused; the sentence is for the client.
    #[error("{0}")]
    Refused(&'static str),
}

const BROKEN: ArchiveFault = ArchiveFault::Refused("The archive is broken, or of a kind that is not taken.");

/// What the directory says of everything together.
#[derive(Debug, Default)]
struct Contents {
    unpacked: u64,
    types: bool,
    word: bool,
    slides: bool,
    sheets: bool,
}

/// Reads the directory of an archive of `size` bytes.
///
/// # Errors
/// [`ArchiveFault::Refused`] for what is broken, spans disks or needs ZIP64 (more than 4 GiB), has more than 10,000
/// entries, would unpack to more than 1 GiB or 200 times its size, has names that climb out of their folder, or macros.
pub(super) fn read(file: &mut (impl Read + Seek), size: u64) -> Result<Archive, ArchiveFault> {
    let (entries, directory, offset) = read_end(file, size)?;
    if entries > MAX_ENTRIES {
        return Err(ArchiveFault::Refused("The archive has too many entries."));
    }
    if directory > MAX_DIRECTORY {
        return Err(BROKEN);
    }
    file.seek(SeekFrom::Start(u64::from(offset)))?;
    let mut records = BufReader::new(file.take(u64::from(directory)));
    let mut contents = Contents::default();
    for _entry in 0..entries {
        read_entry(&mut records, &mut contents)?;
    }
    if contents.unpacked > MAX_UNPACKED || contents.unpacked > size.saturating_mul(MAX_RATIO) {
        return Err(ArchiveFault::Refused("The archive unpacks to far more than its size."));
    }
    Ok(match contents {
        Contents { types: true, word: true, .. } => Archive::Docx,
        Contents { types: true, slides: true, .. } => Archive::Pptx,
        Contents { types: true, sheets: true, .. } => Archive::Xlsx,
        _ => Archive::Zip,
    })
}

/// The end record, which is the last thing in the file: number of entries, bytes of the directory, where it begins.
fn read_end(file: &mut (impl Read + Seek), size: u64) -> Result<(u16, u32, u32), ArchiveFault> {
    let longest = u64::try_from(END_BYTES + MAX_COMMENT).unwrap_or(u64::MAX);
    let tail_bytes = size.min(longest);
    file.seek(SeekFrom::Start(size - tail_bytes))?;
    let mut tail = Vec::new();
    file.take(tail_bytes).read_to_end(&mut tail)?;
    let last = tail.len().checked_sub(END_BYTES).ok_or(BROKEN)?;
    // The nearest to the end whose comment reaches exactly to the end.
    let end = (0..=last).rev().find_map(|at| {
        let record = tail.get(at..)?;
        let comment = usize::from(u16_at(record, 20)?);
        (record.starts_with(b"PK\x05\x06") && record.len() == END_BYTES + comment).then_some(record)
    });
    let end = end.ok_or(BROKEN)?;
    let disks = (u16_at(end, 4), u16_at(end, 6));
    let (here, entries) = (u16_at(end, 8).ok_or(BROKEN)?, u16_at(end, 10).ok_or(BROKEN)?);
    let (directory, offset) = (u32_at(end, 12).ok_or(BROKEN)?, u32_at(end, 16).ok_or(BROKEN)?);
    let before_end = size - u64::try_from(end.len()).unwrap_or(u64::MAX).min(size);
    let fits = u64::from(offset) + u64::from(directory) <= before_end;
    if disks != (Some(0), Some(0)) || here != entries || entries == u16::MAX || !fits {
        return Err(BROKEN);
    }
    Ok((entries, directory, offset))
}

fn read_entry(records: &mut impl Read, contents: &mut Contents) -> Result<(), ArchiveFault> {
    let mut record = [0_u8; ENTRY_BYTES];
    exactly(records, &mut record)?;
    let unpacked = u32_at(&record, 24).filter(|&bytes| bytes != u32::MAX).ok_or(BROKEN)?;
    if !record.starts_with(b"PK\x01\x02") {
        return Err(BROKEN);
    }
    contents.unpacked = contents.unpacked.saturating_add(u64::from(unpacked));
    let mut name = vec![0_u8; usize::from(u16_at(&record, 28).ok_or(BROKEN)?)];
    exactly(records, &mut name)?;
    let rest = u64::from(u16_at(&record, 30).ok_or(BROKEN)?) + u64::from(u16_at(&record, 32).ok_or(BROKEN)?);
    if io::copy(&mut records.take(rest), &mut io::sink())? != rest {
        return Err(BROKEN);
    }
    let parts = |separator: u8| name.split(move |&byte| byte == separator);
    if parts(b'/').chain(parts(b'\\')).any(|part| part == b"..") || name.starts_with(b"/") {
        return Err(ArchiveFault::Refused("The archive has names that climb out of its folder."));
    }
    let lower = name.to_ascii_lowercase();
    if lower.ends_with(b"vbaproject.bin") {
        return Err(ArchiveFault::Refused("Documents with macros are not taken."));
    }
    match name.as_slice() {
        b"[Content_Types].xml" => contents.types = true,
        b"word/document.xml" => contents.word = true,
        b"ppt/presentation.xml" => contents.slides = true,
        b"xl/workbook.xml" => contents.sheets = true,
        _ => {}
    }
    Ok(())
}

/// A directory that ends early is broken; a disk that fails is not the client's fault.
fn exactly(records: &mut impl Read, bytes: &mut [u8]) -> Result<(), ArchiveFault> {
    records.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => BROKEN,
        _ => error.into(),
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::{Archive, ArchiveFault, read};

    /// An archive of empty entries that claim so many bytes each.
    fn zip(names: &[&str], claimed: u32) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for name in names {
            let offset = u32::try_from(bytes.len()).unwrap();
            let length = u16::try_from(name.len()).unwrap();
            bytes.extend(b"PK\x03\x04");
            bytes.extend([0; 22]);
            bytes.extend(length.to_le_bytes());
            bytes.extend([0; 2]);
            bytes.extend(name.as_bytes());
            directory.extend(b"PK\x01\x02");
            directory.extend([0; 20]);
            directory.extend(claimed.to_le_bytes());
            directory.extend(length.to_le_bytes());
            directory.extend([0; 12]);
            directory.extend(offset.to_le_bytes());
            directory.extend(name.as_bytes());
        }
        let offset = u32::try_from(bytes.len()).unwrap();
        let count = u16::try_from(names.len()).unwrap_or(u16::MAX);
        bytes.extend(&directory);
        bytes.extend(b"PK\x05\x06");
        bytes.extend([0; 4]);
        bytes.extend(count.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes.extend(3_u16.to_le_bytes());
        bytes.extend(b"abc");
        bytes
    }

    fn judge(bytes: Vec<u8>) -> Result<Archive, String> {
        let size = u64::try_from(bytes.len()).unwrap();
        read(&mut Cursor::new(bytes), size).map_err(|fault| match fault {
            ArchiveFault::Refused(why) => why.to_owned(),
            ArchiveFault::Io(error) => panic!("{error}"),
        })
    }

    #[test]
    fn whose_format_it_is_stands_in_the_directory() {
        let types = "[Content_Types].xml";
        assert_eq!(judge(zip(&[types, "word/document.xml"], 10)), Ok(Archive::Docx));
        assert_eq!(judge(zip(&[types, "ppt/presentation.xml"], 10)), Ok(Archive::Pptx));
        assert_eq!(judge(zip(&[types, "xl/workbook.xml"], 10)), Ok(Archive::Xlsx));
        assert_eq!(judge(zip(&["word/document.xml", "صورة.png"], 10)), Ok(Archive::Zip));
        assert_eq!(judge(zip(&[], 0)), Ok(Archive::Zip));
    }

    #[test]
    fn bombs_and_traps_are_refused() {
        let many: Vec<String> = (0..10_001).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(judge(zip(&many, 0)).unwrap_err().contains("too many"));
        assert_eq!(judge(zip(&many[..10_000], 0)), Ok(Archive::Zip));
        assert!(judge(zip(&["a"; 100], 200_000_000)).unwrap_err().contains("unpacks"));
        assert!(judge(zip(&["a"], 40_000)).unwrap_err().contains("unpacks"));
        assert!(judge(zip(&["a"], u32::MAX)).unwrap_err().contains("broken"));
        for name in ["../a", "a/../../b", r"a\..\b", "/etc/passwd"] {
            assert!(judge(zip(&[name], 1)).unwrap_err().contains("climb"), "{name}");
        }
        let macros = zip(&["[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"], 1);
        assert!(judge(macros).unwrap_err().contains("macros"));
    }

    #[test]
    fn what_is_cut_or_damaged_is_broken() {
        let whole = zip(&["a", "b"], 1);
        for length in 0..whole.len() {
            assert!(judge(whole[..length].to_vec()).is_err(), "{length} bytes");
        }
        let end = whole.len() - 25;
        for (at, byte) in [(end + 4, 1), (end + 8, 3), (end + 10, 3), (end + 13, 1), (end + 17, 1)] {
            let mut damaged = whole.clone();
            damaged[at] = byte;
            assert!(judge(damaged).is_err(), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), at in any::<prop::sample::Index>()) {
            let size = u64::try_from(bytes.len()).unwrap();
            let _any = read(&mut Cursor::new(bytes.clone()), size);
            let mut whole = zip(&["a", "word/document.xml"], 9);
            let at = at.index(whole.len());
            bytes.truncate(8);
            whole.splice(at..(at + bytes.len()).min(whole.len()), bytes);
            let size = u64::try_from(whole.len()).unwrap();
            let _any = read(&mut Cursor::new(whole), size);
        }
    }
}
