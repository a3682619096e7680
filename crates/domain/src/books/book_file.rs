//! The files of a book: its PDF and its cover.

use protocol::uploads::UploadKind;
use store::books::BookDraft;

use super::BookError;
use super::checks::Draft;
use crate::Actor;
use crate::morph::Morph;
use crate::unit::Unit;
use crate::uploads::{attach, claim_files};

/// Takes the files that the actor names into the draft; [`attach_files`] follows once the book has its id.
///
/// # Errors
/// Violations of `pdf_upload_id` and `cover_upload_id`.
pub(super) async fn claim_book_files(
    unit: &mut Unit,
    actor: &Actor,
    (pdf, cover): (Option<u64>, Option<u64>),
    draft: &mut Draft,
) -> Result<(), BookError> {
    if let Some(id) = pdf {
        let claimed = claim_files(unit, actor.user_id(), "pdf_upload_id", &[id], &[UploadKind::Book]).await?;
        if let Some(file) = claimed.into_iter().next() {
            draft.page_count = file.pages.unwrap_or(0);
            draft.pdf_url = Some(file.path);
        }
    }
    if let Some(id) = cover {
        let claimed =
            claim_files(unit, actor.user_id(), "cover_upload_id", &[id], &[UploadKind::Image]).await?;
        if let Some(file) = claimed.into_iter().next() {
            draft.cover = Some(file.path);
        }
    }
    Ok(())
}

/// The book uses its files from now on.
///
/// # Errors
/// Those of the store.
pub(super) async fn attach_files(
    unit: &mut Unit,
    (pdf, cover): (Option<u64>, Option<u64>),
    book_id: u64,
) -> Result<(), BookError> {
    let ids: Vec<u64> = pdf.into_iter().chain(cover).collect();
    Ok(attach(unit, &ids, Morph::Book, book_id).await?)
}

/// The draft as the store takes it.
pub(super) fn row(draft: &Draft, at: base::Time) -> BookDraft<'_> {
    BookDraft {
        category_id: draft.category_id,
        title: &draft.title,
        author: &draft.author,
        description: draft.description.as_deref(),
        cover: draft.cover.as_deref(),
        pdf_url: draft.pdf_url.as_deref(),
        isbn: draft.isbn.as_deref(),
        language: draft.language,
        page_count: draft.page_count,
        price: draft.price,
        preview_pages: draft.preview_pages,
        allow_printing: draft.allow_printing,
        allow_copying: draft.allow_copying,
        at: at.as_chrono(),
    }
}
