//! Who keeps order in a room (domain.md §5.6): its host, and whoever holds `rooms.moderate`; and who decides about it: its
//! host, and whoever holds `rooms.manage`.

use base::CommonFault;
use base::id::{RoomId, UserId};
use protocol::rooms::RoomStatus;
use store::Conn;
use store::rooms::{RoomRow, StandingRow};

use super::admission::{RoomMember, admit, is_moderator};
use super::view::room_status;
use super::{NO_MESSAGE, NO_ROOM, RoomError};
use crate::unit::Unit;
use crate::{Actor, App, access};

/// Locks a room for its host or a moderator.
///
/// # Errors
/// Those of [`require_staff`].
pub(super) async fn lock_as_staff(
    unit: &mut Unit,
    actor: &Actor,
    room_id: RoomId,
) -> Result<RoomRow, RoomError> {
    let room = store::rooms::lock_room(unit, room_id).await?.ok_or(NO_ROOM)?;
    require_staff(unit, actor, &room).await?;
    Ok(room)
}

/// A room, locked for whoever may start, change, end and cancel it: its host, or who holds `rooms.manage`.
pub(super) struct Managed {
    pub(super) room: RoomRow,
    pub(super) status: RoomStatus,
    /// Holds `rooms.manage`, whether the room is theirs or not.
    pub(super) manages: bool,
}

/// Locks a room for its host or whoever manages rooms. That there is a room is no secret, unless it was cancelled.
///
/// # Errors
/// [`CommonFault::Forbidden`]; `not_found`.
pub(super) async fn lock_as_manager(
    unit: &mut Unit,
    actor: &Actor,
    room_id: RoomId,
) -> Result<Managed, RoomError> {
    let room = store::rooms::lock_room(unit, room_id).await?.ok_or(NO_ROOM)?;
    require_manager(unit, actor, room).await
}

async fn require_manager(conn: &mut Conn, actor: &Actor, room: RoomRow) -> Result<Managed, RoomError> {
    let manages = access::has_permission(conn, actor.user_id(), "rooms.manage").await?;
    let status = room_status(&room.status)?;
    if room.user_id != actor.user_id() && !manages {
        let hidden = status == RoomStatus::Cancelled;
        return Err(if hidden { NO_ROOM } else { CommonFault::Forbidden }.into());
    }
    Ok(Managed { room, status, manages })
}

/// Demands the host or whoever manages rooms, for a door that has to refuse others before it tells what is wrong with a
/// body (domain.md §2.2).
///
/// # Errors
/// [`CommonFault::Forbidden`]; `not_found`.
pub async fn demand_manager(app: &App, actor: &Actor, room_id: RoomId) -> Result<(), RoomError> {
    let mut conn = app.store.reader().await?;
    let room = store::rooms::find_room(&mut conn, room_id).await?.ok_or(NO_ROOM)?;
    require_manager(&mut conn, actor, room).await.map(drop)
}

/// Demands the host or a moderator. That there is a room is no secret, unless it was cancelled.
///
/// # Errors
/// [`CommonFault::Forbidden`]; `not_found` for a cancelled room, and for one whose host's account is gone.
pub(super) async fn require_staff(
    conn: &mut Conn,
    actor: &Actor,
    room: &RoomRow,
) -> Result<StandingRow, RoomError> {
    let standing = store::rooms::find_standing(conn, room.id, actor.user_id()).await?;
    let standing = standing.filter(|standing| standing.is_host_active).ok_or(NO_ROOM)?;
    if room.user_id == actor.user_id() || is_moderator(conn, actor.user_id()).await? {
        return Ok(standing);
    }
    let hidden = room_status(&room.status)? == RoomStatus::Cancelled;
    Err(if hidden { NO_ROOM } else { CommonFault::Forbidden }.into())
}

/// What is between a room and somebody whom the actor wants to put in their place, or to pardon.
///
/// # Errors
/// `not_found` for a user who is not there; [`RoomError::StaffProtected`] for oneself.
pub(super) async fn find_other(
    conn: &mut Conn,
    actor: &Actor,
    room: &RoomRow,
    user_id: UserId,
) -> Result<StandingRow, RoomError> {
    let standing = store::rooms::find_standing(conn, room.id, user_id).await?;
    let standing = standing.ok_or(CommonFault::NotFound("user"))?;
    if user_id == actor.user_id() { Err(RoomError::StaffProtected) } else { Ok(standing) }
}

/// Demands that somebody is neither oneself, nor the host, nor a moderator.
///
/// # Errors
/// [`RoomError::StaffProtected`]; `not_found` for a user who is not there.
pub(super) async fn require_unprotected(
    conn: &mut Conn,
    actor: &Actor,
    room: &RoomRow,
    user_id: UserId,
) -> Result<(), RoomError> {
    find_other(conn, actor, room, user_id).await?;
    if room.user_id == user_id || is_moderator(conn, user_id).await? {
        return Err(RoomError::StaffProtected);
    }
    Ok(())
}

/// Finds the room of a message for somebody who may be in it.
///
/// # Errors
/// `not_found` for a message that is not there, and for one of a room for which the actor has no seat: whether it is
/// there is not theirs to know (domain.md D23). [`RoomError::Banned`], [`RoomError::NotActive`].
pub(super) async fn find_room_of(
    conn: &mut Conn,
    actor: &Actor,
    message_id: u64,
) -> Result<RoomMember, RoomError> {
    let place = store::rooms::find_message_place(conn, message_id).await?.ok_or(NO_MESSAGE)?;
    let room = store::rooms::find_room(conn, place.live_room_id).await?.ok_or(NO_MESSAGE)?;
    admit(conn, room, actor.user_id()).await.map_err(without_trace)
}

/// As [`find_room_of`] for its host or a moderator, with the room locked.
///
/// # Errors
/// Those of [`find_room_of`]; [`CommonFault::Forbidden`] for other members.
pub(super) async fn lock_room_of(
    unit: &mut Unit,
    actor: &Actor,
    message_id: u64,
) -> Result<RoomRow, RoomError> {
    let place = store::rooms::find_message_place(unit, message_id).await?.ok_or(NO_MESSAGE)?;
    let room = store::rooms::lock_room(unit, place.live_room_id).await?.ok_or(NO_MESSAGE)?;
    let member = admit(unit, room, actor.user_id()).await.map_err(without_trace)?;
    if member.is_staff(unit, actor.user_id()).await? {
        Ok(member.room)
    } else {
        Err(CommonFault::Forbidden.into())
    }
}

/// What tells nothing of a message that the asker may not read.
fn without_trace(refusal: RoomError) -> RoomError {
    match refusal {
        RoomError::NotRegistered | RoomError::Common(CommonFault::NotFound(_)) => NO_MESSAGE.into(),
        other => other,
    }
}

/// Demands the host or a moderator, for a door that has to refuse others before it tells what is wrong with a body
/// (domain.md §2.2).
///
/// # Errors
/// [`CommonFault::Forbidden`]; `not_found`.
pub async fn demand_staff(app: &App, actor: &Actor, room_id: RoomId) -> Result<(), RoomError> {
    let mut conn = app.store.reader().await?;
    let room = store::rooms::find_room(&mut conn, room_id).await?.ok_or(NO_ROOM)?;
    require_staff(&mut conn, actor, &room).await.map(drop)
}

/// Demands that the actor may be in the room of a message, for a door that has to refuse others before it tells what
/// is wrong with a body (domain.md §2.2).
///
/// # Errors
/// `not_found`; [`RoomError::Banned`], [`RoomError::NotActive`].
pub async fn demand_message(app: &App, actor: &Actor, message_id: u64) -> Result<(), RoomError> {
    let mut conn = app.store.reader().await?;
    find_room_of(&mut conn, actor, message_id).await.map(drop)
}
