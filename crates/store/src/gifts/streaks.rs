//! Streaks of equal gifts (realtime.md §7), one row for each sender, gift and thing. All moments are the database's, so
//! that the clocks of the nodes make no difference.

use base::Money;
use base::id::{GiftId, UserId};
use rust_decimal::Decimal;
use sqlx::QueryBuilder;

use crate::{Conn, StoreError, affected};

/// What makes gifts equal.
#[derive(Clone, Copy, Debug)]
pub struct StreakKey<'a> {
    /// Who gives.
    pub sender_id: UserId,
    /// Which gift.
    pub gift_id: GiftId,
    /// Short name and id of what it is given for.
    pub giftable: (&'a str, u64),
}

/// The place of a streak, and how it stands.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct StreakRow {
    /// The place.
    pub id: u64,
    /// The streak in it (a ULID).
    pub streak_id: String,
    /// Which gift.
    pub gift_id: GiftId,
    /// Who gives.
    pub sender_id: UserId,
    /// Who received the last gift.
    pub receiver_id: UserId,
    /// The short name of what the gifts are given for.
    pub giftable_type: String,
    /// Its id.
    pub giftable_id: u64,
    /// The last gift.
    pub gift_transaction_id: u64,
    /// How many gifts.
    pub repeat_count: u32,
    /// How many were given with them.
    pub quantity: u64,
    /// What they cost together.
    #[sqlx(try_from = "Decimal")]
    pub total_price: Money,
    /// Its end was not told yet.
    pub is_open: bool,
    /// The last gift was given within the time asked for.
    pub is_recent: bool,
}

/// How a streak stands after one more gift.
#[derive(Clone, Debug)]
pub struct StreakUpdate<'a> {
    /// The place.
    pub id: u64,
    /// The streak in it.
    pub streak_id: &'a str,
    /// Who received the gift.
    pub receiver_id: UserId,
    /// The gift.
    pub gift_transaction_id: u64,
    /// How many gifts, this one included.
    pub repeat_count: u32,
    /// How many were given with them.
    pub quantity: u64,
    /// What they cost together.
    pub total_price: Money,
}

/// What a streak's end shows, beside the sums.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct StreakFaceRow {
    /// The place.
    pub id: u64,
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
    pub sender_name: String,
    /// The giver's picture.
    pub sender_avatar: Option<String>,
}

const COLUMNS: &str = "id, streak_id, gift_id, sender_id, receiver_id, giftable_type, giftable_id, \
     gift_transaction_id, repeat_count, quantity, total_price, ended_at IS NULL AS is_open, ";

/// Takes the place of a streak. A gift is recent where it was given at most `within_seconds` ago.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_streak(
    conn: &mut Conn,
    key: StreakKey<'_>,
    within_seconds: u32,
) -> Result<Option<StreakRow>, StoreError> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push("last_at >= UTC_TIMESTAMP(3) - INTERVAL ").push_bind(within_seconds);
    query.push(" SECOND AS is_recent FROM hub_gift_streaks WHERE sender_id = ").push_bind(key.sender_id);
    query.push(" AND gift_id = ").push_bind(key.gift_id);
    query.push(" AND giftable_type = ").push_bind(key.giftable.0);
    query.push(" AND giftable_id = ").push_bind(key.giftable.1).push(" FOR UPDATE");
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Makes the place of a streak, in which none is open; leaves one that is there already as it is. Not by an ordinary
/// insert: many gifts at once that find no place would each be left with a share in the winner's, and none could have
/// it for itself.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn insert_streak(
    conn: &mut Conn,
    key: StreakKey<'_>,
    streak_id: &str,
    receiver_id: UserId,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_gift_streaks (streak_id, gift_id, sender_id, receiver_id, giftable_type, giftable_id, \
         last_at, ended_at) VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)) \
         ON DUPLICATE KEY UPDATE receiver_id = receiver_id",
    )
    .bind(streak_id)
    .bind(key.gift_id)
    .bind(key.sender_id)
    .bind(receiver_id)
    .bind(key.giftable.0)
    .bind(key.giftable.1)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes how a streak stands after a gift that was given now; it is open.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such place.
pub async fn update_streak(conn: &mut Conn, streak: &StreakUpdate<'_>) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE hub_gift_streaks SET streak_id = ?, receiver_id = ?, gift_transaction_id = ?, repeat_count = ?, \
         quantity = ?, total_price = ?, last_at = UTC_TIMESTAMP(3), ended_at = NULL WHERE id = ?",
    )
    .bind(streak.streak_id)
    .bind(streak.receiver_id)
    .bind(streak.gift_transaction_id)
    .bind(streak.repeat_count)
    .bind(streak.quantity)
    .bind(streak.total_price.to_decimal())
    .bind(streak.id)
    .execute(conn)
    .await?;
    affected("hub_gift_streaks", 1, &done)
}

/// Takes open streaks whose last gift is more than `silent_seconds` ago, the oldest first, skipping those to which a
/// gift is being added, or which another process ends just now.
///
/// # Errors
/// Those of the driver.
pub async fn lock_silent_streaks(
    conn: &mut Conn,
    silent_seconds: u32,
    limit: u32,
) -> Result<Vec<StreakRow>, StoreError> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push("FALSE AS is_recent FROM hub_gift_streaks WHERE ended_at IS NULL");
    query.push(" AND last_at < UTC_TIMESTAMP(3) - INTERVAL ").push_bind(silent_seconds);
    query.push(" SECOND ORDER BY last_at LIMIT ").push_bind(limit).push(" FOR UPDATE SKIP LOCKED");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Marks streaks as ended now.
///
/// # Errors
/// [`StoreError::RowsAffected`] when one of them is not there.
pub async fn update_streaks_ended(conn: &mut Conn, ids: &[u64]) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut query =
        QueryBuilder::new("UPDATE hub_gift_streaks SET ended_at = UTC_TIMESTAMP(3) WHERE id IN (");
    push_ids(&mut query, ids);
    let done = query.push(")").build().execute(conn).await?;
    affected("hub_gift_streaks", u64::try_from(ids.len()).unwrap_or(u64::MAX), &done)
}

/// What the ends of streaks show.
///
/// # Errors
/// Those of the driver.
pub async fn list_streak_faces(conn: &mut Conn, ids: &[u64]) -> Result<Vec<StreakFaceRow>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(
        "SELECT s.id, g.name AS gift_name, g.icon AS gift_icon, g.animation_url AS gift_animation_url, \
           g.price AS gift_price, u.name AS sender_name, u.avatar AS sender_avatar \
         FROM hub_gift_streaks s JOIN gifts g ON g.id = s.gift_id JOIN users u ON u.id = s.sender_id \
         WHERE s.id IN (",
    );
    push_ids(&mut query, ids);
    Ok(query.push(")").build_query_as().fetch_all(conn).await?)
}

fn push_ids(query: &mut QueryBuilder<sqlx::MySql>, ids: &[u64]) {
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
}
