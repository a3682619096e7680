//! Who may not come into a room or write in it, and how often its members may write. What has run out counts as none.

use base::id::{RoomId, UserId};
use chrono::{DateTime, Utc};

use crate::statement::Statement;
use crate::{Conn, StoreError};

/// A ban or a mute of one user in one room.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct SanctionRow {
    /// When it ends by itself; `None`: it does not.
    pub until: Option<DateTime<Utc>>,
    /// It has not run out.
    pub is_standing: bool,
}

/// Somebody who may not come in.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct BannedRow {
    /// Who.
    pub user_id: UserId,
    /// When the ban ends by itself; `None`: it does not.
    pub until: Option<DateTime<Utc>>,
}

/// A ban or a mute to be set.
#[derive(Clone, Copy, Debug)]
pub struct NewSanction {
    /// Where.
    pub live_room_id: RoomId,
    /// Who.
    pub user_id: UserId,
    /// By whom.
    pub by: UserId,
    /// When it ends by itself, in whole seconds; `None`: it does not.
    pub until: Option<DateTime<Utc>>,
}

/// Who is banned from a room now; at most `limit` of them.
///
/// # Errors
/// Those of the driver.
pub async fn list_banned(conn: &mut Conn, room_id: RoomId, limit: u32) -> Result<Vec<BannedRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT user_id, until FROM hub_room_bans \
         WHERE live_room_id = ? AND (until IS NULL OR until > UTC_TIMESTAMP()) LIMIT ?",
    )
    .bind(room_id)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// A user's ban, locked. Exact while the room's row is locked.
///
/// # Errors
/// Those of the driver.
pub async fn lock_ban(
    conn: &mut Conn,
    room_id: RoomId,
    user_id: UserId,
) -> Result<Option<SanctionRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT until, (until IS NULL OR until > UTC_TIMESTAMP()) AS is_standing FROM hub_room_bans \
         WHERE live_room_id = ? AND user_id = ? FOR UPDATE",
    )
    .bind(room_id)
    .bind(user_id)
    .fetch_optional(conn)
    .await?)
}

/// Bans, in place of an earlier ban.
///
/// # Errors
/// Those of the driver.
pub async fn insert_ban(conn: &mut Conn, ban: &NewSanction) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_room_bans (live_room_id, user_id, banned_by, until) VALUES (?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE banned_by = VALUES(banned_by), until = VALUES(until)",
    )
    .bind(ban.live_room_id)
    .bind(ban.user_id)
    .bind(ban.by)
    .bind(ban.until)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a ban away.
///
/// # Errors
/// Those of the driver.
pub async fn delete_ban(conn: &mut Conn, room_id: RoomId, user_id: UserId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM hub_room_bans WHERE live_room_id = ? AND user_id = ?")
        .bind(room_id)
        .bind(user_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// A user's mute, locked. Exact while the room's row is locked.
///
/// # Errors
/// Those of the driver.
pub async fn lock_mute(
    conn: &mut Conn,
    room_id: RoomId,
    user_id: UserId,
) -> Result<Option<SanctionRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT until, (until IS NULL OR until > UTC_TIMESTAMP()) AS is_standing FROM hub_room_mutes \
         WHERE live_room_id = ? AND user_id = ? FOR UPDATE",
    )
    .bind(room_id)
    .bind(user_id)
    .fetch_optional(conn)
    .await?)
}

/// Mutes, in place of an earlier mute.
///
/// # Errors
/// Those of the driver.
pub async fn insert_mute(conn: &mut Conn, mute: &NewSanction) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_room_mutes (live_room_id, user_id, muted_by, until) VALUES (?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE muted_by = VALUES(muted_by), until = VALUES(until)",
    )
    .bind(mute.live_room_id)
    .bind(mute.user_id)
    .bind(mute.by)
    .bind(mute.until)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a mute away.
///
/// # Errors
/// Those of the driver.
pub async fn delete_mute(conn: &mut Conn, room_id: RoomId, user_id: UserId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM hub_room_mutes WHERE live_room_id = ? AND user_id = ?")
        .bind(room_id)
        .bind(user_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Least seconds between two messages of one member; 0 is off.
///
/// # Errors
/// Those of the driver.
pub async fn find_slow_mode(conn: &mut Conn, id: RoomId) -> Result<u32, StoreError> {
    let seconds: Option<u16> =
        sqlx::query_scalar("SELECT slow_mode_seconds FROM hub_room_settings WHERE live_room_id = ?")
            .bind(id)
            .fetch_optional(conn)
            .await?;
    Ok(seconds.map_or(0, u32::from))
}

/// [`find_slow_mode`] of several rooms, in no order; of those alone where it is on.
///
/// # Errors
/// Those of the driver.
pub async fn list_slow_modes(conn: &mut Conn, ids: &[RoomId]) -> Result<Vec<(RoomId, u16)>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Statement::new(
        "SELECT live_room_id, slow_mode_seconds FROM hub_room_settings WHERE live_room_id IN (",
    );
    query.push_numbers(ids).push(") AND slow_mode_seconds > 0");
    query.fetch_all(conn).await
}

/// Sets the least time between two messages of a member.
///
/// # Errors
/// Those of the driver.
pub async fn update_slow_mode(conn: &mut Conn, room_id: RoomId, seconds: u32) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_room_settings (live_room_id, slow_mode_seconds) VALUES (?, ?) \
         ON DUPLICATE KEY UPDATE slow_mode_seconds = VALUES(slow_mode_seconds)",
    )
    .bind(room_id)
    .bind(seconds)
    .execute(conn)
    .await?;
    Ok(())
}
