//! The order of sections and lessons (domain.md §5.4): all ids, each once, in their new places.

use base::{Problem, Time, Violations};
use protocol::courses::{Lesson, NewOrder, Section};
use store::courses::{LessonRow, SectionRow};

use super::CourseError;
use super::authority::{lock_as_editor, lock_section};
use super::view::{lesson_view, section_view, tell_change};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Demands that `ids` are those present, each once.
///
/// # Errors
/// A violation of `ids`.
pub(super) fn require_permutation(present: &[u64], ids: &[u64]) -> Result<(), Violations> {
    let sorted = |ids: &[u64]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    };
    if sorted(present) == sorted(ids) {
        return Ok(());
    }
    Err(Violations::one("ids", Problem::NotAllowed("it has to name all that there are, each once")))
}

/// Gives a course's sections their places.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; a violation of `ids`.
pub async fn order_sections(
    app: &App,
    actor: &Actor,
    course_id: u64,
    input: NewOrder,
) -> Result<Vec<Section>, CourseError> {
    actor.require("write")?;
    let rows = in_unit!(app, |unit| write_sections(unit, actor, course_id, &input.ids))?;
    Ok(rows.into_iter().map(section_view).collect())
}

/// Gives a section's lessons their places.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; a violation of `ids`.
pub async fn order_lessons(
    app: &App,
    actor: &Actor,
    section_id: u64,
    input: NewOrder,
) -> Result<Vec<Lesson>, CourseError> {
    actor.require("write")?;
    let rows = in_unit!(app, |unit| write_lessons(unit, actor, section_id, &input.ids))?;
    Ok(rows.into_iter().map(|row| lesson_view(app, row, true)).collect::<Result<_, _>>()?)
}

async fn write_sections(
    unit: &mut Unit,
    actor: &Actor,
    course_id: u64,
    ids: &[u64],
) -> Result<Vec<SectionRow>, CourseError> {
    let (course, _) = lock_as_editor(unit, actor, course_id).await?;
    let present = store::courses::list_section_ids(unit, course.id).await?;
    require_permutation(&present, ids)?;
    if present != ids {
        store::courses::update_section_order(unit, ids).await?;
        store::courses::update_changed_at(unit, course.id, Time::now_in_seconds().as_chrono()).await?;
        tell_change(unit, &course, course.total_lessons)?;
    }
    Ok(store::courses::list_sections(unit, course.id).await?)
}

async fn write_lessons(
    unit: &mut Unit,
    actor: &Actor,
    section_id: u64,
    ids: &[u64],
) -> Result<Vec<LessonRow>, CourseError> {
    let (course, section) = lock_section(unit, actor, section_id).await?;
    let present = store::courses::list_lesson_ids(unit, section.id).await?;
    require_permutation(&present, ids)?;
    if present != ids {
        store::courses::update_lesson_order(unit, ids).await?;
        store::courses::update_changed_at(unit, course.id, Time::now_in_seconds().as_chrono()).await?;
        tell_change(unit, &course, course.total_lessons)?;
    }
    let mut lessons = store::courses::list_lessons(unit, course.id).await?;
    lessons.retain(|lesson| lesson.course_section_id == section.id);
    Ok(lessons)
}

#[cfg(test)]
mod tests {
    use super::require_permutation;

    #[test]
    fn an_order_names_all_each_once() {
        assert!(require_permutation(&[1, 2, 3], &[3, 1, 2]).is_ok());
        assert!(require_permutation(&[], &[]).is_ok());
        for ids in [&[1, 2][..], &[1, 2, 2], &[1, 2, 4], &[1, 2, 3, 3], &[]] {
            assert!(require_permutation(&[1, 2, 3], ids).is_err(), "{ids:?}");
        }
    }
}
