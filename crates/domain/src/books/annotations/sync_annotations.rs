//! `POST /books/{id}/annotations/sync` (domain.md §5.5): what a device did while it was offline, and what it missed.

use std::collections::HashSet;

use base::{Problem, Violations};
use protocol::IdempotencyKey;
use protocol::books::{
    Annotation, AnnotationType, AnnotationsSynced, SyncAnnotations, SyncConflict, SyncedAnnotation,
    UpsertAnnotation,
};
use store::books::{AnnotationRow, VersionRow};

use super::update_annotation::values_of;
use super::values::Values;
use super::write::{Pen, now_millis};
use crate::books::BookError;
use crate::books::access::lock_copy;
use crate::books::view::annotation_view;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Upserts and deletes of one sync.
const MOST: usize = 500;
/// Changes from elsewhere that are told at once.
const TOLD: usize = 1_000;

/// Takes what a device did, the later version of two counting, and tells it what it missed. All of it or nothing. A
/// deletion is final; the same batch again changes nothing more.
///
/// # Errors
/// [`base::CommonFault::NotFound`], [`BookError::NotPurchased`]; violations of each field of each upsert.
pub async fn sync_annotations(
    app: &App,
    actor: &Actor,
    book_id: u64,
    input: SyncAnnotations,
) -> Result<AnnotationsSynced, BookError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_sync(unit, actor, book_id, &input))
}

async fn write_sync(
    unit: &mut Unit,
    actor: &Actor,
    book_id: u64,
    input: &SyncAnnotations,
) -> Result<AnnotationsSynced, BookError> {
    let copy = lock_copy(unit, actor, book_id).await?;
    let upserts = check(input, copy.book.page_count)?;
    let mut pen = Pen::take(unit, &copy).await?;
    let missed = Missed::since(unit, &pen, input.since).await?;
    let mut deleted = Vec::new();
    for id in &input.deletes {
        if pen.delete(unit, *id).await? {
            deleted.push(*id);
        }
    }
    let mut known = Known::of(unit, &pen, &input.upserts).await?;
    let (mut applied, mut conflicts) = (Vec::new(), Vec::new());
    for (upsert, values) in input.upserts.iter().zip(upserts) {
        let client_id = upsert.client_id.clone();
        match write_upsert(unit, &mut pen, &mut known, upsert, &values).await? {
            Outcome::Applied(annotation) => {
                applied.push(SyncedAnnotation { client_id, annotation: *annotation })
            }
            Outcome::Lost(annotation) => {
                conflicts.push(SyncConflict { client_id, annotation: annotation.map(|found| *found) });
            }
        }
    }
    // What this batch wrote, it knows.
    let own: HashSet<u64> =
        applied.iter().map(|one| one.annotation.id).chain(deleted.iter().copied()).collect();
    let revision = if missed.has_more { missed.revision } else { pen.revision };
    let changes = missed.changes.into_iter().filter(|row| !own.contains(&row.id));
    let changes = changes.map(|row| annotation_view(book_id, row)).collect::<Result<_, _>>()?;
    Ok(AnnotationsSynced {
        revision,
        applied,
        conflicts,
        deleted,
        changes,
        removals: missed.removals,
        has_more: missed.has_more,
    })
}

/// The values of each upsert, if all hold.
fn check(input: &SyncAnnotations, page_count: u32) -> Result<Vec<Values>, Violations> {
    let mut violations = Violations::none();
    if input.upserts.len().saturating_add(input.deletes.len()) > MOST {
        return Err(Violations::one(
            "upserts",
            Problem::NotAllowed("500 upserts and deletes at most together"),
        ));
    }
    let mut checked = Vec::with_capacity(input.upserts.len());
    for (number, upsert) in input.upserts.iter().enumerate() {
        let prefix = format!("upserts.{number}.");
        let values = Values {
            annotation_type: upsert.annotation_type,
            page_number: upsert.page_number,
            color: upsert.color.clone(),
            content: upsert.content.clone(),
            position_data: upsert.position_data.clone(),
        }
        .cleaned();
        values.check(page_count, &prefix, &mut violations);
        if !upsert.client_id.is_uuid() {
            violations.add(format!("{prefix}client_id"), Problem::Format("a UUID"));
        }
        checked.push(values);
    }
    violations.into_result()?;
    Ok(checked)
}

/// What was done elsewhere since a revision.
struct Missed {
    changes: Vec<AnnotationRow>,
    removals: Vec<u64>,
    has_more: bool,
    /// Up to which it is told.
    revision: u64,
}

impl Missed {
    async fn since(unit: &mut Unit, pen: &Pen, since: u64) -> Result<Self, BookError> {
        let limit = u32::try_from(TOLD + 1).unwrap_or(u32::MAX);
        let mut changes = store::books::list_changes(unit, pen.purchase_id, since, limit).await?;
        let mut removals = store::books::list_removals(unit, pen.purchase_id, since, limit).await?;
        let mut revision = pen.revision;
        if changes.len() > TOLD {
            changes.truncate(TOLD);
            revision = revision.min(changes.last().and_then(|row| row.revision).unwrap_or(since));
        }
        if removals.len() > TOLD {
            removals.truncate(TOLD);
            revision = revision.min(removals.last().map_or(since, |(_, revision)| *revision));
        }
        let has_more = revision < pen.revision;
        changes.retain(|row| row.revision.unwrap_or(0) <= revision);
        removals.retain(|(_, of)| *of <= revision);
        let removals = removals.into_iter().map(|(id, _)| id).collect();
        Ok(Self { changes, removals, has_more, revision })
    }
}

/// The versions that the upserts of a batch may meet.
struct Known(Vec<VersionRow>);

impl Known {
    async fn of(unit: &mut Unit, pen: &Pen, upserts: &[UpsertAnnotation]) -> Result<Self, BookError> {
        let names: Vec<&str> = upserts.iter().map(|upsert| upsert.client_id.as_str()).collect();
        let ids: Vec<u64> = upserts.iter().filter_map(|upsert| upsert.id).collect();
        Ok(Self(store::books::list_versions(unit, pen.purchase_id, &names, &ids).await?))
    }

    /// By the device's name for it; else by its id.
    fn find(&self, client_id: &IdempotencyKey, id: Option<u64>) -> Option<&VersionRow> {
        let named = self.0.iter().find(|row| row.client_id.as_deref() == Some(client_id.as_str()));
        named.or_else(|| self.0.iter().find(|row| Some(row.annotation_id) == id))
    }

    /// As it is after a write, for a later upsert of the same batch.
    fn note(&mut self, annotation: &Annotation, edited_at: u64) {
        let id = annotation.id;
        self.0.retain(|row| row.annotation_id != id);
        let client_id = annotation.client_id.clone();
        self.0.push(VersionRow { annotation_id: id, client_id, edited_at, is_deleted: false });
    }
}

/// What became of an upsert.
enum Outcome {
    Applied(Box<Annotation>),
    /// With what is there instead.
    Lost(Option<Box<Annotation>>),
}

async fn write_upsert(
    unit: &mut Unit,
    pen: &mut Pen,
    known: &mut Known,
    upsert: &UpsertAnnotation,
    values: &Values,
) -> Result<Outcome, BookError> {
    // No device's clock runs ahead of ours: its version would win for ever.
    let edited_at = u64::try_from(upsert.updated_at.unix_millis()).unwrap_or(0).min(now_millis());
    let client_id = upsert.client_id.as_str();
    let Some(version) = known.find(&upsert.client_id, upsert.id).cloned() else {
        if upsert.id.is_some() {
            return Ok(Outcome::Lost(None));
        }
        if let Some(other) = other_bookmark(unit, pen, values, None).await? {
            return Ok(Outcome::Lost(Some(other)));
        }
        let annotation = pen.create(unit, values, (Some(client_id), edited_at)).await?;
        known.note(&annotation, edited_at);
        return Ok(Outcome::Applied(Box::new(annotation)));
    };
    let row = if version.is_deleted { None } else { pen.find(unit, version.annotation_id).await? };
    let Some(row) = row else { return Ok(Outcome::Lost(None)) };
    let present = Box::new(annotation_view(pen.book_id, row.clone())?);
    let before = values_of(row)?;
    // What kind it is stays.
    let values = Values { annotation_type: before.annotation_type, ..values.clone() };
    if values == before && edited_at >= version.edited_at {
        return Ok(Outcome::Applied(present));
    }
    let mut fits = Violations::none();
    values.check(pen.page_count, "", &mut fits);
    if edited_at <= version.edited_at || fits.into_result().is_err() {
        return Ok(Outcome::Lost(Some(present)));
    }
    if let Some(other) = other_bookmark(unit, pen, &values, Some(version.annotation_id)).await? {
        return Ok(Outcome::Lost(Some(other)));
    }
    let annotation = pen.update(unit, version.annotation_id, &values, (Some(client_id), edited_at)).await?;
    known.note(&annotation, edited_at);
    Ok(Outcome::Applied(Box::new(annotation)))
}

/// The bookmark that a page has already: two devices marked it.
async fn other_bookmark(
    unit: &mut Unit,
    pen: &Pen,
    values: &Values,
    own: Option<u64>,
) -> Result<Option<Box<Annotation>>, BookError> {
    if values.annotation_type != AnnotationType::Bookmark {
        return Ok(None);
    }
    let found = store::books::find_bookmark(unit, pen.purchase_id, values.page_number).await?;
    let Some(id) = found.filter(|id| Some(*id) != own) else { return Ok(None) };
    let Some(row) = pen.find(unit, id).await? else { return Ok(None) };
    Ok(Some(Box::new(annotation_view(pen.book_id, row)?)))
}
