//! Tiny files of every type that is taken, and of some that are not, made byte by byte.

use base64::Engine as _;

fn decoded(text: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// One pixel.
pub(crate) fn png() -> Vec<u8> {
    decoded(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
    )
}

/// Claims to be so large; has no more than that to show.
pub(crate) fn png_of(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    bytes
}

/// One pixel.
pub(crate) fn gif() -> Vec<u8> {
    decoded("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
}

/// One pixel.
pub(crate) fn webp() -> Vec<u8> {
    decoded("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
}

/// 640 to 480 pixels of grey.
pub(crate) fn jpeg() -> Vec<u8> {
    jpeg_turned(1)
}

/// As [`jpeg`], with an EXIF note that says how it is to be turned, and words that nobody is to see.
pub(crate) fn jpeg_turned(orientation: u8) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8];
    let mut segment = |name: u8, content: &[u8]| {
        bytes.extend([0xFF, name]);
        bytes.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
        bytes.extend(content);
    };
    segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    let mut note = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    note.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    segment(0xE1, &note);
    segment(0xFE, b"SECRET PLACE");
    let mut table = vec![0];
    table.extend([16; 64]);
    segment(0xDB, &table);
    segment(0xC0, &[8, 1, 0xE0, 2, 0x80, 1, 1, 0x11, 0]);
    // One code in each table: no difference, no detail.
    for class in [0x00, 0x10] {
        let mut codes = vec![class, 1];
        codes.extend([0; 15]);
        codes.push(0);
        segment(0xC4, &codes);
    }
    segment(0xDA, &[1, 1, 0, 0, 63, 0]);
    bytes.extend(vec![0; 80 * 60 * 2 / 8]);
    bytes.extend([0xFF, 0xD9]);
    bytes
}

fn container(brand: &[u8; 4]) -> Vec<u8> {
    let mut bytes = 20_u32.to_be_bytes().to_vec();
    bytes.extend(b"ftyp");
    bytes.extend(brand);
    bytes.extend([0, 0, 2, 0]);
    bytes.extend(brand);
    bytes.extend(12_u32.to_be_bytes());
    bytes.extend(b"mdat\0\0\0\0");
    bytes
}

pub(crate) fn mp4() -> Vec<u8> {
    container(b"isom")
}

pub(crate) fn mov() -> Vec<u8> {
    container(b"qt  ")
}

pub(crate) fn m4a() -> Vec<u8> {
    container(b"M4A ")
}

pub(crate) fn heic() -> Vec<u8> {
    container(b"heic")
}

fn matroska(kind: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x1A, 0x45, 0xDF, 0xA3, 0x9F, 0x42, 0x86, 0x81, 1, 0x42, 0xF7, 0x81, 1, 0x42, 0x82];
    bytes.push(0x80 | u8::try_from(kind.len()).unwrap());
    bytes.extend(kind);
    bytes.resize(300, 0);
    bytes
}

pub(crate) fn webm() -> Vec<u8> {
    matroska(b"webm")
}

pub(crate) fn mkv() -> Vec<u8> {
    matroska(b"matroska")
}

pub(crate) fn mp3() -> Vec<u8> {
    let mut bytes = b"ID3\x03\0\0\0\0\0\x0A".to_vec();
    bytes.resize(64, 0);
    bytes
}

pub(crate) fn ogg() -> Vec<u8> {
    let mut bytes = b"OggS\0\x02".to_vec();
    bytes.resize(64, 0);
    bytes
}

/// Four samples of silence.
pub(crate) fn wav() -> Vec<u8> {
    let mut bytes = b"RIFF".to_vec();
    bytes.extend(44_u32.to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1, 0, 1, 0]);
    bytes.extend(8_000_u32.to_le_bytes());
    bytes.extend(16_000_u32.to_le_bytes());
    bytes.extend([2, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend(8_u32.to_le_bytes());
    bytes.extend([0; 8]);
    bytes
}

pub(crate) fn pdf() -> Vec<u8> {
    b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n".to_vec()
}

/// An archive of stored entries.
pub(crate) fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let offset = u32::try_from(bytes.len()).unwrap();
        let size = u32::try_from(content.len()).unwrap().to_le_bytes();
        let length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let check = check_sum(content.as_bytes()).to_le_bytes();
        bytes.extend(b"PK\x03\x04\x0A\0\0\0\0\0\0\0\x21\0");
        directory.extend(b"PK\x01\x02\x0A\0\x0A\0\0\0\0\0\0\0\x21\0");
        for part in [&mut bytes, &mut directory] {
            part.extend(check);
            part.extend(size);
            part.extend(size);
            part.extend(length);
            part.extend([0, 0]);
        }
        bytes.extend(name.as_bytes());
        bytes.extend(content.as_bytes());
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let offset = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    for part in [count.as_slice(), &count, &size, &offset, &[0, 0]] {
        bytes.extend(part);
    }
    bytes
}

/// CRC-32 as ZIP has it.
fn check_sum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _bit| {
                if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 }
            },
        )
    })
}

/// An Office document whose main part has this name.
pub(crate) fn office(part: &str) -> Vec<u8> {
    zip(&[("[Content_Types].xml", "<Types/>"), ("_rels/.rels", "<Relationships/>"), (part, "<x/>")])
}

/// A PDF of so many pages; on each is `Page n of …`.
pub(crate) fn book(pages: u32) -> Vec<u8> {
    book_with(pages, "")
}

/// As [`book`], with more members in its catalog.
pub(crate) fn book_with(pages: u32, members: &str) -> Vec<u8> {
    let kids: String = (0..pages).map(|page| format!("{} 0 R ", 4 + 2 * page)).collect();
    let mut objects = vec![
        format!("<</Type/Catalog/Pages 2 0 R{members}>>"),
        format!("<</Type/Pages/Count {pages}/Kids[{kids}]/MediaBox[0 0 300 400]>>"),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    for page in 0..pages {
        let content = 5 + 2 * page;
        objects.push(format!(
            "<</Type/Page/Parent 2 0 R/Resources<</Font<</F 3 0 R>>>>/Contents {content} 0 R>>"
        ));
        let text = format!("BT /F 20 Tf 40 300 Td (Page {} of {pages}) Tj ET", page + 1);
        objects.push(format!("<</Length {}>>stream\n{text}\nendstream", text.len()));
    }
    let mut pdf = String::from("%PDF-1.5\n");
    let mut places = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", number + 1));
    }
    let start = pdf.len();
    pdf.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1));
    for place in &places {
        pdf.push_str(&format!("{place:010} 00000 n \n"));
    }
    let size = places.len() + 1;
    pdf.push_str(&format!("trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"));
    pdf.into_bytes()
}
