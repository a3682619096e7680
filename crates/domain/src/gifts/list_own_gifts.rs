//! One's own gifts, sent or received.

use base::Time;
use base::paging::{Page, PageRequest};
use protocol::gifts::{GiftDirection, GiftGiven, GiftIcon, GiftableRef};
use protocol::users::UserCard;
use store::gifts::{GiftGivenRow, Side};

use super::GiftError;
use super::recipient::giftable_kind;
use crate::uploads::picture_url;
use crate::{Actor, App, users};

/// Gifts that the actor sent or received, newest first (domain.md §5.9, D18).
///
/// # Errors
/// Those of the store.
pub async fn list_own_gifts(
    app: &App,
    actor: &Actor,
    direction: GiftDirection,
    page: PageRequest,
) -> Result<Page<GiftGiven>, GiftError> {
    actor.require("read")?;
    let side = match direction {
        GiftDirection::Sent => Side::Sender,
        GiftDirection::Received => Side::Receiver,
    };
    let cursor = page.cursor.map(|cursor| (cursor.id, cursor.forward));
    let mut conn = app.store.reader().await?;
    let rows = store::gifts::list_gifts_of(&mut conn, actor.user_id(), side, cursor, page.fetch()).await?;
    Ok(Page::from_rows(page, rows, |row| row.id).map(|row| view(app, row)))
}

fn view(app: &App, row: GiftGivenRow) -> GiftGiven {
    let sender = UserCard {
        id: row.sender_id,
        name: row.sender_name,
        username: row.sender_username,
        avatar: picture_url(app, row.sender_avatar),
        is_verified: row.sender_is_verified,
    };
    let receiver = UserCard {
        id: row.receiver_id,
        name: row.receiver_name,
        username: row.receiver_username,
        avatar: picture_url(app, row.receiver_avatar),
        is_verified: row.receiver_is_verified,
    };
    GiftGiven {
        id: row.id,
        gift: GiftIcon {
            id: row.gift_id,
            name: row.gift_name,
            icon: row.gift_icon,
            animation_url: row.gift_animation_url,
            price: row.gift_price,
        },
        sender: if row.sender_is_gone { users::gone(row.sender_id) } else { sender },
        receiver: if row.receiver_is_gone { users::gone(row.receiver_id) } else { receiver },
        giftable: giftable_kind(&row.giftable_type).map(|kind| GiftableRef { kind, id: row.giftable_id }),
        quantity: row.quantity,
        total_price: row.total_price,
        message: row.message,
        // The column is nullable for Laravel's sake; a row without it is older than all others.
        created_at: row.created_at.map_or_else(|| Time::from(chrono::DateTime::UNIX_EPOCH), Time::from),
    }
}
