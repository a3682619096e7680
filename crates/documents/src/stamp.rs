//! A line of text on every page of a PDF: who it was given to.

use krilla::page::PageSettings;
use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use crate::DocumentError;
use crate::cut::{inherited, read};
use crate::sheet::{Hold, PALE, Sheet, regular};
use crate::text::{Letters, Way, Weight};

/// Points of the letters, before they are fitted to the page.
const SIZE: f32 = 9.0;
/// Points of the form around them.
const HEIGHT: f32 = 16.0;
/// Names in a page's resources; a file of somebody else's hardly has the same.
const FORM: &str = "MajlisStamp";
const FADE: &str = "MajlisFade";

/// A copy of a PDF with a line of text at the foot of each page, and once more, pale, across it. The words may be of
/// either script.
///
/// # Errors
/// [`DocumentError::Unreadable`], [`DocumentError::Encrypted`].
pub fn stamp_pages(pdf: &[u8], words: &str) -> Result<Vec<u8>, DocumentError> {
    let mut document = read(pdf)?;
    let pages: Vec<ObjectId> = document.page_iter().collect();
    let (form, width) = add_form(&mut document, words)?;
    let mut fade = Dictionary::new();
    fade.set("Type", Object::Name(b"ExtGState".to_vec()));
    fade.set("ca", Object::Real(0.35));
    let fade = document.add_object(fade);
    // Whatever the page's own drawing leaves behind does not move the stamp.
    let before = document.add_object(Stream::new(Dictionary::new(), b"q\n".to_vec()));
    for id in pages {
        stamp_page(&mut document, id, (form, fade, before), width)?;
    }
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).map_err(|_why| DocumentError::Internal("the copy cannot be written"))?;
    Ok(bytes)
}

/// Draws the words, and takes the drawing into the document; gives its width.
fn add_form(document: &mut Document, words: &str) -> Result<(ObjectId, f32), DocumentError> {
    const BROKEN: DocumentError = DocumentError::Internal("the stamp cannot be drawn");
    let letters = Letters::read()?;
    let line = letters.line(words, Weight::Regular, Way::Auto);
    let width = line.width * SIZE + 8.0;
    let mut drawing = krilla::Document::new();
    let settings = PageSettings::from_wh(width, HEIGHT).ok_or(BROKEN)?;
    let mut page = drawing.start_page_with(settings);
    let mut surface = page.surface();
    Sheet::new(&mut surface, &letters).line(&line, regular(SIZE, PALE), Hold::Left, (4.0, 11.0));
    surface.finish();
    page.finish();
    let drawn = drawing.finish().map_err(|_why| BROKEN)?;
    let mut drawn = Document::load_mem(&drawn).map_err(|_why| BROKEN)?;
    drawn.renumber_objects_with(document.max_id.saturating_add(1));
    let page_id = drawn.page_iter().next().ok_or(BROKEN)?;
    let content = drawn.get_page_content(page_id);
    let page = drawn.get_dictionary(page_id).map_err(|_why| BROKEN)?;
    let resources = inherited(&drawn, page, b"Resources");
    let mut form = Dictionary::new();
    form.set("Type", Object::Name(b"XObject".to_vec()));
    form.set("Subtype", Object::Name(b"Form".to_vec()));
    form.set("BBox", Object::Array([0.0, 0.0, width, HEIGHT].map(Object::Real).to_vec()));
    if let Some(resources) = resources {
        form.set("Resources", resources);
    }
    document.max_id = document.max_id.max(drawn.max_id);
    document.objects.extend(drawn.objects);
    Ok((document.add_object(Stream::new(form, content)), width))
}

fn stamp_page(
    document: &mut Document,
    id: ObjectId,
    (form, fade, before): (ObjectId, ObjectId, ObjectId),
    width: f32,
) -> Result<(), DocumentError> {
    let page = document.get_dictionary(id).map_err(|_why| DocumentError::Unreadable)?;
    let mut resources = resolved(document, inherited(document, page, b"Resources").as_ref());
    for (kind, name, object) in [("XObject", FORM, form), ("ExtGState", FADE, fade)] {
        let mut members = resolved(document, resources.get(kind.as_bytes()).ok());
        members.set(name, Object::Reference(object));
        resources.set(kind, Object::Dictionary(members));
    }
    let after = Stream::new(Dictionary::new(), marks(page_box(document, page), width).into_bytes());
    let mut contents = vec![Object::Reference(before)];
    contents.extend(document.get_page_contents(id).into_iter().map(Object::Reference));
    contents.push(Object::Reference(document.add_object(after)));
    let page = document.get_dictionary_mut(id).map_err(|_why| DocumentError::Unreadable)?;
    page.set("Resources", Object::Dictionary(resources));
    page.set("Contents", Object::Array(contents));
    Ok(())
}

/// A copy of a dictionary, wherever it is; an empty one where there is none.
fn resolved(document: &Document, object: Option<&Object>) -> Dictionary {
    let found = object.and_then(|object| document.dereference(object).ok());
    found.and_then(|(_, object)| object.as_dict().ok().cloned()).unwrap_or_default()
}

/// Left, bottom, right, top of a page; A4 where it does not say.
fn page_box(document: &Document, page: &Dictionary) -> [f32; 4] {
    const A4: [f32; 4] = [0.0, 0.0, 595.28, 841.89];
    let corners = inherited(document, page, b"CropBox").or_else(|| inherited(document, page, b"MediaBox"));
    let Some(corners) = corners.as_ref().and_then(|corners| document.dereference(corners).ok()) else {
        return A4;
    };
    let Ok(corners) = corners.1.as_array() else { return A4 };
    let mut read = corners.iter().map(|corner| document.dereference(corner).ok()?.1.as_float().ok());
    match (read.next().flatten(), read.next().flatten(), read.next().flatten(), read.next().flatten()) {
        (Some(one), Some(two), Some(three), Some(four)) => {
            [one.min(three), two.min(four), one.max(three), two.max(four)]
        }
        _ => A4,
    }
}

/// The drawing of the stamp at the foot and across the page.
fn marks([left, bottom, right, top]: [f32; 4], width: f32) -> String {
    let (across, high) = ((right - left).max(1.0), (top - bottom).max(1.0));
    let foot = (0.9 * across / width).min(1.0);
    let (x, y) = (left + (across - width * foot) / 2.0, bottom + 4.0);
    let long = across.hypot(high);
    let large = (0.7 * long / width).min(4.0);
    let (cosine, sine) = (large * across / long, large * high / long);
    let (middle_x, middle_y) = (left + across / 2.0, bottom + high / 2.0);
    let (slant_x, slant_y) = (middle_x - cosine * width / 2.0, middle_y - sine * width / 2.0);
    format!(
        "\nQ\nq {foot:.4} 0 0 {foot:.4} {x:.2} {y:.2} cm /{FORM} Do Q\n\
         q /{FADE} gs {cosine:.4} {sine:.4} {negative:.4} {cosine:.4} {slant_x:.2} {slant_y:.2} cm /{FORM} Do Q\n",
        negative = -sine,
    )
}
