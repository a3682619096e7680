//! `DELETE /books/{id}` (domain.md §4.4, §5.5).

use base::Time;
use base::conditional::IfMatch;

use super::BookError;
use super::access::lock_controlled;
use super::view::book_view;
use crate::morph::Morph;
use crate::unit::Unit;
use crate::uploads::release;
use crate::{Actor, App, in_unit};

/// Deletes a book that nobody has, with its files. One that was bought can be archived.
///
/// # Errors
/// [`base::CommonFault::NotFound`], [`base::CommonFault::Forbidden`], [`base::CommonFault::PreconditionFailed`];
/// [`BookError::InUse`].
pub async fn delete_book(app: &App, actor: &Actor, id: u64, if_match: IfMatch) -> Result<(), BookError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_deletion(app, unit, actor, id, &if_match))
}

async fn write_deletion(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    if_match: &IfMatch,
) -> Result<(), BookError> {
    let (_, seen) = lock_controlled(unit, actor, id).await?;
    if_match.check(&book_view(app, seen)?)?;
    if store::books::count_purchases(unit, id).await? > 0 {
        return Err(BookError::InUse);
    }
    store::books::update_book_deleted(unit, id, Time::now_in_seconds().as_chrono()).await?;
    store::books::update_copies_released(unit, id, None).await?;
    Ok(release(unit, Morph::Book, id).await?)
}
