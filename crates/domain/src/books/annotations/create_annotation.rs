//! `POST /books/{id}/annotations` (domain.md §5.5).

use base::Violations;
use protocol::books::{Annotation, AnnotationType, CreateAnnotation};

use super::NO_ANNOTATION;
use super::values::Values;
use super::write::{Pen, now_millis};
use crate::books::BookError;
use crate::books::access::lock_copy;
use crate::books::view::annotation_view;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Marks something in one's own copy. A page has one bookmark: a second one takes the first away, and gives nothing.
/// The same `client_id` again gives what it gave before.
///
/// # Errors
/// [`base::CommonFault::NotFound`], [`BookError::NotPurchased`]; violations of each field.
pub async fn create_annotation(
    app: &App,
    actor: &Actor,
    book_id: u64,
    input: CreateAnnotation,
) -> Result<Option<Annotation>, BookError> {
    actor.require("write")?;
    let client_id = input.client_id.as_ref().map(|key| key.as_str().to_owned());
    let values = Values {
        annotation_type: input.annotation_type,
        page_number: input.page_number,
        color: input.color,
        content: input.content,
        position_data: input.position_data,
    }
    .cleaned();
    in_unit!(app, |unit| write_annotation(unit, actor, book_id, &values, client_id.as_deref()))
}

async fn write_annotation(
    unit: &mut Unit,
    actor: &Actor,
    book_id: u64,
    values: &Values,
    client_id: Option<&str>,
) -> Result<Option<Annotation>, BookError> {
    let copy = lock_copy(unit, actor, book_id).await?;
    let mut violations = Violations::none();
    values.check(copy.book.page_count, "", &mut violations);
    violations.into_result()?;
    let mut pen = Pen::take(unit, &copy).await?;
    if let Some(client_id) = client_id
        && let Some(version) =
            store::books::list_versions(unit, pen.purchase_id, &[client_id], &[]).await?.pop()
    {
        let row = pen.find(unit, version.annotation_id).await?.ok_or(NO_ANNOTATION)?;
        return Ok(Some(annotation_view(book_id, row)?));
    }
    if values.annotation_type == AnnotationType::Bookmark
        && let Some(id) = store::books::find_bookmark(unit, pen.purchase_id, values.page_number).await?
    {
        pen.delete(unit, id).await?;
        return Ok(None);
    }
    Ok(Some(pen.create(unit, values, (client_id, now_millis())).await?))
}
