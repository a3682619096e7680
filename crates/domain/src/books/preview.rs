//! `GET /books/{id}/preview` (domain.md §5.5): the first pages of a book, for everybody.

use base::{CommonFault, Time};
use store::books::{BookListRow, BookName};

use super::BookError;
use super::access::find_seen;
use super::content::{NewFile, SIGNED_FOR, keep_copy, read_source, with_permit};
use crate::uploads::StoredFile;
use crate::{Actor, App};

/// There are no pages for everybody, or the PDF is not in our hands.
const NO_PREVIEW: CommonFault = CommonFault::NotFound("preview");

/// A PDF of the first pages of a book that the viewer may know of, never of all of them. Made once, and kept.
///
/// # Errors
/// [`CommonFault::NotFound`], also where the book has no preview.
pub async fn find_preview(app: &App, viewer: Option<&Actor>, id: u64) -> Result<StoredFile, BookError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let book = {
        let mut conn = app.store.reader().await?;
        find_seen(&mut conn, viewer, BookName::Id(id)).await?
    };
    let source = book.pdf_url.as_deref().filter(|path| is_ours(path)).ok_or(NO_PREVIEW)?;
    let pages = book.preview_pages.min(book.page_count.saturating_sub(1));
    if pages == 0 {
        return Err(NO_PREVIEW.into());
    }
    let variant = format!("preview:{pages}");
    if let Some(file) = find_made(app, &book, &variant, source).await? {
        return Ok(file);
    }
    let _permit = with_permit(app).await?;
    // Somebody else may have made it meanwhile.
    if let Some(file) = find_made(app, &book, &variant, source).await? {
        return Ok(file);
    }
    let pdf = read_source(app, source).await?;
    let cut = tokio::task::spawn_blocking(move || documents::cut_pages(&pdf, pages));
    let bytes = cut.await.map_err(CommonFault::internal)?.map_err(CommonFault::internal)?;
    let new = NewFile { book_id: id, user_id: None, variant: &variant, source, pages };
    keep_copy(app, &new, bytes, None).await?;
    find_made(app, &book, &variant, source).await?.ok_or_else(|| NO_PREVIEW.into())
}

/// Is the PDF a file of ours? Another application's is not fetched by us (domain.md §9.1, API7).
pub(super) fn is_ours(path: &str) -> bool {
    !path.is_empty() && !path.starts_with("https://") && !path.starts_with("http://")
}

async fn find_made(
    app: &App,
    book: &BookListRow,
    variant: &str,
    source: &str,
) -> Result<Option<StoredFile>, BookError> {
    let mut conn = app.store.reader().await?;
    let ever = chrono::DateTime::UNIX_EPOCH;
    let copy = store::books::find_copy(&mut conn, (book.id, variant), source, ever).await?;
    let until = Time::now().plus_seconds(SIGNED_FOR).unix_seconds();
    Ok(copy.map(|copy| StoredFile::copy(copy, until)))
}
