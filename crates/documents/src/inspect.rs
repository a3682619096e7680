//! What a PDF is that somebody uploads as a book: how many pages it has, and whether it does more than be read.

use lopdf::{Dictionary, Object};

use crate::DocumentError;
use crate::cut::read;

/// Names of what runs something, calls somewhere, or carries a file of its own.
const ACTIVE: [&[u8]; 8] = [
    b"JavaScript",
    b"Launch",
    b"SubmitForm",
    b"ImportData",
    b"Rendition",
    b"RichMedia",
    b"EmbeddedFile",
    b"Movie",
];
/// Members that only such things have.
const MEMBERS: [&[u8]; 4] = [b"JS", b"EmbeddedFiles", b"EF", b"XFA"];
/// What is nested deeper is not looked into: a reader does not go there.
const DEEPEST: usize = 64;

/// What a PDF is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PdfFacts {
    /// How many pages it has.
    pub pages: u32,
    /// It has scripts, forms that send themselves, files or media in it.
    pub has_actions: bool,
}

/// Looks at a PDF.
///
/// # Errors
/// [`DocumentError::Unreadable`], [`DocumentError::Encrypted`].
pub fn inspect(pdf: &[u8]) -> Result<PdfFacts, DocumentError> {
    let document = read(pdf)?;
    let count = document.page_iter().count();
    let pages = u32::try_from(count).ok().filter(|&count| count > 0).ok_or(DocumentError::Unreadable)?;
    let has_actions = document.objects.values().any(|object| is_active(object, 0));
    Ok(PdfFacts { pages, has_actions })
}

fn is_active(object: &Object, depth: usize) -> bool {
    if depth > DEEPEST {
        return false;
    }
    match object {
        Object::Array(items) => items.iter().any(|item| is_active(item, depth + 1)),
        Object::Dictionary(members) => is_active_dictionary(members, depth),
        Object::Stream(stream) => is_active_dictionary(&stream.dict, depth),
        _ => false,
    }
}

fn is_active_dictionary(members: &Dictionary, depth: usize) -> bool {
    let names_one =
        |key: &[u8]| members.get(key).and_then(Object::as_name).is_ok_and(|name| ACTIVE.contains(&name));
    MEMBERS.iter().any(|key| members.has(key))
        || [b"S".as_slice(), b"Subtype", b"Type"].into_iter().any(names_one)
        || members.iter().any(|(_, value)| is_active(value, depth + 1))
}
