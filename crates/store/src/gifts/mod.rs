//! The gift catalogue, gifts given and their streaks (domain.md §4.1 rows 28-29, §5.9; realtime.md §7).

mod given;
mod shelf;
mod streaks;

use base::Money;
use base::id::{GiftId, UserId};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{Conn, StoreError, affected};

pub use given::{GiftGivenRow, Side, TopSenderRow, list_gifts_of, list_top_senders};
pub use shelf::{
    ShelfGiftRow, delete_shelf_gift, find_shelf_gift, has_been_given, insert_shelf_gift, list_shelf,
    lock_shelf_gift, update_shelf_gift,
};
pub use streaks::{
    StreakFaceRow, StreakKey, StreakRow, StreakUpdate, insert_streak, list_streak_faces, lock_silent_streaks,
    lock_streak, update_streak, update_streaks_ended,
};

/// A `gifts` row on offer.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct GiftRow {
    /// Its id.
    pub id: GiftId,
    /// Its name.
    pub name: String,
    /// Its picture.
    pub icon: String,
    /// Its animation.
    pub animation_url: Option<String>,
    /// What one costs.
    #[sqlx(try_from = "Decimal")]
    pub price: Money,
}

/// The catalogue in its order.
///
/// # Errors
/// Those of the driver.
pub async fn list_gifts(conn: &mut Conn) -> Result<Vec<GiftRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, name, icon, animation_url, price FROM gifts WHERE is_active = 1 ORDER BY `order`, id",
    )
    .fetch_all(conn)
    .await?)
}

/// A gift on offer.
///
/// # Errors
/// Those of the driver.
pub async fn find_gift(conn: &mut Conn, id: GiftId) -> Result<Option<GiftRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, name, icon, animation_url, price FROM gifts WHERE id = ? AND is_active = 1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// What has to be known of giver and receiver.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct PartiesRow {
    /// The giver's name.
    pub sender_name: String,
    /// The giver's picture.
    pub sender_avatar: Option<String>,
    /// One of the two blocks the other.
    pub is_blocked: bool,
}

/// Giver and receiver, if the receiver has an active account.
///
/// # Errors
/// Those of the driver.
pub async fn find_parties(
    conn: &mut Conn,
    sender_id: UserId,
    receiver_id: UserId,
) -> Result<Option<PartiesRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT s.name AS sender_name, s.avatar AS sender_avatar, \
           EXISTS (SELECT 1 FROM hub_user_blocks b WHERE b.blocker_id = s.id AND b.blocked_id = r.id) \
             OR EXISTS (SELECT 1 FROM hub_user_blocks b WHERE b.blocker_id = r.id AND b.blocked_id = s.id) \
             AS is_blocked \
         FROM users s JOIN users r ON r.id = ? \
         WHERE s.id = ? AND r.deleted_at IS NULL AND r.is_active = 1",
    )
    .bind(receiver_id)
    .bind(sender_id)
    .fetch_optional(conn)
    .await?)
}

/// A gift to be written down.
#[derive(Clone, Debug)]
pub struct NewGiftTransaction<'a> {
    /// Which gift.
    pub gift_id: GiftId,
    /// Who gives.
    pub sender_id: UserId,
    /// Who receives.
    pub receiver_id: UserId,
    /// Morph type and id of what it is given for.
    pub giftable: (&'a str, u64),
    /// How many.
    pub quantity: u32,
    /// Price at this time × quantity (I-G1).
    pub total_price: Money,
    /// Words with it.
    pub message: Option<&'a str>,
    /// When, in whole seconds.
    pub created_at: DateTime<Utc>,
}

/// Writes a gift down, yet without its ledger row.
///
/// # Errors
/// Those of the driver.
pub async fn insert_gift_transaction(
    conn: &mut Conn,
    gift: &NewGiftTransaction<'_>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO gift_transactions (gift_id, sender_id, receiver_id, giftable_type, giftable_id, quantity, \
         total_price, message, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(gift.gift_id)
    .bind(gift.sender_id)
    .bind(gift.receiver_id)
    .bind(gift.giftable.0)
    .bind(gift.giftable.1)
    .bind(gift.quantity)
    .bind(gift.total_price.to_decimal())
    .bind(gift.message)
    .bind(gift.created_at)
    .bind(gift.created_at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Names the giver's debit on a gift.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such gift.
pub async fn update_gift_payment(conn: &mut Conn, id: u64, transaction_id: u64) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE gift_transactions SET transaction_id = ? WHERE id = ?")
        .bind(transaction_id)
        .bind(id)
        .execute(conn)
        .await?;
    affected("gift_transactions", 1, &done)
}
