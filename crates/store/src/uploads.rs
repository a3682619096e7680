//! `hub_uploads` (domain.md §4.3): files that people uploaded, and what uses them.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use crate::{Conn, StoreError, affected};

/// A row of `hub_uploads`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct UploadRow {
    /// Its id.
    pub id: u64,
    /// Whose; `None` where the user was deleted.
    pub user_id: Option<UserId>,
    /// `image`, `video`, `audio`, `document` or `book`.
    pub kind: String,
    /// Its name on the disk.
    pub path: String,
    /// What its owner called it.
    pub original_name: Option<String>,
    /// Its media type, by its content.
    pub mime: String,
    /// Bytes.
    pub size: u64,
    /// Of its content, hexadecimal.
    pub sha256: String,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// Seconds.
    pub duration: Option<u32>,
    /// Pages.
    pub pages: Option<u32>,
    /// Bytes of the small picture beside it.
    pub thumbnail_size: Option<u32>,
    /// `pending`, `ready`, `attached` or `released`.
    pub status: String,
    /// When it came.
    pub created_at: DateTime<Utc>,
}

const UPLOAD: &str = "SELECT id, user_id, kind, path, original_name, mime, size, sha256, width, height, duration, pages, \
     thumbnail_size, status, created_at FROM hub_uploads WHERE ";

/// A file to be noted.
#[derive(Clone, Copy, Debug)]
pub struct NewUploadRow<'a> {
    /// Whose.
    pub user_id: UserId,
    /// `image`, `video`, `audio`, `document` or `book`.
    pub kind: &'a str,
    /// Which storage holds it.
    pub disk: &'a str,
    /// Its name there.
    pub path: &'a str,
    /// What its owner called it.
    pub original_name: Option<&'a str>,
    /// Its media type.
    pub mime: &'a str,
    /// Bytes.
    pub size: u64,
    /// Of its content, hexadecimal.
    pub sha256: &'a str,
    /// Pixels: width and height.
    pub dimensions: Option<(u32, u32)>,
    /// Pages of a book.
    pub pages: Option<u32>,
    /// Seconds of a sound or a video.
    pub duration: Option<u32>,
    /// Bytes of the small picture beside a picture.
    pub thumbnail_size: Option<u32>,
    /// Now, in whole seconds.
    pub at: DateTime<Utc>,
}

/// Notes a file that is about to be written (`pending`); gives its id.
///
/// # Errors
/// [`StoreError::Foreign`] when the user is gone.
pub async fn insert_upload(conn: &mut Conn, row: NewUploadRow<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO hub_uploads (user_id, kind, disk, path, original_name, mime, size, sha256, width, height, \
         pages, duration, thumbnail_size, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.user_id)
    .bind(row.kind)
    .bind(row.disk)
    .bind(row.path)
    .bind(row.original_name)
    .bind(row.mime)
    .bind(row.size)
    .bind(row.sha256)
    .bind(row.dimensions.map(|(width, _)| width))
    .bind(row.dimensions.map(|(_, height)| height))
    .bind(row.pages)
    .bind(row.duration)
    .bind(row.thumbnail_size)
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// A file by id.
///
/// # Errors
/// Those of the driver.
pub async fn find_upload(conn: &mut Conn, id: u64) -> Result<Option<UploadRow>, StoreError> {
    let mut query = QueryBuilder::new(UPLOAD);
    query.push("id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// A file by its name on the disk.
///
/// # Errors
/// Those of the driver.
pub async fn find_upload_by_path(conn: &mut Conn, path: &str) -> Result<Option<UploadRow>, StoreError> {
    let mut query = QueryBuilder::new(UPLOAD);
    query.push("path = ").push_bind(path.to_owned());
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Locks files in the order of their ids; those that are there.
///
/// # Errors
/// Those of the driver.
pub async fn lock_uploads(conn: &mut Conn, ids: &[u64]) -> Result<Vec<UploadRow>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(UPLOAD);
    query.push("id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    query.push(") ORDER BY id FOR UPDATE");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Holds a user's row, so that the files of one user are counted and noted one after another; false where there is no
/// such user.
///
/// # Errors
/// Those of the driver.
pub async fn lock_owner(conn: &mut Conn, user_id: UserId) -> Result<bool, StoreError> {
    let found: Option<u64> = sqlx::query_scalar("SELECT id FROM users WHERE id = ? FOR UPDATE")
        .bind(user_id)
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}

/// Bytes of all files of a user.
///
/// # Errors
/// Those of the driver.
pub async fn count_bytes(conn: &mut Conn, user_id: UserId) -> Result<u64, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(size), 0) AS UNSIGNED) FROM hub_uploads WHERE user_id = ?",
    )
    .bind(user_id)
    .fetch_one(conn)
    .await?)
}

/// A file is written wholly: it is `ready` to be used.
///
/// # Errors
/// [`StoreError::RowsAffected`] when the row is gone, or was not `pending`.
pub async fn update_ready(conn: &mut Conn, id: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE hub_uploads SET status = 'ready', updated_at = ? WHERE id = ? AND status = 'pending'",
    )
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("hub_uploads", 1, &done)
}

/// What a file turned out to be for which there was room.
#[derive(Clone, Copy, Debug)]
pub struct Completed<'a> {
    /// Its name on the disk.
    pub path: &'a str,
    /// Its media type.
    pub mime: &'a str,
    /// Bytes.
    pub size: u64,
    /// Of its content, hexadecimal.
    pub sha256: &'a str,
    /// Pixels: width and height.
    pub dimensions: Option<(u32, u32)>,
    /// Pages of a book.
    pub pages: Option<u32>,
    /// Seconds of a sound or a video.
    pub duration: Option<u32>,
    /// Bytes of the small picture beside a picture.
    pub thumbnail_size: Option<u32>,
    /// Now, in whole seconds.
    pub at: DateTime<Utc>,
}

/// A file that was sent by itself is `ready`; `false` where it is not `pending` under this name any more. Its day in which
/// it has to be used begins now.
///
/// # Errors
/// Those of the driver.
pub async fn update_completed(
    conn: &mut Conn,
    id: u64,
    earlier_path: &str,
    done: &Completed<'_>,
) -> Result<bool, StoreError> {
    let outcome = sqlx::query(
        "UPDATE hub_uploads SET status = 'ready', path = ?, mime = ?, size = ?, sha256 = ?, width = ?, height = ?, \
           pages = ?, duration = ?, thumbnail_size = ?, created_at = ?, updated_at = ? \
         WHERE id = ? AND path = ? AND status = 'pending'",
    )
    .bind(done.path)
    .bind(done.mime)
    .bind(done.size)
    .bind(done.sha256)
    .bind(done.dimensions.map(|(width, _)| width))
    .bind(done.dimensions.map(|(_, height)| height))
    .bind(done.pages)
    .bind(done.duration)
    .bind(done.thumbnail_size)
    .bind(done.at)
    .bind(done.at)
    .bind(id)
    .bind(earlier_path)
    .execute(conn)
    .await?;
    Ok(outcome.rows_affected() == 1)
}

/// Says what uses files that were `ready`.
///
/// # Errors
/// [`StoreError::RowsAffected`] when one of them is not there or not ready.
pub async fn update_attached(
    conn: &mut Conn,
    ids: &[u64],
    attached_type: &str,
    attached_id: u64,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("UPDATE hub_uploads SET status = 'attached', attached_type = ");
    query.push_bind(attached_type.to_owned()).push(", attached_id = ").push_bind(attached_id);
    query.push(", updated_at = ").push_bind(at).push(" WHERE status = 'ready' AND id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    let done = query.push(")").build().execute(conn).await?;
    affected("hub_uploads", u64::try_from(ids.len()).unwrap_or(u64::MAX), &done)
}

/// What used the files is gone: they are served no more. Gives how many files there were.
///
/// # Errors
/// Those of the driver.
pub async fn update_released(
    conn: &mut Conn,
    attached_type: &str,
    attached_id: u64,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "UPDATE hub_uploads SET status = 'released', attached_type = NULL, attached_id = NULL, updated_at = ? \
         WHERE attached_type = ? AND attached_id = ? AND status = 'attached'",
    )
    .bind(at)
    .bind(attached_type)
    .bind(attached_id)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// A thing uses one of its files no more: it is served no more.
///
/// # Errors
/// Those of the driver.
pub async fn update_released_path(
    conn: &mut Conn,
    (attached_type, attached_id): (&str, u64),
    path: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE hub_uploads SET status = 'released', attached_type = NULL, attached_id = NULL, updated_at = ? \
         WHERE path = ? AND attached_type = ? AND attached_id = ? AND status = 'attached'",
    )
    .bind(at)
    .bind(path)
    .bind(attached_type)
    .bind(attached_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// A file is not wanted any more, if it has this status; false where it has another, or is gone.
///
/// # Errors
/// Those of the driver.
pub async fn update_released_if(conn: &mut Conn, id: u64, status: &str) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE hub_uploads SET status = 'released', attached_type = NULL, attached_id = NULL \
         WHERE id = ? AND status = ?",
    )
    .bind(id)
    .bind(status)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets a file if it has this status; false where it has another, or is gone.
///
/// # Errors
/// Those of the driver.
pub async fn delete_upload(conn: &mut Conn, id: u64, status: &str) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM hub_uploads WHERE id = ? AND status = ?")
        .bind(id)
        .bind(status)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// A file that nobody needs.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct UnusedRow {
    /// Its id.
    pub id: u64,
    /// Its name on the disk.
    pub path: String,
    /// With which it was found.
    pub status: String,
}

/// Files that nobody needs, at most `limit`: `pending` since before one instant (a process died), `ready` since before
/// another, `released`, or of a deleted user.
///
/// # Errors
/// Those of the driver.
pub async fn list_unused(
    conn: &mut Conn,
    pending_before: DateTime<Utc>,
    ready_before: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<UnusedRow>, StoreError> {
    Ok(sqlx::query_as(
        "(SELECT id, path, status FROM hub_uploads WHERE status = 'pending' AND created_at < ? LIMIT ?) \
         UNION DISTINCT (SELECT id, path, status FROM hub_uploads WHERE status = 'ready' AND created_at < ? LIMIT ?) \
         UNION DISTINCT (SELECT id, path, status FROM hub_uploads WHERE status = 'released' LIMIT ?) \
         UNION DISTINCT (SELECT id, path, status FROM hub_uploads WHERE user_id IS NULL LIMIT ?) LIMIT ?",
    )
    .bind(pending_before)
    .bind(limit)
    .bind(ready_before)
    .bind(limit)
    .bind(limit)
    .bind(limit)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}
