//! PDFs that were made of a book's PDF: previews and readers' own copies (`hub_book_copies`).

use base::id::UserId;
use chrono::{DateTime, Utc};

use crate::{Conn, StoreError, affected};

/// A copy that is there.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CopyRow {
    /// Its id.
    pub id: u64,
    /// Of which book.
    pub book_id: Option<u64>,
    /// What addresses say.
    pub name: String,
    /// Where its bytes are.
    pub object: String,
    /// The file that it was made of.
    pub source: String,
    /// Bytes.
    pub size: u64,
    /// Of its content, hexadecimal.
    pub sha256: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The book's name in addresses.
    pub slug: String,
}

/// A copy to be noted.
#[derive(Clone, Debug)]
pub struct NewCopy<'a> {
    /// Of which book.
    pub book_id: u64,
    /// Whose own; nobody's for a preview.
    pub user_id: Option<UserId>,
    /// Which it is.
    pub variant: &'a str,
    /// The file that it is made of.
    pub source: &'a str,
    /// What addresses say.
    pub name: &'a str,
    /// Where its bytes are.
    pub object: &'a str,
    /// Bytes.
    pub size: u64,
    /// Of its content, hexadecimal.
    pub sha256: &'a str,
    /// Pages.
    pub pages: u32,
    /// Now, in whole seconds.
    pub at: DateTime<Utc>,
}

/// The newest copy of a variant that was made of a file after an instant.
///
/// # Errors
/// Those of the driver.
pub async fn find_copy(
    conn: &mut Conn,
    (book_id, variant): (u64, &str),
    source: &str,
    since: DateTime<Utc>,
) -> Result<Option<CopyRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT c.id, c.book_id, c.name, c.object, c.source, c.size, c.sha256, c.created_at, b.slug \
         FROM hub_book_copies c JOIN books b ON b.id = c.book_id \
         WHERE c.book_id = ? AND c.variant = ? AND c.source = ? AND c.status = 'ready' AND c.created_at >= ? \
         ORDER BY c.id DESC LIMIT 1",
    )
    .bind(book_id)
    .bind(variant)
    .bind(source)
    .bind(since)
    .fetch_optional(conn)
    .await?)
}

/// The copy that an address names, as long as it may be seen.
///
/// # Errors
/// Those of the driver.
pub async fn find_copy_by_name(conn: &mut Conn, name: &str) -> Result<Option<CopyRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT c.id, c.book_id, c.name, c.object, c.source, c.size, c.sha256, c.created_at, b.slug \
         FROM hub_book_copies c JOIN books b ON b.id = c.book_id \
         WHERE c.name = ? AND c.status = 'ready' AND (c.user_id IS NOT NULL OR c.variant LIKE 'preview:%')",
    )
    .bind(name)
    .fetch_optional(conn)
    .await?)
}

/// Notes a copy that is about to be written (`pending`); gives its id.
///
/// # Errors
/// [`StoreError::Foreign`] when the book or the reader is gone.
pub async fn insert_copy(conn: &mut Conn, copy: &NewCopy<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO hub_book_copies (book_id, user_id, variant, source, name, object, size, sha256, pages, \
           created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(copy.book_id)
    .bind(copy.user_id)
    .bind(copy.variant)
    .bind(copy.source)
    .bind(copy.name)
    .bind(copy.object)
    .bind(copy.size)
    .bind(copy.sha256)
    .bind(copy.pages)
    .bind(copy.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// A copy is written wholly.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is not `pending` any more.
pub async fn update_copy_ready(conn: &mut Conn, id: u64) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE hub_book_copies SET status = 'ready' WHERE id = ? AND status = 'pending'")
        .bind(id)
        .execute(conn)
        .await?;
    affected("hub_book_copies", 1, &done)
}

/// Nobody may see these copies of a book any more: a reader's own, or all of them.
///
/// # Errors
/// Those of the driver.
pub async fn update_copies_released(
    conn: &mut Conn,
    book_id: u64,
    user_id: Option<UserId>,
) -> Result<u64, StoreError> {
    let statement = match user_id {
        Some(_) => "UPDATE hub_book_copies SET status = 'released' WHERE book_id = ? AND user_id = ?",
        None => "UPDATE hub_book_copies SET status = 'released' WHERE book_id = ?",
    };
    let mut query = sqlx::query(statement).bind(book_id);
    if let Some(user_id) = user_id {
        query = query.bind(user_id);
    }
    Ok(query.execute(conn).await?.rows_affected())
}

/// A copy that nobody needs.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct UnusedCopyRow {
    /// Its id.
    pub id: u64,
    /// What addresses say, and where its bytes are if they are its own.
    pub name: String,
}

/// Copies that nobody needs, at most `limit`: `released`, `pending` since before one instant, readers' own since before
/// another, and those that have lost their book or reader.
///
/// # Errors
/// Those of the driver.
pub async fn list_unused_copies(
    conn: &mut Conn,
    pending_before: DateTime<Utc>,
    readers_before: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<UnusedCopyRow>, StoreError> {
    Ok(sqlx::query_as(
        "(SELECT id, name FROM hub_book_copies WHERE status = 'released' LIMIT ?) \
         UNION DISTINCT (SELECT id, name FROM hub_book_copies WHERE status = 'pending' AND created_at < ? LIMIT ?) \
         UNION DISTINCT (SELECT id, name FROM hub_book_copies WHERE status = 'ready' AND created_at < ? \
           AND variant LIKE 'reader:%' LIMIT ?) \
         UNION DISTINCT (SELECT id, name FROM hub_book_copies WHERE book_id IS NULL LIMIT ?) LIMIT ?",
    )
    .bind(limit)
    .bind(pending_before)
    .bind(limit)
    .bind(readers_before)
    .bind(limit)
    .bind(limit)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Forgets a copy.
///
/// # Errors
/// Those of the driver.
pub async fn delete_copy(conn: &mut Conn, id: u64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM hub_book_copies WHERE id = ?").bind(id).execute(conn).await?;
    Ok(())
}

/// Name and e-mail address of a reader, for the stamp on the own copy.
///
/// # Errors
/// Those of the driver.
pub async fn find_reader(conn: &mut Conn, user_id: UserId) -> Result<Option<(String, String)>, StoreError> {
    Ok(sqlx::query_as("SELECT name, email FROM users WHERE id = ? AND deleted_at IS NULL")
        .bind(user_id)
        .fetch_optional(conn)
        .await?)
}
