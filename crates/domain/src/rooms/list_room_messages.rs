//! Reading a room's chat.

use base::id::RoomId;
use base::paging::MAX_PER_PAGE;
use protocol::rooms::RoomMessage;

use super::admission::admit;
use super::view::message_view;
use super::{NO_ROOM, RoomError};
use crate::{Actor, App};

/// The newest messages of a room, or the newest before one, in the order of ids; 1 to 100 of them. For the same
/// people who may listen to it.
///
/// # Errors
/// Those of admission.
pub async fn list_room_messages(
    app: &App,
    actor: &Actor,
    room_id: RoomId,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<RoomMessage>, RoomError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let room = store::rooms::find_room(&mut conn, room_id).await?.ok_or(NO_ROOM)?;
    let member = admit(&mut conn, room, actor.user_id()).await?;
    let limit = limit.clamp(1, MAX_PER_PAGE);
    let rows = store::rooms::list_messages(&mut conn, member.room.id, before, limit).await?;
    Ok(rows.into_iter().rev().map(message_view).collect::<Result<_, _>>()?)
}
