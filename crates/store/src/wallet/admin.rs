//! Invoices as people read them, and the whole ledger for administrators.

use base::Money;
use base::id::UserId;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{MySql, QueryBuilder};

use super::{TransactionQuery, TransactionRow, push_transaction_filters};
use crate::{Conn, StoreError, affected};

/// An `invoices` row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct InvoiceRow {
    /// Its id.
    pub id: u64,
    /// The row of the ledger that it belongs to.
    pub transaction_id: u64,
    /// Whose.
    pub user_id: UserId,
    /// `INV-{yyyy}-{000001}`.
    pub invoice_number: String,
    /// Without VAT.
    #[sqlx(try_from = "Decimal")]
    pub subtotal: Money,
    /// In percent.
    pub vat_rate: Decimal,
    /// The VAT.
    #[sqlx(try_from = "Decimal")]
    pub vat_amount: Money,
    /// With VAT; negative in a credit note.
    #[sqlx(try_from = "Decimal")]
    pub total: Money,
    /// Its lines.
    pub items: Option<Json<Value>>,
    /// `issued` or `credited`.
    pub status: String,
    /// When.
    pub issued_at: Option<DateTime<Utc>>,
    /// Where its PDF is.
    pub pdf_url: Option<String>,
}

/// Which invoices to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct InvoiceQuery {
    /// Only one's.
    pub user_id: Option<UserId>,
    /// `issued` or `credited`.
    pub status: Option<&'static str>,
    /// Only credit notes, or only invoices.
    pub credit_notes: Option<bool>,
    /// The id next to which the list begins.
    pub cursor: Option<u64>,
    /// Towards older ones or newer ones.
    pub forward: bool,
    /// At most so many.
    pub limit: u32,
}

const INVOICE: &str = "SELECT id, transaction_id, user_id, invoice_number, subtotal, vat_rate, vat_amount, total, items, \
    status, issued_at, pdf_url FROM invoices";

/// An invoice; only that of a user where one is given.
///
/// # Errors
/// Those of the driver.
pub async fn find_invoice(
    conn: &mut Conn,
    id: u64,
    user_id: Option<UserId>,
) -> Result<Option<InvoiceRow>, StoreError> {
    let mut query = QueryBuilder::new(INVOICE);
    query.push(" WHERE id = ").push_bind(id);
    if let Some(user_id) = user_id {
        query.push(" AND user_id = ").push_bind(user_id);
    }
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// An invoice by its number.
///
/// # Errors
/// Those of the driver.
pub async fn find_invoice_by_number(conn: &mut Conn, number: &str) -> Result<Option<InvoiceRow>, StoreError> {
    let mut query = QueryBuilder::new(INVOICE);
    query.push(" WHERE invoice_number = ").push_bind(number);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// The number of the invoice that a credit note takes back.
///
/// # Errors
/// Those of the driver.
pub async fn find_credited_number(conn: &mut Conn, refund_id: u64) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT i.invoice_number FROM transactions t JOIN invoices i \
         ON i.transaction_id = CAST(JSON_EXTRACT(t.metadata, '$.refunds') AS UNSIGNED) WHERE t.id = ?",
    )
    .bind(refund_id)
    .fetch_optional(conn)
    .await?)
}

/// Invoices, newest first.
///
/// # Errors
/// Those of the driver.
pub async fn list_invoices(conn: &mut Conn, which: InvoiceQuery) -> Result<Vec<InvoiceRow>, StoreError> {
    let mut query = QueryBuilder::<MySql>::new(INVOICE);
    query.push(" WHERE 1 = 1");
    if let Some(user_id) = which.user_id {
        query.push(" AND user_id = ").push_bind(user_id);
    }
    if let Some(status) = which.status {
        query.push(" AND status = ").push_bind(status);
    }
    if let Some(credit_notes) = which.credit_notes {
        query.push(if credit_notes { " AND total < 0" } else { " AND total >= 0" });
    }
    if let Some(cursor) = which.cursor {
        query.push(if which.forward { " AND id < " } else { " AND id > " }).push_bind(cursor);
    }
    query.push(if which.forward { " ORDER BY id DESC LIMIT " } else { " ORDER BY id LIMIT " });
    query.push_bind(which.limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Notes where an invoice's PDF is.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is gone.
pub async fn update_invoice_pdf(conn: &mut Conn, id: u64, path: &str) -> Result<(), StoreError> {
    let done =
        sqlx::query("UPDATE invoices SET pdf_url = ? WHERE id = ?").bind(path).bind(id).execute(conn).await?;
    affected("invoices", 1, &done)
}

/// A row of the ledger with what administrators see of it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LedgerEntryRow {
    /// As its owner sees it.
    #[sqlx(flatten)]
    pub transaction: TransactionRow,
    /// Whose.
    pub user_id: UserId,
    /// How it was paid.
    pub payment_method: Option<String>,
    /// `group_id` and the like.
    pub metadata: Option<Json<Value>>,
}

/// A part of the whole ledger, or of one user's.
///
/// # Errors
/// Those of the driver.
pub async fn list_ledger(
    conn: &mut Conn,
    user_id: Option<UserId>,
    which: TransactionQuery,
) -> Result<Vec<LedgerEntryRow>, StoreError> {
    let mut query = QueryBuilder::<MySql>::new(
        "SELECT t.id, t.type, t.category, t.amount, t.balance_after, t.status, t.transaction_reference, \
         t.related_type, t.related_id, t.description, t.created_at, w.currency, t.user_id, t.payment_method, \
         t.metadata FROM transactions t ",
    );
    match user_id {
        Some(user_id) => {
            query.push("JOIN wallets w ON w.id = t.wallet_id WHERE w.user_id = ").push_bind(user_id);
        }
        // In the order of their ids, without a look at all wallets first.
        None => {
            query.push("STRAIGHT_JOIN wallets w FORCE INDEX (PRIMARY) ON w.id = t.wallet_id WHERE t.id > 0");
        }
    }
    push_transaction_filters(&mut query, which);
    Ok(query.build_query_as().fetch_all(conn).await?)
}
