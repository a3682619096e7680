//! One room's page.

use base::id::RoomId;
use protocol::rooms::{LiveRoom, RoomStatus};

use super::facts::count_viewers;
use super::view::room_view;
use super::{NO_ROOM, RoomError};
use crate::{Actor, App, access};

/// A room with its seats, the viewer's own registration and how many listen.
///
/// # Errors
/// `not_found`, also for a cancelled room of somebody else (domain.md §5.6, D23).
pub async fn find_room(app: &App, viewer: Option<&Actor>, id: RoomId) -> Result<LiveRoom, RoomError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let user_id = viewer.map_or(0, Actor::user_id);
    let row = {
        let mut conn = app.store.reader().await?;
        match store::rooms::find_listed_room(&mut conn, user_id, false, id).await? {
            Some(row) => Some(row),
            // Whoever manages rooms sees the cancelled ones, too.
            None if user_id != 0 && access::has_permission(&mut conn, user_id, "rooms.manage").await? => {
                store::rooms::find_listed_room(&mut conn, user_id, true, id).await?
            }
            None => None,
        }
    };
    let row = row.ok_or(NO_ROOM)?;
    let live = row.status == RoomStatus::Active.as_str();
    let viewers = if live { count_viewers(app, id).await? } else { 0 };
    Ok(room_view(app, row, viewers)?)
}
