//! Books, who bought them, and what readers do in them (domain.md §4.1 rows 15-18, §5.5).

mod annotations;
mod copies;
mod lists;
mod progress;
mod purchases;

use base::Money;
use base::id::UserId;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{Conn, StoreError, affected};

pub use annotations::{
    AnnotationQuery, AnnotationRow, NewAnnotation, VersionRow, delete_annotation, find_annotation_owner,
    find_bookmark, find_greatest_page, find_revision, insert_annotation, insert_missing_versions,
    list_annotations, list_annotations_by_ids, list_changes, list_pages, list_removals, list_versions,
    update_annotation, upsert_version,
};
pub use copies::{
    CopyRow, NewCopy, UnusedCopyRow, delete_copy, find_copy, find_copy_by_name, find_reader, insert_copy,
    list_unused_copies, update_copies_released, update_copy_ready,
};
pub use lists::{
    BookListRow, BookName, BookQuery, LibraryRow, SellerScope, count_books, find_listed_book, list_books,
    list_books_of, list_library,
};
pub use progress::{
    DueTellRow, ProgressRow, TellRow, find_progress, insert_progress, list_due_tells, lock_progress,
    lock_tell, update_progress, upsert_tell,
};
pub use purchases::{
    PurchaseRow, count_purchases, find_purchase, insert_purchase, lock_purchase, lock_purchase_by_id,
    update_purchase, update_purchases_count, update_refunded,
};

/// A `books` row that is not deleted.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct BookRow {
    /// Its id.
    pub id: u64,
    /// Who sells it.
    pub user_id: UserId,
    /// Its category.
    pub category_id: u64,
    /// Its title.
    pub title: String,
    /// Who wrote it.
    pub author: String,
    /// What it is about.
    pub description: Option<String>,
    /// Its picture: a file of ours, or an address.
    pub cover: Option<String>,
    /// Its PDF: a file of ours, or an address.
    pub pdf_url: Option<String>,
    /// Its number, without hyphens.
    pub isbn: Option<String>,
    /// `ar` or `en`.
    pub language: String,
    /// Pages of the PDF.
    pub page_count: u32,
    /// What it costs.
    #[sqlx(try_from = "Decimal")]
    pub price: Money,
    /// Pages for everybody.
    pub preview_pages: u32,
    /// `draft`, `published` or `archived`.
    pub status: String,
    /// Readers may print it.
    pub allow_printing: bool,
    /// Readers may copy out of it.
    pub allow_copying: bool,
    /// How many have it.
    pub purchases_count: u32,
}

/// A book, whoever sells it.
///
/// # Errors
/// Those of the driver.
pub async fn find_book(conn: &mut Conn, id: u64) -> Result<Option<BookRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, user_id, category_id, title, author, description, cover, pdf_url, isbn, language, \
           page_count, price, preview_pages, status, allow_printing, allow_copying, purchases_count \
         FROM books WHERE id = ? AND deleted_at IS NULL",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// A book, locked before its children are written (domain.md D9).
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_book(conn: &mut Conn, id: u64) -> Result<Option<BookRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, user_id, category_id, title, author, description, cover, pdf_url, isbn, language, \
           page_count, price, preview_pages, status, allow_printing, allow_copying, purchases_count \
         FROM books WHERE id = ? AND deleted_at IS NULL FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// A book that cannot change as long as the transaction lasts, for what is written in its readers' copies.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_book_shared(conn: &mut Conn, id: u64) -> Result<Option<BookRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, user_id, category_id, title, author, description, cover, pdf_url, isbn, language, \
           page_count, price, preview_pages, status, allow_printing, allow_copying, purchases_count \
         FROM books WHERE id = ? AND deleted_at IS NULL LOCK IN SHARE MODE",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// Is the account of who sells the book active?
///
/// # Errors
/// Those of the driver.
pub async fn has_active_seller(conn: &mut Conn, user_id: UserId) -> Result<bool, StoreError> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM users WHERE id = ? AND deleted_at IS NULL AND is_active = 1")
            .bind(user_id)
            .fetch_optional(conn)
            .await?;
    Ok(found.is_some())
}

/// What of a book its seller writes.
#[derive(Clone, Debug)]
pub struct BookDraft<'a> {
    /// Its category.
    pub category_id: u64,
    /// Its title.
    pub title: &'a str,
    /// Who wrote it.
    pub author: &'a str,
    /// What it is about.
    pub description: Option<&'a str>,
    /// Its picture.
    pub cover: Option<&'a str>,
    /// Its PDF.
    pub pdf_url: Option<&'a str>,
    /// Its number, without hyphens.
    pub isbn: Option<&'a str>,
    /// `ar` or `en`.
    pub language: &'a str,
    /// Pages of the PDF.
    pub page_count: u32,
    /// What it costs.
    pub price: Money,
    /// Pages for everybody.
    pub preview_pages: u32,
    /// Readers may print it.
    pub allow_printing: bool,
    /// Readers may copy out of it.
    pub allow_copying: bool,
    /// When, in whole seconds.
    pub at: DateTime<Utc>,
}

/// Adds a book, `draft`; gives its id.
///
/// # Errors
/// [`StoreError::Unique`] where a book has that slug.
pub async fn insert_book(
    conn: &mut Conn,
    user_id: UserId,
    slug: &str,
    draft: &BookDraft<'_>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO books (user_id, slug, category_id, title, author, description, cover, pdf_url, isbn, language, \
           page_count, price, preview_pages, allow_printing, allow_copying, status, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'draft', ?, ?)",
    )
    .bind(user_id)
    .bind(slug)
    .bind(draft.category_id)
    .bind(draft.title)
    .bind(draft.author)
    .bind(draft.description)
    .bind(draft.cover)
    .bind(draft.pdf_url)
    .bind(draft.isbn)
    .bind(draft.language)
    .bind(draft.page_count)
    .bind(draft.price.to_decimal())
    .bind(draft.preview_pages)
    .bind(draft.allow_printing)
    .bind(draft.allow_copying)
    .bind(draft.at)
    .bind(draft.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Writes what the seller changed.
///
/// # Errors
/// [`StoreError::RowsAffected`] when the book is gone.
pub async fn update_book(conn: &mut Conn, id: u64, draft: &BookDraft<'_>) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE books SET category_id = ?, title = ?, author = ?, description = ?, cover = ?, pdf_url = ?, isbn = ?, \
           language = ?, page_count = ?, price = ?, preview_pages = ?, allow_printing = ?, allow_copying = ?, \
           updated_at = ? WHERE id = ? AND deleted_at IS NULL",
    )
    .bind(draft.category_id)
    .bind(draft.title)
    .bind(draft.author)
    .bind(draft.description)
    .bind(draft.cover)
    .bind(draft.pdf_url)
    .bind(draft.isbn)
    .bind(draft.language)
    .bind(draft.page_count)
    .bind(draft.price.to_decimal())
    .bind(draft.preview_pages)
    .bind(draft.allow_printing)
    .bind(draft.allow_copying)
    .bind(draft.at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("books", 1, &done)
}

/// Moves a book from one state to another; `false` where it is not in the first (domain.md D20).
///
/// # Errors
/// Those of the driver.
pub async fn update_book_status(
    conn: &mut Conn,
    id: u64,
    (from, to): (&'static str, &'static str),
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE books SET status = ?, updated_at = ? WHERE id = ? AND status = ? AND deleted_at IS NULL",
    )
    .bind(to)
    .bind(at)
    .bind(id)
    .bind(from)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes a book softly.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is gone.
pub async fn update_book_deleted(conn: &mut Conn, id: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
    let done =
        sqlx::query("UPDATE books SET deleted_at = ?, updated_at = ? WHERE id = ? AND deleted_at IS NULL")
            .bind(at)
            .bind(at)
            .bind(id)
            .execute(conn)
            .await?;
    affected("books", 1, &done)
}

/// Has a book, deleted or not, this name in addresses?
///
/// # Errors
/// Those of the driver.
pub async fn has_slug(conn: &mut Conn, slug: &str) -> Result<bool, StoreError> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM books WHERE slug = ?").bind(slug).fetch_optional(conn).await?;
    Ok(found.is_some())
}
