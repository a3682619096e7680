//! Who has a seat in a room.

use base::id::RoomId;
use base::paging::{Page, PageRequest};
use protocol::rooms::Participant;

use super::authority::require_staff;
use super::view::participant_view;
use super::{NO_ROOM, RoomError};
use crate::{Actor, App};

/// A page of those who have, or had, a seat in a room, the newest registration first. For the host and moderators; how
/// many they are, [`super::find_room`] tells everybody.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`.
pub async fn list_participants(
    app: &App,
    actor: &Actor,
    room_id: RoomId,
    page: PageRequest,
) -> Result<Page<Participant>, RoomError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let room = store::rooms::find_room(&mut conn, room_id).await?.ok_or(NO_ROOM)?;
    require_staff(&mut conn, actor, &room).await?;
    let cursor = page.cursor.map(|cursor| cursor.id);
    let rows =
        store::rooms::list_participants(&mut conn, room_id, cursor, page.forward(), page.fetch()).await?;
    drop(conn);
    let Page { items, next, previous, per_page } = Page::from_rows(page, rows, |row| row.id);
    let items = items.into_iter().map(|row| participant_view(app, row)).collect::<Result<_, _>>()?;
    Ok(Page { items, next, previous, per_page })
}
