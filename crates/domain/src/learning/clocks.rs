//! What happens to enrollments by the clock (domain.md §5.4): their end, a word a week before it, and the completion of those
//! whose last open lesson was taken out of the course.

use base::{CommonFault, Time};
use bus::ControlMessage;
use chrono::{DateTime, TimeDelta, Utc};
use protocol::channel::Channel;
use protocol::learning::EnrollmentStatus;
use protocol::notifications::NotificationKind;

use super::LearningError;
use super::completion::recount;
use super::view::enrollment_status;
use crate::fault::of_store;
use crate::machine::may;
use crate::machine::step;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{App, in_unit};

/// Enrollments at a time.
const BATCH: u32 = 200;
/// From the word to the end.
const WARNING: TimeDelta = TimeDelta::days(7);

/// Ends the enrollments whose time is over. Answers how many.
///
/// # Errors
/// Those of the store.
pub async fn expire_due(app: &App) -> Result<u64, CommonFault> {
    let now = Time::now_in_seconds();
    let due = {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        store::learning::list_expired(&mut conn, now.as_chrono(), BATCH).await.map_err(of_store)?
    };
    let mut ended = 0;
    for (id, course_id) in due {
        ended += u64::from(unit_of(app, id, course_id, Deed::Expire).await?);
    }
    Ok(ended)
}

/// Completes the enrollments in which all is done since a lesson was taken out. Answers how many.
///
/// # Errors
/// Those of the store.
pub async fn complete_due(app: &App) -> Result<u64, CommonFault> {
    let due = {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        store::learning::list_finished(&mut conn, BATCH).await.map_err(of_store)?
    };
    let mut completed = 0;
    for (id, course_id) in due {
        completed += u64::from(unit_of(app, id, course_id, Deed::Complete).await?);
    }
    Ok(completed)
}

/// Tells the students whose enrollment ends within a week, once. Answers how many.
///
/// # Errors
/// Those of the store.
pub async fn remind_due(app: &App) -> Result<u64, CommonFault> {
    let now = Time::now_in_seconds().as_chrono();
    let due = {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        store::learning::list_expiring(&mut conn, (now, now + WARNING), BATCH).await.map_err(of_store)?
    };
    let mut told = 0;
    for row in due {
        let outcome: Result<bool, LearningError> =
            in_unit!(app, |unit| write_reminder(app, unit, row.id, row.expires_at));
        told += u64::from(outcome.map_err(common)?);
    }
    Ok(told)
}

#[derive(Clone, Copy)]
enum Deed {
    Expire,
    Complete,
}

async fn unit_of(app: &App, id: u64, course_id: u64, deed: Deed) -> Result<bool, CommonFault> {
    let outcome: Result<bool, LearningError> = match deed {
        Deed::Expire => in_unit!(app, |unit| write_end(unit, id, course_id)),
        Deed::Complete => in_unit!(app, |unit| write_completion(app, unit, id, course_id)),
    };
    outcome.map_err(common)
}

fn common(error: LearningError) -> CommonFault {
    match error {
        LearningError::Common(fault) => fault,
        other => CommonFault::internal(other),
    }
}

async fn write_end(unit: &mut Unit, id: u64, course_id: u64) -> Result<bool, LearningError> {
    let now = Time::now_in_seconds().as_chrono();
    if store::courses::lock_any_course(unit, course_id).await?.is_none() {
        return Ok(false);
    }
    let Some(row) = store::learning::lock_enrollment(unit, id).await? else { return Ok(false) };
    let status = enrollment_status(&row.status)?;
    // Since the list was read it may have been completed, or bought again.
    if !may(status, EnrollmentStatus::Expired) || row.expires_at.is_none_or(|end| end > now) {
        return Ok(false);
    }
    step(status, EnrollmentStatus::Expired)?;
    store::learning::update_students_count(unit, course_id, false).await?;
    let ends = (status.as_str(), EnrollmentStatus::Expired.as_str());
    store::learning::update_enrollment_status(unit, id, ends, now).await?;
    let channel = Channel::Course(course_id).to_string();
    unit.control(ControlMessage::AccessRevoked { user_id: row.user_id, channel });
    Ok(true)
}

async fn write_completion(
    app: &App,
    unit: &mut Unit,
    id: u64,
    course_id: u64,
) -> Result<bool, LearningError> {
    if !store::learning::hold_course(unit, course_id).await? {
        return Ok(false);
    }
    let Some(mut row) = store::learning::lock_enrollment(unit, id).await? else { return Ok(false) };
    if enrollment_status(&row.status)? != EnrollmentStatus::Active {
        return Ok(false);
    }
    recount(app, unit, &mut row, Time::now_in_seconds()).await?;
    Ok(enrollment_status(&row.status)? == EnrollmentStatus::Completed)
}

async fn write_reminder(
    app: &App,
    unit: &mut Unit,
    id: u64,
    expires_at: DateTime<Utc>,
) -> Result<bool, LearningError> {
    let Some(row) = store::learning::lock_enrollment(unit, id).await? else { return Ok(false) };
    let due =
        enrollment_status(&row.status)? == EnrollmentStatus::Active && row.expires_at == Some(expires_at);
    if !due || store::learning::lock_reminder(unit, id).await? == Some(expires_at) {
        return Ok(false);
    }
    store::learning::upsert_reminder(unit, id, expires_at, Time::now_in_seconds().as_chrono()).await?;
    let notice = Notice::new(NotificationKind::EnrollmentExpiring, row.user_id)
        .about(Morph::Enrollment, row.id, format!("/enrollments/{}", row.id))
        .with("title", row.course_title.as_str());
    notify(app, unit, notice).await?;
    Ok(true)
}
