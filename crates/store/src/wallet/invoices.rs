//! Invoices and their numbers (domain.md §4.1 row 27, §8.5).

use base::Money;
use base::id::UserId;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::types::Json;

use crate::{Conn, StoreError};

/// Takes the next number of a gap-free sequence, and locks it until the transaction ends: so this comes last
/// (domain.md D8).
///
/// # Errors
/// Those of the driver.
pub async fn update_sequence(conn: &mut Conn, name: &str) -> Result<u64, StoreError> {
    // LAST_INSERT_ID(n) hands n to the client; a rollback gives the number back.
    let done = sqlx::query(
        "INSERT INTO hub_sequences (name, value) VALUES (?, LAST_INSERT_ID(1)) \
         ON DUPLICATE KEY UPDATE value = LAST_INSERT_ID(value + 1)",
    )
    .bind(name)
    .execute(conn)
    .await?;
    match done.last_insert_id() {
        0 => Err(StoreError::Corrupt { table: "hub_sequences", column: "value" }),
        value => Ok(value),
    }
}

/// An invoice to be issued.
#[derive(Clone, Debug)]
pub struct NewInvoice<'a> {
    /// The buyer's debit; of a credit note, the credit that gave back.
    pub transaction_id: u64,
    /// The buyer.
    pub user_id: UserId,
    /// `INV-{yyyy}-{000001}`.
    pub number: &'a str,
    /// Without VAT.
    pub subtotal: Money,
    /// In basis points.
    pub vat_basis_points: u32,
    /// `total` − `subtotal`.
    pub vat_amount: Money,
    /// What was paid; negative in a credit note, as are the other amounts.
    pub total: Money,
    /// An array of `{description, quantity, unit_price, total}`.
    pub items: Value,
    /// When, in whole seconds.
    pub issued_at: DateTime<Utc>,
}

/// Issues an invoice; gives its id.
///
/// # Errors
/// [`StoreError::Unique`] when the debit has one already.
pub async fn insert_invoice(conn: &mut Conn, invoice: &NewInvoice<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO invoices (transaction_id, user_id, invoice_number, subtotal, vat_rate, vat_amount, total, \
         items, status, issued_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'issued', ?, ?, ?)",
    )
    .bind(invoice.transaction_id)
    .bind(invoice.user_id)
    .bind(invoice.number)
    .bind(invoice.subtotal.to_decimal())
    .bind(Decimal::new(i64::from(invoice.vat_basis_points), 2))
    .bind(invoice.vat_amount.to_decimal())
    .bind(invoice.total.to_decimal())
    .bind(Json(&invoice.items))
    .bind(invoice.issued_at)
    .bind(invoice.issued_at)
    .bind(invoice.issued_at)
    .execute(conn)
    .await?;
    Ok(done.last_insert_id())
}

/// Marks the invoice of a debit as credited, if it has one.
///
/// # Errors
/// Those of the driver.
pub async fn update_invoice_credited(
    conn: &mut Conn,
    transaction_id: u64,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE invoices SET status = 'credited', updated_at = ? WHERE transaction_id = ?")
        .bind(at)
        .bind(transaction_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// The rate of VAT, in basis points, on the invoice of a debit.
///
/// # Errors
/// Those of the driver.
pub async fn find_vat_rate(conn: &mut Conn, transaction_id: u64) -> Result<Option<u32>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT CAST(ROUND(vat_rate * 100) AS UNSIGNED) FROM invoices WHERE transaction_id = ?",
    )
    .bind(transaction_id)
    .fetch_optional(conn)
    .await?
    .map(|points: u64| u32::try_from(points).unwrap_or(u32::MAX)))
}
