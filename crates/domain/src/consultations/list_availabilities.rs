//! One's own windows.

use base::id::UserId;
use protocol::consultations::Availability;
use store::Conn;
use store::consultations::AvailabilityRow;

use super::calendar::zone_of;
use super::view::availability_view;
use super::{ConsultationError, OFFER};
use crate::{Actor, App, access};

/// The actor's windows, in the order of the week.
///
/// # Errors
/// [`base::CommonFault::Forbidden`] without `consultations.offer`.
pub async fn list_availabilities(app: &App, actor: &Actor) -> Result<Vec<Availability>, ConsultationError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, OFFER).await?;
    read_week(app, &mut conn, actor.user_id()).await
}

/// A speaker's windows as the speaker sees them.
pub(super) async fn read_week(
    app: &App,
    conn: &mut Conn,
    user_id: UserId,
) -> Result<Vec<Availability>, ConsultationError> {
    let rows = store::consultations::list_availabilities(conn, user_id).await?;
    week_view(app, conn, user_id, &rows).await
}

/// Windows that were read already.
pub(super) async fn week_view(
    app: &App,
    conn: &mut Conn,
    user_id: UserId,
    rows: &[AvailabilityRow],
) -> Result<Vec<Availability>, ConsultationError> {
    let zone = zone_of(store::rooms::find_timezone(conn, user_id).await?.as_deref());
    let currency = app.settings.money.currency.as_str();
    Ok(rows.iter().map(|row| availability_view(row, zone, currency)).collect::<Result<_, _>>()?)
}
