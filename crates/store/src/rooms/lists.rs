//! Rooms as lists and pages show them: one statement, whatever the number of rooms.

use base::Money;
use base::id::{RoomId, UserId};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;
use sqlx::{MySql, QueryBuilder};

use crate::{Conn, StoreError};

/// A room with its host, its seats and the viewer's own registration.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RoomListRow {
    /// Its id.
    pub id: RoomId,
    /// The host.
    pub host_id: UserId,
    /// The host's name.
    pub host_name: String,
    /// The host's handle.
    pub host_username: String,
    /// The host's picture.
    pub host_avatar: Option<String>,
    /// The host is checked by the platform.
    pub host_is_verified: bool,
    /// Its category.
    pub category_id: Option<u64>,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: Option<String>,
    /// A picture.
    pub cover_url: Option<String>,
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
    /// `free` or `paid`.
    pub access_type: String,
    /// What a seat costs.
    #[sqlx(try_from = "Decimal")]
    pub price: Money,
    /// Seats, if limited.
    pub max_participants: Option<u32>,
    /// `live_rooms.status`.
    pub status: String,
    /// Since when it is live.
    pub started_at: Option<DateTime<Utc>>,
    /// Seats taken.
    pub seats_taken: i64,
    /// `live_room_registrations.status` of the viewer.
    pub my_registration: Option<String>,
}

/// Which rooms to list.
#[derive(Clone, Debug, Default)]
pub struct RoomQuery {
    /// Whose own cancelled rooms are shown and whose registration is told; 0 is a guest.
    pub viewer: UserId,
    /// Cancelled rooms of others, too.
    pub all_cancelled: bool,
    /// `live_rooms.status`.
    pub status: Option<&'static str>,
    /// Of this category.
    pub category_id: Option<u64>,
    /// `free` or `paid`.
    pub access_type: Option<&'static str>,
    /// Of this host.
    pub host_id: Option<UserId>,
    /// Only active ones (`true`), only others (`false`).
    pub live_now: Option<bool>,
    /// Running on or after this day.
    pub from: Option<NaiveDate>,
    /// Beginning on or before this day.
    pub to: Option<NaiveDate>,
    /// The id next to which the list begins.
    pub cursor: Option<u64>,
    /// Towards lower ids (descending), or higher ones (ascending).
    pub forward: bool,
    /// At most so many.
    pub limit: u32,
}

/// A part of the rooms that the viewer may know of.
///
/// # Errors
/// Those of the driver.
pub async fn list_rooms(conn: &mut Conn, which: &RoomQuery) -> Result<Vec<RoomListRow>, StoreError> {
    let mut query = select(which);
    if let Some(status) = which.status {
        query.push(" AND r.status = ").push_bind(status);
    }
    if let Some(category) = which.category_id {
        query.push(" AND r.category_id = ").push_bind(category);
    }
    if let Some(access) = which.access_type {
        query.push(" AND r.access_type = ").push_bind(access);
    }
    if let Some(host) = which.host_id {
        query.push(" AND r.user_id = ").push_bind(host);
    }
    match which.live_now {
        Some(true) => drop(query.push(" AND r.status = 'active'")),
        Some(false) => drop(query.push(" AND r.status <> 'active'")),
        None => {}
    }
    if let Some(from) = which.from {
        query.push(" AND r.end_date >= ").push_bind(from);
    }
    if let Some(to) = which.to {
        query.push(" AND r.start_date <= ").push_bind(to);
    }
    if let Some(cursor) = which.cursor {
        query.push(if which.forward { " AND r.id < " } else { " AND r.id > " }).push_bind(cursor);
    }
    query.push(if which.forward { " ORDER BY r.id DESC LIMIT " } else { " ORDER BY r.id LIMIT " });
    query.push_bind(which.limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// One room that the viewer may know of.
///
/// # Errors
/// Those of the driver.
pub async fn find_listed_room(
    conn: &mut Conn,
    viewer: UserId,
    all_cancelled: bool,
    id: RoomId,
) -> Result<Option<RoomListRow>, StoreError> {
    let mut query = select(&RoomQuery { viewer, all_cancelled, ..RoomQuery::default() });
    query.push(" AND r.id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// A room as administrators see it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AdminRoomRow {
    /// As everybody sees it.
    #[sqlx(flatten)]
    pub room: RoomListRow,
    /// Seats that money was paid for.
    pub paid_count: i64,
    /// When it was announced.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was deleted, if it was.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Which rooms administrators list.
#[derive(Clone, Debug, Default)]
pub struct AdminRoomQuery<'a> {
    /// `live_rooms.status`.
    pub status: Option<&'static str>,
    /// Of this category.
    pub category_id: Option<u64>,
    /// `free` or `paid`.
    pub access_type: Option<&'static str>,
    /// Of this host.
    pub host_id: Option<UserId>,
    /// Whose title begins so.
    pub title: Option<&'a str>,
    /// Deleted rooms: left out, too, or alone.
    pub trashed: Option<bool>,
    /// The column to sort by: `created_at`, `start_date` or `price`.
    pub sort: &'static str,
    /// Downwards?
    pub descending: bool,
    /// So many are before the page.
    pub offset: u64,
    /// At most so many.
    pub limit: u32,
}

/// A part of all rooms, for administrators. `trashed`: `None` without deleted ones, `false` with them, `true` them alone.
///
/// # Errors
/// Those of the driver.
pub async fn list_admin_rooms(
    conn: &mut Conn,
    which: &AdminRoomQuery<'_>,
) -> Result<Vec<AdminRoomRow>, StoreError> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(LISTED).push(
        ", NULL AS my_registration, r.created_at, r.deleted_at, \
           (SELECT COUNT(*) FROM live_room_registrations p WHERE p.live_room_id = r.id \
              AND p.status <> 'cancelled' AND p.price_paid > 0) AS paid_count \
         FROM live_rooms r JOIN users h ON h.id = r.user_id WHERE TRUE",
    );
    narrow(&mut query, which);
    let column = match which.sort {
        "start_date" => "r.start_date",
        "price" => "r.price",
        _ => "r.created_at",
    };
    let direction = if which.descending { " DESC" } else { "" };
    query.push(" ORDER BY ").push(column).push(direction).push(", r.id").push(direction);
    query.push(" LIMIT ").push_bind(which.limit).push(" OFFSET ").push_bind(which.offset);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// How many there are on all pages.
///
/// # Errors
/// Those of the driver.
pub async fn count_admin_rooms(conn: &mut Conn, which: &AdminRoomQuery<'_>) -> Result<u64, StoreError> {
    let mut query = QueryBuilder::new("SELECT COUNT(*) FROM live_rooms r WHERE TRUE");
    narrow(&mut query, which);
    let count: i64 = query.build_query_scalar().fetch_one(conn).await?;
    u64::try_from(count).map_err(|_error| StoreError::Corrupt { table: "live_rooms", column: "COUNT(*)" })
}

fn narrow(query: &mut QueryBuilder<MySql>, which: &AdminRoomQuery<'_>) {
    match which.trashed {
        None => drop(query.push(" AND r.deleted_at IS NULL")),
        Some(true) => drop(query.push(" AND r.deleted_at IS NOT NULL")),
        Some(false) => {}
    }
    if let Some(status) = which.status {
        query.push(" AND r.status = ").push_bind(status);
    }
    if let Some(category) = which.category_id {
        query.push(" AND r.category_id = ").push_bind(category);
    }
    if let Some(access) = which.access_type {
        query.push(" AND r.access_type = ").push_bind(access);
    }
    if let Some(host) = which.host_id {
        query.push(" AND r.user_id = ").push_bind(host);
    }
    if let Some(title) = which.title {
        query.push(" AND LEFT(r.title, CHAR_LENGTH(").push_bind(title.to_owned()).push(")) = ");
        query.push_bind(title.to_owned());
    }
}

/// Somebody with a seat in a room.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ParticipantRow {
    /// The registration's id.
    pub id: u64,
    /// Who.
    pub user_id: UserId,
    /// The user's name.
    pub name: String,
    /// The user's handle.
    pub username: String,
    /// The user's picture.
    pub avatar: Option<String>,
    /// The user is checked by the platform.
    pub is_verified: bool,
    /// `registered`, `attended` or `missed`.
    pub status: String,
    /// When the seat was taken.
    pub registered_at: Option<DateTime<Utc>>,
    /// When they first came in.
    pub attended_at: Option<DateTime<Utc>>,
    /// May not write now.
    pub is_muted: bool,
    /// May not come in now.
    pub is_banned: bool,
}

/// At most `limit` of those with a seat in a room: below a registration's id in descending order, or above it in
/// ascending order. Deleted accounts are left out.
///
/// # Errors
/// Those of the driver.
pub async fn list_participants(
    conn: &mut Conn,
    room_id: RoomId,
    cursor: Option<u64>,
    forward: bool,
    limit: u32,
) -> Result<Vec<ParticipantRow>, StoreError> {
    let mut query = QueryBuilder::new(
        "SELECT s.id, s.user_id, u.name, u.username, u.avatar, u.is_verified, s.status, s.registered_at, \
           s.attended_at, \
           EXISTS (SELECT 1 FROM hub_room_mutes m WHERE m.live_room_id = s.live_room_id \
             AND m.user_id = s.user_id AND (m.until IS NULL OR m.until > UTC_TIMESTAMP())) AS is_muted, \
           EXISTS (SELECT 1 FROM hub_room_bans b WHERE b.live_room_id = s.live_room_id \
             AND b.user_id = s.user_id AND (b.until IS NULL OR b.until > UTC_TIMESTAMP())) AS is_banned \
         FROM live_room_registrations s JOIN users u ON u.id = s.user_id AND u.deleted_at IS NULL \
         WHERE s.status IN ('registered', 'attended', 'missed') AND s.live_room_id = ",
    );
    query.push_bind(room_id);
    if let Some(cursor) = cursor {
        query.push(if forward { " AND s.id < " } else { " AND s.id > " }).push_bind(cursor);
    }
    query.push(if forward { " ORDER BY s.id DESC LIMIT " } else { " ORDER BY s.id LIMIT " });
    query.push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// The columns of a [`RoomListRow`] but for the viewer's own.
const LISTED: &str = "r.id, r.user_id AS host_id, h.name AS host_name, h.username AS host_username, \
      h.avatar AS host_avatar, h.is_verified AS host_is_verified, r.category_id, r.title, r.description, \
      r.cover_url, r.start_date, r.end_date, r.start_time, r.end_time, r.timezone, r.duration_type, \
      r.access_type, r.price, r.max_participants, r.status, r.started_at, \
      (SELECT COUNT(*) FROM live_room_registrations s WHERE s.live_room_id = r.id \
         AND (s.status IN ('registered', 'attended') OR (s.status = 'pending' \
           AND COALESCE(s.updated_at, s.created_at) > UTC_TIMESTAMP() - INTERVAL 15 MINUTE))) AS seats_taken";

fn select(which: &RoomQuery) -> QueryBuilder<MySql> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(LISTED).push(
        ", m.status AS my_registration FROM live_rooms r JOIN users h ON h.id = r.user_id \
         LEFT JOIN live_room_registrations m ON m.live_room_id = r.id AND m.user_id = ",
    );
    query.push_bind(which.viewer);
    query.push(" WHERE r.deleted_at IS NULL AND h.deleted_at IS NULL AND h.is_active = 1");
    if !which.all_cancelled {
        query.push(" AND (r.status <> 'cancelled' OR r.user_id = ").push_bind(which.viewer).push(")");
    }
    query
}
