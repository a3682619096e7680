//! `POST` and `DELETE /lessons/{id}/complete` (domain.md §5.4).

use base::Time;
use protocol::learning::{EnrollmentStatus, Progress};
use store::learning::ProgressWrite;

use super::LearningError;
use super::access::lock_as_student;
use super::completion::recount;
use super::report_progress::{completed_at, is_watched, tell, touch, write_progress};
use super::view::enrollment_status;
use crate::machine::step;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Marks a lesson as done that is not done by watching it. Once more changes nothing.
///
/// # Errors
/// `not_found`, `forbidden` for who is not in the course; [`LearningError::WatchToComplete`].
pub async fn complete_lesson(app: &App, actor: &Actor, lesson_id: u64) -> Result<Progress, LearningError> {
    actor.require("write")?;
    mark(app, actor, lesson_id).await
}

/// As [`complete_lesson`], for who has opened the lesson.
pub(super) async fn mark(app: &App, actor: &Actor, lesson_id: u64) -> Result<Progress, LearningError> {
    in_unit!(app, |unit| write_mark(app, unit, actor, lesson_id, true))
}

/// Takes the mark back, while the course is not completed. Once more changes nothing.
///
/// # Errors
/// As [`complete_lesson`]; `illegal_transition` in a completed course, which stays so.
pub async fn reopen_lesson(app: &App, actor: &Actor, lesson_id: u64) -> Result<Progress, LearningError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_mark(app, unit, actor, lesson_id, false))
}

async fn write_mark(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    lesson_id: u64,
    done: bool,
) -> Result<Progress, LearningError> {
    let (lesson, mut enrollment) = lock_as_student(unit, actor, lesson_id).await?;
    if is_watched(&lesson)? {
        return Err(LearningError::WatchToComplete);
    }
    let status = enrollment_status(&enrollment.status)?;
    if !done && status == EnrollmentStatus::Completed {
        step(status, EnrollmentStatus::Active)?;
    }
    let at = Time::now_in_seconds();
    let before = store::learning::lock_progress(unit, enrollment.id, lesson.id).await?;
    let was_done = before.as_ref().is_some_and(|row| row.is_completed);
    if before.is_none() || was_done != done {
        let write = ProgressWrite {
            watched_duration_seconds: before.as_ref().map_or(0, |row| row.watched_duration_seconds),
            last_position_seconds: before.as_ref().map_or(0, |row| row.last_position_seconds),
            is_completed: done,
            completed_at: completed_at(before.as_ref(), done, at),
            at: at.as_chrono(),
        };
        write_progress(unit, &enrollment, lesson.id, before.as_ref(), write).await?;
    }
    touch(unit, &mut enrollment, at).await?;
    if was_done != done {
        recount(app, unit, &mut enrollment, at).await?;
    }
    tell(unit, &enrollment, lesson.id).await
}
