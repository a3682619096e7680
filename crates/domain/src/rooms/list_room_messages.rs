//! Reading a room's chat.

use base::id::RoomId;
use base::paging::{Cursor, MAX_PER_PAGE, Page};
use protocol::rooms::RoomMessage;
use store::rooms::RoomMessagesFrom;

use super::admission::admit;
use super::view::message_view;
use super::{NO_ROOM, RoomError};
use crate::{Actor, App};

/// The newest messages of a room, or those beside a place (a forward cursor leads to older ones), in the order of
/// ids; `limit` is brought into 1 to 100. The following page is the older one. For the same people who may listen.
///
/// # Errors
/// Those of admission.
pub async fn list_room_messages(
    app: &App,
    actor: &Actor,
    room_id: RoomId,
    place: Option<Cursor>,
    limit: u32,
) -> Result<Page<RoomMessage>, RoomError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let room = store::rooms::find_room(&mut conn, room_id).await?.ok_or(NO_ROOM)?;
    let member = admit(&mut conn, room, actor.user_id()).await?;
    let limit = limit.clamp(1, MAX_PER_PAGE);
    let from = match place {
        None => RoomMessagesFrom::Newest,
        Some(Cursor { id, forward: true }) => RoomMessagesFrom::Before(id),
        Some(Cursor { id, forward: false }) => RoomMessagesFrom::After(id),
    };
    let mut rows =
        store::rooms::list_messages(&mut conn, member.room.id, from, limit.saturating_add(1)).await?;
    drop(conn);
    // One row more than the page holds tells whether there are more that way; the other way is where one came from.
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > wanted;
    rows.truncate(wanted);
    let sides = match from {
        RoomMessagesFrom::Newest => (more, false),
        RoomMessagesFrom::Before(_) => (more, true),
        RoomMessagesFrom::After(_) => (true, more),
    };
    if !matches!(from, RoomMessagesFrom::After(_)) {
        rows.reverse();
    }
    let items = rows.into_iter().map(message_view).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::ascending(limit, items, sides, |message| message.id))
}
