//! Marks in books, and what the reader's devices need to know of them.

use base::id::UserId;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{MySql, QueryBuilder};

use crate::{Conn, StoreError, affected};

/// An annotation, with its version if it has one: one that another application made has none.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AnnotationRow {
    /// Its id.
    pub id: u64,
    /// In whose copy.
    pub book_purchase_id: u64,
    /// From 1.
    pub page_number: u32,
    /// `book_annotations.type`.
    #[sqlx(rename = "type")]
    pub annotation_type: String,
    /// `#RRGGBB`.
    pub color: Option<String>,
    /// The reader's words.
    pub content: Option<String>,
    /// Where on the page.
    pub position_data: Option<Json<Value>>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When its row was written.
    pub updated_at: Option<DateTime<Utc>>,
    /// The device's name for it.
    pub client_id: Option<String>,
    /// When its reader changed it, Unix milliseconds.
    pub edited_at: Option<u64>,
    /// Of its last change.
    pub revision: Option<u64>,
}

/// What `hub_annotation_versions` says.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct VersionRow {
    /// Which annotation.
    pub annotation_id: u64,
    /// The device's name for it.
    pub client_id: Option<String>,
    /// When its reader changed it, Unix milliseconds.
    pub edited_at: u64,
    /// It was deleted.
    pub is_deleted: bool,
}

/// An annotation to be written.
#[derive(Clone, Debug)]
pub struct NewAnnotation<'a> {
    /// `book_annotations.type`.
    pub annotation_type: &'static str,
    /// From 1.
    pub page_number: u32,
    /// `#RRGGBB`.
    pub color: Option<&'a str>,
    /// The reader's words.
    pub content: Option<&'a str>,
    /// Where on the page.
    pub position_data: Option<&'a Map<String, Value>>,
    /// When, in whole seconds.
    pub at: DateTime<Utc>,
}

const ANNOTATION: &str = "SELECT a.id, a.book_purchase_id, a.page_number, a.type, a.color, a.content, a.position_data, \
     a.created_at, a.updated_at, v.client_id, v.edited_at, v.revision FROM book_annotations a \
     LEFT JOIN hub_annotation_versions v ON v.annotation_id = a.id WHERE a.book_purchase_id = ";

/// Which annotations to list.
#[derive(Clone, Debug, Default)]
pub struct AnnotationQuery {
    /// `book_annotations.type`.
    pub annotation_type: Option<&'static str>,
    /// On this page or later.
    pub page_from: Option<u32>,
    /// On this page or earlier.
    pub page_to: Option<u32>,
    /// `#RRGGBB`.
    pub color: Option<String>,
    /// The id next to which the list begins.
    pub cursor: Option<u64>,
    /// Towards lower ids.
    pub forward: bool,
    /// At most so many.
    pub limit: u32,
}

/// A part of the annotations of a copy, newest first.
///
/// # Errors
/// Those of the driver.
pub async fn list_annotations(
    conn: &mut Conn,
    purchase_id: u64,
    which: &AnnotationQuery,
) -> Result<Vec<AnnotationRow>, StoreError> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(ANNOTATION);
    query.push_bind(purchase_id);
    if let Some(annotation_type) = which.annotation_type {
        query.push(" AND a.type = ").push_bind(annotation_type);
    }
    if let Some(page) = which.page_from {
        query.push(" AND a.page_number >= ").push_bind(page);
    }
    if let Some(page) = which.page_to {
        query.push(" AND a.page_number <= ").push_bind(page);
    }
    if let Some(color) = &which.color {
        query.push(" AND a.color = ").push_bind(color.clone());
    }
    if let Some(cursor) = which.cursor {
        query.push(if which.forward { " AND a.id < " } else { " AND a.id > " }).push_bind(cursor);
    }
    query.push(if which.forward { " ORDER BY a.id DESC LIMIT " } else { " ORDER BY a.id LIMIT " });
    query.push_bind(which.limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Gives a version to annotations of a copy that another application made, after a revision; gives how many. To be
/// called with the purchase's row locked.
///
/// # Errors
/// Those of the driver.
pub async fn insert_missing_versions(
    conn: &mut Conn,
    purchase_id: u64,
    revision: u64,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO hub_annotation_versions (annotation_id, book_purchase_id, edited_at, revision) \
         SELECT a.id, a.book_purchase_id, \
           CAST(COALESCE(UNIX_TIMESTAMP(COALESCE(a.updated_at, a.created_at)), 0) * 1000 AS UNSIGNED), \
           ? + ROW_NUMBER() OVER (ORDER BY a.id) \
         FROM book_annotations a LEFT JOIN hub_annotation_versions v ON v.annotation_id = a.id \
         WHERE a.book_purchase_id = ? AND v.annotation_id IS NULL",
    )
    .bind(revision)
    .bind(purchase_id)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// The annotations of a copy that were changed after a revision, the earliest change first; all have a version.
///
/// # Errors
/// Those of the driver.
pub async fn list_changes(
    conn: &mut Conn,
    purchase_id: u64,
    since: u64,
    limit: u32,
) -> Result<Vec<AnnotationRow>, StoreError> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(ANNOTATION);
    query.push_bind(purchase_id).push(" AND v.revision > ").push_bind(since);
    query.push(" ORDER BY v.revision LIMIT ").push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Annotations of a copy that were deleted after a revision, the earliest first.
///
/// # Errors
/// Those of the driver.
pub async fn list_removals(
    conn: &mut Conn,
    purchase_id: u64,
    since: u64,
    limit: u32,
) -> Result<Vec<(u64, u64)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT annotation_id, revision FROM hub_annotation_versions \
         WHERE book_purchase_id = ? AND revision > ? AND is_deleted = 1 ORDER BY revision LIMIT ?",
    )
    .bind(purchase_id)
    .bind(since)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Versions of a copy by the device's names and by ids, deleted ones among them.
///
/// # Errors
/// Those of the driver.
pub async fn list_versions(
    conn: &mut Conn,
    purchase_id: u64,
    client_ids: &[&str],
    ids: &[u64],
) -> Result<Vec<VersionRow>, StoreError> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(
        "SELECT annotation_id, client_id, edited_at, is_deleted FROM hub_annotation_versions \
         WHERE book_purchase_id = ",
    );
    query.push_bind(purchase_id).push(" AND (annotation_id IN (0");
    for id in ids {
        query.push(", ").push_bind(*id);
    }
    query.push(")");
    if !client_ids.is_empty() {
        query.push(" OR client_id IN (");
        let mut list = query.separated(", ");
        for client_id in client_ids {
            list.push_bind((*client_id).to_owned());
        }
        query.push(")");
    }
    query.push(")");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// The greatest revision of a copy; 0 where nothing was changed yet. Exact while the purchase's row is locked.
///
/// # Errors
/// Those of the driver.
pub async fn find_revision(conn: &mut Conn, purchase_id: u64) -> Result<u64, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT CAST(COALESCE(MAX(revision), 0) AS UNSIGNED) FROM hub_annotation_versions WHERE book_purchase_id = ?",
    )
    .bind(purchase_id)
    .fetch_one(conn)
    .await?)
}

/// The annotations of a copy in the order of its pages, at most `limit`.
///
/// # Errors
/// Those of the driver.
pub async fn list_pages(
    conn: &mut Conn,
    purchase_id: u64,
    limit: u32,
) -> Result<Vec<AnnotationRow>, StoreError> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(ANNOTATION);
    query.push_bind(purchase_id).push(" ORDER BY a.page_number, a.id LIMIT ").push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Annotations of a copy by their ids, in no order.
///
/// # Errors
/// Those of the driver.
pub async fn list_annotations_by_ids(
    conn: &mut Conn,
    purchase_id: u64,
    ids: &[u64],
) -> Result<Vec<AnnotationRow>, StoreError> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(ANNOTATION);
    query.push_bind(purchase_id).push(" AND a.id IN (0");
    for id in ids {
        query.push(", ").push_bind(*id);
    }
    query.push(")");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// The bookmark of a page.
///
/// # Errors
/// Those of the driver.
pub async fn find_bookmark(conn: &mut Conn, purchase_id: u64, page: u32) -> Result<Option<u64>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT id FROM book_annotations WHERE book_purchase_id = ? AND page_number = ? AND type = 'bookmark' \
         ORDER BY id LIMIT 1",
    )
    .bind(purchase_id)
    .bind(page)
    .fetch_optional(conn)
    .await?)
}

/// The purchase and book that an annotation belongs to, with their owner and state.
///
/// # Errors
/// Those of the driver.
pub async fn find_annotation_owner(
    conn: &mut Conn,
    id: u64,
) -> Result<Option<(u64, u64, UserId)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT p.id, p.book_id, p.user_id FROM book_annotations a JOIN book_purchases p ON p.id = a.book_purchase_id \
         JOIN books b ON b.id = p.book_id AND b.deleted_at IS NULL WHERE a.id = ? AND p.status = 'completed'",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// The greatest page that any reader of a book has marked or is at; 0 where nobody is.
///
/// # Errors
/// Those of the driver.
pub async fn find_greatest_page(conn: &mut Conn, book_id: u64) -> Result<u32, StoreError> {
    let page: u64 = sqlx::query_scalar(
        "SELECT CAST(GREATEST(\
           COALESCE((SELECT MAX(a.page_number) FROM book_purchases p JOIN book_annotations a \
             ON a.book_purchase_id = p.id WHERE p.book_id = ?), 0), \
           COALESCE((SELECT MAX(r.current_page) FROM book_purchases p JOIN book_reading_progress r \
             ON r.book_purchase_id = p.id WHERE p.book_id = ? AND r.total_pages_read > 0), 0)) AS UNSIGNED)",
    )
    .bind(book_id)
    .bind(book_id)
    .fetch_one(conn)
    .await?;
    Ok(u32::try_from(page).unwrap_or(u32::MAX))
}

/// Marks something; gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_annotation(
    conn: &mut Conn,
    (purchase_id, user_id): (u64, UserId),
    new: &NewAnnotation<'_>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO book_annotations (book_purchase_id, user_id, page_number, type, color, content, position_data, \
           created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(purchase_id)
    .bind(user_id)
    .bind(new.page_number)
    .bind(new.annotation_type)
    .bind(new.color)
    .bind(new.content)
    .bind(new.position_data.map(Json))
    .bind(new.at)
    .bind(new.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Changes a mark; what it is stays.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is gone.
pub async fn update_annotation(conn: &mut Conn, id: u64, new: &NewAnnotation<'_>) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE book_annotations SET page_number = ?, color = ?, content = ?, position_data = ?, updated_at = ? \
         WHERE id = ?",
    )
    .bind(new.page_number)
    .bind(new.color)
    .bind(new.content)
    .bind(new.position_data.map(Json))
    .bind(new.at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("book_annotations", 1, &done)
}

/// Takes a mark of a copy away; `false` where it is not there.
///
/// # Errors
/// Those of the driver.
pub async fn delete_annotation(conn: &mut Conn, purchase_id: u64, id: u64) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM book_annotations WHERE id = ? AND book_purchase_id = ?")
        .bind(id)
        .bind(purchase_id)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes a change of an annotation; the device's name of an earlier version stays.
///
/// # Errors
/// [`StoreError::Unique`] where another annotation of the copy has that name.
pub async fn upsert_version(
    conn: &mut Conn,
    purchase_id: u64,
    version: &VersionRow,
    revision: u64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_annotation_versions (annotation_id, book_purchase_id, client_id, edited_at, revision, \
           is_deleted) VALUES (?, ?, ?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE client_id = COALESCE(client_id, VALUES(client_id)), \
           edited_at = VALUES(edited_at), revision = VALUES(revision), is_deleted = VALUES(is_deleted)",
    )
    .bind(version.annotation_id)
    .bind(purchase_id)
    .bind(&version.client_id)
    .bind(version.edited_at)
    .bind(revision)
    .bind(version.is_deleted)
    .execute(conn)
    .await?;
    Ok(())
}
