//! Who is what to a course: its author, an administrator, a student, or nobody (domain.md §5.4).

use base::CommonFault;
use base::conditional::IfMatch;
use protocol::courses::CourseStatus;
use store::Conn;
use store::courses::{CourseRow, LessonRow, SectionRow};

use super::view::{course_status, course_view};
use super::{CourseError, MANAGE, NO_COURSE, NO_LESSON, NO_SECTION};
use crate::unit::Unit;
use crate::{Actor, App, access};

/// What somebody is to a course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Made it.
    Author,
    /// Holds `courses.manage`.
    Manager,
    /// Is enrolled, or has completed it.
    Student,
    /// Anybody else, guests included.
    Nobody,
}

impl Role {
    /// May see the content of all of its lessons?
    pub(crate) const fn sees_content(self) -> bool {
        !matches!(self, Self::Nobody)
    }
}

/// What the viewer is to the course.
///
/// # Errors
/// Those of the store.
pub(crate) async fn role_of(
    conn: &mut Conn,
    viewer: Option<&Actor>,
    course: &CourseRow,
) -> Result<Role, CourseError> {
    let Some(viewer) = viewer else { return Ok(Role::Nobody) };
    if course.user_id == viewer.user_id() {
        return Ok(Role::Author);
    }
    if store::courses::has_enrollment(conn, viewer.user_id(), course.id).await? {
        return Ok(Role::Student);
    }
    let manages = access::has_permission(conn, viewer.user_id(), MANAGE).await?;
    Ok(if manages { Role::Manager } else { Role::Nobody })
}

/// Demands that somebody may know of the course: a published one anybody, as long as its author's account is good; an
/// archived one whoever has it; a draft its author and administrators.
///
/// # Errors
/// `not_found`.
pub(crate) async fn require_visible(
    conn: &mut Conn,
    role: Role,
    course: &CourseRow,
) -> Result<(), CourseError> {
    let visible = match (course_status(&course.status)?, role) {
        (_, Role::Author | Role::Manager) => true,
        (CourseStatus::Published | CourseStatus::Archived, Role::Student) => true,
        (CourseStatus::Published, Role::Nobody) => {
            store::courses::has_active_author(conn, course.user_id).await?
        }
        (CourseStatus::Draft, Role::Student)
        | (CourseStatus::Draft | CourseStatus::Archived, Role::Nobody) => false,
    };
    if visible { Ok(()) } else { Err(NO_COURSE.into()) }
}

/// Demands that the actor may change the course; gives whether as its author or for the platform.
///
/// # Errors
/// [`CommonFault::Forbidden`] where the course is public; `not_found` where it is not.
pub(super) async fn require_editor(
    conn: &mut Conn,
    actor: &Actor,
    course: &CourseRow,
) -> Result<Role, CourseError> {
    if course.user_id == actor.user_id() {
        return Ok(Role::Author);
    }
    if access::has_permission(conn, actor.user_id(), MANAGE).await? {
        return Ok(Role::Manager);
    }
    let role = role_of(conn, Some(actor), course).await?;
    require_visible(conn, role, course).await?;
    Err(CommonFault::Forbidden.into())
}

/// Locks a course for whoever may change it.
///
/// # Errors
/// Those of [`require_editor`].
pub(super) async fn lock_as_editor(
    unit: &mut Unit,
    actor: &Actor,
    course_id: u64,
) -> Result<(CourseRow, Role), CourseError> {
    let course = store::courses::lock_course(unit, course_id).await?.ok_or(NO_COURSE)?;
    let role = require_editor(unit, actor, &course).await?;
    Ok((course, role))
}

/// Locks the course of a section for whoever may change it, and reads the section behind the lock.
///
/// # Errors
/// Those of [`require_editor`]; `not_found` for a section that is not there.
pub(super) async fn lock_section(
    unit: &mut Unit,
    actor: &Actor,
    section_id: u64,
) -> Result<(CourseRow, SectionRow), CourseError> {
    let place = store::courses::find_section(unit, section_id).await?.ok_or(NO_SECTION)?;
    let (course, _) =
        lock_as_editor(unit, actor, place.course_id).await.map_err(without_course(NO_SECTION))?;
    let section = store::courses::find_section(unit, section_id).await?.ok_or(NO_SECTION)?;
    Ok((course, section))
}

/// Locks the course of a lesson for whoever may change it, and reads the lesson behind the lock.
///
/// # Errors
/// Those of [`require_editor`]; `not_found` for a lesson that is not there.
pub(super) async fn lock_lesson(
    unit: &mut Unit,
    actor: &Actor,
    lesson_id: u64,
) -> Result<(CourseRow, LessonRow), CourseError> {
    let place = store::courses::find_lesson(unit, lesson_id).await?.ok_or(NO_LESSON)?;
    let (course, _) =
        lock_as_editor(unit, actor, place.course_id).await.map_err(without_course(NO_LESSON))?;
    let lesson = store::courses::find_lesson(unit, lesson_id).await?.ok_or(NO_LESSON)?;
    Ok((course, lesson))
}

/// Who may not know of a course is told that its part is not there.
fn without_course(missing: CommonFault) -> impl FnOnce(CourseError) -> CourseError {
    move |refusal| match refusal {
        CourseError::Common(CommonFault::NotFound(_)) => missing.into(),
        other => other,
    }
}

/// Demands of a write of the course's own text that it names the version which it changes: always of its author, who may
/// have it open on two screens; of an administrator if they name one (domain.md §2.3).
///
/// # Errors
/// [`CommonFault::PreconditionRequired`], [`CommonFault::PreconditionFailed`].
pub(super) async fn require_version(
    app: &App,
    conn: &mut Conn,
    role: Role,
    course: &CourseRow,
    version: &IfMatch,
) -> Result<(), CourseError> {
    let present = course_view(app, conn, course.clone()).await?;
    match role {
        Role::Author => version.require(&present)?,
        _ => version.check(&present)?,
    }
    Ok(())
}

/// Demands that the actor may change the course, and names its version where `version` is given; for a door that has to
/// refuse before it tells what is wrong with a body (domain.md §2.2).
///
/// # Errors
/// [`CommonFault::Forbidden`], `not_found`; those of the version.
pub async fn demand_course(
    app: &App,
    actor: &Actor,
    course_id: u64,
    version: Option<&IfMatch>,
) -> Result<(), CourseError> {
    let mut conn = app.store.reader().await?;
    let course = store::courses::find_course(&mut conn, course_id).await?.ok_or(NO_COURSE)?;
    let role = require_editor(&mut conn, actor, &course).await?;
    match version {
        Some(version) => require_version(app, &mut conn, role, &course, version).await,
        None => Ok(()),
    }
}

/// As [`demand_course`] for the course of a section.
///
/// # Errors
/// [`CommonFault::Forbidden`], `not_found`.
pub async fn demand_section(app: &App, actor: &Actor, section_id: u64) -> Result<(), CourseError> {
    let course_id = {
        let mut conn = app.store.reader().await?;
        store::courses::find_section(&mut conn, section_id).await?.ok_or(NO_SECTION)?.course_id
    };
    demand_course(app, actor, course_id, None).await.map_err(without_course(NO_SECTION))
}

/// As [`demand_course`] for the course of a lesson.
///
/// # Errors
/// [`CommonFault::Forbidden`], `not_found`.
pub async fn demand_lesson(app: &App, actor: &Actor, lesson_id: u64) -> Result<(), CourseError> {
    let course_id = {
        let mut conn = app.store.reader().await?;
        store::courses::find_lesson(&mut conn, lesson_id).await?.ok_or(NO_LESSON)?.course_id
    };
    demand_course(app, actor, course_id, None).await.map_err(without_course(NO_LESSON))
}

/// Demands the permission to keep all courses.
///
/// # Errors
/// [`CommonFault::Forbidden`].
pub async fn demand_managers(app: &App, actor: &Actor) -> Result<(), CourseError> {
    Ok(access::demand_permission(app, actor, MANAGE).await?)
}
