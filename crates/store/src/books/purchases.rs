//! Who has which book.

use base::Money;
use base::id::UserId;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{Conn, StoreError, affected};

/// A `book_purchases` row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct PurchaseRow {
    /// Its id.
    #[sqlx(rename = "purchase_id")]
    pub id: u64,
    /// The book.
    #[sqlx(rename = "purchase_book_id")]
    pub book_id: u64,
    /// Who has it.
    #[sqlx(rename = "purchase_user_id")]
    pub user_id: UserId,
    /// `completed` or `refunded`.
    #[sqlx(rename = "purchase_status")]
    pub status: String,
    /// What was paid.
    #[sqlx(try_from = "Decimal")]
    pub price_paid: Money,
    /// The buyer's debit.
    pub transaction_id: Option<u64>,
    /// When it was bought, the last time.
    pub purchased_at: Option<DateTime<Utc>>,
    /// When it was given back.
    pub refunded_at: Option<DateTime<Utc>>,
}

macro_rules! purchase {
    ($where:literal) => {
        concat!(
            "SELECT id AS purchase_id, book_id AS purchase_book_id, user_id AS purchase_user_id, \
               status AS purchase_status, price_paid, transaction_id, purchased_at, refunded_at \
             FROM book_purchases WHERE ",
            $where
        )
    };
}

/// Somebody's purchase of a book.
///
/// # Errors
/// Those of the driver.
pub async fn find_purchase(
    conn: &mut Conn,
    book_id: u64,
    user_id: UserId,
) -> Result<Option<PurchaseRow>, StoreError> {
    Ok(sqlx::query_as(purchase!("user_id = ? AND book_id = ?"))
        .bind(user_id)
        .bind(book_id)
        .fetch_optional(conn)
        .await?)
}

/// Somebody's purchase of a book, locked: whatever is written in a copy is written one after another.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_purchase(
    conn: &mut Conn,
    book_id: u64,
    user_id: UserId,
) -> Result<Option<PurchaseRow>, StoreError> {
    Ok(sqlx::query_as(purchase!("user_id = ? AND book_id = ? FOR UPDATE"))
        .bind(user_id)
        .bind(book_id)
        .fetch_optional(conn)
        .await?)
}

/// A purchase by its id, locked.
///
/// # Errors
/// [`StoreError::LockTimeout`], [`StoreError::Deadlock`].
pub async fn lock_purchase_by_id(conn: &mut Conn, id: u64) -> Result<Option<PurchaseRow>, StoreError> {
    Ok(sqlx::query_as(purchase!("id = ? FOR UPDATE")).bind(id).fetch_optional(conn).await?)
}

/// Gives a book to who never had it; answers the purchase's id.
///
/// # Errors
/// [`StoreError::Unique`] when there is a row already.
pub async fn insert_purchase(
    conn: &mut Conn,
    (book_id, user_id): (u64, UserId),
    price_paid: Money,
    transaction_id: Option<u64>,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO book_purchases (user_id, book_id, status, price_paid, transaction_id, purchased_at, created_at, \
           updated_at) VALUES (?, ?, 'completed', ?, ?, ?, ?, ?)",
    )
    .bind(user_id)
    .bind(book_id)
    .bind(price_paid.to_decimal())
    .bind(transaction_id)
    .bind(at)
    .bind(at)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Gives a book again on the row of a purchase that was given back (domain.md D17).
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is not `refunded`.
pub async fn update_purchase(
    conn: &mut Conn,
    id: u64,
    price_paid: Money,
    transaction_id: Option<u64>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE book_purchases SET status = 'completed', price_paid = ?, transaction_id = ?, purchased_at = ?, \
           refunded_at = NULL, updated_at = ? WHERE id = ? AND status = 'refunded'",
    )
    .bind(price_paid.to_decimal())
    .bind(transaction_id)
    .bind(at)
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    affected("book_purchases", 1, &done)
}

/// A purchase is given back; `false` where it was already.
///
/// # Errors
/// Those of the driver.
pub async fn update_refunded(conn: &mut Conn, id: u64, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE book_purchases SET status = 'refunded', refunded_at = ?, updated_at = ? \
         WHERE id = ? AND status = 'completed'",
    )
    .bind(at)
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// One purchase more, or one less, of a book whose row is locked.
///
/// # Errors
/// [`StoreError::RowsAffected`] when the book is gone.
pub async fn update_purchases_count(conn: &mut Conn, book_id: u64, more: bool) -> Result<(), StoreError> {
    let statement = if more {
        "UPDATE books SET purchases_count = purchases_count + 1 WHERE id = ?"
    } else {
        "UPDATE books SET purchases_count = IF(purchases_count > 0, purchases_count - 1, 0) WHERE id = ?"
    };
    let done = sqlx::query(statement).bind(book_id).execute(conn).await?;
    affected("books", 1, &done)
}

/// How many have a book.
///
/// # Errors
/// Those of the driver.
pub async fn count_purchases(conn: &mut Conn, book_id: u64) -> Result<u64, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT CAST(COUNT(*) AS UNSIGNED) FROM book_purchases WHERE book_id = ? AND status = 'completed'",
    )
    .bind(book_id)
    .fetch_one(conn)
    .await?)
}
