//! `GET /courses/{id|slug}` (domain.md §5.4).

use std::collections::HashMap;

use base::Lang;
use protocol::courses::{Course, Lesson};
use store::courses::CourseName;

use super::authority::{require_visible, role_of};
use super::view::{category_view, course_view, language_for, lesson_view, section_view};
use super::{CourseError, NO_COURSE};
use crate::{Actor, App};

/// What is sent along with a course.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Include {
    /// Its primary category.
    pub category: bool,
    /// Its sections.
    pub sections: bool,
    /// Their lessons, and so the sections, too.
    pub lessons: bool,
}

/// A course by id or slug, for whoever may know of it; with its category's name in the language asked for. Lessons whose
/// content the viewer may not have are locked. A constant number of statements.
///
/// # Errors
/// `not_found`.
pub async fn find_course(
    app: &App,
    viewer: Option<&Actor>,
    id_or_slug: &str,
    lang: Option<Lang>,
    include: Include,
) -> Result<(Lang, Course), CourseError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    let name = course_name(id_or_slug).ok_or(NO_COURSE)?;
    let row = store::courses::find_course_by(&mut conn, name).await?.ok_or(NO_COURSE)?;
    let role = role_of(&mut conn, viewer, &row).await?;
    require_visible(&mut conn, role, &row).await?;
    let course_id = row.id;
    let mut course = course_view(app, &mut conn, row).await?;
    let lang = language_for(&mut conn, viewer, lang).await?;
    if include.category {
        let rows = store::courses::list_categories(&mut conn, true).await?;
        let found = rows.into_iter().find(|row| row.id == course.category_id);
        course.category = found.map(|row| category_view(row, lang));
    }
    if include.sections || include.lessons {
        let rows = store::courses::list_sections(&mut conn, course_id).await?;
        course.sections = Some(rows.into_iter().map(section_view).collect());
    }
    if include.lessons {
        let mut of_section: HashMap<u64, Vec<Lesson>> = HashMap::new();
        for row in store::courses::list_lessons(&mut conn, course_id).await? {
            let lesson = lesson_view(app, row, role.sees_content())?;
            of_section.entry(lesson.section_id).or_default().push(lesson);
        }
        for section in course.sections.iter_mut().flatten() {
            section.lessons = Some(of_section.remove(&section.id).unwrap_or_default());
        }
    }
    Ok((lang, course))
}

/// Digits are an id; no slug of ours has digits alone.
fn course_name(text: &str) -> Option<CourseName<'_>> {
    if text.is_empty() {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(CourseName::Id);
    }
    Some(CourseName::Slug(text))
}
