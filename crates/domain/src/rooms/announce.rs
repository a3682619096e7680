//! Announcements: messages of the host and the moderators (domain.md §5.6).

use base::text::clean;
use base::{Problem, Violations};
use protocol::rooms::{Announce, MessagePosted, RoomMember as MemberCard, RoomMessageType, RoomStatus};

use super::authority::require_staff;
use super::post_message::{Words, add_message, check_body};
use super::view::room_status;
use super::{NO_ROOM, RoomError};
use crate::idempotency::{self, Claim, Written};
use crate::unit::Unit;
use crate::uploads::picture_url;
use crate::{Actor, App, in_unit};

/// Announces something in a live room: for the host and moderators, who are not bound by slow mode.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; [`RoomError::NotActive`]; violations of `client_id`, `body`.
pub async fn announce(
    app: &App,
    actor: &Actor,
    input: Announce,
) -> Result<Written<MessagePosted>, RoomError> {
    actor.require("write")?;
    if !input.client_id.is_uuid() {
        return Err(Violations::one("client_id", Problem::Format("a UUID")).into());
    }
    let input = Announce { body: clean(&input.body), ..input };
    in_unit!(app, |unit| write_announcement(app, unit, actor, &input))
}

async fn write_announcement(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &Announce,
) -> Result<Written<MessagePosted>, RoomError> {
    let ticket = match idempotency::claim(unit, actor, "rooms.announce", &input.client_id, input).await? {
        Claim::First(ticket) => ticket,
        Claim::Answered(written) => return Ok(written),
    };
    let room = store::rooms::lock_room(unit, input.room_id).await?.ok_or(NO_ROOM)?;
    let standing = require_staff(unit, actor, &room).await?;
    check_body(&input.body).into_result()?;
    if room_status(&room.status)? != RoomStatus::Active {
        return Err(RoomError::NotActive);
    }
    let avatar = picture_url(app, standing.avatar);
    let author = MemberCard { id: actor.user_id(), name: standing.name, avatar };
    let words = Words {
        room_id: room.id,
        author,
        message_type: RoomMessageType::Announcement,
        body: &input.body,
        parent_id: None,
    };
    let message = add_message(unit, words).await?;
    Ok(idempotency::remember(unit, ticket, MessagePosted { message }).await?)
}
