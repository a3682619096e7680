//! Who may not write in a room (domain.md §5.6, `hub_room_mutes`). The muted may listen and react.

use base::{Problem, Time, Violations};
use protocol::Event;
use protocol::channel::Channel;
use protocol::rooms::{MuteState, MuteUser, UnmuteUser};
use store::rooms::NewSanction;

use super::RoomError;
use super::authority::{find_other, lock_as_staff, require_unprotected};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// The longest mute that ends by itself, seconds: 30 days.
const LONGEST: u32 = 30 * 24 * 3_600;

/// Mutes a member of a room, for a time or until unmuted, in place of an earlier mute. For the host and moderators.
/// The room hears of it, and the member.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found` for room or user; [`RoomError::StaffProtected`]; violations of
/// `seconds`.
pub async fn mute_user(app: &App, actor: &Actor, input: MuteUser) -> Result<MuteState, RoomError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_mute(unit, actor, &input))
}

async fn write_mute(unit: &mut Unit, actor: &Actor, input: &MuteUser) -> Result<MuteState, RoomError> {
    let MuteUser { user_id, seconds, .. } = *input;
    let room = lock_as_staff(unit, actor, input.room_id).await?;
    require_unprotected(unit, actor, &room, user_id).await?;
    match seconds {
        Some(0) => return Err(Violations::one("seconds", Problem::TooSmall("1".to_owned())).into()),
        Some(seconds) if seconds > LONGEST => {
            return Err(Violations::one("seconds", Problem::TooGreat(LONGEST.to_string())).into());
        }
        Some(_) | None => {}
    }
    let until = seconds.map(|seconds| Time::now_in_seconds().plus_seconds(i64::from(seconds)));
    let column = until.map(Time::as_chrono);
    let earlier = store::rooms::lock_mute(unit, room.id, user_id).await?;
    if !earlier.is_some_and(|mute| mute.is_standing && mute.until == column) {
        let mute = NewSanction { live_room_id: room.id, user_id, by: actor.user_id(), until: column };
        store::rooms::insert_mute(unit, &mute).await?;
        let event = Event::RoomMemberMuted { room_id: room.id, user_id, until };
        unit.emit(Channel::Room(room.id), event.clone());
        unit.emit(Channel::User(user_id), event);
    }
    Ok(MuteState { user_id, muted: true, until })
}

/// Lets somebody write in a room again. For the host and moderators. Doing it again changes nothing.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found` for room or user; [`RoomError::StaffProtected`] for oneself.
pub async fn unmute_user(app: &App, actor: &Actor, input: UnmuteUser) -> Result<MuteState, RoomError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_unmute(unit, actor, &input))
}

async fn write_unmute(unit: &mut Unit, actor: &Actor, input: &UnmuteUser) -> Result<MuteState, RoomError> {
    let user_id = input.user_id;
    let room = lock_as_staff(unit, actor, input.room_id).await?;
    find_other(unit, actor, &room, user_id).await?;
    if let Some(mute) = store::rooms::lock_mute(unit, room.id, user_id).await? {
        store::rooms::delete_mute(unit, room.id, user_id).await?;
        if mute.is_standing {
            let event = Event::RoomMemberUnmuted { room_id: room.id, user_id };
            unit.emit(Channel::Room(room.id), event.clone());
            unit.emit(Channel::User(user_id), event);
        }
    }
    Ok(MuteState { user_id, muted: false, until: None })
}
