//! Putting somebody out of a room (domain.md §5.6, `hub_room_bans`). Whoever is out hears nothing more on any node within
//! a second: every node asks again whether they may listen (realtime.md §3). A paid seat stays, only the access ends; what
//! was paid is another matter.

use base::Time;
use base::id::UserId;
use bus::ControlMessage;
use protocol::Event;
use protocol::channel::Channel;
use protocol::rooms::{BanState, BanUser, KickUser, UnbanUser};
use store::rooms::{NewSanction, RoomRow};

use super::RoomError;
use super::authority::{find_other, lock_as_staff, require_unprotected};
use super::facts::facts_key;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// A kick is a ban of so many seconds: a free room would let who was kicked straight back in otherwise.
const KICK_SECONDS: i64 = 5 * 60;

/// Puts a member out of a room for five minutes. For the host and moderators. The room hears of it, and the member. It
/// never shortens a ban: who is out for longer stays so, and nobody hears of it.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found` for room or user; [`RoomError::StaffProtected`].
pub async fn kick_user(app: &App, actor: &Actor, input: KickUser) -> Result<BanState, RoomError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_kick(unit, actor, &input))
}

async fn write_kick(unit: &mut Unit, actor: &Actor, input: &KickUser) -> Result<BanState, RoomError> {
    let (user_id, by) = (input.user_id, actor.user_id());
    let room = lock_as_staff(unit, actor, input.room_id).await?;
    require_unprotected(unit, actor, &room, user_id).await?;
    put_out(unit, &room, user_id);
    let until = Time::now_in_seconds().plus_seconds(KICK_SECONDS);
    let earlier = store::rooms::lock_ban(unit, room.id, user_id).await?.filter(|ban| ban.is_standing);
    if let Some(ban) = earlier
        && ban.until.is_none_or(|standing| standing >= until.as_chrono())
    {
        return Ok(BanState { user_id, banned: true, until: ban.until.map(Time::from) });
    }
    let ban = NewSanction { live_room_id: room.id, user_id, by, until: Some(until.as_chrono()) };
    store::rooms::insert_ban(unit, &ban).await?;
    tell(unit, &room, user_id, Event::RoomMemberKicked { room_id: room.id, user_id, by, until });
    Ok(BanState { user_id, banned: true, until: Some(until) })
}

/// Puts somebody out of a room until unbanned, whether they are inside or not. For the host and moderators. The room
/// hears of it, and the one put out. Banning again changes nothing.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found` for room or user; [`RoomError::StaffProtected`].
pub async fn ban_user(app: &App, actor: &Actor, input: BanUser) -> Result<BanState, RoomError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_ban(unit, actor, &input))
}

async fn write_ban(unit: &mut Unit, actor: &Actor, input: &BanUser) -> Result<BanState, RoomError> {
    let (user_id, by) = (input.user_id, actor.user_id());
    let room = lock_as_staff(unit, actor, input.room_id).await?;
    require_unprotected(unit, actor, &room, user_id).await?;
    put_out(unit, &room, user_id);
    let earlier = store::rooms::lock_ban(unit, room.id, user_id).await?;
    let for_good = earlier.is_some_and(|ban| ban.until.is_none());
    if !for_good {
        let ban = NewSanction { live_room_id: room.id, user_id, by, until: None };
        store::rooms::insert_ban(unit, &ban).await?;
        tell(unit, &room, user_id, Event::RoomMemberBanned { room_id: room.id, user_id, by });
    }
    Ok(BanState { user_id, banned: true, until: None })
}

/// Lets somebody into a room again who was kicked or banned. For the host and moderators. Doing it again changes
/// nothing.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found` for room or user; [`RoomError::StaffProtected`] for oneself.
pub async fn unban_user(app: &App, actor: &Actor, input: UnbanUser) -> Result<BanState, RoomError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_unban(unit, actor, &input))
}

async fn write_unban(unit: &mut Unit, actor: &Actor, input: &UnbanUser) -> Result<BanState, RoomError> {
    let (user_id, by) = (input.user_id, actor.user_id());
    let room = lock_as_staff(unit, actor, input.room_id).await?;
    find_other(unit, actor, &room, user_id).await?;
    if let Some(ban) = store::rooms::lock_ban(unit, room.id, user_id).await? {
        store::rooms::delete_ban(unit, room.id, user_id).await?;
        if ban.is_standing {
            tell(unit, &room, user_id, Event::RoomMemberUnbanned { room_id: room.id, user_id, by });
        }
    }
    unit.forget(facts_key(room.id));
    Ok(BanState { user_id, banned: false, until: None })
}

/// The commit makes every node ask again whether somebody may listen. Also where they were out already: this may be the
/// repeat of a write after which Redis could not be told.
fn put_out(unit: &mut Unit, room: &RoomRow, user_id: UserId) {
    unit.forget(facts_key(room.id));
    unit.control(ControlMessage::AccessRevoked { user_id, channel: Channel::Room(room.id).to_string() });
}

fn tell(unit: &mut Unit, room: &RoomRow, user_id: UserId, event: Event) {
    unit.emit(Channel::Room(room.id), event.clone());
    unit.emit(Channel::User(user_id), event);
}
