//! Taking a window back. Sessions that were booked from it stay.

use base::conditional::IfMatch;

use super::create_availability::lock_week;
use super::find_availability::view_of;
use super::tell::slots_changed;
use super::update_availability::demand_availability;
use super::{ConsultationError, NO_AVAILABILITY};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Takes one of the actor's windows away.
///
/// # Errors
/// As [`super::find_availability`]; [`base::CommonFault::PreconditionRequired`],
/// [`base::CommonFault::PreconditionFailed`].
pub async fn delete_availability(
    app: &App,
    actor: &Actor,
    id: u64,
    version: &IfMatch,
) -> Result<(), ConsultationError> {
    actor.require("write")?;
    demand_availability(app, actor, id).await?;
    in_unit!(app, |unit| write_deletion(app, unit, actor, id, version))
}

async fn write_deletion(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    version: &IfMatch,
) -> Result<(), ConsultationError> {
    let week = lock_week(unit, actor).await?;
    let row = week.iter().find(|row| row.id == id).ok_or(NO_AVAILABILITY)?;
    version.require(&view_of(app, unit, row).await?)?;
    store::consultations::delete_availability(unit, id).await?;
    slots_changed(unit, actor.user_id());
    Ok(())
}
