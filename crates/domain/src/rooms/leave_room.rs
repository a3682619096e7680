//! Going out of a live room (domain.md §5.6).

use std::time::Duration;

use base::id::{RoomId, UserId};
use protocol::Event;
use protocol::channel::Channel;
use protocol::rooms::{LeaveRoom, RegistrationStatus, RoomMember as MemberCard, RoomStatus};

use super::admission::{RoomMember, admit};
use super::facts::count_viewers;
use super::join_room::SMALL_ROOM;
use super::{NO_ROOM, RoomError};
use crate::unit::Unit;
use crate::uploads::picture_url;
use crate::{Actor, App, in_unit};

/// For so long it is remembered that somebody has left: longer than a session of a room.
const REMEMBERED: Duration = Duration::from_secs(24 * 3_600);

/// The cache's entry of somebody having left; forgotten when they join again.
pub(super) fn left_key(room_id: RoomId, user_id: UserId) -> String {
    format!("room:{room_id}:left:{user_id}")
}

/// Did somebody who attended leave, and not come back since?
///
/// # Errors
/// Those of the bus.
pub(super) async fn has_left(app: &App, room_id: RoomId, user_id: UserId) -> Result<bool, RoomError> {
    Ok(app.bus.cache_peek(&left_key(room_id, user_id)).await?.is_some())
}

/// Leaves a live room: a small one hears of it, under the condition under which it heard of the joining. Nothing
/// is written, since attendance stays; nor does the asker stop listening, which is for `unsubscribe`. Leaving twice, or
/// without having joined, changes nothing.
///
/// # Errors
/// Those of admission.
pub async fn leave_room(app: &App, actor: &Actor, input: LeaveRoom) -> Result<(), RoomError> {
    actor.require("write")?;
    let user_id = actor.user_id();
    let (member, staff) = {
        let mut conn = app.store.reader().await?;
        let room = store::rooms::find_room(&mut conn, input.room_id).await?.ok_or(NO_ROOM)?;
        let member = admit(&mut conn, room, user_id).await?;
        let staff = member.is_staff(&mut conn, user_id).await?;
        (member, staff)
    };
    let came = member.registration == Some(RegistrationStatus::Attended);
    if staff || !came || member.status != RoomStatus::Active {
        return Ok(());
    }
    let key = left_key(input.room_id, user_id);
    let left = app.bus.cache_get(&key).await?;
    if left.value.is_some() {
        return Ok(());
    }
    if count_viewers(app, input.room_id).await? <= SMALL_ROOM {
        in_unit!(app, |unit| tell_leaving(app, unit, user_id, &member))?;
    }
    app.bus.cache_fill(&key, left.version, b"1", REMEMBERED).await?;
    Ok(())
}

#[expect(clippy::unused_async, reason = "`in_unit!` runs what is to be awaited")]
async fn tell_leaving(
    app: &App,
    unit: &mut Unit,
    user_id: UserId,
    member: &RoomMember,
) -> Result<(), RoomError> {
    let standing = member.standing.clone();
    let avatar = picture_url(app, standing.avatar);
    let user = MemberCard { id: user_id, name: standing.name, avatar };
    let room_id = member.room.id;
    unit.emit(Channel::Room(room_id), Event::RoomMemberLeft { room_id, user });
    Ok(())
}
