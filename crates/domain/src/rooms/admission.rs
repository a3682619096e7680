//! Who may come into a room (realtime.md §3, domain.md §5.6, §6.5): the host and moderators always; others if they
//! are not banned and the room's access rules admit them. A free room that is live admits everybody signed in; any
//! other room, those with a seat.

use std::collections::{BTreeSet, HashMap, HashSet};

use base::id::{RoomId, UserId};
use protocol::rooms::{AccessType, RegistrationStatus, RoomStatus};
use store::Conn;
use store::rooms::{RoomRow, StandingRow};

use super::view::{access_type, registration_status, room_status};
use super::{NO_ROOM, RoomError};
use crate::access;

/// As what somebody is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Whose room it is.
    Host,
    /// Holds `rooms.moderate`.
    Moderator,
    /// Anybody else who was admitted.
    Member,
}

/// Proof that a user may be in a room, and what was learnt on the way.
#[derive(Clone, Debug)]
pub(crate) struct RoomMember {
    /// The room.
    pub room: RoomRow,
    /// Its status.
    pub status: RoomStatus,
    /// As what.
    pub role: Role,
    /// The user's name, seat and mutes.
    pub standing: StandingRow,
    /// The user's registration.
    pub registration: Option<RegistrationStatus>,
}

/// What decides, apart from being the host or a moderator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub status: RoomStatus,
    pub access: AccessType,
    pub registration: Option<RegistrationStatus>,
    pub is_banned: bool,
}

impl RoomMember {
    /// Has, or had, a seat: registered, attended, or missed.
    pub(super) fn has_seat(&self) -> bool {
        has_seat(self.registration)
    }

    /// The host, or a moderator, also one who was admitted like everybody: not bound by mutes and slow mode.
    pub(crate) async fn is_staff(&self, conn: &mut Conn, user_id: UserId) -> Result<bool, RoomError> {
        Ok(self.role != Role::Member || is_moderator(conn, user_id).await?)
    }
}

pub(super) fn has_seat(registration: Option<RegistrationStatus>) -> bool {
    use RegistrationStatus::{Attended, Missed, Registered};
    matches!(registration, Some(Registered | Attended | Missed))
}

/// May an ordinary user with this claim be in the room?
pub(super) fn decide(claim: Claim) -> Result<(), RoomError> {
    if claim.status == RoomStatus::Cancelled {
        return Err(NO_ROOM.into());
    }
    if claim.is_banned {
        return Err(RoomError::Banned);
    }
    match (claim.access, claim.status) {
        _ if has_seat(claim.registration) => Ok(()),
        (AccessType::Free, RoomStatus::Active) => Ok(()),
        (AccessType::Free, RoomStatus::Completed) => Err(RoomError::NotActive),
        _ => Err(RoomError::NotRegistered),
    }
}

/// May an ordinary user with this claim be in the room while it is live? Asked before whether it is: that a room is
/// not live is told to those alone whom it would admit.
fn decide_live(claim: Claim) -> Result<(), RoomError> {
    match claim.status {
        RoomStatus::Cancelled => decide(claim),
        RoomStatus::Scheduled | RoomStatus::Active | RoomStatus::Completed => {
            decide(Claim { status: RoomStatus::Active, ..claim })
        }
    }
}

/// Admits a user to what happens in a live room only; the room was read or locked. Access is judged before the
/// room's state (domain.md §2.2).
///
/// # Errors
/// [`RoomError::Banned`], [`RoomError::NotRegistered`]; then [`RoomError::NotActive`]; `not_found` as for [`admit`].
pub(crate) async fn admit_live(
    conn: &mut Conn,
    room: RoomRow,
    user_id: UserId,
) -> Result<RoomMember, RoomError> {
    let member = admit_if(conn, room, user_id, decide_live).await?;
    if member.status == RoomStatus::Active { Ok(member) } else { Err(RoomError::NotActive) }
}

/// Admits a user to a room that was read or locked.
///
/// # Errors
/// [`RoomError::Banned`], [`RoomError::NotRegistered`], [`RoomError::NotActive`]; `not_found` for a cancelled room
/// and for one whose host's account is gone.
pub(crate) async fn admit(conn: &mut Conn, room: RoomRow, user_id: UserId) -> Result<RoomMember, RoomError> {
    admit_if(conn, room, user_id, decide).await
}

async fn admit_if(
    conn: &mut Conn,
    room: RoomRow,
    user_id: UserId,
    decide: fn(Claim) -> Result<(), RoomError>,
) -> Result<RoomMember, RoomError> {
    let mut crowds = Crowd::find_each(conn, vec![(room, vec![user_id])], decide).await?;
    let mut crowd = crowds.pop().ok_or(NO_ROOM)?;
    let Admitted { role, registration, .. } = crowd.admit(user_id)?;
    let standing = crowd.standings.remove(&user_id).ok_or(NO_ROOM)?;
    Ok(RoomMember { room: crowd.room, status: crowd.status, role, standing, registration })
}

/// Users who want to be in a room, and all that decides whether they may.
pub(super) struct Crowd {
    pub(super) room: RoomRow,
    status: RoomStatus,
    access: AccessType,
    decide: fn(Claim) -> Result<(), RoomError>,
    standings: HashMap<UserId, StandingRow>,
    moderators: HashSet<UserId>,
}

/// One of a [`Crowd`] who may.
pub(super) struct Admitted<'a> {
    pub(super) role: Role,
    pub(super) standing: &'a StandingRow,
    registration: Option<RegistrationStatus>,
}

impl Crowd {
    /// Those who may be in live rooms, which were read or locked, with who wants to be in each; one for each room, in their
    /// order.
    pub(super) async fn find_live_each(
        conn: &mut Conn,
        rooms: Vec<(RoomRow, Vec<UserId>)>,
    ) -> Result<Vec<Self>, RoomError> {
        Self::find_each(conn, rooms, decide_live).await
    }

    async fn find_each(
        conn: &mut Conn,
        rooms: Vec<(RoomRow, Vec<UserId>)>,
        decide: fn(Claim) -> Result<(), RoomError>,
    ) -> Result<Vec<Self>, RoomError> {
        let of_room = |(room, user_ids): &(RoomRow, Vec<UserId>)| {
            let room_id = room.id;
            user_ids.iter().map(move |user_id| (room_id, *user_id)).collect::<Vec<_>>()
        };
        let asked: Vec<(RoomId, UserId)> = rooms.iter().flat_map(of_room).collect();
        let mut standings: HashMap<RoomId, HashMap<UserId, StandingRow>> = HashMap::new();
        for standing in store::rooms::list_standings(conn, &asked).await? {
            standings.entry(standing.live_room_id).or_default().insert(standing.user_id, standing);
        }
        let mut crowds = Vec::with_capacity(rooms.len());
        for (room, _) in rooms {
            crowds.push(Self {
                status: room_status(&room.status)?,
                access: access_type(&room.access_type)?,
                standings: standings.remove(&room.id).unwrap_or_default(),
                room,
                decide,
                moderators: HashSet::new(),
            });
        }
        // Whether a refused one moderates is asked last: few are refused, and it takes a query.
        let refused: BTreeSet<UserId> = crowds.iter().flat_map(Self::refused).collect();
        let moderators = access::list_holders(conn, &Vec::from_iter(refused), "rooms.moderate").await?;
        for crowd in &mut crowds {
            crowd.moderators.extend(moderators.iter().copied());
        }
        Ok(crowds)
    }

    /// Those who are refused unless they moderate.
    fn refused(&self) -> impl Iterator<Item = UserId> {
        self.standings.keys().copied().filter(|user_id| {
            *user_id != self.room.user_id
                && self.claim(*user_id).is_ok_and(|(_, claim)| (self.decide)(claim).is_err())
        })
    }

    /// Learns which of the users moderate: those who are not known to.
    pub(super) async fn find_moderators(
        &mut self,
        conn: &mut Conn,
        user_ids: &[UserId],
    ) -> Result<(), RoomError> {
        let unknown: Vec<UserId> =
            user_ids.iter().copied().filter(|user_id| !self.moderators.contains(user_id)).collect();
        self.moderators.extend(access::list_holders(conn, &unknown, "rooms.moderate").await?);
        Ok(())
    }

    fn claim(&self, user_id: UserId) -> Result<(&StandingRow, Claim), RoomError> {
        let standing = self.standings.get(&user_id).filter(|standing| standing.is_host_active);
        let standing = standing.ok_or(NO_ROOM)?;
        let registration = standing.registration.as_deref().map(registration_status).transpose()?;
        let claim =
            Claim { status: self.status, access: self.access, registration, is_banned: standing.is_banned };
        Ok((standing, claim))
    }

    /// Admits one of the users, whatever the room's state.
    fn admit(&self, user_id: UserId) -> Result<Admitted<'_>, RoomError> {
        let (standing, claim) = self.claim(user_id)?;
        let role = if self.room.user_id == user_id {
            Role::Host
        } else {
            match (self.decide)(claim) {
                Ok(()) => Role::Member,
                Err(_) if self.moderators.contains(&user_id) => Role::Moderator,
                Err(refusal) => return Err(refusal),
            }
        };
        Ok(Admitted { role, standing, registration: claim.registration })
    }

    /// Admits one of the users to what happens while the room is live.
    ///
    /// # Errors
    /// Those of [`admit_live`].
    pub(super) fn admit_live(&self, user_id: UserId) -> Result<Admitted<'_>, RoomError> {
        let admitted = self.admit(user_id)?;
        if self.status == RoomStatus::Active { Ok(admitted) } else { Err(RoomError::NotActive) }
    }

    /// As [`RoomMember::is_staff`]. Of moderators only those are known who were refused, or asked for by
    /// [`Self::find_moderators`].
    pub(super) fn is_staff(&self, user_id: UserId) -> bool {
        self.room.user_id == user_id || self.moderators.contains(&user_id)
    }
}

/// Holds the user `rooms.moderate`?
pub(super) async fn is_moderator(conn: &mut Conn, user_id: UserId) -> Result<bool, RoomError> {
    Ok(access::has_permission(conn, user_id, "rooms.moderate").await?)
}

#[cfg(test)]
mod tests {
    use protocol::rooms::{AccessType, RegistrationStatus, RoomStatus};

    use super::{Claim, RoomError, decide, decide_live};

    #[test]
    fn the_table_of_admissions() {
        use AccessType::{Free, Paid};
        use RegistrationStatus::{Attended, Cancelled, Missed, Pending, Registered};
        use RoomStatus::{Active, Completed, Scheduled};
        let admitted = |access, status, registration, is_banned| {
            decide(Claim { status, access, registration, is_banned }).is_ok()
        };
        assert!(admitted(Free, Active, None, false), "a free active room admits everybody signed in");
        assert!(admitted(Free, Active, Some(Cancelled), false));
        assert!(!admitted(Free, Active, None, true), "but the banned");
        assert!(!admitted(Free, Scheduled, None, false));
        assert!(admitted(Free, Scheduled, Some(Registered), false));
        assert!(!admitted(Free, Completed, None, false));
        for status in [Scheduled, Active, Completed] {
            for seat in [Registered, Attended, Missed] {
                assert!(admitted(Paid, status, Some(seat), false));
                assert!(!admitted(Paid, status, Some(seat), true));
            }
            for none in [None, Some(Pending), Some(Cancelled)] {
                assert!(!admitted(Paid, status, none, false));
            }
        }
        let cancelled = Claim {
            status: RoomStatus::Cancelled,
            access: Free,
            registration: Some(Registered),
            is_banned: false,
        };
        assert!(matches!(decide(cancelled), Err(RoomError::Common(_))), "a cancelled room is not there");
        assert!(matches!(decide_live(cancelled), Err(RoomError::Common(_))));
    }

    #[test]
    fn access_to_a_live_room_does_not_hang_on_its_state() {
        use AccessType::{Free, Paid};
        for status in [RoomStatus::Scheduled, RoomStatus::Active, RoomStatus::Completed] {
            let claim = |access, registration, is_banned| Claim { status, access, registration, is_banned };
            assert!(decide_live(claim(Free, None, false)).is_ok());
            assert!(matches!(decide_live(claim(Free, None, true)), Err(RoomError::Banned)));
            assert!(matches!(decide_live(claim(Paid, None, false)), Err(RoomError::NotRegistered)));
            let seat = Some(RegistrationStatus::Registered);
            assert!(decide_live(claim(Paid, seat, false)).is_ok());
            assert!(matches!(decide_live(claim(Paid, seat, true)), Err(RoomError::Banned)));
        }
    }
}
