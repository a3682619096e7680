//! `POST /lessons/{id}/move` (domain.md §5.4).

use base::{Problem, Violations};
use protocol::courses::{Lesson, MoveLesson};
use store::courses::LessonRow;

use super::authority::lock_lesson;
use super::check::now;
use super::view::{lesson_view, tell_change};
use super::{CourseError, NO_LESSON};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Puts a lesson into a section of its course, at a place there. Both sections' places have no holes, and their durations
/// follow.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; a violation of `section_id` for one that is not of the course.
pub async fn move_lesson(
    app: &App,
    actor: &Actor,
    lesson_id: u64,
    input: MoveLesson,
) -> Result<Lesson, CourseError> {
    actor.require("write")?;
    let row = in_unit!(app, |unit| write_move(unit, actor, lesson_id, &input))?;
    Ok(lesson_view(app, row, true)?)
}

async fn write_move(
    unit: &mut Unit,
    actor: &Actor,
    lesson_id: u64,
    input: &MoveLesson,
) -> Result<LessonRow, CourseError> {
    let (course, lesson) = lock_lesson(unit, actor, lesson_id).await?;
    let section = store::courses::find_section(unit, input.section_id).await?;
    let Some(section) = section.filter(|section| section.course_id == course.id) else {
        return Err(Violations::one("section_id", Problem::NotFound).into());
    };
    let left = lesson.course_section_id;
    if left != section.id {
        store::courses::update_lesson_place(unit, lesson.id, section.id).await?;
        let rest = store::courses::list_lesson_ids(unit, left).await?;
        store::courses::update_lesson_order(unit, &rest).await?;
    }
    let mut ids = store::courses::list_lesson_ids(unit, section.id).await?;
    ids.retain(|id| *id != lesson.id);
    let place = input.position.and_then(|position| usize::try_from(position).ok()).unwrap_or(usize::MAX);
    ids.insert(place.min(ids.len()), lesson.id);
    store::courses::update_lesson_order(unit, &ids).await?;
    let total = store::courses::update_totals(unit, course.id, now()).await?;
    tell_change(unit, &course, total)?;
    Ok(store::courses::find_lesson(unit, lesson.id).await?.ok_or(NO_LESSON)?)
}
