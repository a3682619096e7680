//! `GET /me/library` (domain.md §5.5).

use base::paging::{Page, PageRequest};
use protocol::books::LibraryItem;
use store::books::LibraryRow;

use super::BookError;
use super::view::{book_view, progress_view, purchase_view};
use crate::{Actor, App};

/// A page of the books that the actor has, with how far they were read, newest first.
///
/// # Errors
/// Those of the store.
pub async fn list_library(
    app: &App,
    actor: &Actor,
    page: PageRequest,
) -> Result<Page<LibraryItem>, BookError> {
    actor.require("read")?;
    let rows = {
        let mut conn = app.store.reader().await?;
        let from = (page.cursor.map(|cursor| cursor.id), page.forward());
        store::books::list_library(&mut conn, actor.user_id(), from, page.fetch()).await?
    };
    let Page { items, next, previous, per_page } = Page::from_rows(page, rows, |row| row.purchase.id);
    let view = |row: LibraryRow| {
        let progress = progress_view(row.book.id, row.book.page_count, Some(&row.progress));
        Ok(LibraryItem {
            purchase: purchase_view(app, row.purchase)?,
            book: book_view(app, row.book)?,
            progress,
        })
    };
    let items = items.into_iter().map(view).collect::<Result<_, BookError>>()?;
    Ok(Page { items, next, previous, per_page })
}
