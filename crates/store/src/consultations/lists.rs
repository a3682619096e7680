//! Bookings as lists show them.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::{MySql, QueryBuilder};

use super::bookings::{BOOKING, BookingRow};
use crate::{Conn, StoreError};

/// Which bookings to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct BookingQuery {
    /// `consultation_bookings.status`.
    pub status: Option<&'static str>,
    /// Beginning then or later.
    pub from: Option<DateTime<Utc>>,
    /// Beginning before.
    pub to: Option<DateTime<Utc>>,
    /// Of this student.
    pub student_id: Option<UserId>,
    /// Of this speaker.
    pub speaker_id: Option<UserId>,
}

/// Orders of the table of all bookings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BookingOrder {
    /// By when they were booked.
    #[default]
    Booked,
    /// By when they begin.
    Begins,
}

/// A part of somebody's bookings by id: of those in which they are the student, or the speaker, as `which` says; where it
/// says neither, of both.
///
/// # Errors
/// Those of the driver.
pub async fn list_bookings(
    conn: &mut Conn,
    user_id: UserId,
    which: &BookingQuery,
    (cursor, forward, limit): (Option<u64>, bool, u32),
) -> Result<Vec<BookingRow>, StoreError> {
    let roles: &[&str] = match (which.student_id, which.speaker_id) {
        (Some(_), None) => &["student_id"],
        (None, Some(_)) => &["speaker_id"],
        _ => &["student_id", "speaker_id"],
    };
    let order = if forward { "id DESC LIMIT " } else { "id LIMIT " };
    // Each half is read from its own index and cut to the page's length before they meet.
    let mut query = QueryBuilder::new("");
    for (ordinal, role) in roles.iter().enumerate() {
        query.push(if ordinal > 0 { " UNION ALL (" } else { "(" }).push(BOOKING);
        query.push(" WHERE b.").push(role).push(" = ").push_bind(user_id);
        push_filter(&mut query, which);
        if let Some(cursor) = cursor {
            query.push(if forward { " AND b.id < " } else { " AND b.id > " }).push_bind(cursor);
        }
        query.push(" ORDER BY b.").push(order).push_bind(limit).push(")");
    }
    query.push(" ORDER BY ").push(order).push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// A part of all bookings.
///
/// # Errors
/// Those of the driver.
pub async fn list_all_bookings(
    conn: &mut Conn,
    which: &BookingQuery,
    (order, descending): (BookingOrder, bool),
    (offset, limit): (u64, u32),
) -> Result<Vec<BookingRow>, StoreError> {
    let mut query = QueryBuilder::new(BOOKING);
    query.push(" WHERE TRUE");
    push_filter(&mut query, which);
    push_people(&mut query, which);
    query.push(match (order, descending) {
        (BookingOrder::Booked, true) => " ORDER BY b.created_at DESC, b.id DESC",
        (BookingOrder::Booked, false) => " ORDER BY b.created_at, b.id",
        (BookingOrder::Begins, true) => " ORDER BY b.scheduled_at DESC, b.id DESC",
        (BookingOrder::Begins, false) => " ORDER BY b.scheduled_at, b.id",
    });
    query.push(" LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// How many bookings there are.
///
/// # Errors
/// Those of the driver.
pub async fn count_bookings(conn: &mut Conn, which: &BookingQuery) -> Result<u64, StoreError> {
    let mut query = QueryBuilder::new("SELECT COUNT(*) FROM consultation_bookings b WHERE TRUE");
    push_filter(&mut query, which);
    push_people(&mut query, which);
    let count: i64 = query.build_query_scalar().fetch_one(conn).await?;
    u64::try_from(count)
        .map_err(|_error| StoreError::Corrupt { table: "consultation_bookings", column: "COUNT(*)" })
}

fn push_filter(query: &mut QueryBuilder<MySql>, which: &BookingQuery) {
    if let Some(status) = which.status {
        query.push(" AND b.status = ").push_bind(status);
    }
    if let Some(from) = which.from {
        query.push(" AND b.scheduled_at >= ").push_bind(from);
    }
    if let Some(to) = which.to {
        query.push(" AND b.scheduled_at < ").push_bind(to);
    }
}

fn push_people(query: &mut QueryBuilder<MySql>, which: &BookingQuery) {
    if let Some(student) = which.student_id {
        query.push(" AND b.student_id = ").push_bind(student);
    }
    if let Some(speaker) = which.speaker_id {
        query.push(" AND b.speaker_id = ").push_bind(speaker);
    }
}
