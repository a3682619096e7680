//! The chat of a room.

use base::Time;
use base::id::{RoomId, UserId};
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use crate::statement::Statement;
use crate::{Conn, StoreError, affected, inserted_ids};

/// A `live_room_messages` row with its author's card.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RoomMessageRow {
    /// Id order is the order of the room.
    pub id: u64,
    /// Its room.
    pub live_room_id: RoomId,
    /// Its author.
    pub user_id: UserId,
    /// The author's name.
    pub user_name: String,
    /// The author's picture.
    pub user_avatar: Option<String>,
    /// What it answers.
    pub parent_id: Option<u64>,
    /// `text`, `emoji`, `system` or `announcement`.
    #[sqlx(rename = "type")]
    pub message_type: String,
    /// The words.
    pub message: String,
    /// Pinned on top.
    pub is_pinned: bool,
    /// Only its place is left.
    pub is_deleted: bool,
    /// Reactions.
    pub reactions_count: u32,
    /// When.
    pub created_at: Option<DateTime<Utc>>,
}

/// Where a message is.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct PlaceRow {
    /// The message.
    pub id: u64,
    /// Its room.
    pub live_room_id: RoomId,
    /// What it answers.
    pub parent_id: Option<u64>,
    /// Only its place is left.
    pub is_deleted: bool,
}

/// A locked message, as far as its own row tells.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct LockedMessageRow {
    /// Its room.
    pub live_room_id: RoomId,
    /// Its author.
    pub user_id: UserId,
    /// Pinned on top.
    pub is_pinned: bool,
    /// Only its place is left.
    pub is_deleted: bool,
    /// Reactions.
    pub reactions_count: u32,
}

/// A message to be added.
#[derive(Clone, Debug)]
pub struct NewRoomMessage<'a> {
    /// Its room.
    pub live_room_id: RoomId,
    /// Its author.
    pub user_id: UserId,
    /// What it answers.
    pub parent_id: Option<u64>,
    /// `text`, `emoji`, `system` or `announcement`.
    pub message_type: &'static str,
    /// The words.
    pub message: &'a str,
    /// When, in whole seconds.
    pub created_at: Time,
}

/// When somebody wrote in a room for the last time.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct LastWrittenRow {
    /// Who.
    pub user_id: UserId,
    /// When.
    pub created_at: Option<DateTime<Utc>>,
}

const MESSAGE: &str = "SELECT m.id, m.live_room_id, m.user_id, u.name AS user_name, u.avatar AS user_avatar, \
    m.parent_id, m.type, m.message, m.is_pinned, m.is_deleted, m.reactions_count, m.created_at \
    FROM live_room_messages m JOIN users u ON u.id = m.user_id";

const PLACE: &str = "SELECT id, live_room_id, parent_id, is_deleted FROM live_room_messages WHERE id ";

/// Adds messages to rooms whose rows have to be locked, so that ids are in the order of commits. Gives their ids, which
/// ascend in the order of the messages.
///
/// # Errors
/// [`StoreError::Foreign`] where an author, or a message answered, has gone.
pub async fn insert_messages(
    conn: &mut Conn,
    messages: &[NewRoomMessage<'_>],
) -> Result<Vec<u64>, StoreError> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Statement::new(
        "INSERT INTO live_room_messages (live_room_id, user_id, parent_id, type, message, created_at, updated_at) \
         VALUES ",
    );
    query.push_each(messages, |query, message| {
        query.push("(").push_number(message.live_room_id).push(", ").push_number(message.user_id);
        query.push(", ").push_number_or_null(message.parent_id).push(", '").push(message.message_type);
        query.push("', ").push_text(message.message).push(", ").push_seconds(message.created_at);
        query.push(", ").push_seconds(message.created_at).push(")");
    });
    let done = query.execute(conn).await?;
    let count = u64::try_from(messages.len()).unwrap_or(u64::MAX);
    affected("live_room_messages", count, &done)?;
    inserted_ids(conn, &done, count).await
}

/// Where a message is.
///
/// # Errors
/// Those of the driver.
pub async fn find_message_place(conn: &mut Conn, id: u64) -> Result<Option<PlaceRow>, StoreError> {
    let mut query = QueryBuilder::new(PLACE);
    query.push("= ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Where messages are, in no order; nothing of those that are not there.
///
/// # Errors
/// Those of the driver.
pub async fn list_message_places(conn: &mut Conn, ids: &[u64]) -> Result<Vec<PlaceRow>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Statement::new(PLACE);
    query.push("IN (").push_numbers(ids).push(")");
    query.fetch_all(conn).await
}

/// A message with its author's card.
///
/// # Errors
/// Those of the driver.
pub async fn find_message(conn: &mut Conn, id: u64) -> Result<Option<RoomMessageRow>, StoreError> {
    let mut query = QueryBuilder::new(MESSAGE);
    query.push(" WHERE m.id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// A message, locked before its state or its reactions are written (domain.md D9). Only its own row is locked.
///
/// # Errors
/// Those of the driver.
pub async fn lock_message(conn: &mut Conn, id: u64) -> Result<Option<LockedMessageRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT live_room_id, user_id, is_pinned, is_deleted, reactions_count FROM live_room_messages \
         WHERE id = ? FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// Pins a locked message, by somebody; or takes it down, by nobody.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such message.
pub async fn update_pinned(
    conn: &mut Conn,
    id: u64,
    pinned_by: Option<UserId>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE live_room_messages SET is_pinned = ?, pinned_by = ?, updated_at = ? WHERE id = ?",
    )
    .bind(pinned_by.is_some())
    .bind(pinned_by)
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("live_room_messages", 1, &done)
}

/// Leaves only the place of a locked message, which is not pinned any more (domain.md §4.4).
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such message.
pub async fn update_deleted(
    conn: &mut Conn,
    id: u64,
    deleted_by: UserId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE live_room_messages SET is_deleted = 1, deleted_by = ?, deleted_at = ?, is_pinned = 0, \
           pinned_by = NULL, updated_at = ? WHERE id = ?",
    )
    .bind(deleted_by)
    .bind(at)
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("live_room_messages", 1, &done)
}

/// How many messages of a room are pinned. Exact while the room's row is locked.
///
/// # Errors
/// Those of the driver.
pub async fn count_pinned(conn: &mut Conn, room_id: RoomId) -> Result<u64, StoreError> {
    let pinned: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM live_room_messages WHERE live_room_id = ? AND is_pinned = 1 AND is_deleted = 0",
    )
    .bind(room_id)
    .fetch_one(conn)
    .await?;
    u64::try_from(pinned)
        .map_err(|_error| StoreError::Corrupt { table: "live_room_messages", column: "COUNT(*)" })
}

/// When users wrote in a room for the last time, deleted messages included; nothing of those who never did. Exact while
/// the room's row is locked.
///
/// # Errors
/// Those of the driver.
pub async fn list_last_written(
    conn: &mut Conn,
    room_id: RoomId,
    user_ids: &[UserId],
) -> Result<Vec<LastWrittenRow>, StoreError> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    // MAX, not ORDER BY id LIMIT 1: that tempts the optimizer to walk a long room backwards for who never wrote in it.
    let mut query = Statement::new(
        "SELECT user_id, MAX(created_at) AS created_at FROM live_room_messages WHERE live_room_id = ",
    );
    query.push_number(room_id).push(" AND user_id IN (").push_numbers(user_ids).push(") GROUP BY user_id");
    query.fetch_all(conn).await
}

/// Which messages of a room.
#[derive(Clone, Copy, Debug)]
pub enum RoomMessagesFrom {
    /// The newest, descending ids.
    Newest,
    /// Smaller ids, descending.
    Before(u64),
    /// Greater ids, ascending.
    After(u64),
}

/// At most `limit` messages of a room, in the order of `from`.
///
/// # Errors
/// Those of the driver.
pub async fn list_messages(
    conn: &mut Conn,
    room_id: RoomId,
    from: RoomMessagesFrom,
    limit: u32,
) -> Result<Vec<RoomMessageRow>, StoreError> {
    let mut query = QueryBuilder::new(MESSAGE);
    query.push(" WHERE m.live_room_id = ").push_bind(room_id);
    match from {
        RoomMessagesFrom::Newest => query.push(" ORDER BY m.id DESC"),
        RoomMessagesFrom::Before(id) => query.push(" AND m.id < ").push_bind(id).push(" ORDER BY m.id DESC"),
        RoomMessagesFrom::After(id) => query.push(" AND m.id > ").push_bind(id).push(" ORDER BY m.id"),
    };
    query.push(" LIMIT ").push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// At most `limit` answers of a room's thread: above an id in ascending order, or below it in descending order.
///
/// # Errors
/// Those of the driver.
pub async fn list_thread(
    conn: &mut Conn,
    room_id: RoomId,
    parent_id: u64,
    cursor: Option<u64>,
    forward: bool,
    limit: u32,
) -> Result<Vec<RoomMessageRow>, StoreError> {
    let mut query = QueryBuilder::new(MESSAGE);
    // The index on parent_id finds them; the room is only looked at (another application may mix them up).
    query.push(" WHERE m.parent_id = ").push_bind(parent_id);
    query.push(" AND m.live_room_id + 0 = ").push_bind(room_id);
    if let Some(cursor) = cursor {
        query.push(if forward { " AND m.id > " } else { " AND m.id < " }).push_bind(cursor);
    }
    query.push(if forward { " ORDER BY m.id LIMIT " } else { " ORDER BY m.id DESC LIMIT " });
    query.push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// The pinned messages of a room, oldest first; at most three, the newest (domain.md §5.6).
///
/// # Errors
/// Those of the driver.
pub async fn list_pinned(conn: &mut Conn, room_id: RoomId) -> Result<Vec<RoomMessageRow>, StoreError> {
    let mut query = QueryBuilder::new(MESSAGE);
    query
        .push(" WHERE m.live_room_id = ")
        .push_bind(room_id)
        .push(" AND m.is_pinned = 1 AND m.is_deleted = 0 ORDER BY m.id DESC LIMIT 3");
    let mut rows: Vec<RoomMessageRow> = query.build_query_as().fetch_all(conn).await?;
    rows.reverse();
    Ok(rows)
}
