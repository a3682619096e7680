//! `DELETE /lessons/{id}` (domain.md §5.4).

use base::conditional::IfMatch;

use super::CourseError;
use super::authority::lock_lesson;
use super::check::now;
use super::view::{lesson_view, tell_change};
use crate::learning::recompute_course;
use crate::morph::Morph;
use crate::unit::Unit;
use crate::uploads::release;
use crate::{Actor, App, in_unit};

/// Takes a lesson out of its course, with its files and what its students did in it. The lessons behind it move up, and
/// those who are in the course are as far as they are without it.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; [`base::CommonFault::PreconditionFailed`].
pub async fn delete_lesson(
    app: &App,
    actor: &Actor,
    lesson_id: u64,
    version: &IfMatch,
) -> Result<(), CourseError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_deletion(app, unit, actor, lesson_id, version))
}

async fn write_deletion(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    lesson_id: u64,
    version: &IfMatch,
) -> Result<(), CourseError> {
    let (course, lesson) = lock_lesson(unit, actor, lesson_id).await?;
    version.check(&lesson_view(app, lesson.clone(), true)?)?;
    release(unit, Morph::CourseLesson, lesson.id).await?;
    store::courses::delete_lesson(unit, lesson.id).await?;
    let rest = store::courses::list_lesson_ids(unit, lesson.course_section_id).await?;
    store::courses::update_lesson_order(unit, &rest).await?;
    let total = store::courses::update_totals(unit, course.id, now()).await?;
    recompute_course(unit, course.id).await?;
    tell_change(unit, &course, total)
}
