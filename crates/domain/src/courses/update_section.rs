//! `PATCH /sections/{id}` (domain.md §5.4).

use base::conditional::IfMatch;
use base::text::clean;
use protocol::courses::{Section, UpdateSection};
use store::courses::SectionRow;

use super::CourseError;
use super::authority::lock_section;
use super::check::now;
use super::create_section::check_section;
use super::view::{section_view, tell_change};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Changes what is given of a section's words.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; [`base::CommonFault::PreconditionFailed`]; violations of each field.
pub async fn update_section(
    app: &App,
    actor: &Actor,
    section_id: u64,
    version: &IfMatch,
    input: UpdateSection,
) -> Result<Section, CourseError> {
    actor.require("write")?;
    Ok(section_view(in_unit!(app, |unit| write_changes(unit, actor, section_id, version, &input))?))
}

async fn write_changes(
    unit: &mut Unit,
    actor: &Actor,
    section_id: u64,
    version: &IfMatch,
    input: &UpdateSection,
) -> Result<SectionRow, CourseError> {
    let (course, before) = lock_section(unit, actor, section_id).await?;
    version.check(&section_view(before.clone()))?;
    let after = SectionRow {
        title: input.title.as_deref().map_or_else(|| before.title.clone(), clean),
        description: match &input.description {
            Some(text) => text.as_deref().map(clean).filter(|text| !text.is_empty()),
            None => before.description.clone(),
        },
        ..before.clone()
    };
    check_section(&after.title, after.description.as_deref())?;
    if after != before {
        store::courses::update_section(unit, &after, now()).await?;
        store::courses::update_changed_at(unit, course.id, now()).await?;
        tell_change(unit, &course, course.total_lessons)?;
    }
    Ok(after)
}
