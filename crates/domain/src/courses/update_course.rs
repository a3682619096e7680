//! `PATCH /courses/{id}` (domain.md §5.4).

use base::conditional::IfMatch;
use base::{Problem, Violations};
use protocol::courses::{Course, CourseStatus, UpdateCourse};

use super::authority::{lock_as_editor, require_version};
use super::check::{Files, Words, now};
use super::view::{course_status, course_view, tell_change};
use super::{CourseError, NO_COURSE};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Changes what is given of a course. Its author names the version that is changed.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; [`base::CommonFault::PreconditionRequired`],
/// [`base::CommonFault::PreconditionFailed`]; violations of each field.
pub async fn update_course(
    app: &App,
    actor: &Actor,
    course_id: u64,
    version: &IfMatch,
    input: UpdateCourse,
) -> Result<Course, CourseError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_changes(app, unit, actor, course_id, version, input.clone()))
}

async fn write_changes(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    course_id: u64,
    version: &IfMatch,
    input: UpdateCourse,
) -> Result<Course, CourseError> {
    let (course, role) = lock_as_editor(unit, actor, course_id).await?;
    require_version(app, unit, role, &course, version).await?;
    let before = Words::of(&course)?;
    let files = Files { thumbnail: input.thumbnail_id, promo_video: input.promo_video_id };
    let mut after = before.clone().changed(input);
    let mut violations = Violations::none();
    after.check(&mut violations);
    after.check_categories(unit, Some(&before), &mut violations).await?;
    let bare = files.thumbnail == Some(None) && course_status(&course.status)? == CourseStatus::Published;
    violations.require(!bare, "thumbnail_id", Problem::Required);
    violations.into_result()?;
    let claimed = files.claim(unit, actor, &mut after).await?;
    if after != before {
        store::courses::update_course(unit, course.id, &after.text(), now()).await?;
        claimed.settle(unit, course.id).await?;
        tell_change(unit, &course, course.total_lessons)?;
    }
    let row = store::courses::find_course(unit, course.id).await?.ok_or(NO_COURSE)?;
    course_view(app, unit, row).await
}
