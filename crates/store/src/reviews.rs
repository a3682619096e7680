//! `hub_reviews` (domain.md §4.3): one row a person and course or book, and the mean that the thing itself keeps.

use base::id::UserId;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::{AssertSqlSafe, MySql, QueryBuilder};

use crate::{Conn, StoreError, affected};

/// What is reviewed: the kind's short name and the id of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// `course` or `book`.
    pub kind: &'static str,
    /// Its id.
    pub id: u64,
}

impl Subject {
    /// `AND …` for its reviews. The kind is written out: a bound word would be of another character set than the column,
    /// whose index could not be used.
    fn condition(self) -> &'static str {
        if self.kind == "book" {
            " AND r.reviewable_type = 'book' AND r.reviewable_id = "
        } else {
            " AND r.reviewable_type = 'course' AND r.reviewable_id = "
        }
    }

    /// The table of the thing.
    fn table(self) -> &'static str {
        if self.kind == "book" { "books" } else { "courses" }
    }
}

/// A course or a book that is not deleted, as far as a review goes.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SubjectRow {
    /// Its author, or who sells it.
    pub user_id: UserId,
    /// Its title.
    pub title: String,
    /// Its unique name in addresses.
    pub slug: String,
    /// `draft`, `published` or `archived`.
    pub status: String,
}

/// A review with what it is about.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ReviewRow {
    /// Its id.
    pub id: u64,
    /// Who wrote it.
    pub user_id: UserId,
    /// `course` or `book`.
    pub reviewable_type: String,
    /// What it is about.
    pub reviewable_id: u64,
    /// Stars, 1 to 5.
    pub rating: u8,
    /// In words.
    pub body: Option<String>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// The thing's title.
    pub title: String,
    /// The thing's unique name in addresses.
    pub slug: String,
}

/// Which reviews to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReviewQuery {
    /// Of this thing.
    pub subject: Option<Subject>,
    /// By this user.
    pub user_id: Option<UserId>,
    /// With so many stars.
    pub rating: Option<u8>,
    /// Only of things that are on offer.
    pub only_published: bool,
    /// The id next to which the list begins.
    pub cursor: Option<u64>,
    /// Towards lower ids (descending), or higher ones (ascending).
    pub forward: bool,
    /// At most so many.
    pub limit: u32,
}

/// A course or a book.
///
/// # Errors
/// Those of the driver.
pub async fn find_subject(conn: &mut Conn, subject: Subject) -> Result<Option<SubjectRow>, StoreError> {
    let table = subject.table();
    let sql = format!("SELECT user_id, title, slug, status FROM {table} WHERE id = ? AND deleted_at IS NULL");
    Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(subject.id).fetch_optional(conn).await?)
}

/// As [`find_subject`], locked before its reviews are written (domain.md D9).
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_subject(conn: &mut Conn, subject: Subject) -> Result<Option<SubjectRow>, StoreError> {
    let table = subject.table();
    let sql = format!(
        "SELECT user_id, title, slug, status FROM {table} WHERE id = ? AND deleted_at IS NULL FOR UPDATE"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(subject.id).fetch_optional(conn).await?)
}

/// How far somebody who has the thing is in it, in per cent; a book that one has is had wholly. Nothing for whoever has it
/// not, or not any more.
///
/// # Errors
/// Those of the driver.
pub async fn find_share(
    conn: &mut Conn,
    user_id: UserId,
    subject: Subject,
) -> Result<Option<Decimal>, StoreError> {
    let sql = if subject.kind == "book" {
        "SELECT CAST(100 AS DECIMAL(5,2)) FROM book_purchases \
         WHERE user_id = ? AND book_id = ? AND status = 'completed'"
    } else {
        "SELECT IF(status = 'completed', 100, progress_percentage) + CAST(0 AS DECIMAL(5,2)) FROM enrollments \
         WHERE user_id = ? AND course_id = ? AND (status = 'completed' \
           OR (status = 'active' AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP())))"
    };
    Ok(sqlx::query_scalar(sql).bind(user_id).bind(subject.id).fetch_optional(conn).await?)
}

/// A review of a thing that is not deleted.
///
/// # Errors
/// Those of the driver.
pub async fn find_review(conn: &mut Conn, id: u64) -> Result<Option<ReviewRow>, StoreError> {
    let mut query = select();
    query.push(" AND r.id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Somebody's review of a thing.
///
/// # Errors
/// Those of the driver.
pub async fn find_own_review(
    conn: &mut Conn,
    user_id: UserId,
    subject: Subject,
) -> Result<Option<ReviewRow>, StoreError> {
    let mut query = select();
    query.push(" AND r.user_id = ").push_bind(user_id);
    query.push(subject.condition()).push_bind(subject.id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// A part of the reviews by people whose accounts are good.
///
/// # Errors
/// Those of the driver.
pub async fn list_reviews(conn: &mut Conn, which: &ReviewQuery) -> Result<Vec<ReviewRow>, StoreError> {
    let mut query = select();
    query.push(" AND u.deleted_at IS NULL AND u.is_active = 1");
    if let Some(subject) = which.subject {
        query.push(subject.condition()).push_bind(subject.id);
    }
    if let Some(user_id) = which.user_id {
        query.push(" AND r.user_id = ").push_bind(user_id);
    }
    if let Some(rating) = which.rating {
        query.push(" AND r.rating = ").push_bind(rating);
    }
    if which.only_published {
        query.push(" AND COALESCE(c.status, b.status) = 'published'");
    }
    if let Some(cursor) = which.cursor {
        query.push(if which.forward { " AND r.id < " } else { " AND r.id > " }).push_bind(cursor);
    }
    query.push(if which.forward { " ORDER BY r.id DESC LIMIT " } else { " ORDER BY r.id LIMIT " });
    query.push_bind(which.limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

fn select() -> QueryBuilder<MySql> {
    // The reviews come first, so that they are read in the order of an index and no further than the page goes.
    QueryBuilder::new(
        "SELECT STRAIGHT_JOIN r.id, r.user_id, r.reviewable_type, r.reviewable_id, r.rating, r.body, r.created_at, \
           r.updated_at, COALESCE(c.title, b.title) AS title, COALESCE(c.slug, b.slug) AS slug \
         FROM hub_reviews r JOIN users u ON u.id = r.user_id \
         LEFT JOIN courses c ON r.reviewable_type = 'course' AND c.id = r.reviewable_id AND c.deleted_at IS NULL \
         LEFT JOIN books b ON r.reviewable_type = 'book' AND b.id = r.reviewable_id AND b.deleted_at IS NULL \
         WHERE COALESCE(c.id, b.id) IS NOT NULL",
    )
}

/// Adds a review and gives its id; the thing is locked.
///
/// # Errors
/// [`StoreError::Unique`] of `hub_reviews_user_id_reviewable_unique`.
pub async fn insert_review(
    conn: &mut Conn,
    user_id: UserId,
    subject: Subject,
    (rating, body): (u8, Option<&str>),
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO hub_reviews (user_id, reviewable_type, reviewable_id, rating, body, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(user_id)
    .bind(subject.kind)
    .bind(subject.id)
    .bind(rating)
    .bind(body)
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Writes a review anew; the thing is locked.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn update_review(
    conn: &mut Conn,
    id: u64,
    (rating, body): (u8, Option<&str>),
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE hub_reviews SET rating = ?, body = ?, updated_at = ? WHERE id = ?")
        .bind(rating)
        .bind(body)
        .bind(at)
        .bind(id)
        .execute(conn)
        .await?;
    affected("hub_reviews", 1, &done)
}

/// Takes a review away; the thing is locked.
///
/// # Errors
/// [`StoreError::RowsAffected`] for one that is not there.
pub async fn delete_review(conn: &mut Conn, id: u64) -> Result<(), StoreError> {
    let done = sqlx::query("DELETE FROM hub_reviews WHERE id = ?").bind(id).execute(conn).await?;
    affected("hub_reviews", 1, &done)
}

/// Takes the mean of a thing's reviews anew, the thing being locked.
///
/// # Errors
/// [`StoreError::RowsAffected`] for a thing that is not there.
pub async fn update_average(conn: &mut Conn, subject: Subject) -> Result<(), StoreError> {
    let (table, condition) = (subject.table(), subject.condition());
    let sql = format!(
        "UPDATE {table} SET average_rating = COALESCE((SELECT ROUND(AVG(r.rating), 2) FROM hub_reviews r \
           WHERE TRUE{condition}{table}.id), 0) WHERE id = ?"
    );
    let done = sqlx::query(AssertSqlSafe(sql)).bind(subject.id).execute(conn).await?;
    affected(table, 1, &done)
}
