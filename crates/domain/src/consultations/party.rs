//! Who somebody is in a booking.

use base::CommonFault;
use protocol::consultations::Party;
use store::Conn;
use store::consultations::BookingRow;

use super::{ConsultationError, MANAGE, NO_BOOKING};
use crate::{Actor, App, access};

/// What the actor is in a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// One of the two.
    Party(Party),
    /// Whoever holds `bookings.manage`.
    Manager,
}

/// The actor in a booking; to everybody else it is not there (domain.md D23).
pub(super) async fn standing_in(
    conn: &mut Conn,
    actor: &Actor,
    row: &BookingRow,
) -> Result<Standing, ConsultationError> {
    if row.student_id == actor.user_id() {
        Ok(Standing::Party(Party::Student))
    } else if row.speaker_id == actor.user_id() {
        Ok(Standing::Party(Party::Speaker))
    } else if access::has_permission(conn, actor.user_id(), MANAGE).await? {
        Ok(Standing::Manager)
    } else {
        Err(NO_BOOKING.into())
    }
}

/// Finds a booking that the actor may know of.
pub(super) async fn find_known(
    conn: &mut Conn,
    actor: &Actor,
    id: u64,
) -> Result<(BookingRow, Standing), ConsultationError> {
    let row = store::consultations::find_booking(conn, id).await?.ok_or(NO_BOOKING)?;
    let standing = standing_in(conn, actor, &row).await?;
    Ok((row, standing))
}

/// As [`find_known`], locked.
pub(super) async fn lock_known(
    conn: &mut Conn,
    actor: &Actor,
    id: u64,
) -> Result<(BookingRow, Standing), ConsultationError> {
    let row = store::consultations::lock_booking(conn, id).await?.ok_or(NO_BOOKING)?;
    let standing = standing_in(conn, actor, &row).await?;
    Ok((row, standing))
}

/// Demands that the actor is the booking's speaker.
pub(super) fn require_speaker(standing: Standing) -> Result<(), CommonFault> {
    if standing == Standing::Party(Party::Speaker) { Ok(()) } else { Err(CommonFault::Forbidden) }
}

/// Demands that the actor is one of the two.
pub(super) fn require_party(standing: Standing) -> Result<Party, CommonFault> {
    match standing {
        Standing::Party(party) => Ok(party),
        Standing::Manager => Err(CommonFault::Forbidden),
    }
}

/// Demands that the actor may know of a booking, for a door that has to refuse a stranger before it tells what is wrong
/// with a body (domain.md §2.2).
///
/// # Errors
/// [`CommonFault::NotFound`].
pub async fn demand_booking(app: &App, actor: &Actor, id: u64) -> Result<(), ConsultationError> {
    let mut conn = app.store.reader().await?;
    find_known(&mut conn, actor, id).await.map(drop)
}

/// As [`demand_booking`], for what only the speaker does.
///
/// # Errors
/// [`CommonFault::NotFound`], [`CommonFault::Forbidden`].
pub async fn demand_speaker(app: &App, actor: &Actor, id: u64) -> Result<(), ConsultationError> {
    let mut conn = app.store.reader().await?;
    let (_, standing) = find_known(&mut conn, actor, id).await?;
    Ok(require_speaker(standing)?)
}

/// As [`demand_booking`], for what only one of the two does.
///
/// # Errors
/// [`CommonFault::NotFound`], [`CommonFault::Forbidden`].
pub async fn demand_party(app: &App, actor: &Actor, id: u64) -> Result<(), ConsultationError> {
    let mut conn = app.store.reader().await?;
    let (_, standing) = find_known(&mut conn, actor, id).await?;
    require_party(standing)?;
    Ok(())
}
