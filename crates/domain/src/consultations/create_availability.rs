//! Offering another window.

use base::{Time, Violations};
use protocol::consultations::{Availability, CreateAvailability};
use store::consultations::{AvailabilityRow, NewAvailability};

use super::find_availability::view_of;
use super::tell::slots_changed;
use super::windows::{check_window, require_apart};
use super::{ConsultationError, NO_AVAILABILITY, OFFER};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

/// Offers a window of every week.
///
/// # Errors
/// [`base::CommonFault::Forbidden`] without `consultations.offer`; violations of each field, also for a window that
/// overlaps another one of that day.
pub async fn create_availability(
    app: &App,
    actor: &Actor,
    input: CreateAvailability,
) -> Result<Availability, ConsultationError> {
    actor.require("write")?;
    access::demand_permission(app, actor, OFFER).await?;
    let mut violations = Violations::none();
    let window = check_window(&input, "", &mut violations);
    violations.into_result()?;
    let window =
        window.ok_or_else(|| base::CommonFault::internal("a window without violations is missing"))?;
    in_unit!(app, |unit| write_window(app, unit, actor, &window))
}

async fn write_window(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    window: &NewAvailability,
) -> Result<Availability, ConsultationError> {
    let others = lock_week(unit, actor).await?;
    require_apart(window, &others)?;
    let at = Time::now_in_seconds().as_chrono();
    let id = store::consultations::insert_availability(unit, actor.user_id(), window, at).await?;
    slots_changed(unit, actor.user_id());
    let row = store::consultations::find_availability(unit, id).await?.ok_or(NO_AVAILABILITY)?;
    view_of(app, unit, &row).await
}

/// Locks the actor's offer and gives its windows. The profile is what two writers of a first window meet at.
pub(super) async fn lock_week(
    unit: &mut Unit,
    actor: &Actor,
) -> Result<Vec<AvailabilityRow>, ConsultationError> {
    store::consultations::lock_availabilities(unit, actor.user_id()).await?;
    store::consultations::lock_calendars(unit, &[actor.user_id()]).await?;
    Ok(store::consultations::list_availabilities(unit, actor.user_id()).await?)
}
