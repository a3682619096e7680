//! What the two say of each other.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use crate::statement::Statement;
use crate::{Conn, StoreError, affected};

/// A `consultation_ratings` row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RatingRow {
    /// Its id.
    pub id: u64,
    /// The session.
    pub booking_id: u64,
    /// Who rates.
    pub rater_id: UserId,
    /// Who is rated.
    pub rated_id: UserId,
    /// 1 to 5.
    pub rating: u8,
    /// In words.
    pub review: Option<String>,
    /// When it was written.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub updated_at: Option<DateTime<Utc>>,
}

/// A rating to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewRating<'a> {
    /// The session.
    pub booking_id: u64,
    /// Who rates.
    pub rater_id: UserId,
    /// Who is rated.
    pub rated_id: UserId,
    /// 1 to 5.
    pub rating: u8,
    /// In words.
    pub review: Option<&'a str>,
    /// When, in whole seconds.
    pub at: DateTime<Utc>,
}

/// What students gave a speaker, summed up.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct RatingSumRow {
    /// The speaker.
    pub rated_id: UserId,
    /// How many.
    pub count: i64,
    /// Of all together.
    pub sum: i64,
}

const RATING: &str = "SELECT r.id, r.booking_id, r.rater_id, r.rated_id, r.rating, r.review, r.created_at, \
     r.updated_at FROM consultation_ratings r";

/// One's rating of a session.
///
/// # Errors
/// Those of the driver.
pub async fn find_rating(
    conn: &mut Conn,
    booking_id: u64,
    rater_id: UserId,
) -> Result<Option<RatingRow>, StoreError> {
    let mut query = QueryBuilder::new(RATING);
    query.push(" WHERE r.booking_id = ").push_bind(booking_id).push(" AND r.rater_id = ").push_bind(rater_id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// One's rating of a session, locked.
///
/// # Errors
/// Those of the driver.
pub async fn lock_rating(
    conn: &mut Conn,
    booking_id: u64,
    rater_id: UserId,
) -> Result<Option<RatingRow>, StoreError> {
    let mut query = QueryBuilder::new(RATING);
    query.push(" WHERE r.booking_id = ").push_bind(booking_id).push(" AND r.rater_id = ").push_bind(rater_id);
    query.push(" FOR UPDATE");
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Both ratings of a session, as far as they are there.
///
/// # Errors
/// Those of the driver.
pub async fn list_booking_ratings(conn: &mut Conn, booking_id: u64) -> Result<Vec<RatingRow>, StoreError> {
    let mut query = QueryBuilder::new(RATING);
    query.push(" WHERE r.booking_id = ").push_bind(booking_id).push(" ORDER BY r.id");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// A part of what students said of a speaker, by id.
///
/// # Errors
/// Those of the driver.
pub async fn list_speaker_ratings(
    conn: &mut Conn,
    speaker_id: UserId,
    (cursor, forward, limit): (Option<u64>, bool, u32),
) -> Result<Vec<RatingRow>, StoreError> {
    let mut query = QueryBuilder::new(RATING);
    query.push(" STRAIGHT_JOIN consultation_bookings b ON b.id = r.booking_id AND b.speaker_id = r.rated_id");
    query.push(" WHERE r.rated_id = ").push_bind(speaker_id);
    if let Some(cursor) = cursor {
        query.push(if forward { " AND r.id < " } else { " AND r.id > " }).push_bind(cursor);
    }
    query.push(if forward { " ORDER BY r.id DESC LIMIT " } else { " ORDER BY r.id LIMIT " }).push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// What students gave speakers, summed up; nothing of who was never rated.
///
/// # Errors
/// Those of the driver.
pub async fn list_rating_sums(
    conn: &mut Conn,
    speaker_ids: &[UserId],
) -> Result<Vec<RatingSumRow>, StoreError> {
    if speaker_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Statement::new(
        "SELECT r.rated_id, COUNT(*) AS count, CAST(SUM(r.rating) AS SIGNED) AS sum FROM consultation_ratings r \
         STRAIGHT_JOIN consultation_bookings b ON b.id = r.booking_id AND b.speaker_id = r.rated_id \
         WHERE r.rated_id IN (",
    );
    query.push_numbers(speaker_ids).push(") GROUP BY r.rated_id");
    query.fetch_all(conn).await
}

/// Writes a rating; answers its id.
///
/// # Errors
/// [`StoreError::Unique`] when there is one already.
pub async fn insert_rating(conn: &mut Conn, new: &NewRating<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO consultation_ratings (booking_id, rater_id, rated_id, rating, review, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.booking_id)
    .bind(new.rater_id)
    .bind(new.rated_id)
    .bind(new.rating)
    .bind(new.review)
    .bind(new.at)
    .bind(new.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Writes a rating anew.
///
/// # Errors
/// [`StoreError::RowsAffected`] when there is no such row.
pub async fn update_rating(
    conn: &mut Conn,
    id: u64,
    (rating, review): (u8, Option<&str>),
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done =
        sqlx::query("UPDATE consultation_ratings SET rating = ?, review = ?, updated_at = ? WHERE id = ?")
            .bind(rating)
            .bind(review)
            .bind(at)
            .bind(id)
            .execute(conn)
            .await?;
    affected("consultation_ratings", 1, &done)
}
