//! Subscribing `course:{id}` (domain.md §6.5).

use base::{CommonFault, Time};
use protocol::courses::CourseState;

use super::authority::{require_visible, role_of};
use super::view::course_status;
use super::{CourseError, NO_COURSE};
use crate::{Actor, App};

/// May the actor listen to the course? Its author, administrators and those who have it may. Answers its state, which is
/// the `data` of the subscribe reply.
///
/// # Errors
/// [`CommonFault::Forbidden`]; `not_found`.
pub async fn enter_channel(app: &App, actor: &Actor, course_id: u64) -> Result<CourseState, CourseError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let course = store::courses::find_course(&mut conn, course_id).await?.ok_or(NO_COURSE)?;
    let role = role_of(&mut conn, Some(actor), &course).await?;
    require_visible(&mut conn, role, &course).await?;
    if !role.sees_content() {
        return Err(CommonFault::Forbidden.into());
    }
    Ok(CourseState {
        id: course.id,
        status: course_status(&course.status)?,
        title: course.title,
        total_lessons: course.total_lessons,
        updated_at: course.updated_at.map(Time::from),
    })
}
