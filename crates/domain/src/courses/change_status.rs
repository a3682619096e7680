//! The steps of a course's state (domain.md §5.4): publishing, taking back, archiving.

use base::text::{clean, length};
use base::{CommonFault, Problem, Violations};
use protocol::courses::{Course, CourseStatus, ModerateCourse};
use serde_json::json;
use store::audit::NewAudit;
use store::courses::CourseRow;

use super::authority::{Role, lock_as_editor};
use super::check::now;
use super::view::{course_status, course_view, tell_change};
use super::{CourseError, MANAGE, NO_COURSE, demand_managers};
use crate::machine::{allowed, step};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

const MAX_REASON: usize = 255;

/// Puts a draft on the marketplace, or an archived course there again.
///
/// # Errors
/// [`CommonFault::Forbidden`], `not_found`; [`CommonFault::IllegalTransition`]; violations of what the course lacks.
pub async fn publish_course(app: &App, actor: &Actor, course_id: u64) -> Result<Course, CourseError> {
    change(app, actor, course_id, CourseStatus::Published, None).await
}

/// Makes a published course a draft again, as long as it has no students.
///
/// # Errors
/// [`CommonFault::Forbidden`], `not_found`; [`CommonFault::IllegalTransition`].
pub async fn unpublish_course(app: &App, actor: &Actor, course_id: u64) -> Result<Course, CourseError> {
    change(app, actor, course_id, CourseStatus::Draft, None).await
}

/// Takes a course off the marketplace; those who have it keep it.
///
/// # Errors
/// [`CommonFault::Forbidden`], `not_found`; [`CommonFault::IllegalTransition`].
pub async fn archive_course(app: &App, actor: &Actor, course_id: u64) -> Result<Course, CourseError> {
    change(app, actor, course_id, CourseStatus::Archived, None).await
}

/// An administrator's step, with a reason for the audit log.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `courses.manage`; `not_found`; [`CommonFault::IllegalTransition`]; violations of
/// `reason` and of what the course lacks.
pub async fn moderate_course(
    app: &App,
    actor: &Actor,
    course_id: u64,
    input: ModerateCourse,
) -> Result<Course, CourseError> {
    actor.require("write")?;
    demand_managers(app, actor).await?;
    let reason = input.reason.as_deref().map(clean).filter(|reason| !reason.is_empty());
    let fits = reason.as_deref().is_none_or(|reason| length(reason) <= MAX_REASON);
    if !fits {
        return Err(Violations::one("reason", Problem::TooLong(MAX_REASON)).into());
    }
    change(app, actor, course_id, input.status, reason.as_deref()).await
}

async fn change(
    app: &App,
    actor: &Actor,
    course_id: u64,
    to: CourseStatus,
    reason: Option<&str>,
) -> Result<Course, CourseError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_step(app, unit, actor, course_id, to, reason))
}

async fn write_step(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    course_id: u64,
    to: CourseStatus,
    reason: Option<&str>,
) -> Result<Course, CourseError> {
    let (course, role) = lock_as_editor(unit, actor, course_id).await?;
    let from = course_status(&course.status)?;
    step(from, to)?;
    match to {
        CourseStatus::Published => require_complete(unit, &course).await?,
        CourseStatus::Draft => require_no_students(from, &course)?,
        CourseStatus::Archived => {}
    }
    if !store::courses::update_status(unit, course.id, (from.as_str(), to.as_str()), now()).await? {
        return Err(CommonFault::internal("a locked course has changed its state").into());
    }
    if role == Role::Manager {
        let deed = NewAudit {
            actor_id: actor.user_id(),
            action: MANAGE,
            subject_type: "course",
            subject_id: course.id,
            before: json!({"status": from}),
            after: json!({"status": to, "reason": reason}),
        };
        store::audit::insert_audit(unit, &deed).await?;
    }
    let row = store::courses::find_course(unit, course.id).await?.ok_or(NO_COURSE)?;
    tell_change(unit, &row, row.total_lessons)?;
    course_view(app, unit, row).await
}

/// What a buyer must find: a section, a lesson with content, a title, a picture.
async fn require_complete(unit: &mut Unit, course: &CourseRow) -> Result<(), CourseError> {
    let mut violations = Violations::none();
    violations.require(!course.title.is_empty(), "title", Problem::Required);
    let picture = course.thumbnail.as_deref().is_some_and(|path| !path.is_empty());
    violations.require(picture, "thumbnail_id", Problem::Required);
    let sections = store::courses::count_sections(unit, course.id).await?;
    violations.require(sections > 0, "sections", Problem::Required);
    let lessons = store::courses::count_lessons_with_content(unit, course.id).await?;
    violations.require(lessons > 0, "lessons", Problem::Required);
    Ok(violations.into_result()?)
}

/// A course that somebody has taken is not taken away from them.
fn require_no_students(from: CourseStatus, course: &CourseRow) -> Result<(), CommonFault> {
    if course.students_count == 0 {
        return Ok(());
    }
    let mut left = allowed(from);
    left.retain(|name| *name != CourseStatus::Draft.as_str());
    Err(CommonFault::IllegalTransition {
        what: "The course, which has students,",
        from: from.as_str().to_owned(),
        to: CourseStatus::Draft.as_str(),
        allowed: left,
    })
}
