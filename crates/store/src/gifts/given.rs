//! Reading gifts given: who gave most for something, and one's own (domain.md §5.9).

use base::Money;
use base::id::{GiftId, UserId};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::QueryBuilder;

use crate::{Conn, StoreError};

/// What somebody gave for one thing.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct TopSenderRow {
    /// Who gave.
    pub id: UserId,
    /// The name.
    pub name: String,
    /// The unique handle.
    pub username: String,
    /// The picture.
    pub avatar: Option<String>,
    /// Checked by the platform?
    pub is_verified: bool,
    /// How many times.
    pub gifts: i64,
    /// How many were given with them.
    pub quantity: u64,
    /// What they cost together.
    #[sqlx(try_from = "Decimal")]
    pub total_price: Money,
}

/// Those who gave most for one thing, whatever the spelling of its kind (`types`), by what it cost; of equals the one
/// who gave first. Without accounts that are gone or suspended.
///
/// # Errors
/// Those of the driver.
pub async fn list_top_senders(
    conn: &mut Conn,
    types: [&str; 2],
    giftable_id: u64,
    limit: u32,
) -> Result<Vec<TopSenderRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT u.id, u.name, u.username, u.avatar, u.is_verified, t.gifts, t.quantity, t.total_price FROM \
           (SELECT sender_id, COUNT(*) AS gifts, CAST(SUM(quantity) AS UNSIGNED) AS quantity, \
              SUM(total_price) AS total_price, MIN(id) AS first_id FROM gift_transactions \
            WHERE giftable_type IN (?, ?) AND giftable_id = ? GROUP BY sender_id) t \
         JOIN users u ON u.id = t.sender_id WHERE u.deleted_at IS NULL AND u.is_active = 1 \
         ORDER BY t.total_price DESC, t.first_id LIMIT ?",
    )
    .bind(types[0])
    .bind(types[1])
    .bind(giftable_id)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// On which side of gifts somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Gave them.
    Sender,
    /// Received them.
    Receiver,
}

/// A gift that was given, with the faces of both.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct GiftGivenRow {
    /// Its id.
    pub id: u64,
    /// Which gift.
    pub gift_id: GiftId,
    /// The gift's name.
    pub gift_name: String,
    /// Its picture.
    pub gift_icon: String,
    /// Its animation.
    pub gift_animation_url: Option<String>,
    /// What one costs now.
    #[sqlx(try_from = "Decimal")]
    pub gift_price: Money,
    /// Who gave.
    pub sender_id: UserId,
    /// The giver's name.
    pub sender_name: String,
    /// The giver's unique handle.
    pub sender_username: String,
    /// The giver's picture.
    pub sender_avatar: Option<String>,
    /// The giver was checked by the platform.
    pub sender_is_verified: bool,
    /// The giver's account is gone.
    pub sender_is_gone: bool,
    /// Who received.
    pub receiver_id: UserId,
    /// The receiver's name.
    pub receiver_name: String,
    /// The receiver's unique handle.
    pub receiver_username: String,
    /// The receiver's picture.
    pub receiver_avatar: Option<String>,
    /// The receiver was checked by the platform.
    pub receiver_is_verified: bool,
    /// The receiver's account is gone.
    pub receiver_is_gone: bool,
    /// Morph type of what it was given for.
    pub giftable_type: String,
    /// Its id.
    pub giftable_id: u64,
    /// How many.
    pub quantity: u32,
    /// What the giver paid.
    #[sqlx(try_from = "Decimal")]
    pub total_price: Money,
    /// Words with it.
    pub message: Option<String>,
    /// When.
    pub created_at: Option<DateTime<Utc>>,
}

/// Gifts that somebody sent or received, by descending id before `(id, forward = true)`, or by ascending id after
/// `(id, forward = false)`.
///
/// # Errors
/// Those of the driver.
pub async fn list_gifts_of(
    conn: &mut Conn,
    user_id: UserId,
    side: Side,
    cursor: Option<(u64, bool)>,
    limit: u32,
) -> Result<Vec<GiftGivenRow>, StoreError> {
    let mut query = QueryBuilder::new(
        "SELECT t.id, t.gift_id, g.name AS gift_name, g.icon AS gift_icon, g.animation_url AS gift_animation_url, \
           g.price AS gift_price, t.sender_id, s.name AS sender_name, s.username AS sender_username, \
           s.avatar AS sender_avatar, s.is_verified AS sender_is_verified, s.deleted_at IS NOT NULL AS sender_is_gone, \
           t.receiver_id, r.name AS receiver_name, r.username AS receiver_username, r.avatar AS receiver_avatar, \
           r.is_verified AS receiver_is_verified, r.deleted_at IS NOT NULL AS receiver_is_gone, \
           t.giftable_type, t.giftable_id, t.quantity, t.total_price, t.message, t.created_at \
         FROM gift_transactions t JOIN gifts g ON g.id = t.gift_id JOIN users s ON s.id = t.sender_id \
         JOIN users r ON r.id = t.receiver_id WHERE ",
    );
    query.push(match side {
        Side::Sender => "t.sender_id = ",
        Side::Receiver => "t.receiver_id = ",
    });
    query.push_bind(user_id);
    let forward = cursor.is_none_or(|(_, forward)| forward);
    if let Some((id, _)) = cursor {
        query.push(if forward { " AND t.id < " } else { " AND t.id > " }).push_bind(id);
    }
    query.push(if forward { " ORDER BY t.id DESC LIMIT " } else { " ORDER BY t.id LIMIT " }).push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}
