//! Taking a seat, with the room's row locked (domain.md §5.6 "Seats", I-R1).

use base::id::UserId;
use protocol::rooms::RegistrationStatus;
use store::rooms::{NewSeat, RoomRow, SeatRow};

use super::RoomError;
use super::facts::seat_key;
use super::view::registration_status;
use crate::machine;
use crate::unit::Unit;

/// Proof that there is a seat for a user: made while the room's row is locked, to be used before the commit.
#[must_use]
pub(super) struct FreeSeat {
    /// A row that the user had before, to be used again (domain.md D17), and its status.
    row: Option<(u64, RegistrationStatus)>,
}

/// Finds a seat for a user in a locked room.
///
/// # Errors
/// [`RoomError::AlreadyRegistered`], [`RoomError::RoomFull`].
pub(super) async fn find_free_seat(
    unit: &mut Unit,
    room: &RoomRow,
    user_id: UserId,
) -> Result<FreeSeat, RoomError> {
    let row = store::rooms::lock_seat(unit, room.id, user_id).await?;
    if row.as_ref().is_some_and(|row| row.is_held || matches!(row.status.as_str(), "registered" | "attended"))
    {
        return Err(RoomError::AlreadyRegistered);
    }
    if let Some(seats) = room.max_participants
        && store::rooms::count_seats(unit, room.id).await? >= u64::from(seats)
    {
        return Err(RoomError::RoomFull);
    }
    let used = |row: SeatRow| Ok::<_, RoomError>((row.id, registration_status(&row.status)?));
    Ok(FreeSeat { row: row.map(used).transpose()? })
}

impl FreeSeat {
    /// Takes it; answers the registration's id.
    ///
    /// # Errors
    /// [`base::CommonFault::IllegalTransition`]; those of the store.
    pub(super) async fn take(self, unit: &mut Unit, seat: &NewSeat) -> Result<u64, RoomError> {
        let id = match self.row {
            None => store::rooms::insert_seat(unit, seat).await?,
            Some((id, from)) => {
                // A seat that waited too long for its payment is given back first.
                if from != RegistrationStatus::Cancelled {
                    machine::step(from, RegistrationStatus::Cancelled)?;
                }
                machine::step(RegistrationStatus::Cancelled, RegistrationStatus::Registered)?;
                store::rooms::update_seat(unit, id, seat).await?;
                id
            }
        };
        unit.forget(seat_key(seat.live_room_id, seat.user_id));
        Ok(id)
    }
}
