//! Who has a seat in a room, and what else is between a user and a room.

use base::Money;
use base::id::{RoomId, UserId};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::QueryBuilder;

use crate::statement::Statement;
use crate::{Conn, StoreError, affected};

/// A `live_room_registrations` row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SeatRow {
    /// Its id.
    pub id: u64,
    /// `pending`, `registered`, `attended`, `missed` or `cancelled`.
    pub status: String,
    /// Waits for an external payment, whose 15 minutes are not over.
    pub is_held: bool,
    /// What was paid.
    #[sqlx(try_from = "Decimal")]
    pub price_paid: Money,
    /// The buyer's debit.
    pub transaction_id: Option<u64>,
}

/// What is between a user and a room.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct StandingRow {
    /// The room.
    pub live_room_id: RoomId,
    /// The user.
    pub user_id: UserId,
    /// The user's name.
    pub name: String,
    /// The user's picture.
    pub avatar: Option<String>,
    /// The host's account is active.
    pub is_host_active: bool,
    /// `live_room_registrations.status` of the user.
    pub registration: Option<String>,
    /// May not come in.
    pub is_banned: bool,
    /// May not write.
    pub is_muted: bool,
}

/// A seat to be taken.
#[derive(Clone, Debug)]
pub struct NewSeat {
    /// Whose.
    pub user_id: UserId,
    /// Where.
    pub live_room_id: RoomId,
    /// `registered`, or `attended` for who walks into a free room.
    pub status: &'static str,
    /// What was paid.
    pub price_paid: Money,
    /// `wallet`, or nothing for a free seat.
    pub payment_method: Option<&'static str>,
    /// The buyer's debit.
    pub transaction_id: Option<u64>,
    /// When, in whole seconds.
    pub at: DateTime<Utc>,
}

const STANDING: &str = "SELECT r.id AS live_room_id, u.id AS user_id, u.name, u.avatar, \
      EXISTS (SELECT 1 FROM users h WHERE h.id = r.user_id AND h.deleted_at IS NULL AND h.is_active = 1) \
        AS is_host_active, \
      (SELECT s.status FROM live_room_registrations s WHERE s.user_id = u.id AND s.live_room_id = r.id) \
        AS registration, \
      EXISTS (SELECT 1 FROM hub_room_bans b WHERE b.live_room_id = r.id AND b.user_id = u.id \
        AND (b.until IS NULL OR b.until > UTC_TIMESTAMP())) AS is_banned, \
      EXISTS (SELECT 1 FROM hub_room_mutes m WHERE m.live_room_id = r.id AND m.user_id = u.id \
        AND (m.until IS NULL OR m.until > UTC_TIMESTAMP())) AS is_muted FROM ";

/// What is between a user and a room; `None` where there is no such user, or room.
///
/// # Errors
/// Those of the driver.
pub async fn find_standing(
    conn: &mut Conn,
    room_id: RoomId,
    user_id: UserId,
) -> Result<Option<StandingRow>, StoreError> {
    let mut query = QueryBuilder::new(STANDING);
    query.push("users u JOIN live_rooms r ON r.id = ").push_bind(room_id);
    query.push(" WHERE u.id = ").push_bind(user_id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// What is between users and rooms, (room, user), in no order; nothing of those who are not there.
///
/// # Errors
/// Those of the driver.
pub async fn list_standings(
    conn: &mut Conn,
    asked: &[(RoomId, UserId)],
) -> Result<Vec<StandingRow>, StoreError> {
    if let [(room_id, user_id)] = asked {
        return Ok(find_standing(conn, *room_id, *user_id).await?.into_iter().collect());
    }
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Statement::new(STANDING);
    query.push_pairs(asked.iter().copied());
    query.push("STRAIGHT_JOIN live_rooms r ON r.id = w.one STRAIGHT_JOIN users u ON u.id = w.two");
    query.fetch_all(conn).await
}

/// Users with a seat.
///
/// # Errors
/// Those of the driver.
pub async fn list_registered(conn: &mut Conn, room_id: RoomId) -> Result<Vec<UserId>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT user_id FROM live_room_registrations \
         WHERE live_room_id = ? AND status IN ('registered', 'attended') ORDER BY user_id",
    )
    .bind(room_id)
    .fetch_all(conn)
    .await?)
}

/// Seats taken (domain.md §5.6: registered, attended, and pending ones for 15 minutes). Exact while the room's row
/// is locked.
///
/// # Errors
/// Those of the driver.
pub async fn count_seats(conn: &mut Conn, room_id: RoomId) -> Result<u64, StoreError> {
    let taken: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM live_room_registrations WHERE live_room_id = ? \
           AND (status IN ('registered', 'attended') OR (status = 'pending' \
             AND COALESCE(updated_at, created_at) > UTC_TIMESTAMP() - INTERVAL 15 MINUTE))",
    )
    .bind(room_id)
    .fetch_one(conn)
    .await?;
    u64::try_from(taken)
        .map_err(|_error| StoreError::Corrupt { table: "live_room_registrations", column: "COUNT(*)" })
}

/// A user's registration, locked.
///
/// # Errors
/// Those of the driver.
pub async fn lock_seat(
    conn: &mut Conn,
    room_id: RoomId,
    user_id: UserId,
) -> Result<Option<SeatRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, status, status = 'pending' \
             AND COALESCE(updated_at, created_at) > UTC_TIMESTAMP() - INTERVAL 15 MINUTE AS is_held, price_paid, \
             transaction_id \
         FROM live_room_registrations WHERE user_id = ? AND live_room_id = ? FOR UPDATE",
    )
    .bind(user_id)
    .bind(room_id)
    .fetch_optional(conn)
    .await?)
}

/// Gives a seat to who never had one in this room; answers the registration's id.
///
/// # Errors
/// [`StoreError::Unique`] when there is a row already.
pub async fn insert_seat(conn: &mut Conn, seat: &NewSeat) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO live_room_registrations (user_id, live_room_id, status, price_paid, payment_method, \
           transaction_id, registered_at, attended_at, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, IF(? = 'attended', ?, NULL), ?, ?)",
    )
    .bind(seat.user_id)
    .bind(seat.live_room_id)
    .bind(seat.status)
    .bind(seat.price_paid.to_decimal())
    .bind(seat.payment_method)
    .bind(seat.transaction_id)
    .bind(seat.at)
    .bind(seat.status)
    .bind(seat.at)
    .bind(seat.at)
    .bind(seat.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Gives a seat on a row that was there before: cancelled, or held too long (domain.md D17).
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such row.
pub async fn update_seat(conn: &mut Conn, id: u64, seat: &NewSeat) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE live_room_registrations SET status = ?, price_paid = ?, payment_method = ?, transaction_id = ?, \
           registered_at = ?, attended_at = IF(? = 'attended', ?, NULL), updated_at = ? WHERE id = ?",
    )
    .bind(seat.status)
    .bind(seat.price_paid.to_decimal())
    .bind(seat.payment_method)
    .bind(seat.transaction_id)
    .bind(seat.at)
    .bind(seat.status)
    .bind(seat.at)
    .bind(seat.at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("live_room_registrations", 1, &done)
}

/// Marks a registered user as having come; `false` where that was so already.
///
/// # Errors
/// Those of the driver.
pub async fn update_attendance(conn: &mut Conn, id: u64, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE live_room_registrations SET status = 'attended', attended_at = ?, updated_at = ? \
         WHERE id = ? AND status = 'registered'",
    )
    .bind(at)
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks registered users as having come; how many had not been marked.
///
/// # Errors
/// Those of the driver.
pub async fn update_all_attended(
    conn: &mut Conn,
    room_id: RoomId,
    user_ids: &[UserId],
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    if user_ids.is_empty() {
        return Ok(0);
    }
    let mut query =
        QueryBuilder::new("UPDATE live_room_registrations SET status = 'attended', attended_at = ");
    query
        .push_bind(at)
        .push(", updated_at = ")
        .push_bind(at)
        .push(" WHERE live_room_id = ")
        .push_bind(room_id);
    query.push(" AND status = 'registered' AND user_id IN (");
    let mut ids = query.separated(", ");
    for user_id in user_ids {
        ids.push_bind(*user_id);
    }
    query.push(")");
    Ok(query.build().execute(conn).await?.rows_affected())
}

/// Marks those who never came to a room that is over.
///
/// # Errors
/// Those of the driver.
pub async fn update_all_missed(
    conn: &mut Conn,
    room_id: RoomId,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "UPDATE live_room_registrations SET status = 'missed', updated_at = ? \
         WHERE live_room_id = ? AND status = 'registered'",
    )
    .bind(at)
    .bind(room_id)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Takes back the seats of a room that still wait for a payment.
///
/// # Errors
/// Those of the driver.
pub async fn update_holds_cancelled(
    conn: &mut Conn,
    room_id: RoomId,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "UPDATE live_room_registrations SET status = 'cancelled', updated_at = ? \
         WHERE live_room_id = ? AND status = 'pending'",
    )
    .bind(at)
    .bind(room_id)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Takes a seat back; `false` where it has another status (domain.md D20).
///
/// # Errors
/// Those of the driver.
pub async fn update_seat_cancelled(
    conn: &mut Conn,
    id: u64,
    from: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE live_room_registrations SET status = 'cancelled', updated_at = ? WHERE id = ? AND status = ?",
    )
    .bind(at)
    .bind(id)
    .bind(from)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Seats of a room that money was paid, or is to be paid, for.
///
/// # Errors
/// Those of the driver.
pub async fn count_paid_seats(conn: &mut Conn, room_id: RoomId) -> Result<u64, StoreError> {
    count_where(conn, room_id, "status <> 'cancelled' AND price_paid > 0").await
}

/// Seats of a room that somebody has or had: all but those that were given back.
///
/// # Errors
/// Those of the driver.
pub async fn count_held_seats(conn: &mut Conn, room_id: RoomId) -> Result<u64, StoreError> {
    count_where(conn, room_id, "status <> 'cancelled'").await
}

async fn count_where(conn: &mut Conn, room_id: RoomId, which: &'static str) -> Result<u64, StoreError> {
    let mut query = QueryBuilder::new("SELECT COUNT(*) FROM live_room_registrations WHERE live_room_id = ");
    query.push_bind(room_id).push(" AND ").push(which);
    let count: i64 = query.build_query_scalar().fetch_one(conn).await?;
    u64::try_from(count)
        .map_err(|_error| StoreError::Corrupt { table: "live_room_registrations", column: "COUNT(*)" })
}

/// Seats of a room that are still to be taken back, above a registration, at most `limit`: registration and user.
///
/// # Errors
/// Those of the driver.
pub async fn list_open_seats(
    conn: &mut Conn,
    room_id: RoomId,
    after: u64,
    limit: u32,
) -> Result<Vec<(u64, UserId)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, user_id FROM live_room_registrations WHERE live_room_id = ? AND id > ? \
           AND status IN ('pending', 'registered', 'attended') ORDER BY id LIMIT ?",
    )
    .bind(room_id)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Seats that have waited for a payment for too long, at most `limit`: room and user.
///
/// # Errors
/// Those of the driver.
pub async fn list_due_holds(conn: &mut Conn, limit: u32) -> Result<Vec<(RoomId, UserId)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT live_room_id, user_id FROM live_room_registrations WHERE status = 'pending' \
           AND (updated_at <= UTC_TIMESTAMP() - INTERVAL 15 MINUTE OR (updated_at IS NULL \
             AND (created_at IS NULL OR created_at <= UTC_TIMESTAMP() - INTERVAL 15 MINUTE))) LIMIT ?",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// The e-mail address of a user who shows it to others.
///
/// # Errors
/// Those of the driver.
pub async fn find_shown_email(conn: &mut Conn, user_id: UserId) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT u.email FROM users u JOIN user_profiles p ON p.user_id = u.id \
         WHERE u.id = ? AND p.show_email = 1",
    )
    .bind(user_id)
    .fetch_optional(conn)
    .await?)
}
