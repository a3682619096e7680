//! Live rooms, their seats and their chat (domain.md §4.1 rows 19-21, §5.6).

mod discipline;
mod lifecycle;
mod lists;
mod messages;
mod notices;
mod reactions;
mod seats;

use base::Money;
use base::id::{RoomId, UserId};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;

use crate::statement::Statement;
use crate::{Conn, StoreError};

pub use discipline::{
    BannedRow, NewSanction, SanctionRow, delete_ban, delete_mute, find_slow_mode, insert_ban, insert_mute,
    list_banned, list_slow_modes, lock_ban, lock_mute, update_slow_mode,
};
pub use lifecycle::{
    EndingRow, RoomChanges, delete_ending, delete_room, find_recordings, list_active_rooms, list_endings_due,
    list_scheduled_rooms, lock_ending, update_ended, update_recordings, update_room, upsert_ending,
};
pub use lists::{
    AdminRoomQuery, AdminRoomRow, ParticipantRow, RoomListRow, RoomQuery, count_admin_rooms,
    find_listed_room, list_admin_rooms, list_participants, list_rooms,
};
pub use messages::{
    LastWrittenRow, LockedMessageRow, NewRoomMessage, PlaceRow, RoomMessageRow, RoomMessagesFrom,
    count_pinned, find_message, find_message_place, insert_messages, list_last_written, list_message_places,
    list_messages, list_pinned, list_thread, lock_message, update_deleted, update_pinned,
};
pub use notices::{
    NewNotice, NoticeRow, find_notice, insert_notice, list_due_notices, list_told, lock_notice, update_notice,
};
pub use reactions::{
    NewReaction, ReactionRow, count_reactions, delete_reaction, insert_reaction, list_own_reactions,
    lock_reactions, update_reaction, update_reactions_count,
};
pub use seats::{
    NewSeat, SeatRow, StandingRow, count_held_seats, count_paid_seats, count_seats, find_shown_email,
    find_standing, insert_seat, list_due_holds, list_open_seats, list_registered, list_standings, lock_seat,
    update_all_attended, update_all_missed, update_attendance, update_holds_cancelled, update_seat,
    update_seat_cancelled,
};

/// What the rules ask of a `live_rooms` row that is not deleted.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RoomRow {
    /// Its id.
    pub id: RoomId,
    /// The host.
    pub user_id: UserId,
    /// Its title.
    pub title: String,
    /// `scheduled`, `active`, `completed` or `cancelled`.
    pub status: String,
    /// `free` or `paid`.
    pub access_type: String,
    /// What a seat costs.
    #[sqlx(try_from = "Decimal")]
    pub price: Money,
    /// Seats, if limited.
    pub max_participants: Option<u32>,
    /// First day in `timezone`.
    pub start_date: NaiveDate,
    /// Last day in `timezone`.
    pub end_date: NaiveDate,
    /// Daily beginning in `timezone`.
    pub start_time: NaiveTime,
    /// Daily end in `timezone`.
    pub end_time: NaiveTime,
    /// IANA name.
    pub timezone: String,
    /// `live_rooms.duration_type`.
    pub duration_type: String,
    /// When the last session began.
    pub started_at: Option<DateTime<Utc>>,
    /// The Jitsi room of the running session; set exactly while the room is active (I-R2).
    pub current_jitsi_room_id: Option<String>,
}

/// The columns of a [`RoomRow`].
macro_rules! room_columns {
    () => {
        "r.id, r.user_id, r.title, r.status, r.access_type, r.price, r.max_participants, r.start_date, r.end_date, \
           r.start_time, r.end_time, r.timezone, r.duration_type, r.started_at, r.current_jitsi_room_id"
    };
}
pub(crate) use room_columns;

/// A room that its host makes.
#[derive(Clone, Debug)]
pub struct NewRoom<'a> {
    /// The host.
    pub user_id: UserId,
    /// An active category.
    pub category_id: Option<u64>,
    /// Its title.
    pub title: &'a str,
    /// What it is about.
    pub description: Option<&'a str>,
    /// A picture.
    pub cover_url: Option<&'a str>,
    /// First day in `timezone`.
    pub start_date: NaiveDate,
    /// Last day in `timezone`.
    pub end_date: NaiveDate,
    /// Daily beginning in `timezone`.
    pub start_time: NaiveTime,
    /// Daily end in `timezone`.
    pub end_time: NaiveTime,
    /// IANA name.
    pub timezone: &'a str,
    /// `live_rooms.duration_type`.
    pub duration_type: &'static str,
    /// `free` or `paid`.
    pub access_type: &'static str,
    /// What a seat costs.
    pub price: Money,
    /// Seats, if limited.
    pub max_participants: Option<u32>,
    /// When it is made, in whole seconds.
    pub created_at: DateTime<Utc>,
}

/// A room whose host has an active account.
///
/// # Errors
/// Those of the driver.
pub async fn find_room(conn: &mut Conn, id: RoomId) -> Result<Option<RoomRow>, StoreError> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        room_columns!(),
        " FROM live_rooms r JOIN users h ON h.id = r.user_id \
         WHERE r.id = ? AND r.deleted_at IS NULL AND h.deleted_at IS NULL AND h.is_active = 1"
    ))
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// Rooms, locked before their children are written (domain.md D9); those that are not there are left out. Rows are locked
/// in the order of their ids, whatever that of `ids`, so that two transactions that lock some of the same cannot deadlock.
/// Only the rooms' own rows are locked; whether a host's account is active, [`find_standing`] tells.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_rooms(conn: &mut Conn, ids: &[RoomId]) -> Result<Vec<RoomRow>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // The index is named because a server that finds the table small would read, and lock, all of it.
    let mut query = Statement::new(concat!(
        "SELECT ",
        room_columns!(),
        " FROM live_rooms r FORCE INDEX (PRIMARY) WHERE r.id IN ("
    ));
    query.push_numbers(ids).push(") AND r.deleted_at IS NULL ORDER BY r.id FOR UPDATE");
    query.fetch_all(conn).await
}

/// One room, locked as [`lock_rooms`] does it.
///
/// # Errors
/// Those of [`lock_rooms`].
pub async fn lock_room(conn: &mut Conn, id: RoomId) -> Result<Option<RoomRow>, StoreError> {
    Ok(lock_rooms(conn, &[id]).await?.pop())
}

/// Adds a room, `scheduled`.
///
/// # Errors
/// Those of the driver.
pub async fn insert_room(conn: &mut Conn, room: &NewRoom<'_>) -> Result<RoomId, StoreError> {
    let done = sqlx::query(
        "INSERT INTO live_rooms (user_id, category_id, title, description, cover_url, start_date, end_date, \
           start_time, end_time, timezone, duration_type, access_type, price, max_participants, status, \
           created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'scheduled', ?, ?)",
    )
    .bind(room.user_id)
    .bind(room.category_id)
    .bind(room.title)
    .bind(room.description)
    .bind(room.cover_url)
    .bind(room.start_date)
    .bind(room.end_date)
    .bind(room.start_time)
    .bind(room.end_time)
    .bind(room.timezone)
    .bind(room.duration_type)
    .bind(room.access_type)
    .bind(room.price.to_decimal())
    .bind(room.max_participants)
    .bind(room.created_at)
    .bind(room.created_at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Makes a scheduled room active with its Jitsi room; `false` where it is not scheduled (domain.md D20).
///
/// # Errors
/// Those of the driver.
pub async fn update_started(
    conn: &mut Conn,
    id: RoomId,
    jitsi_room: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE live_rooms SET status = 'active', current_jitsi_room_id = ?, started_at = ?, updated_at = ? \
         WHERE id = ? AND status = 'scheduled' AND deleted_at IS NULL",
    )
    .bind(jitsi_room)
    .bind(at)
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Is there such a category, open for new things?
///
/// # Errors
/// Those of the driver.
pub async fn has_active_category(conn: &mut Conn, id: u64) -> Result<bool, StoreError> {
    let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM categories WHERE id = ? AND is_active = 1")
        .bind(id)
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}

/// The time zone in a user's profile.
///
/// # Errors
/// Those of the driver.
pub async fn find_timezone(conn: &mut Conn, user_id: UserId) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT timezone FROM user_profiles WHERE user_id = ?")
        .bind(user_id)
        .fetch_optional(conn)
        .await?)
}
