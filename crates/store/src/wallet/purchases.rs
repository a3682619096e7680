//! What was bought with a row of the ledger, for whoever gives the money back from there.

use chrono::{DateTime, Utc};

use super::LedgerRow;
use crate::{Conn, StoreError};

/// Ends what was bought with a debit, if it has not ended: the product's row is locked and its counter changed first, then
/// the purchase (domain.md D9). A completed course stays completed, and a consultation that took place stays so.
///
/// # Errors
/// Those of the driver.
pub async fn end_purchase(conn: &mut Conn, debit: &LedgerRow, at: DateTime<Utc>) -> Result<(), StoreError> {
    match debit.category.as_str() {
        "course" => end_enrollment(conn, debit.id, at).await,
        "book" => end_book(conn, debit.id, at).await,
        "live_room" => end_registration(conn, debit.id, at).await,
        "consultation" => end_booking(conn, debit.id, at).await,
        _ => Ok(()),
    }
}

async fn end_enrollment(conn: &mut Conn, debit_id: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
    let course: Option<u64> =
        sqlx::query_scalar("SELECT course_id FROM enrollments WHERE transaction_id = ?")
            .bind(debit_id)
            .fetch_optional(&mut *conn)
            .await?;
    let Some(course) = course else { return Ok(()) };
    sqlx::query("SELECT id FROM courses WHERE id = ? FOR UPDATE")
        .bind(course)
        .fetch_optional(&mut *conn)
        .await?;
    let status: Option<String> =
        sqlx::query_scalar("SELECT status FROM enrollments WHERE transaction_id = ? FOR UPDATE")
            .bind(debit_id)
            .fetch_optional(&mut *conn)
            .await?;
    match status.as_deref() {
        Some("active") => {
            sqlx::query(
                "UPDATE courses SET students_count = students_count - 1 WHERE id = ? AND students_count > 0",
            )
            .bind(course)
            .execute(&mut *conn)
            .await?;
        }
        Some("expired") => {}
        _ => return Ok(()),
    }
    sqlx::query("UPDATE enrollments SET status = 'cancelled', updated_at = ? WHERE transaction_id = ?")
        .bind(at)
        .bind(debit_id)
        .execute(conn)
        .await?;
    Ok(())
}

async fn end_book(conn: &mut Conn, debit_id: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
    let book: Option<u64> = sqlx::query_scalar("SELECT book_id FROM book_purchases WHERE transaction_id = ?")
        .bind(debit_id)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(book) = book else { return Ok(()) };
    sqlx::query("SELECT id FROM books WHERE id = ? FOR UPDATE").bind(book).fetch_optional(&mut *conn).await?;
    let status: Option<String> =
        sqlx::query_scalar("SELECT status FROM book_purchases WHERE transaction_id = ? FOR UPDATE")
            .bind(debit_id)
            .fetch_optional(&mut *conn)
            .await?;
    if status.as_deref() != Some("completed") {
        return Ok(());
    }
    sqlx::query(
        "UPDATE books SET purchases_count = purchases_count - 1 WHERE id = ? AND purchases_count > 0",
    )
    .bind(book)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "UPDATE book_purchases SET status = 'refunded', refunded_at = ?, updated_at = ? WHERE transaction_id = ?",
    )
    .bind(at)
    .bind(at)
    .bind(debit_id)
    .execute(conn)
    .await?;
    Ok(())
}

async fn end_registration(conn: &mut Conn, debit_id: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
    let room: Option<u64> =
        sqlx::query_scalar("SELECT live_room_id FROM live_room_registrations WHERE transaction_id = ?")
            .bind(debit_id)
            .fetch_optional(&mut *conn)
            .await?;
    let Some(room) = room else { return Ok(()) };
    sqlx::query("SELECT id FROM live_rooms WHERE id = ? FOR UPDATE")
        .bind(room)
        .fetch_optional(&mut *conn)
        .await?;
    sqlx::query(
        "UPDATE live_room_registrations SET status = 'cancelled', updated_at = ? WHERE transaction_id = ? \
         AND status IN ('registered', 'attended')",
    )
    .bind(at)
    .bind(debit_id)
    .execute(conn)
    .await?;
    Ok(())
}

async fn end_booking(conn: &mut Conn, debit_id: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE consultation_bookings SET status = 'cancelled', updated_at = ? WHERE transaction_id = ? \
         AND status IN ('pending', 'scheduled')",
    )
    .bind(at)
    .bind(debit_id)
    .execute(conn)
    .await?;
    Ok(())
}
