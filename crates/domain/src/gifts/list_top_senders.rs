//! Who gave most in a room, or for a post (domain.md §5.9).

use std::time::Duration;

use base::CommonFault;
use base::id::RoomId;
use base::paging::MAX_PER_PAGE;
use config::MorphStyle;
use protocol::gifts::{Giftable, TopSender};
use protocol::users::UserCard;
use store::gifts::TopSenderRow;

use super::GiftError;
use super::recipient::{find_author, giftable_morph};
use crate::uploads::picture_url;
use crate::{Actor, App, rooms};

/// Gifts make the entry stale at once; what else changes (a name, an account) is seen after this.
const TOP_TTL: Duration = Duration::from_secs(5);

/// Who gave most in a room, by what it cost, of equals the one who gave first; at most `limit`, which is brought into 1
/// to 100. For whoever sees the room's page, guests included.
///
/// # Errors
/// `not_found` for a room that the viewer does not see.
pub async fn list_room_gifts(
    app: &App,
    viewer: Option<&Actor>,
    room_id: RoomId,
    limit: u32,
) -> Result<Vec<TopSender>, GiftError> {
    rooms::find_room(app, viewer, room_id).await?;
    list_top_senders(app, Giftable::LiveRoom, room_id, limit).await
}

/// Who gave most for a post, as [`list_room_gifts`]. For whoever sees the post (domain.md §5.3 "visibility").
///
/// # Errors
/// `not_found` for a post that the viewer does not see.
pub async fn list_post_gifts(
    app: &App,
    viewer: Option<&Actor>,
    post_id: u64,
    limit: u32,
) -> Result<Vec<TopSender>, GiftError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    {
        let mut conn = app.store.reader().await?;
        find_author(&mut conn, viewer, post_id).await?;
    }
    list_top_senders(app, Giftable::Post, post_id, limit).await
}

/// The cache's entry of the first 100; forgotten by every gift for the thing.
pub(super) fn top_key(kind: Giftable, id: u64) -> String {
    format!("gifts:top:{}:{id}", giftable_morph(kind).column(MorphStyle::Alias))
}

async fn list_top_senders(
    app: &App,
    kind: Giftable,
    id: u64,
    limit: u32,
) -> Result<Vec<TopSender>, GiftError> {
    let key = top_key(kind, id);
    let cached = app.bus.cache_get(&key).await?;
    // An entry of another release's shape counts as none.
    let known: Option<Vec<TopSender>> =
        cached.value.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok());
    let mut top = match known {
        Some(top) => top,
        None => {
            let types = giftable_morph(kind).spellings();
            let rows = {
                let mut conn = app.store.reader().await?;
                store::gifts::list_top_senders(&mut conn, types, id, MAX_PER_PAGE).await?
            };
            let top: Vec<TopSender> = rows.into_iter().map(|row| top_sender(app, row)).collect();
            let bytes = serde_json::to_vec(&top).map_err(CommonFault::internal)?;
            app.bus.cache_fill(&key, cached.version, &bytes, TOP_TTL).await?;
            top
        }
    };
    top.truncate(usize::try_from(limit.clamp(1, MAX_PER_PAGE)).unwrap_or(usize::MAX));
    Ok(top)
}

fn top_sender(app: &App, row: TopSenderRow) -> TopSender {
    TopSender {
        user: UserCard {
            id: row.id,
            name: row.name,
            username: row.username,
            avatar: picture_url(app, row.avatar),
            is_verified: row.is_verified,
        },
        gifts: u64::try_from(row.gifts).unwrap_or_default(),
        quantity: row.quantity,
        total_price: row.total_price,
    }
}
