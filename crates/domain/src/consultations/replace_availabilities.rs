//! The whole week at once.

use base::conditional::IfMatch;
use base::{Problem, Time, Violations};
use protocol::consultations::{Availability, ReplaceAvailabilities};
use store::consultations::{AvailabilityRow, NewAvailability};

use super::create_availability::lock_week;
use super::list_availabilities::{read_week, week_view};
use super::tell::slots_changed;
use super::windows::{check_week, check_window};
use super::{ConsultationError, OFFER};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

/// Windows of a week at most.
const MOST: usize = 200;

/// Replaces the actor's week. A window that begins as one did keeps its id; sessions that were booked stay as they are.
///
/// # Errors
/// [`base::CommonFault::Forbidden`] without `consultations.offer`; [`base::CommonFault::PreconditionRequired`],
/// [`base::CommonFault::PreconditionFailed`]; violations of each field of each window.
pub async fn replace_availabilities(
    app: &App,
    actor: &Actor,
    version: &IfMatch,
    input: ReplaceAvailabilities,
) -> Result<Vec<Availability>, ConsultationError> {
    actor.require("write")?;
    access::demand_permission(app, actor, OFFER).await?;
    in_unit!(app, |unit| write_week(app, unit, actor, version, &input))
}

async fn write_week(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    version: &IfMatch,
    input: &ReplaceAvailabilities,
) -> Result<Vec<Availability>, ConsultationError> {
    let before = lock_week(unit, actor).await?;
    version.require(&week_view(app, unit, actor.user_id(), &before).await?)?;
    let windows = check(input)?;
    let at = Time::now_in_seconds().as_chrono();
    let kept = |row: &AvailabilityRow| windows.iter().find(|window| begins_as(row, window));
    for row in &before {
        match kept(row) {
            Some(window) => store::consultations::update_availability(unit, row.id, window, at).await?,
            None => store::consultations::delete_availability(unit, row.id).await?,
        }
    }
    for window in &windows {
        if !before.iter().any(|row| begins_as(row, window)) {
            store::consultations::insert_availability(unit, actor.user_id(), window, at).await?;
        }
    }
    slots_changed(unit, actor.user_id());
    read_week(app, unit, actor.user_id()).await
}

fn begins_as(row: &AvailabilityRow, window: &NewAvailability) -> bool {
    row.day_of_week == window.day_of_week && row.start_time == window.start_time
}

fn check(input: &ReplaceAvailabilities) -> Result<Vec<NewAvailability>, Violations> {
    if input.availabilities.len() > MOST {
        return Err(Violations::one("availabilities", Problem::TooGreat(MOST.to_string())));
    }
    let mut violations = Violations::none();
    let mut windows = Vec::with_capacity(input.availabilities.len());
    for (ordinal, window) in input.availabilities.iter().enumerate() {
        windows.extend(check_window(window, format_args!("availabilities.{ordinal}."), &mut violations));
    }
    if windows.len() == input.availabilities.len() {
        check_week(&windows, &mut violations);
    }
    violations.into_result()?;
    Ok(windows)
}
