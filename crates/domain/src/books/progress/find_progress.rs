//! `GET /books/{id}/progress` (domain.md §5.5).

use protocol::books::ReadingProgress;

use crate::books::BookError;
use crate::books::access::find_copy;
use crate::books::view::progress_view;
use crate::{Actor, App};

/// How far the actor has read a book.
///
/// # Errors
/// [`base::CommonFault::NotFound`], [`BookError::NotPurchased`].
pub async fn find_progress(app: &App, actor: &Actor, book_id: u64) -> Result<ReadingProgress, BookError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let copy = find_copy(&mut conn, actor, book_id).await?;
    let row = store::books::find_progress(&mut conn, copy.purchase.id).await?;
    Ok(progress_view(book_id, copy.book.page_count, row.as_ref()))
}
