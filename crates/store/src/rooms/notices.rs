//! What everybody with a seat in a room is to be told, each once (`hub_room_notices`).

use base::id::{RoomId, UserId};
use chrono::{DateTime, Utc};

use crate::{Conn, StoreError, affected};

/// Something to be told to everybody with a seat.
#[derive(Clone, Debug)]
pub struct NewNotice<'a> {
    /// Where.
    pub live_room_id: RoomId,
    /// The notification's kind.
    pub kind: &'static str,
    /// Which of its kind: of each there is one.
    pub occasion: &'a str,
    /// Who caused it.
    pub actor_id: Option<UserId>,
    /// When, in whole seconds.
    pub at: DateTime<Utc>,
}

/// Something that not everybody was told yet.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct NoticeRow {
    /// Its id.
    pub id: u64,
    /// Where.
    pub live_room_id: RoomId,
    /// The notification's kind.
    pub kind: String,
    /// Which of its kind.
    pub occasion: String,
    /// Who caused it.
    pub actor_id: Option<UserId>,
    /// The registration up to which they were told.
    pub after_id: u64,
}

/// Notes something to be told; nothing where it was noted before.
///
/// # Errors
/// Those of the driver.
pub async fn insert_notice(conn: &mut Conn, notice: &NewNotice<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_room_notices (live_room_id, kind, occasion, actor_id, created_at) VALUES (?, ?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE id = id",
    )
    .bind(notice.live_room_id)
    .bind(notice.kind)
    .bind(notice.occasion)
    .bind(notice.actor_id)
    .bind(notice.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Was this noted, told or not?
///
/// # Errors
/// Those of the driver.
pub async fn find_notice(
    conn: &mut Conn,
    room_id: RoomId,
    kind: &str,
    occasion: &str,
) -> Result<bool, StoreError> {
    let found: Option<u64> = sqlx::query_scalar(
        "SELECT id FROM hub_room_notices WHERE live_room_id = ? AND kind = ? AND occasion = ?",
    )
    .bind(room_id)
    .bind(kind)
    .bind(occasion)
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Notices above an id that not everybody was told, at most `limit`, the oldest first.
///
/// # Errors
/// Those of the driver.
pub async fn list_due_notices(conn: &mut Conn, after: u64, limit: u32) -> Result<Vec<NoticeRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, live_room_id, kind, occasion, actor_id, after_id FROM hub_room_notices \
         WHERE done_at IS NULL AND id > ? ORDER BY id LIMIT ?",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// A notice that not everybody was told, locked.
///
/// # Errors
/// Those of the driver.
pub async fn lock_notice(conn: &mut Conn, id: u64) -> Result<Option<NoticeRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, live_room_id, kind, occasion, actor_id, after_id FROM hub_room_notices \
         WHERE id = ? AND done_at IS NULL FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// Notes up to which registration they were told, and whether that were all.
///
/// # Errors
/// Those of the driver.
pub async fn update_notice(
    conn: &mut Conn,
    id: u64,
    after_id: u64,
    done_at: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE hub_room_notices SET after_id = ?, done_at = ? WHERE id = ?")
        .bind(after_id)
        .bind(done_at)
        .bind(id)
        .execute(conn)
        .await?;
    affected("hub_room_notices", 1, &done)
}

/// Those with a seat in a room, above a registration, at most `limit`: registration and user. `with_missed`: also those
/// who never came.
///
/// # Errors
/// Those of the driver.
pub async fn list_told(
    conn: &mut Conn,
    room_id: RoomId,
    with_missed: bool,
    after: u64,
    limit: u32,
) -> Result<Vec<(u64, UserId)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT s.id, s.user_id FROM live_room_registrations s \
         JOIN users u ON u.id = s.user_id AND u.deleted_at IS NULL AND u.is_active = 1 \
         WHERE s.live_room_id = ? AND (s.status IN ('registered', 'attended') OR (? AND s.status = 'missed')) \
           AND s.id > ? ORDER BY s.id LIMIT ?",
    )
    .bind(room_id)
    .bind(with_missed)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}
