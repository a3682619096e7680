//! One of one's own windows.

use protocol::consultations::Availability;
use store::Conn;
use store::consultations::AvailabilityRow;

use super::list_availabilities::week_view;
use super::{ConsultationError, NO_AVAILABILITY, OFFER};
use crate::{Actor, App, access};

/// A window of the actor's.
///
/// # Errors
/// [`base::CommonFault::NotFound`], also for somebody else's; [`base::CommonFault::Forbidden`] without
/// `consultations.offer`.
pub async fn find_availability(app: &App, actor: &Actor, id: u64) -> Result<Availability, ConsultationError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let row = find_own(&mut conn, actor, id).await?;
    view_of(app, &mut conn, &row).await
}

/// The actor's own window.
pub(super) async fn find_own(
    conn: &mut Conn,
    actor: &Actor,
    id: u64,
) -> Result<AvailabilityRow, ConsultationError> {
    let row = store::consultations::find_availability(conn, id).await?;
    let row = row.filter(|row| row.user_id == actor.user_id()).ok_or(NO_AVAILABILITY)?;
    access::require_permission(conn, actor, OFFER).await?;
    Ok(row)
}

/// A window as its speaker sees it.
pub(super) async fn view_of(
    app: &App,
    conn: &mut Conn,
    row: &AvailabilityRow,
) -> Result<Availability, ConsultationError> {
    let mut views = week_view(app, conn, row.user_id, std::slice::from_ref(row)).await?;
    Ok(views.pop().ok_or(NO_AVAILABILITY)?)
}
