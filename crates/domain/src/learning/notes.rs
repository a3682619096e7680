//! Private notes of students (domain.md §5.4). Whose enrollment has ended can still read them, and write no more.

use base::paging::{Page, PageRequest};
use base::text::length;
use base::{Problem, Time, Violations};
use protocol::learning::{CreateNote, Note, UpdateNote};
use store::learning::{NewNote, NoteQuery, NoteRow};

use super::access::find_as_student;
use super::view::note_view;
use super::{LearningError, NO_COURSE, NO_LESSON, NO_NOTE};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Characters of a note.
const LONGEST: usize = 5_000;

/// A page of the actor's notes on a lesson, newest first.
///
/// # Errors
/// `not_found` where they were never in its course.
pub async fn list_notes(
    app: &App,
    actor: &Actor,
    lesson_id: u64,
    page: PageRequest,
) -> Result<Page<Note>, LearningError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let lesson = store::courses::find_lesson(&mut conn, lesson_id).await?.ok_or(NO_LESSON)?;
    let ever = store::learning::find_enrollment_in(&mut conn, actor.user_id(), lesson.course_id).await?;
    ever.ok_or(NO_LESSON)?;
    let rows = store::learning::list_notes(&mut conn, query(actor, page, Some(lesson.id), None)).await?;
    Ok(Page::from_rows(page, rows.into_iter().map(note_view).collect(), |note| note.id))
}

/// A page of the actor's notes on all lessons of a course, newest first.
///
/// # Errors
/// `not_found` where they were never in it.
pub async fn list_course_notes(
    app: &App,
    actor: &Actor,
    course_id: u64,
    page: PageRequest,
) -> Result<Page<Note>, LearningError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let ever = store::learning::find_enrollment_in(&mut conn, actor.user_id(), course_id).await?;
    ever.ok_or(NO_COURSE)?;
    let rows = store::learning::list_notes(&mut conn, query(actor, page, None, Some(course_id))).await?;
    Ok(Page::from_rows(page, rows.into_iter().map(note_view).collect(), |note| note.id))
}

fn query(actor: &Actor, page: PageRequest, lesson_id: Option<u64>, course_id: Option<u64>) -> NoteQuery {
    NoteQuery {
        user_id: actor.user_id(),
        lesson_id,
        course_id,
        cursor: page.cursor.map(|cursor| cursor.id),
        forward: page.forward(),
        limit: page.fetch(),
    }
}

/// Writes a note on a lesson.
///
/// # Errors
/// `not_found`, `forbidden` for who is not in the course; violations of `content`, `timestamp_seconds`.
pub async fn create_note(
    app: &App,
    actor: &Actor,
    lesson_id: u64,
    input: CreateNote,
) -> Result<Note, LearningError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_note(unit, actor, lesson_id, &input))
}

async fn write_note(
    unit: &mut Unit,
    actor: &Actor,
    lesson_id: u64,
    input: &CreateNote,
) -> Result<Note, LearningError> {
    let lesson = find_as_student(unit, actor, lesson_id).await?;
    check(Some(&input.content), input.timestamp_seconds, lesson.duration_seconds)?;
    let new = NewNote {
        user_id: actor.user_id(),
        lesson_id: lesson.id,
        content: input.content.trim(),
        timestamp_seconds: input.timestamp_seconds,
        at: Time::now_in_seconds().as_chrono(),
    };
    let id = store::learning::insert_note(unit, new).await?;
    let row = store::learning::find_note(unit, id).await?.ok_or(NO_NOTE)?;
    Ok(note_view(row))
}

/// Changes a note of the actor's.
///
/// # Errors
/// `not_found`, also for another's; `forbidden` for who is in the course no more; violations.
pub async fn update_note(
    app: &App,
    actor: &Actor,
    note_id: u64,
    input: UpdateNote,
) -> Result<Note, LearningError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_update(unit, actor, note_id, &input))
}

async fn write_update(
    unit: &mut Unit,
    actor: &Actor,
    note_id: u64,
    input: &UpdateNote,
) -> Result<Note, LearningError> {
    let note = lock_own(unit, actor, note_id).await?;
    let lesson = find_as_student(unit, actor, note.lesson_id).await?;
    let given = input.timestamp_seconds.flatten();
    check(input.content.as_deref(), given, lesson.duration_seconds)?;
    let content = input.content.as_deref().map_or(note.content.as_str(), str::trim);
    let timestamp = input.timestamp_seconds.unwrap_or(note.timestamp_seconds);
    let at = Time::now_in_seconds().as_chrono();
    store::learning::update_note(unit, note.id, content, timestamp, at).await?;
    let row = store::learning::find_note(unit, note.id).await?.ok_or(NO_NOTE)?;
    Ok(note_view(row))
}

/// Deletes a note of the actor's, also when they are in the course no more.
///
/// # Errors
/// `not_found`, also for another's.
pub async fn delete_note(app: &App, actor: &Actor, note_id: u64) -> Result<(), LearningError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_deletion(unit, actor, note_id))
}

async fn write_deletion(unit: &mut Unit, actor: &Actor, note_id: u64) -> Result<(), LearningError> {
    let note = lock_own(unit, actor, note_id).await?;
    Ok(store::learning::delete_note(unit, note.id).await?)
}

async fn lock_own(unit: &mut Unit, actor: &Actor, note_id: u64) -> Result<NoteRow, LearningError> {
    let note = store::learning::lock_note(unit, note_id).await?;
    note.filter(|note| note.user_id == actor.user_id()).ok_or_else(|| NO_NOTE.into())
}

fn check(content: Option<&str>, timestamp: Option<u32>, duration: u32) -> Result<(), Violations> {
    let mut violations = Violations::none();
    match content.map(|content| length(content.trim())) {
        Some(0) => violations.add("content", Problem::Required),
        Some(long) if long > LONGEST => violations.add("content", Problem::TooLong(LONGEST)),
        _ => {}
    }
    if timestamp.is_some_and(|moment| moment > duration) {
        violations.add("timestamp_seconds", Problem::TooGreat(duration.to_string()));
    }
    violations.into_result()
}
