//! What becomes of a room after it was announced: changes, ends, recordings.

use base::Money;
use base::id::RoomId;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::Value;

use super::{RoomRow, room_columns};
use crate::{Conn, StoreError, affected};

/// What a host says of a room.
#[derive(Clone, Debug)]
pub struct RoomChanges<'a> {
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
    pub duration_type: &'a str,
    /// `free` or `paid`.
    pub access_type: &'a str,
    /// What a seat costs.
    pub price: Money,
    /// Seats, if limited.
    pub max_participants: Option<u32>,
}

/// Writes all that a host says of a room.
///
/// # Errors
/// Those of the driver.
pub async fn update_room(
    conn: &mut Conn,
    id: RoomId,
    changes: &RoomChanges<'_>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE live_rooms SET category_id = ?, title = ?, description = ?, cover_url = ?, start_date = ?, \
           end_date = ?, start_time = ?, end_time = ?, timezone = ?, duration_type = ?, access_type = ?, price = ?, \
           max_participants = ?, updated_at = ? WHERE id = ?",
    )
    .bind(changes.category_id)
    .bind(changes.title)
    .bind(changes.description)
    .bind(changes.cover_url)
    .bind(changes.start_date)
    .bind(changes.end_date)
    .bind(changes.start_time)
    .bind(changes.end_time)
    .bind(changes.timezone)
    .bind(changes.duration_type)
    .bind(changes.access_type)
    .bind(changes.price.to_decimal())
    .bind(changes.max_participants)
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("live_rooms", 1, &done)
}

/// Ends the session of a room, or the whole room: `status` follows `from`; `false` where it is in another state
/// (domain.md D20).
///
/// # Errors
/// Those of the driver.
pub async fn update_ended(
    conn: &mut Conn,
    id: RoomId,
    from: &str,
    status: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE live_rooms SET status = ?, current_jitsi_room_id = NULL, ended_at = ?, updated_at = ? \
         WHERE id = ? AND status = ?",
    )
    .bind(status)
    .bind(at)
    .bind(at)
    .bind(id)
    .bind(from)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes a room as Laravel does.
///
/// # Errors
/// Those of the driver.
pub async fn delete_room(conn: &mut Conn, id: RoomId, at: DateTime<Utc>) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE live_rooms SET deleted_at = ?, updated_at = ? WHERE id = ? AND deleted_at IS NULL",
    )
    .bind(at)
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("live_rooms", 1, &done)
}

/// Live rooms above an id, at most `limit`, by id.
///
/// # Errors
/// Those of the driver.
pub async fn list_active_rooms(
    conn: &mut Conn,
    after: RoomId,
    limit: u32,
) -> Result<Vec<RoomRow>, StoreError> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        room_columns!(),
        " FROM live_rooms r WHERE r.status = 'active' AND r.deleted_at IS NULL AND r.id > ? ORDER BY r.id LIMIT ?"
    ))
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Announced rooms above an id that begin on or before a day, at most `limit`, by id.
///
/// # Errors
/// Those of the driver.
pub async fn list_scheduled_rooms(
    conn: &mut Conn,
    begin_by: NaiveDate,
    after: RoomId,
    limit: u32,
) -> Result<Vec<RoomRow>, StoreError> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        room_columns!(),
        " FROM live_rooms r WHERE r.status = 'scheduled' AND r.start_date <= ? AND r.deleted_at IS NULL \
           AND r.id > ? ORDER BY r.id LIMIT ?"
    ))
    .bind(begin_by)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// What a room's column `recordings` holds; nothing for `NULL`.
///
/// # Errors
/// Those of the driver.
pub async fn find_recordings(conn: &mut Conn, id: RoomId) -> Result<Option<Value>, StoreError> {
    let found: Option<Option<Value>> = sqlx::query_scalar("SELECT recordings FROM live_rooms WHERE id = ?")
        .bind(id)
        .fetch_optional(conn)
        .await?;
    Ok(found.flatten())
}

/// Writes a room's column `recordings`.
///
/// # Errors
/// Those of the driver.
pub async fn update_recordings(
    conn: &mut Conn,
    id: RoomId,
    recordings: &Value,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE live_rooms SET recordings = ?, updated_at = ? WHERE id = ?")
        .bind(recordings)
        .bind(at)
        .bind(id)
        .execute(conn)
        .await?;
    affected("live_rooms", 1, &done)
}

/// A session whose video room is empty.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct EndingRow {
    /// Of which room.
    pub live_room_id: RoomId,
    /// Of which session.
    pub jitsi_room: String,
}

/// Notes that the video room of a session is empty, and when the clock is to end it.
///
/// # Errors
/// Those of the driver.
pub async fn upsert_ending(
    conn: &mut Conn,
    id: RoomId,
    jitsi_room: &str,
    due_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_room_ends (live_room_id, jitsi_room, due_at) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE jitsi_room = VALUES(jitsi_room), due_at = VALUES(due_at)",
    )
    .bind(id)
    .bind(jitsi_room)
    .bind(due_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets that a video room was empty.
///
/// # Errors
/// Those of the driver.
pub async fn delete_ending(conn: &mut Conn, id: RoomId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM hub_room_ends WHERE live_room_id = ?").bind(id).execute(conn).await?;
    Ok(())
}

/// Sessions that are to be ended by now, at most `limit`.
///
/// # Errors
/// Those of the driver.
pub async fn list_endings_due(
    conn: &mut Conn,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<EndingRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT live_room_id, jitsi_room FROM hub_room_ends WHERE due_at <= ? ORDER BY due_at LIMIT ?",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// What is noted of a room whose row is locked, if it is to be ended by now.
///
/// # Errors
/// Those of the driver.
pub async fn lock_ending(
    conn: &mut Conn,
    id: RoomId,
    now: DateTime<Utc>,
) -> Result<Option<EndingRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT live_room_id, jitsi_room FROM hub_room_ends WHERE live_room_id = ? AND due_at <= ? FOR UPDATE",
    )
    .bind(id)
    .bind(now)
    .fetch_optional(conn)
    .await?)
}
