//! `PUT /lessons/{id}/progress` (domain.md §5.4, rules 1 to 7).

use base::{Problem, Time, Violations};
use chrono::{DateTime, Utc};
use protocol::Event;
use protocol::channel::Channel;
use protocol::courses::LessonType;
use protocol::learning::{Progress, ReportProgress};
use store::courses::LessonRow;
use store::learning::{EnrollmentRow, LessonProgressRow, ProgressWrite};

use super::access::lock_as_student;
use super::completion::recount;
use super::view::{lesson_progress_view, progress_view};
use super::{LearningError, NO_LESSON};
use crate::courses::lesson_type;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Percent of a lesson that have to be watched (rule 3).
const ENOUGH: u64 = 95;
/// No lesson takes longer than a week.
const LONGEST: u32 = 604_800;
/// `last_accessed_at` is written once in so many seconds (rule 7).
const ACCESS_EVERY: i64 = 60;

/// Notes how far a student is in a lesson. What was watched never decreases, and grows no faster than it can be watched: at
/// two and a quarter times the time since the last report, and 15 s; what is beyond that is left out without a word. A video
/// or sound is done when 95 % of it were watched. Tells the student's other devices.
///
/// # Errors
/// `not_found`, `forbidden` for who is not in the course.
pub async fn report_progress(
    app: &App,
    actor: &Actor,
    lesson_id: u64,
    input: ReportProgress,
) -> Result<Progress, LearningError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_report(app, unit, actor, lesson_id, &input))
}

async fn write_report(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    lesson_id: u64,
    input: &ReportProgress,
) -> Result<Progress, LearningError> {
    let (lesson, mut enrollment) = lock_as_student(unit, actor, lesson_id).await?;
    check(input)?;
    let at = Time::now_in_seconds();
    let before = store::learning::lock_progress(unit, enrollment.id, lesson.id).await?;
    let watched = watched(before.as_ref(), input.watched_duration_seconds, lesson.duration_seconds, at);
    let was_done = before.as_ref().is_some_and(|row| row.is_completed);
    let done = was_done || (is_watched(&lesson)? && is_enough(watched, lesson.duration_seconds));
    let position = match input.position {
        Some(position) if lesson.duration_seconds > 0 => position.min(lesson.duration_seconds),
        Some(position) => position,
        None => before.as_ref().map_or(0, |row| row.last_position_seconds),
    };
    let write = ProgressWrite {
        watched_duration_seconds: watched,
        last_position_seconds: position,
        is_completed: done,
        completed_at: completed_at(before.as_ref(), done, at),
        at: at.as_chrono(),
    };
    write_progress(unit, &enrollment, lesson.id, before.as_ref(), write).await?;
    touch(unit, &mut enrollment, at).await?;
    if done && !was_done {
        recount(app, unit, &mut enrollment, at).await?;
    }
    tell(unit, &enrollment, lesson.id).await
}

fn check(input: &ReportProgress) -> Result<(), Violations> {
    let mut violations = Violations::none();
    let most = || Problem::TooGreat(LONGEST.to_string());
    violations.require(input.watched_duration_seconds <= LONGEST, "watched_duration_seconds", most());
    violations.require(input.position.is_none_or(|position| position <= LONGEST), "position", most());
    violations.into_result()
}

/// Rules 1 and 2.
fn watched(before: Option<&LessonProgressRow>, reported: u32, duration: u32, at: Time) -> u32 {
    let old = before.map_or(0, |row| row.watched_duration_seconds);
    let since = before.and_then(|row| row.updated_at).map_or(0, |last| (at.as_chrono() - last).num_seconds());
    let wall = u64::try_from(since).unwrap_or(0);
    let most = u64::from(old).saturating_add(wall.saturating_mul(9) / 4).saturating_add(15);
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    // A lesson that was made shorter since takes nothing away.
    old.max(reported.min(duration).min(most))
}

/// Rule 3: 95 % of the duration, exactly.
fn is_enough(watched: u32, duration: u32) -> bool {
    duration > 0 && u64::from(watched) * 100 >= u64::from(duration) * ENOUGH
}

/// Is the lesson done by watching it? One whose length nobody said cannot be.
pub(super) fn is_watched(lesson: &LessonRow) -> Result<bool, LearningError> {
    let watched = matches!(lesson_type(&lesson.content_type)?, LessonType::Video | LessonType::Audio);
    Ok(watched && lesson.duration_seconds > 0)
}

/// When it was done the first time.
pub(super) fn completed_at(
    before: Option<&LessonProgressRow>,
    done: bool,
    at: Time,
) -> Option<DateTime<Utc>> {
    done.then(|| before.and_then(|row| row.completed_at).unwrap_or_else(|| at.as_chrono()))
}

/// Writes the row, which may be the first.
pub(super) async fn write_progress(
    unit: &mut Unit,
    enrollment: &EnrollmentRow,
    lesson_id: u64,
    before: Option<&LessonProgressRow>,
    write: ProgressWrite,
) -> Result<(), LearningError> {
    match before {
        Some(row) => store::learning::update_progress(unit, row.id, write).await?,
        None => store::learning::insert_progress(unit, enrollment.id, lesson_id, write).await?,
    }
    Ok(())
}

/// Rule 7.
pub(super) async fn touch(
    unit: &mut Unit,
    enrollment: &mut EnrollmentRow,
    at: Time,
) -> Result<(), LearningError> {
    let lately = |last: DateTime<Utc>| (at.as_chrono() - last).num_seconds() < ACCESS_EVERY;
    if !enrollment.last_accessed_at.is_some_and(lately) {
        store::learning::update_last_accessed(unit, enrollment.id, at.as_chrono()).await?;
        enrollment.last_accessed_at = Some(at.as_chrono());
    }
    Ok(())
}

/// The student's other devices learn how far they are.
pub(super) async fn tell(
    unit: &mut Unit,
    enrollment: &EnrollmentRow,
    lesson_id: u64,
) -> Result<Progress, LearningError> {
    let row = store::learning::find_progress(unit, enrollment.id, lesson_id).await?.ok_or(NO_LESSON)?;
    let progress = progress_view(enrollment, lesson_progress_view(&row))?;
    unit.emit(Channel::User(enrollment.user_id), Event::ProgressUpdated(Box::new(progress.clone())));
    Ok(progress)
}

#[cfg(test)]
mod tests {
    use base::Time;
    use store::learning::LessonProgressRow;

    use super::{is_enough, watched};

    fn row(watched: u32, seconds_ago: i64, now: Time) -> LessonProgressRow {
        LessonProgressRow {
            id: 1,
            lesson_id: 1,
            watched_duration_seconds: watched,
            last_position_seconds: 0,
            is_completed: false,
            completed_at: None,
            updated_at: Some(now.plus_seconds(-seconds_ago).as_chrono()),
        }
    }

    #[test]
    fn what_was_watched_grows_as_fast_as_time_allows_and_never_shrinks() {
        let now = Time::now_in_seconds();
        assert_eq!(watched(None, 600, 600, now), 15);
        assert_eq!(watched(None, 10, 600, now), 10);
        assert_eq!(watched(Some(&row(100, 40, now)), 600, 600, now), 100 + 90 + 15);
        assert_eq!(watched(Some(&row(100, 40, now)), 130, 600, now), 130);
        assert_eq!(watched(Some(&row(100, 40, now)), 20, 600, now), 100);
        assert_eq!(watched(Some(&row(590, 4_000, now)), 9_000, 600, now), 600);
        // The lesson was made shorter; a clock went backwards.
        assert_eq!(watched(Some(&row(590, 10, now)), 600, 300, now), 590);
        assert_eq!(watched(Some(&row(100, -50, now)), 600, 600, now), 115);
        assert_eq!(
            watched(Some(&row(u32::MAX - 3, i64::from(u32::MAX), now)), u32::MAX, u32::MAX, now),
            u32::MAX
        );
    }

    #[test]
    fn ninety_five_percent_are_enough_and_nothing_less() {
        assert!(is_enough(95, 100) && is_enough(570, 600) && is_enough(1, 1));
        assert!(!is_enough(94, 100) && !is_enough(569, 600) && !is_enough(0, 0) && !is_enough(5, 0));
        assert!(is_enough(u32::MAX, u32::MAX));
    }
}
