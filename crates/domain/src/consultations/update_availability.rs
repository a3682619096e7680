//! Changing a window. Sessions that were booked from it stay as they are.

use base::conditional::IfMatch;
use base::{CommonFault, Time, Violations};
use protocol::consultations::{Availability, CreateAvailability, UpdateAvailability};
use store::consultations::AvailabilityRow;

use super::create_availability::lock_week;
use super::find_availability::{find_own, view_of};
use super::tell::slots_changed;
use super::view::weekday;
use super::windows::{check_window, require_apart};
use super::{ConsultationError, NO_AVAILABILITY};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Changes one of the actor's windows.
///
/// # Errors
/// As [`super::find_availability`]; [`CommonFault::PreconditionRequired`], [`CommonFault::PreconditionFailed`]; violations
/// of each field.
pub async fn update_availability(
    app: &App,
    actor: &Actor,
    id: u64,
    version: &IfMatch,
    input: UpdateAvailability,
) -> Result<Availability, ConsultationError> {
    actor.require("write")?;
    demand_availability(app, actor, id).await?;
    in_unit!(app, |unit| write_change(app, unit, actor, id, version, &input))
}

/// Demands that the window is the actor's, for a door that has to refuse a stranger before it tells what is wrong with a
/// body (domain.md §2.2).
///
/// # Errors
/// As [`super::find_availability`].
pub async fn demand_availability(app: &App, actor: &Actor, id: u64) -> Result<(), ConsultationError> {
    let mut conn = app.store.reader().await?;
    find_own(&mut conn, actor, id).await.map(drop)
}

async fn write_change(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    version: &IfMatch,
    input: &UpdateAvailability,
) -> Result<Availability, ConsultationError> {
    let week = lock_week(unit, actor).await?;
    let row = week.iter().find(|row| row.id == id).ok_or(NO_AVAILABILITY)?;
    version.require(&view_of(app, unit, row).await?)?;
    let mut violations = Violations::none();
    let window = check_window(&merged(row, input)?, "", &mut violations);
    violations.into_result()?;
    let window = window.ok_or_else(|| CommonFault::internal("a window without violations is missing"))?;
    require_apart(&window, week.iter().filter(|other| other.id != id))?;
    let at = Time::now_in_seconds().as_chrono();
    store::consultations::update_availability(unit, id, &window, at).await?;
    slots_changed(unit, actor.user_id());
    let row = store::consultations::find_availability(unit, id).await?.ok_or(NO_AVAILABILITY)?;
    view_of(app, unit, &row).await
}

/// The window as it is to be.
fn merged(
    row: &AvailabilityRow,
    input: &UpdateAvailability,
) -> Result<CreateAvailability, ConsultationError> {
    let clock = |time: chrono::NaiveTime| time.format("%H:%M:%S").to_string();
    let day = weekday(&row.day_of_week)?;
    Ok(CreateAvailability {
        day_of_week: input.day_of_week.unwrap_or(day),
        start_time: input.start_time.clone().unwrap_or_else(|| clock(row.start_time)),
        end_time: input.end_time.clone().unwrap_or_else(|| clock(row.end_time)),
        session_duration: input.session_duration.unwrap_or(row.session_duration),
        price_per_session: input.price_per_session.unwrap_or(row.price_per_session),
        is_active: input.is_active.unwrap_or(row.is_active),
    })
}
