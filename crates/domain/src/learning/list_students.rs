//! `GET /courses/{id}/students` (domain.md §5.4).

use std::collections::HashMap;

use base::CommonFault;
use base::id::UserId;
use base::paging::{Page, PageRequest};
use protocol::learning::{EnrollmentStatus, Student};
use protocol::users::UserCard;
use store::learning::EnrollmentQuery;

use super::view::{enrollment_status, percentage};
use super::{LearningError, MANAGE, NO_COURSE};
use crate::courses::{require_visible, role_of};
use crate::users::{card_view, gone};
use crate::{Actor, App, access};

/// A page of a course's students, newest first, for its author and those who keep all courses. Without a state, those who are
/// in it or have completed it.
///
/// # Errors
/// [`CommonFault::Forbidden`] where the course is public; `not_found` where it is not.
pub async fn list_students(
    app: &App,
    actor: &Actor,
    course_id: u64,
    status: Option<EnrollmentStatus>,
    page: PageRequest,
) -> Result<Page<Student>, LearningError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let course = store::courses::find_course(&mut conn, course_id).await?.ok_or(NO_COURSE)?;
    let allowed = course.user_id == actor.user_id()
        || access::has_permission(&mut conn, actor.user_id(), MANAGE).await?;
    if !allowed {
        let role = role_of(&mut conn, Some(actor), &course).await?;
        require_visible(&mut conn, role, &course).await?;
        return Err(CommonFault::Forbidden.into());
    }
    let which = EnrollmentQuery {
        user_id: None,
        course_id: Some(course.id),
        status: status.map(EnrollmentStatus::as_str),
        cursor: page.cursor.map(|cursor| cursor.id),
        forward: page.forward(),
        limit: page.fetch(),
    };
    let rows = store::learning::list_enrollments(&mut conn, which).await?;
    let ids: Vec<UserId> = rows.iter().map(|row| row.user_id).collect();
    let cards = store::users::list_cards_of(&mut conn, &ids).await?;
    let cards: HashMap<UserId, UserCard> =
        cards.into_iter().map(|row| (row.id, card_view(app, row))).collect();
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        items.push(Student {
            enrollment_id: row.id,
            user: cards.get(&row.user_id).cloned().unwrap_or_else(|| gone(row.user_id)),
            status: enrollment_status(&row.status)?,
            progress_percentage: percentage(row.progress_percentage),
            completed_lessons: row.completed_lessons,
            enrolled_at: row.enrolled_at.map(base::Time::from),
            completed_at: row.completed_at.map(base::Time::from),
            last_accessed_at: row.last_accessed_at.map(base::Time::from),
        });
    }
    Ok(Page::from_rows(page, items, |student| student.enrollment_id))
}
