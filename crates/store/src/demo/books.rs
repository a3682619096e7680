//! Books and those who read them.

use base::Money;
use base::id::UserId;
use serde_json::Value;
use sqlx::types::Json;

use super::At;
use crate::{Conn, StoreError};

/// A book.
#[derive(Clone, Copy, Debug)]
pub struct BookRow<'a> {
    /// Who sells it.
    pub user_id: UserId,
    /// Its category.
    pub category_id: u64,
    /// Its title.
    pub title: &'a str,
    /// Its unique name in addresses.
    pub slug: &'a str,
    /// Who wrote it.
    pub author: &'a str,
    /// What it is about.
    pub description: &'a str,
    /// Its number.
    pub isbn: &'a str,
    /// `ar` or `en`.
    pub language: &'a str,
    /// Pages.
    pub page_count: u32,
    /// What it costs.
    pub price: Money,
    /// `draft`, `published` or `archived`.
    pub status: &'a str,
    /// May it be printed and copied from?
    pub open: bool,
    /// When.
    pub at: At,
}

/// Writes a book and gives its id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_book(conn: &mut Conn, row: &BookRow<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO books (user_id, category_id, title, slug, author, description, cover, pdf_url, isbn, language, \
         page_count, price, preview_pages, status, allow_printing, allow_copying, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.user_id)
    .bind(row.category_id)
    .bind(row.title)
    .bind(row.slug)
    .bind(row.author)
    .bind(row.description)
    .bind(format!("https://cdn.majlis.test/books/{}.webp", row.slug))
    .bind(format!("https://cdn.majlis.test/books/{}.pdf", row.slug))
    .bind(row.isbn)
    .bind(row.language)
    .bind(row.page_count)
    .bind(row.price.to_decimal())
    .bind(row.page_count / 10)
    .bind(row.status)
    .bind(row.open)
    .bind(row.open)
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Somebody who has a book.
#[derive(Clone, Copy, Debug)]
pub struct PurchaseRow {
    /// Who.
    pub user_id: UserId,
    /// What.
    pub book_id: u64,
    /// What was paid.
    pub price_paid: Money,
    /// The buyer's debit.
    pub transaction_id: Option<u64>,
    /// When.
    pub at: At,
}

/// Gives a book to somebody and gives the purchase's id.
///
/// # Errors
/// Those of the driver.
pub async fn insert_purchase(conn: &mut Conn, row: &PurchaseRow) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO book_purchases (user_id, book_id, status, price_paid, transaction_id, purchased_at, created_at, \
         updated_at) VALUES (?, ?, 'completed', ?, ?, ?, ?, ?)",
    )
    .bind(row.user_id)
    .bind(row.book_id)
    .bind(row.price_paid.to_decimal())
    .bind(row.transaction_id)
    .bind(row.at)
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// A mark in a book.
#[derive(Clone, Debug)]
pub struct AnnotationRow<'a> {
    /// In whose copy.
    pub purchase_id: u64,
    /// Who.
    pub user_id: UserId,
    /// From 1.
    pub page_number: u32,
    /// `book_annotations.type`.
    pub kind: &'a str,
    /// `#RRGGBB`.
    pub color: Option<&'a str>,
    /// The words.
    pub content: Option<&'a str>,
    /// Where on the page.
    pub position_data: Option<Value>,
    /// When.
    pub at: At,
}

/// Makes a mark.
///
/// # Errors
/// Those of the driver.
pub async fn insert_annotation(conn: &mut Conn, row: &AnnotationRow<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO book_annotations (book_purchase_id, user_id, page_number, type, color, content, position_data, \
         created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.purchase_id)
    .bind(row.user_id)
    .bind(row.page_number)
    .bind(row.kind)
    .bind(row.color)
    .bind(row.content)
    .bind(row.position_data.as_ref().map(Json))
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// How far somebody has read.
#[derive(Clone, Copy, Debug)]
pub struct ReadingRow {
    /// In which copy.
    pub purchase_id: u64,
    /// Where it is open, from 1.
    pub current_page: u32,
    /// The furthest page.
    pub total_pages_read: u32,
    /// In minutes.
    pub reading_time_minutes: u32,
    /// When it was last open.
    pub at: At,
}

/// Notes how far somebody has read.
///
/// # Errors
/// Those of the driver.
pub async fn insert_reading(conn: &mut Conn, row: &ReadingRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO book_reading_progress (book_purchase_id, current_page, total_pages_read, reading_time_minutes, \
         last_read_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.purchase_id)
    .bind(row.current_page)
    .bind(row.total_pages_read)
    .bind(row.reading_time_minutes)
    .bind(row.at)
    .bind(row.at)
    .bind(row.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts the purchases of a book anew (domain.md §4.2).
///
/// # Errors
/// Those of the driver.
pub async fn update_purchase_counts(conn: &mut Conn, book_id: u64) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE books b SET b.purchases_count = \
         (SELECT COUNT(*) FROM book_purchases p WHERE p.book_id = b.id AND p.status = 'completed') WHERE b.id = ?",
    )
    .bind(book_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// All books: slug, id and seller.
///
/// # Errors
/// Those of the driver.
pub async fn list_books(conn: &mut Conn) -> Result<Vec<(String, u64, UserId)>, StoreError> {
    Ok(sqlx::query_as("SELECT slug, id, user_id FROM books ORDER BY id").fetch_all(conn).await?)
}
