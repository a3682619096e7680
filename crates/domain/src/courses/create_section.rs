//! `POST /courses/{id}/sections` (domain.md §5.4).

use base::text::{clean, length};
use base::{Problem, Violations};
use protocol::courses::{CreateSection, Section};
use store::courses::SectionRow;

use super::authority::lock_as_editor;
use super::check::now;
use super::view::{section_view, tell_change};
use super::{CourseError, NO_SECTION};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

const MAX_TITLE: usize = 255;
const MAX_DESCRIPTION: usize = 5_000;
/// Sections of one course at most.
const MAX_SECTIONS: usize = 200;

/// The rules of a section's words.
pub(super) fn check_section(title: &str, description: Option<&str>) -> Result<(), Violations> {
    let mut violations = Violations::none();
    violations.require(!title.is_empty(), "title", Problem::Required);
    violations.require(length(title) <= MAX_TITLE, "title", Problem::TooLong(MAX_TITLE));
    let fits = description.is_none_or(|text| length(text) <= MAX_DESCRIPTION);
    violations.require(fits, "description", Problem::TooLong(MAX_DESCRIPTION));
    violations.into_result()
}

/// Adds a section to a course, the last of it.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; violations of each field.
pub async fn create_section(
    app: &App,
    actor: &Actor,
    course_id: u64,
    input: CreateSection,
) -> Result<Section, CourseError> {
    actor.require("write")?;
    let input = CreateSection {
        title: clean(&input.title),
        description: input.description.as_deref().map(clean).filter(|text| !text.is_empty()),
    };
    Ok(section_view(in_unit!(app, |unit| write_section(unit, actor, course_id, &input))?))
}

async fn write_section(
    unit: &mut Unit,
    actor: &Actor,
    course_id: u64,
    input: &CreateSection,
) -> Result<SectionRow, CourseError> {
    let (course, _) = lock_as_editor(unit, actor, course_id).await?;
    check_section(&input.title, input.description.as_deref())?;
    let present = store::courses::list_section_ids(unit, course.id).await?;
    if present.len() >= MAX_SECTIONS {
        return Err(Violations::one("title", Problem::NotAllowed("a course has at most 200 sections")).into());
    }
    let order = u32::try_from(present.len()).unwrap_or(u32::MAX);
    let description = input.description.as_deref();
    let id = store::courses::insert_section(unit, course.id, &input.title, description, order, now()).await?;
    store::courses::update_changed_at(unit, course.id, now()).await?;
    tell_change(unit, &course, course.total_lessons)?;
    Ok(store::courses::find_section(unit, id).await?.ok_or(NO_SECTION)?)
}
