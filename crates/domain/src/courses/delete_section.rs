//! `DELETE /sections/{id}` (domain.md §5.4).

use base::conditional::IfMatch;

use super::CourseError;
use super::authority::lock_section;
use super::check::now;
use super::view::{section_view, tell_change};
use crate::learning::recompute_course;
use crate::morph::Morph;
use crate::unit::Unit;
use crate::uploads::release;
use crate::{Actor, App, in_unit};

/// Takes a section out of its course, with its lessons and their files. The sections behind it move up, and those who are
/// in the course are as far as they are without it.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; [`base::CommonFault::PreconditionFailed`].
pub async fn delete_section(
    app: &App,
    actor: &Actor,
    section_id: u64,
    version: &IfMatch,
) -> Result<(), CourseError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_deletion(unit, actor, section_id, version))
}

async fn write_deletion(
    unit: &mut Unit,
    actor: &Actor,
    section_id: u64,
    version: &IfMatch,
) -> Result<(), CourseError> {
    let (course, section) = lock_section(unit, actor, section_id).await?;
    version.check(&section_view(section.clone()))?;
    for lesson_id in store::courses::list_lesson_ids(unit, section.id).await? {
        release(unit, Morph::CourseLesson, lesson_id).await?;
    }
    store::courses::delete_section(unit, section.id).await?;
    let rest = store::courses::list_section_ids(unit, course.id).await?;
    store::courses::update_section_order(unit, &rest).await?;
    let total = store::courses::update_totals(unit, course.id, now()).await?;
    recompute_course(unit, course.id).await?;
    tell_change(unit, &course, total)
}
