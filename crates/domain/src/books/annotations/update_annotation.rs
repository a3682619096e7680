//! `PATCH /annotations/{id}` (domain.md §5.5).

use base::Violations;
use base::conditional::IfMatch;
use protocol::books::{Annotation, AnnotationType, UpdateAnnotation};
use store::Conn;
use store::books::AnnotationRow;

use super::NO_ANNOTATION;
use super::values::Values;
use super::write::{Pen, now_millis};
use crate::books::BookError;
use crate::books::access::{OwnCopy, lock_copy};
use crate::books::view::{annotation_type, annotation_view};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Demands that the annotation is the actor's own, in a book that they have, for a door that has to refuse others before
/// it tells what is wrong with a body (domain.md §2.2).
///
/// # Errors
/// [`base::CommonFault::NotFound`].
pub async fn demand_annotation(app: &App, actor: &Actor, id: u64) -> Result<(), BookError> {
    let mut conn = app.store.reader().await?;
    find_book_of(&mut conn, actor, id).await.map(drop)
}

/// The book in which the actor's annotation is.
///
/// # Errors
/// [`base::CommonFault::NotFound`].
async fn find_book_of(conn: &mut Conn, actor: &Actor, id: u64) -> Result<u64, BookError> {
    let owner = store::books::find_annotation_owner(conn, id).await?;
    let owner = owner.filter(|(_, _, user_id)| *user_id == actor.user_id());
    let (_, book_id, _) = owner.ok_or(NO_ANNOTATION)?;
    Ok(book_id)
}

/// The copy of an annotation of the actor's, locked.
///
/// # Errors
/// [`base::CommonFault::NotFound`].
pub(super) async fn lock_copy_of(unit: &mut Unit, actor: &Actor, id: u64) -> Result<OwnCopy, BookError> {
    let book_id = find_book_of(unit, actor, id).await?;
    match lock_copy(unit, actor, book_id).await {
        // Given back just now.
        Err(BookError::NotPurchased) => Err(NO_ANNOTATION.into()),
        outcome => outcome,
    }
}

/// Changes what is given of a mark of one's own; what kind it is stays.
///
/// # Errors
/// [`base::CommonFault::NotFound`], [`base::CommonFault::PreconditionFailed`]; violations of each field.
pub async fn update_annotation(
    app: &App,
    actor: &Actor,
    id: u64,
    input: UpdateAnnotation,
    if_match: IfMatch,
) -> Result<Annotation, BookError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_changes(unit, actor, id, &input, &if_match))
}

async fn write_changes(
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    input: &UpdateAnnotation,
    if_match: &IfMatch,
) -> Result<Annotation, BookError> {
    let copy = lock_copy_of(unit, actor, id).await?;
    let mut pen = Pen::take(unit, &copy).await?;
    let row = pen.find(unit, id).await?.ok_or(NO_ANNOTATION)?;
    let before = annotation_view(pen.book_id, row.clone())?;
    if_match.check(&before)?;
    let old = values_of(row)?;
    let values = Values {
        annotation_type: old.annotation_type,
        page_number: input.page_number.unwrap_or(old.page_number),
        color: input.color.clone().unwrap_or(old.color.clone()),
        content: input.content.clone().unwrap_or(old.content.clone()),
        position_data: input.position_data.clone().unwrap_or(old.position_data.clone()),
    }
    .cleaned();
    let mut violations = Violations::none();
    values.check(pen.page_count, "", &mut violations);
    if values.annotation_type == AnnotationType::Bookmark
        && values.page_number != old.page_number
        && store::books::find_bookmark(unit, pen.purchase_id, values.page_number).await?.is_some()
    {
        violations.add("page_number", base::Problem::NotAllowed("the page has a bookmark"));
    }
    violations.into_result()?;
    if values == old {
        return Ok(before);
    }
    // Later than what was there, whatever the clock of the device that wrote it.
    let earlier = u64::try_from(before.updated_at.unix_millis()).unwrap_or(0);
    let edited_at = now_millis().max(earlier.saturating_add(1));
    pen.update(unit, id, &values, (None, edited_at)).await
}

/// What a row holds.
///
/// # Errors
/// Those of the store.
pub(super) fn values_of(row: AnnotationRow) -> Result<Values, BookError> {
    Ok(Values {
        annotation_type: annotation_type(&row.annotation_type)?,
        page_number: row.page_number,
        color: row.color,
        content: row.content,
        position_data: row.position_data.and_then(|data| data.0.as_object().cloned()),
    })
}
