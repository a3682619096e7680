//! A speaker's weekly windows.

use base::Money;
use base::id::UserId;
use chrono::{DateTime, NaiveTime, Utc};
use rust_decimal::Decimal;
use sqlx::QueryBuilder;

use crate::statement::Statement;
use crate::{Conn, StoreError, affected};

/// A `consultation_availabilities` row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AvailabilityRow {
    /// Its id.
    pub id: u64,
    /// The speaker.
    pub user_id: UserId,
    /// `mon` … `sun`.
    pub day_of_week: String,
    /// From, in the speaker's time zone.
    pub start_time: NaiveTime,
    /// Until, in the speaker's time zone.
    pub end_time: NaiveTime,
    /// Minutes.
    pub session_duration: u16,
    /// What a session costs.
    #[sqlx(try_from = "Decimal")]
    pub price_per_session: Money,
    /// Can it be booked?
    pub is_active: bool,
}

/// What is written of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewAvailability {
    /// `mon` … `sun`.
    pub day_of_week: &'static str,
    /// From, in the speaker's time zone.
    pub start_time: NaiveTime,
    /// Until, in the speaker's time zone.
    pub end_time: NaiveTime,
    /// Minutes.
    pub session_duration: u16,
    /// What a session costs.
    pub price_per_session: Money,
    /// Can it be booked?
    pub is_active: bool,
}

const COLUMNS: &str = "SELECT id, user_id, day_of_week, start_time, end_time, session_duration, price_per_session, \
     is_active FROM consultation_availabilities";

/// One window.
///
/// # Errors
/// Those of the driver.
pub async fn find_availability(conn: &mut Conn, id: u64) -> Result<Option<AvailabilityRow>, StoreError> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" WHERE id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// A speaker's windows, in the order of the week.
///
/// # Errors
/// Those of the driver.
pub async fn list_availabilities(
    conn: &mut Conn,
    user_id: UserId,
) -> Result<Vec<AvailabilityRow>, StoreError> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" WHERE user_id = ").push_bind(user_id).push(" ORDER BY day_of_week, start_time, id");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// The windows of several speakers that can be booked.
///
/// # Errors
/// Those of the driver.
pub async fn list_open_availabilities(
    conn: &mut Conn,
    user_ids: &[UserId],
) -> Result<Vec<AvailabilityRow>, StoreError> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Statement::new(COLUMNS);
    query.push(" WHERE is_active = 1 AND user_id IN (").push_numbers(user_ids).push(") ORDER BY id");
    query.fetch_all(conn).await
}

/// Locks all windows of a speaker, which is the lock of the speaker's offer (domain.md D25), in the order of their ids.
/// Who writes windows locks the speaker's profile next, and reads the windows after that: one that another transaction
/// has just added is not locked by this.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_availabilities(
    conn: &mut Conn,
    user_id: UserId,
) -> Result<Vec<AvailabilityRow>, StoreError> {
    let ids: Vec<u64> =
        sqlx::query_scalar("SELECT id FROM consultation_availabilities WHERE user_id = ? ORDER BY id")
            .bind(user_id)
            .fetch_all(&mut *conn)
            .await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // The index is named because a server that finds the table small would read, and lock, all of it.
    let mut query = Statement::new(COLUMNS);
    query.push(" FORCE INDEX (PRIMARY) WHERE id IN (").push_numbers(&ids).push(") AND user_id = ");
    query.push_number(user_id).push(" ORDER BY id FOR UPDATE");
    query.fetch_all(conn).await
}

/// Adds a window; answers its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_availability(
    conn: &mut Conn,
    user_id: UserId,
    new: &NewAvailability,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO consultation_availabilities (user_id, day_of_week, start_time, end_time, session_duration, \
           price_per_session, is_active, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(user_id)
    .bind(new.day_of_week)
    .bind(new.start_time)
    .bind(new.end_time)
    .bind(new.session_duration)
    .bind(new.price_per_session.to_decimal())
    .bind(new.is_active)
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Writes a window anew.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such row.
pub async fn update_availability(
    conn: &mut Conn,
    id: u64,
    new: &NewAvailability,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE consultation_availabilities SET day_of_week = ?, start_time = ?, end_time = ?, \
           session_duration = ?, price_per_session = ?, is_active = ?, updated_at = ? WHERE id = ?",
    )
    .bind(new.day_of_week)
    .bind(new.start_time)
    .bind(new.end_time)
    .bind(new.session_duration)
    .bind(new.price_per_session.to_decimal())
    .bind(new.is_active)
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("consultation_availabilities", 1, &done)
}

/// Takes a window away; bookings of it stay, and name it no more.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such row.
pub async fn delete_availability(conn: &mut Conn, id: u64) -> Result<(), StoreError> {
    let done =
        sqlx::query("DELETE FROM consultation_availabilities WHERE id = ?").bind(id).execute(conn).await?;
    affected("consultation_availabilities", 1, &done)
}
