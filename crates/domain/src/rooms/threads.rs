//! Threads: the answers to a message. They have one level; what another application wrote may have more, and belongs to
//! the message that it all began with.

use base::id::RoomId;
use base::paging::{Page, PageRequest};
use protocol::rooms::RoomMessage;
use store::Conn;

use super::admission::admit;
use super::list_room_messages::views_for;
use super::{NO_MESSAGE, NO_ROOM, RoomError};
use crate::{Actor, App};

/// Levels of answers that are followed at most.
const DEEPEST: u32 = 16;

/// The message with which the thread of `id` begins. What another application hung under a message of another room
/// begins in its own: whoever may read one room may not read that one for it.
async fn find_first(
    conn: &mut Conn,
    room_id: RoomId,
    id: u64,
    parent_id: Option<u64>,
) -> Result<u64, RoomError> {
    let (mut first, mut above) = (id, parent_id);
    for _ in 0..DEEPEST {
        let Some(parent) = above else { break };
        let place = store::rooms::find_message_place(conn, parent).await?;
        let Some(place) = place.filter(|place| place.live_room_id == room_id) else { break };
        (first, above) = (parent, place.parent_id);
    }
    Ok(first)
}

/// The thread that an answer to `answered` belongs to.
///
/// # Errors
/// [`RoomError::ParentNotFound`] where `answered` is not in the room, or deleted.
pub(super) async fn find_thread_to_join(
    conn: &mut Conn,
    room_id: RoomId,
    answered: u64,
) -> Result<u64, RoomError> {
    let place = store::rooms::find_message_place(conn, answered).await?;
    let place = place.filter(|place| place.live_room_id == room_id && !place.is_deleted);
    let place = place.ok_or(RoomError::ParentNotFound)?;
    find_first(conn, room_id, answered, place.parent_id).await
}

/// A page of the answers to a message of the room, oldest first; the following page is the newer one. For the same
/// people who may listen. Of a deleted message the answers stay.
///
/// # Errors
/// Those of admission; `not_found` where the message is not in the room.
pub async fn list_thread(
    app: &App,
    actor: &Actor,
    room_id: RoomId,
    message_id: u64,
    page: PageRequest,
) -> Result<Page<RoomMessage>, RoomError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let room = store::rooms::find_room(&mut conn, room_id).await?.ok_or(NO_ROOM)?;
    admit(&mut conn, room, actor.user_id()).await?;
    let place = store::rooms::find_message_place(&mut conn, message_id).await?;
    let place = place.filter(|place| place.live_room_id == room_id).ok_or(NO_MESSAGE)?;
    let first = find_first(&mut conn, room_id, message_id, place.parent_id).await?;
    let cursor = page.cursor.map(|cursor| cursor.id);
    let rows =
        store::rooms::list_thread(&mut conn, room_id, first, cursor, page.forward(), page.fetch()).await?;
    let Page { items, next, previous, per_page } = Page::from_rows(page, rows, |row| row.id);
    let items = views_for(&mut conn, actor, items).await?;
    Ok(Page { items, next, previous, per_page })
}
