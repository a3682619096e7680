//! `PATCH /lessons/{id}` (domain.md §5.4).

use base::conditional::IfMatch;
use protocol::courses::{Lesson, UpdateLesson};
use store::courses::LessonRow;

use super::authority::lock_lesson;
use super::check::now;
use super::lesson_check::LessonWords;
use super::view::{lesson_view, tell_change};
use super::{CourseError, NO_LESSON};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Changes what is given of a lesson; its section's duration follows.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; [`base::CommonFault::PreconditionFailed`]; violations of each field.
pub async fn update_lesson(
    app: &App,
    actor: &Actor,
    lesson_id: u64,
    version: &IfMatch,
    input: UpdateLesson,
) -> Result<Lesson, CourseError> {
    actor.require("write")?;
    let row = in_unit!(app, |unit| write_changes(app, unit, actor, lesson_id, version, input.clone()))?;
    Ok(lesson_view(app, row, true)?)
}

async fn write_changes(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    lesson_id: u64,
    version: &IfMatch,
    input: UpdateLesson,
) -> Result<LessonRow, CourseError> {
    let (course, lesson) = lock_lesson(unit, actor, lesson_id).await?;
    version.check(&lesson_view(app, lesson.clone(), true)?)?;
    let before = LessonWords::of(&lesson)?;
    let (mut after, files) = before.clone().changed(input);
    after.check(Some(&before), &files)?;
    let claimed = files.claim(unit, actor, &mut after).await?;
    if after == before {
        return Ok(lesson);
    }
    store::courses::update_lesson(unit, lesson.id, &after.row(), now()).await?;
    claimed.settle(unit, lesson.id).await?;
    let total = store::courses::update_totals(unit, course.id, now()).await?;
    tell_change(unit, &course, total)?;
    Ok(store::courses::find_lesson(unit, lesson.id).await?.ok_or(NO_LESSON)?)
}
