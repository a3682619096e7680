//! `GET /me/enrollments`, `GET /enrollments/{id}` (domain.md §5.4).

use base::paging::{Page, PageRequest};
use protocol::learning::{Enrollment, EnrollmentDetail, EnrollmentStatus, NextLesson};
use store::learning::EnrollmentQuery;

use super::access::require_holder;
use super::view::{enrollment_view, lesson_progress_view};
use super::{LearningError, NO_ENROLLMENT};
use crate::courses::lesson_type;
use crate::{Actor, App};

/// A page of the actor's enrollments, newest first.
///
/// # Errors
/// Those of the store.
pub async fn list_own_enrollments(
    app: &App,
    actor: &Actor,
    status: Option<EnrollmentStatus>,
    page: PageRequest,
) -> Result<Page<Enrollment>, LearningError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let which = EnrollmentQuery {
        user_id: Some(actor.user_id()),
        course_id: None,
        status: status.map(EnrollmentStatus::as_str),
        cursor: page.cursor.map(|cursor| cursor.id),
        forward: page.forward(),
        limit: page.fetch(),
    };
    let rows = store::learning::list_enrollments(&mut conn, which).await?;
    let items = rows.iter().map(|row| enrollment_view(app, row)).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::from_rows(page, items, |enrollment| enrollment.id))
}

/// An enrollment with its progress and the lesson that comes next; for its student and those who keep all courses.
///
/// # Errors
/// `not_found`, also for another's.
pub async fn find_enrollment(app: &App, actor: &Actor, id: u64) -> Result<EnrollmentDetail, LearningError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let row = store::learning::find_enrollment(&mut conn, id).await?.ok_or(NO_ENROLLMENT)?;
    require_holder(&mut conn, actor, &row).await?;
    let lessons = store::learning::list_progress(&mut conn, row.id).await?;
    let next = store::learning::find_next_lesson(&mut conn, row.course_id, row.id).await?;
    let next_lesson = match next {
        None => None,
        Some((id, section_id, title, content_type, duration_seconds)) => {
            let content_type = lesson_type(&content_type)?;
            Some(NextLesson { id, section_id, title, content_type, duration_seconds })
        }
    };
    Ok(EnrollmentDetail {
        enrollment: enrollment_view(app, &row)?,
        next_lesson,
        lessons: lessons.iter().map(lesson_progress_view).collect(),
    })
}
