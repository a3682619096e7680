//! Coming into a live room: attendance and the pass for the video (domain.md §5.6).

use base::{Money, Time};
use protocol::Event;
use protocol::channel::Channel;
use protocol::rooms::{AccessType, JoinRoom, RegistrationStatus, RoomJoined, RoomMember as MemberCard};
use store::rooms::NewSeat;

use super::admission::{RoomMember, admit_live};
use super::facts::{count_viewers, find_facts};
use super::jitsi::issue_pass;
use super::leave_room::{has_left, left_key};
use super::seats::find_free_seat;
use super::{NO_ROOM, RoomError};
use crate::unit::Unit;
use crate::uploads::picture_url;
use crate::{Actor, App, in_unit, machine};

/// Up to so many listeners the room hears who joins and leaves (realtime.md §3).
pub(super) const SMALL_ROOM: u32 = 200;

/// Joins a live room. The first join of somebody with a seat marks it attended; who walks into a free room takes a
/// seat by it. Host and moderators need none. Joining again only gives a new pass; a small room hears of somebody who
/// had left.
///
/// # Errors
/// Those of admission; [`RoomError::NotActive`]; [`RoomError::RoomFull`].
pub async fn join_room(app: &App, actor: &Actor, input: JoinRoom) -> Result<RoomJoined, RoomError> {
    actor.require("write")?;
    let (member, moderator) = {
        let mut conn = app.store.reader().await?;
        let room = store::rooms::find_room(&mut conn, input.room_id).await?.ok_or(NO_ROOM)?;
        let member = admit_live(&mut conn, room, actor.user_id()).await?;
        let moderator = member.is_staff(&mut conn, actor.user_id()).await?;
        (member, moderator)
    };
    let viewers = count_viewers(app, input.room_id).await?;
    let tell = viewers <= SMALL_ROOM;
    if moderator {
        // Needs no seat, and comes and goes untold.
    } else if member.registration != Some(RegistrationStatus::Attended) {
        in_unit!(app, |unit| write_attendance(app, unit, actor, &input, tell))?;
    } else if has_left(app, input.room_id, actor.user_id()).await? {
        in_unit!(app, |unit| tell_return(app, unit, actor, &member, tell))?;
    }
    let jitsi = issue_pass(app, &member, actor.user_id(), moderator).await?;
    let facts = find_facts(app, input.room_id).await?;
    Ok(RoomJoined { room: facts.state(viewers), jitsi })
}

async fn write_attendance(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &JoinRoom,
    tell: bool,
) -> Result<(), RoomError> {
    let room = store::rooms::lock_room(unit, input.room_id).await?.ok_or(NO_ROOM)?;
    let member = admit_live(unit, room, actor.user_id()).await?;
    let at = Time::now_in_seconds().as_chrono();
    let seat = store::rooms::lock_seat(unit, member.room.id, actor.user_id()).await?;
    let first = match seat {
        Some(seat) if seat.status == "registered" => {
            machine::step(RegistrationStatus::Registered, RegistrationStatus::Attended)?;
            store::rooms::update_attendance(unit, seat.id, at).await?
        }
        Some(seat) if seat.status == "attended" => false,
        // In a paid room only those with a seat were admitted: this one is marked as missed, and has come after all.
        Some(_) if member.has_seat() => false,
        // Became staff a moment ago: in a paid room that is no seat.
        _ if member.room.access_type != AccessType::Free.as_str() => false,
        _ => {
            let seat = NewSeat {
                user_id: actor.user_id(),
                live_room_id: member.room.id,
                status: RegistrationStatus::Attended.as_str(),
                price_paid: Money::ZERO,
                payment_method: None,
                transaction_id: None,
                at,
            };
            find_free_seat(unit, &member.room, actor.user_id()).await?.take(unit, &seat).await?;
            true
        }
    };
    if first && tell {
        let avatar = picture_url(app, member.standing.avatar);
        let user = MemberCard { id: actor.user_id(), name: member.standing.name, avatar };
        unit.emit(Channel::Room(member.room.id), Event::RoomMemberJoined { room_id: member.room.id, user });
    }
    Ok(())
}

/// Writes nothing: attendance stays when somebody leaves.
#[expect(clippy::unused_async, reason = "`in_unit!` runs what is to be awaited")]
async fn tell_return(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    member: &RoomMember,
    tell: bool,
) -> Result<(), RoomError> {
    unit.forget(left_key(member.room.id, actor.user_id()));
    if tell {
        let user = MemberCard {
            id: actor.user_id(),
            name: member.standing.name.clone(),
            avatar: picture_url(app, member.standing.avatar.clone()),
        };
        unit.emit(Channel::Room(member.room.id), Event::RoomMemberJoined { room_id: member.room.id, user });
    }
    Ok(())
}
