//! `POST /sections/{id}/lessons` (domain.md §5.4).

use base::{Problem, Violations};
use protocol::courses::{CourseStatus, CreateLesson, Lesson};
use store::courses::LessonRow;

use super::authority::lock_section;
use super::check::now;
use super::lesson_check::LessonWords;
use super::view::{course_status, lesson_view, tell_change};
use super::{CourseError, NO_LESSON};
use crate::learning::recompute_course;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Lessons of one section at most.
const MAX_LESSONS: usize = 500;

/// Adds a lesson to a section, the last of it. Those who are in the course have one more to do, and are told of it (by
/// [`super::tell_new_lessons`]) if the course is published.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; violations of each field.
pub async fn create_lesson(
    app: &App,
    actor: &Actor,
    section_id: u64,
    input: CreateLesson,
) -> Result<Lesson, CourseError> {
    actor.require("write")?;
    let row = in_unit!(app, |unit| write_lesson(unit, actor, section_id, input.clone()))?;
    Ok(lesson_view(app, row, true)?)
}

async fn write_lesson(
    unit: &mut Unit,
    actor: &Actor,
    section_id: u64,
    input: CreateLesson,
) -> Result<LessonRow, CourseError> {
    let (course, section) = lock_section(unit, actor, section_id).await?;
    let (mut words, files) = LessonWords::new(input);
    words.check(None, &files)?;
    let present = store::courses::list_lesson_ids(unit, section.id).await?;
    if present.len() >= MAX_LESSONS {
        return Err(Violations::one("title", Problem::NotAllowed("a section has at most 500 lessons")).into());
    }
    let claimed = files.claim(unit, actor, &mut words).await?;
    let order = u32::try_from(present.len()).unwrap_or(u32::MAX);
    let place = (course.id, section.id);
    let id = store::courses::insert_lesson(unit, place, order, &words.row(), now()).await?;
    claimed.settle(unit, id).await?;
    let total = store::courses::update_totals(unit, course.id, now()).await?;
    recompute_course(unit, course.id).await?;
    if course_status(&course.status)? == CourseStatus::Published {
        store::courses::insert_news(unit, course.id, now()).await?;
    }
    tell_change(unit, &course, total)?;
    Ok(store::courses::find_lesson(unit, id).await?.ok_or(NO_LESSON)?)
}
