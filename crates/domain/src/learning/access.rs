//! Who may learn what: the student of a lesson's course, the owner of an enrollment or a note (domain.md §5.4).

use base::{CommonFault, Time};
use protocol::learning::EnrollmentStatus;
use store::Conn;
use store::courses::LessonRow;
use store::learning::EnrollmentRow;

use super::view::enrollment_status;
use super::{LearningError, MANAGE, NO_ENROLLMENT, NO_LESSON, NO_NOTE};
use crate::courses::{CourseError, require_visible, role_of};
use crate::unit::Unit;
use crate::{Actor, App, access};

/// Does the enrollment open its course's lessons now?
pub(super) fn is_open(row: &EnrollmentRow, now: Time) -> Result<bool, LearningError> {
    Ok(match enrollment_status(&row.status)? {
        EnrollmentStatus::Completed => true,
        EnrollmentStatus::Active => row.expires_at.is_none_or(|end| end > now.as_chrono()),
        EnrollmentStatus::Expired | EnrollmentStatus::Cancelled => false,
    })
}

/// A lesson and its student's enrollment, both locked: the course's lessons stay as they are until the commit.
///
/// # Errors
/// `not_found` for a lesson of a course that the actor may not know of; [`CommonFault::Forbidden`] for one who is not in it.
pub(super) async fn lock_as_student(
    unit: &mut Unit,
    actor: &Actor,
    lesson_id: u64,
) -> Result<(LessonRow, EnrollmentRow), LearningError> {
    let place = store::courses::find_lesson(unit, lesson_id).await?.ok_or(NO_LESSON)?;
    if !store::learning::hold_course(unit, place.course_id).await? {
        return Err(NO_LESSON.into());
    }
    let lesson = store::courses::find_lesson(unit, lesson_id).await?.ok_or(NO_LESSON)?;
    let found = store::learning::lock_enrollment_in(unit, actor.user_id(), lesson.course_id).await?;
    match found {
        Some(enrollment) if is_open(&enrollment, Time::now_in_seconds())? => Ok((lesson, enrollment)),
        _ => Err(refuse(unit, actor, lesson.course_id).await?),
    }
}

/// What somebody is told who is not in the course: that it is not for them, if they may know of it.
async fn refuse(conn: &mut Conn, actor: &Actor, course_id: u64) -> Result<LearningError, LearningError> {
    let Some(course) = store::courses::find_course(conn, course_id).await? else {
        return Ok(NO_LESSON.into());
    };
    let role = role_of(conn, Some(actor), &course).await?;
    match require_visible(conn, role, &course).await {
        Ok(()) => Ok(CommonFault::Forbidden.into()),
        Err(CourseError::Common(CommonFault::NotFound(_))) => Ok(NO_LESSON.into()),
        Err(other) => Err(other.into()),
    }
}

/// A lesson of whose course the actor is a student.
///
/// # Errors
/// As [`lock_as_student`].
pub(super) async fn find_as_student(
    conn: &mut Conn,
    actor: &Actor,
    lesson_id: u64,
) -> Result<LessonRow, LearningError> {
    let lesson = store::courses::find_lesson(conn, lesson_id).await?.ok_or(NO_LESSON)?;
    let found = store::learning::find_enrollment_in(conn, actor.user_id(), lesson.course_id).await?;
    match found {
        Some(enrollment) if is_open(&enrollment, Time::now_in_seconds())? => Ok(lesson),
        _ => Err(refuse(conn, actor, lesson.course_id).await?),
    }
}

/// Demands that the actor is a student of a lesson's course, for a door that has to refuse before it tells what is wrong with
/// a body (domain.md §2.2).
///
/// # Errors
/// `not_found`, [`CommonFault::Forbidden`].
pub async fn demand_lesson(app: &App, actor: &Actor, lesson_id: u64) -> Result<(), LearningError> {
    let mut conn = app.store.reader().await?;
    find_as_student(&mut conn, actor, lesson_id).await.map(drop)
}

/// As [`demand_lesson`] for a note.
///
/// # Errors
/// `not_found`, also for another's.
pub async fn demand_note(app: &App, actor: &Actor, note_id: u64) -> Result<(), LearningError> {
    let mut conn = app.store.reader().await?;
    let note =
        store::learning::find_note(&mut conn, note_id).await?.filter(|note| note.user_id == actor.user_id());
    note.map(drop).ok_or_else(|| NO_NOTE.into())
}

/// What somebody is to an enrollment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// Its student.
    Student,
    /// Holds `courses.manage`.
    Manager,
}

/// Demands that an enrollment is the actor's own, or that they keep all.
///
/// # Errors
/// `not_found`, also for another's (domain.md D23).
pub(super) async fn require_holder(
    conn: &mut Conn,
    actor: &Actor,
    row: &EnrollmentRow,
) -> Result<Holder, LearningError> {
    if row.user_id == actor.user_id() {
        return Ok(Holder::Student);
    }
    if access::has_permission(conn, actor.user_id(), MANAGE).await? {
        return Ok(Holder::Manager);
    }
    Err(NO_ENROLLMENT.into())
}
