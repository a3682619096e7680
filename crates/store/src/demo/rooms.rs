//! What the operations of live rooms cannot do yet: ended programmes, pins, slow mode.

use base::id::{RoomId, UserId};
use chrono::{NaiveDate, NaiveTime};
use serde_json::Value;
use sqlx::types::Json;

use super::At;
use crate::{Conn, StoreError};

/// A room of a host.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RoomRow {
    /// Its id.
    pub id: RoomId,
    /// Its host.
    pub user_id: UserId,
    /// Its title.
    pub title: String,
    /// `live_rooms.status`.
    pub status: String,
    /// The last day, in the room's time zone.
    pub end_date: NaiveDate,
    /// 1 if it is free, without a limit of participants and without slow mode.
    pub is_open: i64,
}

/// The rooms of these titles, oldest first.
///
/// # Errors
/// Those of the driver.
pub async fn list_rooms(conn: &mut Conn, titles: &[&str]) -> Result<Vec<RoomRow>, StoreError> {
    if titles.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = sqlx::QueryBuilder::new(
        "SELECT r.id, r.user_id, r.title, r.status, r.end_date, \
         (r.access_type = 'free' AND r.max_participants IS NULL AND COALESCE(s.slow_mode_seconds, 0) = 0) AS is_open \
         FROM live_rooms r LEFT JOIN hub_room_settings s ON s.live_room_id = r.id \
         WHERE r.deleted_at IS NULL AND r.title IN (",
    );
    let mut list = query.separated(", ");
    for title in titles {
        list.push_bind(*title);
    }
    Ok(query.push(") ORDER BY r.id").build_query_as().fetch_all(conn).await?)
}

/// A programme that is over.
#[derive(Clone, Debug)]
pub struct DoneRoomRow<'a> {
    /// Its host.
    pub user_id: UserId,
    /// Its category.
    pub category_id: u64,
    /// Its title.
    pub title: &'a str,
    /// What it was about.
    pub description: &'a str,
    /// The day.
    pub date: NaiveDate,
    /// From when, in Asia/Riyadh.
    pub start_time: NaiveTime,
    /// Until when.
    pub end_time: NaiveTime,
    /// From when, in UTC.
    pub started_at: At,
    /// Until when.
    pub ended_at: At,
    /// Its recordings.
    pub recordings: Value,
}

/// Writes a free programme of one day that is over, and gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_done_room(conn: &mut Conn, row: &DoneRoomRow<'_>) -> Result<RoomId, StoreError> {
    let done = sqlx::query(
        "INSERT INTO live_rooms (user_id, category_id, title, description, start_date, end_date, start_time, end_time, \
         timezone, duration_type, access_type, price, status, started_at, ended_at, recordings, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'Asia/Riyadh', 'day', 'free', 0, 'completed', ?, ?, ?, ?, ?)",
    )
    .bind(row.user_id)
    .bind(row.category_id)
    .bind(row.title)
    .bind(row.description)
    .bind(row.date)
    .bind(row.date)
    .bind(row.start_time)
    .bind(row.end_time)
    .bind(row.started_at)
    .bind(row.ended_at)
    .bind(Json(&row.recordings))
    .bind(row.started_at)
    .bind(row.ended_at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// A seat in a free programme that is over: `attended` or `missed`.
///
/// # Errors
/// Those of the driver.
pub async fn insert_registration(
    conn: &mut Conn,
    (user_id, room_id): (UserId, RoomId),
    status: &str,
    at: At,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO live_room_registrations (user_id, live_room_id, status, registered_at, attended_at, created_at, \
         updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(user_id)
    .bind(room_id)
    .bind(status)
    .bind(at)
    .bind((status == "attended").then_some(at))
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// A message of a programme that is over, or one that no user may write.
#[derive(Clone, Copy, Debug)]
pub struct RoomMessageRow<'a> {
    /// Where.
    pub room_id: RoomId,
    /// Who.
    pub user_id: UserId,
    /// The message it answers.
    pub parent_id: Option<u64>,
    /// `live_room_messages.type`.
    pub kind: &'a str,
    /// The words.
    pub message: &'a str,
    /// When.
    pub at: At,
}

/// Writes such a message and gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_room_message(conn: &mut Conn, row: &RoomMessageRow<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO live_room_messages (live_room_id, user_id, parent_id, type, message, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.room_id)
    .bind(row.user_id)
    .bind(row.parent_id)
    .bind(row.kind)
    .bind(row.message)
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// What was written in a room: id, author and words, oldest first.
///
/// # Errors
/// Those of the driver.
pub async fn list_room_messages(
    conn: &mut Conn,
    room_id: RoomId,
) -> Result<Vec<(u64, UserId, String)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, user_id, message FROM live_room_messages WHERE live_room_id = ? ORDER BY id LIMIT 500",
    )
    .bind(room_id)
    .fetch_all(conn)
    .await?)
}

/// Pins a message to its room.
///
/// # Errors
/// Those of the driver.
pub async fn update_room_pin(conn: &mut Conn, message_id: u64, pinned_by: UserId) -> Result<(), StoreError> {
    sqlx::query("UPDATE live_room_messages SET is_pinned = 1, pinned_by = ? WHERE id = ?")
        .bind(pinned_by)
        .bind(message_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Counts the reactions to the messages of a room anew (domain.md §4.2).
///
/// # Errors
/// Those of the driver.
pub async fn update_message_reactions(
    conn: &mut Conn,
    room_id: RoomId,
    morph: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE live_room_messages m SET m.reactions_count = \
         (SELECT COUNT(*) FROM reactions r WHERE r.reactable_id = m.id AND r.reactable_type = ?) \
         WHERE m.live_room_id = ?",
    )
    .bind(morph)
    .bind(room_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a programme whose last day is past (domain.md §5.6): who never came has missed it.
///
/// # Errors
/// Those of the driver.
pub async fn update_room_completed(conn: &mut Conn, room_id: RoomId) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE live_rooms SET status = 'completed', current_jitsi_room_id = NULL, ended_at = UTC_TIMESTAMP(), \
         updated_at = UTC_TIMESTAMP() WHERE id = ? AND status IN ('scheduled', 'active')",
    )
    .bind(room_id)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "UPDATE live_room_registrations SET status = IF(status = 'registered', 'missed', 'cancelled'), \
         updated_at = UTC_TIMESTAMP() WHERE live_room_id = ? AND status IN ('registered', 'pending')",
    )
    .bind(room_id)
    .execute(conn)
    .await?;
    Ok(())
}
