//! Threads: the answers to a message. They have one level; what another application wrote may have more, and belongs to
//! the message that it all began with.

use std::collections::{BTreeSet, HashMap};

use base::id::RoomId;
use base::paging::{Page, PageRequest};
use protocol::rooms::RoomMessage;
use store::Conn;
use store::rooms::PlaceRow;

use super::admission::admit;
use super::list_room_messages::views_for;
use super::{NO_MESSAGE, NO_ROOM, RoomError};
use crate::{Actor, App};

/// Levels of answers that are followed at most.
const DEEPEST: u32 = 16;

/// The way up from a message to the one with which its thread begins.
struct Climb {
    from: u64,
    /// As far as it has come.
    first: u64,
    above: Option<u64>,
}

impl From<PlaceRow> for Climb {
    fn from(place: PlaceRow) -> Self {
        Self { from: place.id, first: place.id, above: place.parent_id }
    }
}

/// The messages with which the threads of these messages begin, in one query a level. What another application hung under
/// a message of another room begins in its own: whoever may read one room may not read that one for it.
async fn find_firsts(
    conn: &mut Conn,
    room_id: RoomId,
    places: impl IntoIterator<Item = PlaceRow>,
) -> Result<HashMap<u64, u64>, RoomError> {
    let mut climbs: Vec<Climb> = places.into_iter().map(Climb::from).collect();
    for _ in 0..DEEPEST {
        let above: BTreeSet<u64> = climbs.iter().filter_map(|climb| climb.above).collect();
        if above.is_empty() {
            break;
        }
        let above = find_places(conn, room_id, &Vec::from_iter(above)).await?;
        for climb in &mut climbs {
            match climb.above.and_then(|id| above.get(&id)) {
                Some(place) => (climb.first, climb.above) = (place.id, place.parent_id),
                None => climb.above = None,
            }
        }
    }
    Ok(climbs.into_iter().map(|climb| (climb.from, climb.first)).collect())
}

/// Those of the messages that are in the room.
async fn find_places(
    conn: &mut Conn,
    room_id: RoomId,
    ids: &[u64],
) -> Result<HashMap<u64, PlaceRow>, RoomError> {
    let places = store::rooms::list_message_places(conn, ids).await?;
    let of_room = places.into_iter().filter(|place| place.live_room_id == room_id);
    Ok(of_room.map(|place| (place.id, place)).collect())
}

/// The threads that answers to messages belong to: of each message answered its thread, nothing where it is not in the
/// room, or deleted.
///
/// # Errors
/// Those of the store.
pub(super) async fn find_threads_to_join(
    conn: &mut Conn,
    room_id: RoomId,
    answered: &[u64],
) -> Result<HashMap<u64, u64>, RoomError> {
    let places = find_places(conn, room_id, answered).await?;
    find_firsts(conn, room_id, places.into_values().filter(|place| !place.is_deleted)).await
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
    let firsts = find_firsts(&mut conn, room_id, [place]).await?;
    let first = firsts.get(&message_id).copied().unwrap_or(message_id);
    let cursor = page.cursor.map(|cursor| cursor.id);
    let rows =
        store::rooms::list_thread(&mut conn, room_id, first, cursor, page.forward(), page.fetch()).await?;
    let Page { items, next, previous, per_page } = Page::from_rows(page, rows, |row| row.id);
    let items = views_for(app, &mut conn, actor, items).await?;
    Ok(Page { items, next, previous, per_page })
}
