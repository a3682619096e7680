//! `DELETE /annotations/{id}` (domain.md §5.5).

use base::conditional::IfMatch;

use super::NO_ANNOTATION;
use super::update_annotation::lock_copy_of;
use super::write::Pen;
use crate::books::BookError;
use crate::books::view::annotation_view;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Takes a mark of one's own away.
///
/// # Errors
/// [`base::CommonFault::NotFound`], [`base::CommonFault::PreconditionFailed`].
pub async fn delete_annotation(
    app: &App,
    actor: &Actor,
    id: u64,
    if_match: IfMatch,
) -> Result<(), BookError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_deletion(unit, actor, id, &if_match))
}

async fn write_deletion(
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    if_match: &IfMatch,
) -> Result<(), BookError> {
    let copy = lock_copy_of(unit, actor, id).await?;
    let mut pen = Pen::take(unit, &copy).await?;
    let row = pen.find(unit, id).await?.ok_or(NO_ANNOTATION)?;
    if_match.check(&annotation_view(pen.book_id, row)?)?;
    pen.delete(unit, id).await?;
    Ok(())
}
