//! `GET /users/{id}/books` (domain.md §5.5).

use base::CommonFault;
use base::id::UserId;
use base::paging::{Page, PageRequest};
use protocol::books::{Book, BookFilter, BookStatus};
use store::books::SellerScope;

use super::list_books::query_of;
use super::view::book_view;
use super::{BookError, MANAGE};
use crate::{Actor, App, access};

/// A page of what somebody sells, newest first: what is published; in whatever state for themselves and administrators.
///
/// # Errors
/// [`CommonFault::NotFound`] for deleted and suspended accounts, and for whoever blocks the viewer.
pub async fn list_user_books(
    app: &App,
    viewer: Option<&Actor>,
    user_id: UserId,
    status: Option<BookStatus>,
    page: PageRequest,
) -> Result<Page<Book>, BookError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    if !store::books::has_active_seller(&mut conn, user_id).await? {
        return Err(CommonFault::NotFound("user").into());
    }
    let mut sees_all = false;
    if let Some(viewer) = viewer {
        let own = viewer.user_id() == user_id;
        sees_all = own || access::has_permission(&mut conn, viewer.user_id(), MANAGE).await?;
        if !sees_all {
            let between = store::users::list_relationships(&mut conn, viewer.user_id(), &[user_id]).await?;
            if between.iter().any(|row| row.blocked_by != 0) {
                return Err(CommonFault::NotFound("user").into());
            }
        }
    }
    let shown = if sees_all { status } else { Some(BookStatus::Published) };
    if !sees_all && status.is_some_and(|asked| asked != BookStatus::Published) {
        return Ok(Page::from_rows(page, Vec::new(), |book: &Book| book.id));
    }
    let mut which =
        query_of(viewer, BookFilter { user_id: Some(user_id), status: shown, ..BookFilter::default() });
    which.sellers = SellerScope::All;
    let from = (page.cursor.map(|cursor| cursor.id), page.forward());
    let rows = store::books::list_books_of(&mut conn, &which, from, page.fetch()).await?;
    drop(conn);
    let Page { items, next, previous, per_page } = Page::from_rows(page, rows, |row| row.id);
    let items = items.into_iter().map(|row| book_view(app, row)).collect::<Result<_, _>>()?;
    Ok(Page { items, next, previous, per_page })
}
