//! Reading a room's chat.

use base::id::RoomId;
use base::paging::{Cursor, MAX_PER_PAGE, Page};
use protocol::rooms::RoomMessage;
use store::Conn;
use store::rooms::{RoomMessageRow, RoomMessagesFrom};

use super::admission::admit;
use super::view::{message_view, reaction_type};
use super::{NO_ROOM, RoomError};
use crate::morph::Morph;
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
    let items = views_for(app, &mut conn, actor, rows).await?;
    Ok(Page::ascending(limit, items, sides, |message| message.id))
}

/// A page's messages, each with the actor's own reaction: one query more, and none where nobody reacted.
pub(super) async fn views_for(
    app: &App,
    conn: &mut Conn,
    actor: &Actor,
    rows: Vec<RoomMessageRow>,
) -> Result<Vec<RoomMessage>, RoomError> {
    let mut messages = rows.into_iter().map(|row| message_view(app, row)).collect::<Result<Vec<_>, _>>()?;
    let reacted: Vec<u64> =
        messages.iter().filter(|message| message.reactions_count > 0).map(|message| message.id).collect();
    let morphs = Morph::LiveRoomMessage.spellings();
    let own = store::rooms::list_own_reactions(conn, actor.user_id(), morphs, &reacted).await?;
    for (message_id, reaction) in own {
        if let Some(message) = messages.iter_mut().find(|message| message.id == message_id) {
            message.my_reaction = Some(reaction_type(&reaction)?);
        }
    }
    Ok(messages)
}
