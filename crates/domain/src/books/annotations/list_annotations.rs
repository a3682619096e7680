//! `GET /books/{id}/annotations` (domain.md §5.5).

use base::paging::{Page, PageRequest};
use protocol::books::{Annotation, AnnotationFilter, AnnotationType};
use store::books::AnnotationQuery;

use crate::books::BookError;
use crate::books::access::find_copy;
use crate::books::view::annotation_view;
use crate::{Actor, App};

/// A page of one's own marks in a book, newest first.
///
/// # Errors
/// [`base::CommonFault::NotFound`], [`BookError::NotPurchased`].
pub async fn list_annotations(
    app: &App,
    actor: &Actor,
    book_id: u64,
    filter: AnnotationFilter,
    page: PageRequest,
) -> Result<Page<Annotation>, BookError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let copy = find_copy(&mut conn, actor, book_id).await?;
    let which = AnnotationQuery {
        annotation_type: filter.annotation_type.map(AnnotationType::as_str),
        page_from: filter.page_from,
        page_to: filter.page_to,
        color: filter.color.map(|color| format!("#{color:06X}")),
        cursor: page.cursor.map(|cursor| cursor.id),
        forward: page.forward(),
        limit: page.fetch(),
    };
    let rows = store::books::list_annotations(&mut conn, copy.purchase.id, &which).await?;
    drop(conn);
    let Page { items, next, previous, per_page } = Page::from_rows(page, rows, |row| row.id);
    let items = items.into_iter().map(|row| annotation_view(book_id, row)).collect::<Result<_, _>>()?;
    Ok(Page { items, next, previous, per_page })
}
