//! `GET /books/{id}/annotations/export` (domain.md §5.5).

use base::{CommonFault, Time};
use protocol::books::{Annotation, AnnotationType, ExportFormat};
use serde_json::{Map, Value, json};
use store::books::BookRow;

use crate::books::BookError;
use crate::books::access::find_copy;
use crate::books::view::annotation_view;
use crate::{Actor, App};

/// Annotations of one document at most.
const MOST: u32 = 10_000;
/// The member of `position_data` that has the marked words.
const QUOTE: &str = "quote";

/// A document of one's own marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Its media type.
    pub content_type: &'static str,
    /// What it is to be saved as.
    pub name: String,
    /// Its text.
    pub body: String,
}

/// All of one's own marks in a book, page by page, as a document to be kept. Words of the book itself are in it only
/// where the book may be copied from.
///
/// # Errors
/// [`CommonFault::NotFound`], [`BookError::NotPurchased`].
pub async fn export_annotations(
    app: &App,
    actor: &Actor,
    book_id: u64,
    format: ExportFormat,
) -> Result<Exported, BookError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let copy = find_copy(&mut conn, actor, book_id).await?;
    let rows = store::books::list_pages(&mut conn, copy.purchase.id, MOST).await?;
    drop(conn);
    let mut annotations = Vec::with_capacity(rows.len());
    for row in rows {
        let mut annotation = annotation_view(book_id, row)?;
        if !copy.book.allow_copying {
            annotation.position_data = annotation.position_data.map(without_quote);
        }
        annotations.push(annotation);
    }
    let (content_type, extension, body) = match format {
        ExportFormat::Md => ("text/markdown; charset=utf-8", "md", markdown(&copy.book, &annotations)),
        ExportFormat::Json => ("application/json", "json", pretty(&plain(&copy.book, &annotations))?),
        ExportFormat::W3c => {
            let source = format!("{}/api/v1/books/{book_id}", app.settings.http.public_url);
            let set = annotation_set(&copy.book, &source, &annotations);
            let media = "application/ld+json; profile=\"http://www.w3.org/ns/anno.jsonld\"";
            (media, "jsonld", pretty(&set)?)
        }
    };
    Ok(Exported { content_type, name: format!("{} – annotations.{extension}", copy.book.title), body })
}

fn pretty(document: &Value) -> Result<String, CommonFault> {
    serde_json::to_string_pretty(document).map_err(CommonFault::internal)
}

fn without_quote(mut data: Map<String, Value>) -> Map<String, Value> {
    data.remove(QUOTE);
    data
}

fn quote(annotation: &Annotation) -> Option<&str> {
    annotation.position_data.as_ref()?.get(QUOTE)?.as_str().filter(|words| !words.is_empty())
}

fn plain(book: &BookRow, annotations: &[Annotation]) -> Value {
    json!({
        "book": {"id": book.id, "title": book.title, "author": book.author, "isbn": book.isbn},
        "exported_at": Time::now_in_seconds(),
        "annotations": annotations,
    })
}

fn markdown(book: &BookRow, annotations: &[Annotation]) -> String {
    let mut text = format!("# {}\n\n{}\n", one_line(&book.title), one_line(&book.author));
    let mut page = 0;
    for annotation in annotations {
        if annotation.page_number != page {
            page = annotation.page_number;
            text.push_str(&format!("\n## {page}\n"));
        }
        text.push('\n');
        if let Some(words) = quote(annotation) {
            for line in words.lines() {
                text.push_str(&format!("> {line}\n"));
            }
            text.push('\n');
        }
        let color = annotation.color.as_deref().map_or_else(String::new, |color| format!(" {color}"));
        text.push_str(&format!("*{}{color}*", annotation.annotation_type.as_str()));
        if let Some(content) = &annotation.content {
            text.push_str(&format!(": {content}"));
        }
        text.push('\n');
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A set of Web Annotations in the profile of EPUB Annotations 1.0, whose places are pages of a PDF (RFC 8118).
fn annotation_set(book: &BookRow, source: &str, annotations: &[Annotation]) -> Value {
    let identifier = book.isbn.as_ref().map_or_else(|| source.to_owned(), |isbn| format!("urn:isbn:{isbn}"));
    let items: Vec<Value> = annotations.iter().map(|one| web_annotation(source, one)).collect();
    json!({
        "@context": "http://www.w3.org/ns/anno.jsonld",
        "id": format!("{source}/annotations/export?format=w3c"),
        "type": "AnnotationSet",
        "about": {
            "dc:identifier": [identifier], "dc:format": "application/pdf", "dc:title": book.title,
            "dc:creator": [book.author], "dc:language": [book.language],
        },
        "generated": Time::now_in_seconds(),
        "items": items,
    })
}

fn web_annotation(source: &str, annotation: &Annotation) -> Value {
    let motivation = match annotation.annotation_type {
        AnnotationType::Highlight | AnnotationType::Underline => "highlighting",
        AnnotationType::Note => "commenting",
        AnnotationType::Bookmark => "bookmarking",
    };
    let mut selectors = vec![json!({
        "type": "FragmentSelector", "conformsTo": "http://tools.ietf.org/rfc/rfc3778",
        "value": format!("page={}", annotation.page_number),
    })];
    if let Some(words) = quote(annotation) {
        selectors.push(json!({"type": "TextQuoteSelector", "exact": words}));
    }
    let mut item = json!({
        "@context": "http://www.w3.org/ns/anno.jsonld",
        "id": format!("{source}/annotations#{}", annotation.id),
        "type": "Annotation",
        "motivation": motivation,
        "created": annotation.created_at,
        "modified": annotation.updated_at,
        "target": {"source": source, "selector": selectors},
    });
    let says = annotation.content.is_some() || annotation.color.is_some();
    if let Some(members) = item.as_object_mut().filter(|_| says) {
        members.insert(
            "body".to_owned(),
            json!({
                "type": "TextualBody", "format": "text/plain", "value": annotation.content.as_deref().unwrap_or(""),
                "color": annotation.color,
                "highlight": match annotation.annotation_type {
                    AnnotationType::Underline => "underline",
                    _ => "solid",
                },
            }),
        );
    }
    item
}
