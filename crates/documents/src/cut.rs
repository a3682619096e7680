//! The first pages of a PDF, and how many there are.

use std::collections::BTreeSet;

use lopdf::{Dictionary, Document, Object, ObjectId};

use crate::DocumentError;

/// What a page takes from the nodes above it, where it has none of its own.
const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];
/// What a page keeps. Links, threads, thumbnails, structure and metadata could lead to what was cut off.
const KEPT: [&[u8]; 5] = [b"Contents", b"Group", b"UserUnit", b"BleedBox", b"TrimBox"];
/// Deeper trees of pages are taken for loops.
const DEEPEST: usize = 64;

/// How many pages a PDF has.
///
/// # Errors
/// [`DocumentError::Unreadable`], [`DocumentError::Encrypted`].
pub fn page_count(pdf: &[u8]) -> Result<u32, DocumentError> {
    let document = read(pdf)?;
    let count = document.page_iter().count();
    u32::try_from(count).ok().filter(|&count| count > 0).ok_or(DocumentError::Unreadable)
}

/// A PDF of the first `pages` pages, and of nothing else of the file: what only later pages use is not in it, nor are
/// outlines, attachments, forms, scripts or metadata.
///
/// # Errors
/// [`DocumentError::Unreadable`], [`DocumentError::Encrypted`].
pub fn cut_pages(pdf: &[u8], pages: u32) -> Result<Vec<u8>, DocumentError> {
    let mut document = read(pdf)?;
    let most = usize::try_from(pages).unwrap_or(usize::MAX);
    let kept: Vec<ObjectId> = document.page_iter().take(most).collect();
    if kept.is_empty() {
        return Err(DocumentError::Unreadable);
    }
    let root = document.new_object_id();
    for id in &kept {
        let page = bare_page(&document, *id, root)?;
        document.objects.insert(*id, Object::Dictionary(page));
    }
    let mut tree = Dictionary::new();
    tree.set("Type", Object::Name(b"Pages".to_vec()));
    tree.set("Count", Object::Integer(i64::try_from(kept.len()).unwrap_or(i64::MAX)));
    tree.set("Kids", Object::Array(kept.into_iter().map(Object::Reference).collect()));
    document.objects.insert(root, Object::Dictionary(tree));
    let mut catalog = Dictionary::new();
    catalog.set("Type", Object::Name(b"Catalog".to_vec()));
    catalog.set("Pages", Object::Reference(root));
    let catalog = document.add_object(catalog);
    document.trailer = Dictionary::new();
    document.trailer.set("Root", Object::Reference(catalog));
    document.prune_objects();
    document.renumber_objects();
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).map_err(|_why| DocumentError::Internal("the pages cannot be written"))?;
    Ok(bytes)
}

pub(crate) fn read(pdf: &[u8]) -> Result<Document, DocumentError> {
    let document = Document::load_mem(pdf).map_err(|error| match error {
        lopdf::Error::Decryption(_) | lopdf::Error::InvalidPassword => DocumentError::Encrypted,
        _ => DocumentError::Unreadable,
    })?;
    if document.is_encrypted() {
        return Err(DocumentError::Encrypted);
    }
    Ok(document)
}

/// A page with what it needs to be drawn.
fn bare_page(document: &Document, id: ObjectId, parent: ObjectId) -> Result<Dictionary, DocumentError> {
    let page = document.get_dictionary(id).map_err(|_why| DocumentError::Unreadable)?;
    let mut bare = Dictionary::new();
    bare.set("Type", Object::Name(b"Page".to_vec()));
    bare.set("Parent", Object::Reference(parent));
    for key in KEPT {
        if let Ok(value) = page.get(key) {
            bare.set(key, value.clone());
        }
    }
    for key in INHERITED {
        if let Some(value) = inherited(document, page, key) {
            bare.set(key, value);
        }
    }
    if let Some(resources) = used_resources(document, id, &bare) {
        bare.set("Resources", Object::Dictionary(resources));
    }
    Ok(bare)
}

pub(crate) fn inherited(document: &Document, page: &Dictionary, key: &[u8]) -> Option<Object> {
    let mut node = page;
    for _ in 0..DEEPEST {
        if let Ok(value) = node.get(key) {
            return Some(value.clone());
        }
        node = node
            .get(b"Parent")
            .and_then(Object::as_reference)
            .and_then(|id| document.get_dictionary(id))
            .ok()?;
    }
    None
}

/// The page's resources, with those pictures only that the page draws: many files give all pages one list.
fn used_resources(document: &Document, id: ObjectId, bare: &Dictionary) -> Option<Dictionary> {
    let (_, resources) = document.dereference(bare.get(b"Resources").ok()?).ok()?;
    let mut resources = resources.as_dict().ok()?.clone();
    let (_, pictures) = document.dereference(resources.get(b"XObject").ok()?).ok()?;
    let pictures = pictures.as_dict().ok()?;
    let drawn = drawn_pictures(document, id);
    let mut used = Dictionary::new();
    for (name, picture) in pictures.iter().filter(|(name, _)| drawn.contains(name.as_slice())) {
        used.set(name.clone(), picture.clone());
    }
    resources.set("XObject", Object::Dictionary(used));
    Some(resources)
}

fn drawn_pictures(document: &Document, id: ObjectId) -> BTreeSet<Vec<u8>> {
    let content = document.get_page_content(id);
    let Ok(content) = lopdf::content::Content::decode(&content) else { return BTreeSet::new() };
    let drawn = content.operations.iter().filter(|operation| operation.operator == "Do");
    drawn.filter_map(|operation| operation.operands.first()?.as_name().ok()).map(<[u8]>::to_vec).collect()
}
