//! `GET /lessons/{id}` (domain.md §5.4).

use base::{CommonFault, Time};
use protocol::learning::LessonPage;

use super::access::is_open;
use super::settings::completes_on_opening;
use super::view::{brief_url, lesson_progress_view};
use super::{LearningError, NO_LESSON, complete_lesson};
use crate::courses::{CourseError, Role, lesson_view, require_visible, role_of};
use crate::{Actor, App};

/// A lesson with its content, for students of its course, its author and those who keep all courses; one that is shown to
/// everybody, for everybody. A student's answer has their progress, and an address of the content that ends soon; opening an
/// article is to have read it, where the settings say so.
///
/// # Errors
/// `not_found` for a lesson of a course that the viewer may not know of; [`CommonFault::Unauthenticated`] for a guest and
/// [`CommonFault::Forbidden`] for others, where the lesson is not for them.
pub async fn find_lesson(
    app: &App,
    viewer: Option<&Actor>,
    lesson_id: u64,
) -> Result<LessonPage, LearningError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    let lesson = store::courses::find_lesson(&mut conn, lesson_id).await?.ok_or(NO_LESSON)?;
    let course = store::courses::find_course(&mut conn, lesson.course_id).await?.ok_or(NO_LESSON)?;
    let role = role_of(&mut conn, viewer, &course).await?;
    match require_visible(&mut conn, role, &course).await {
        Ok(()) => {}
        Err(CourseError::Common(CommonFault::NotFound(_))) => return Err(NO_LESSON.into()),
        Err(other) => return Err(other.into()),
    }
    if !role.sees_content() && !lesson.is_preview {
        let refused = if viewer.is_some() { CommonFault::Forbidden } else { CommonFault::Unauthenticated };
        return Err(refused.into());
    }
    let content = lesson.content_url.clone().filter(|path| !path.is_empty());
    let watched = matches!(lesson.content_type.as_str(), "video" | "audio" | "live");
    let mut view = lesson_view(app, lesson, role.sees_content())?;
    let Some(viewer) = viewer.filter(|_| role == Role::Student) else {
        return Ok(LessonPage { lesson: view, progress: None });
    };
    view.content_url = content.map(|path| brief_url(app, &path));
    let enrollment = store::learning::find_enrollment_in(&mut conn, viewer.user_id(), course.id).await?;
    let Some(enrollment) = enrollment else { return Ok(LessonPage { lesson: view, progress: None }) };
    let mut progress = store::learning::find_progress(&mut conn, enrollment.id, lesson_id).await?;
    let done = progress.as_ref().is_some_and(|row| row.is_completed);
    let reads = !watched && !done && is_open(&enrollment, Time::now_in_seconds())?;
    if reads && completes_on_opening(&mut conn).await? && viewer.require("write").is_ok() {
        drop(conn);
        complete_lesson::mark(app, viewer, lesson_id).await?;
        let mut conn = app.store.reader().await?;
        progress = store::learning::find_progress(&mut conn, enrollment.id, lesson_id).await?;
    }
    Ok(LessonPage { lesson: view, progress: progress.as_ref().map(lesson_progress_view) })
}
