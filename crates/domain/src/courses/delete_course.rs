//! `DELETE /courses/{id}` (domain.md §4.4, §5.4).

use base::conditional::IfMatch;

use super::CourseError;
use super::authority::lock_as_editor;
use super::check::now;
use super::view::course_view;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Deletes a course that nobody was ever enrolled in; one that somebody was can only be archived. Softly: an administrator
/// still finds it.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; [`base::CommonFault::PreconditionFailed`]; [`CourseError::InUse`].
pub async fn delete_course(
    app: &App,
    actor: &Actor,
    course_id: u64,
    version: &IfMatch,
) -> Result<(), CourseError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_deletion(app, unit, actor, course_id, version))
}

async fn write_deletion(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    course_id: u64,
    version: &IfMatch,
) -> Result<(), CourseError> {
    let (course, _) = lock_as_editor(unit, actor, course_id).await?;
    version.check(&course_view(app, unit, course.clone()).await?)?;
    if store::courses::has_any_enrollment(unit, course.id).await? {
        return Err(CourseError::InUse);
    }
    Ok(store::courses::update_deleted(unit, course.id, now()).await?)
}
