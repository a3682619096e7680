//! `GET /books/{id|slug}` (domain.md §5.5).

use protocol::books::Book;
use store::books::BookName;

use super::BookError;
use super::access::find_seen;
use super::view::book_view;
use crate::{Actor, App};

/// A book that the viewer may know of, by its id or its name in addresses.
///
/// # Errors
/// [`base::CommonFault::NotFound`]: drafts are their seller's and administrators', archived books theirs and their
/// readers' (domain.md D23).
pub async fn find_book(app: &App, viewer: Option<&Actor>, id_or_slug: &str) -> Result<Book, BookError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let name = book_name(id_or_slug);
    let mut conn = app.store.reader().await?;
    let row = find_seen(&mut conn, viewer, name).await?;
    Ok(book_view(app, row)?)
}

/// Slugs are never only digits.
fn book_name(text: &str) -> BookName<'_> {
    match text.parse() {
        Ok(id) if text.bytes().all(|byte| byte.is_ascii_digit()) => BookName::Id(id),
        _ => BookName::Slug(text),
    }
}
