//! Wallets, the ledger, invoices (domain.md §4.1 rows 25-27, §8). Money never leaves here as anything but [`Money`].

mod admin;
mod groups;
mod invoices;
mod payments;
mod purchases;
mod withdrawals;

use base::Money;
use base::id::{UserId, WalletId};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{MySql, QueryBuilder};

use crate::{Conn, StoreError, affected};

pub use admin::{
    InvoiceQuery, InvoiceRow, LedgerEntryRow, find_credited_number, find_invoice, find_invoice_by_number,
    list_invoices, list_ledger, update_invoice_pdf,
};
pub use groups::{LedgerRow, Note, find_ledger_row, list_group, lock_ledger_row, update_note};
pub use invoices::{NewInvoice, find_vat_rate, insert_invoice, update_invoice_credited, update_sequence};

pub use payments::{
    IntentRow, NewIntent, delete_old_receipts, find_intent, find_intent_of, insert_intent, insert_receipt,
    list_expired_intents, lock_intent, update_intent,
};
pub use purchases::end_purchase;
pub use withdrawals::{
    NewWithdrawal, WithdrawalRow, WithdrawalStep, find_withdrawal, has_open_withdrawal, insert_withdrawal,
    list_withdrawals, lock_withdrawal, update_transaction_status, update_withdrawal,
};

/// A `wallets` row.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct WalletRow {
    /// Its id; wallets are locked in the order of ids (domain.md D8).
    pub id: WalletId,
    /// Its owner; one wallet a user.
    pub user_id: UserId,
    /// Money at hand.
    #[sqlx(try_from = "Decimal")]
    pub balance: Money,
    /// Money reserved for withdrawals.
    #[sqlx(try_from = "Decimal")]
    pub pending_balance: Money,
    /// Everything ever earned.
    #[sqlx(try_from = "Decimal")]
    pub total_earned: Money,
    /// Everything ever paid out.
    #[sqlx(try_from = "Decimal")]
    pub total_withdrawn: Money,
    /// ISO 4217.
    pub currency: String,
}

/// A `transactions` row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct TransactionRow {
    /// Its id.
    pub id: u64,
    /// `credit` or `debit`.
    #[sqlx(rename = "type")]
    pub entry_type: String,
    /// `transactions.category`.
    pub category: String,
    /// Always positive.
    #[sqlx(try_from = "Decimal")]
    pub amount: Money,
    /// The wallet's balance after this row.
    #[sqlx(try_from = "Decimal")]
    pub balance_after: Money,
    /// `pending`, `completed`, `failed` or `cancelled`.
    pub status: String,
    /// Unique.
    pub transaction_reference: String,
    /// In either spelling of morph types (domain.md §7.2).
    pub related_type: Option<String>,
    /// With `related_type`.
    pub related_id: Option<u64>,
    /// Words for people.
    pub description: Option<String>,
    /// When.
    pub created_at: Option<DateTime<Utc>>,
    /// The wallet's, ISO 4217.
    pub currency: String,
}

/// A row to be added to `transactions`.
#[derive(Clone, Debug)]
pub struct NewTransaction<'a> {
    /// The wallet that it moves.
    pub wallet_id: WalletId,
    /// The wallet's owner.
    pub user_id: UserId,
    /// `credit` or `debit`.
    pub entry_type: &'static str,
    /// `transactions.category`.
    pub category: &'static str,
    /// Morph type and id of what it belongs to.
    pub related: Option<(&'a str, u64)>,
    /// Positive.
    pub amount: Money,
    /// The wallet's balance after it.
    pub balance_after: Money,
    /// How it was paid; `wallet` inside the platform.
    pub payment_method: Option<&'a str>,
    /// Unique.
    pub reference: String,
    /// `completed`, or `pending` for money that is held.
    pub status: &'static str,
    /// Words for people.
    pub description: Option<&'a str>,
    /// With `group_id`.
    pub metadata: Value,
    /// When, in whole seconds.
    pub created_at: DateTime<Utc>,
}

/// Which part of a wallet's transactions to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct TransactionQuery {
    /// `credit` or `debit`.
    pub entry_type: Option<&'static str>,
    /// `transactions.category`.
    pub category: Option<&'static str>,
    /// `transactions.status`.
    pub status: Option<&'static str>,
    /// Made then or later.
    pub from: Option<DateTime<Utc>>,
    /// Made then or earlier.
    pub to: Option<DateTime<Utc>>,
    /// The id next to which the list begins.
    pub cursor: Option<u64>,
    /// Towards older rows (descending ids) or newer ones (ascending).
    pub forward: bool,
    /// At most so many.
    pub limit: u32,
}

const WALLET: &str =
    "SELECT id, user_id, balance, pending_balance, total_earned, total_withdrawn, currency FROM wallets";
const TRANSACTION: &str = "SELECT t.id, t.type, t.category, t.amount, t.balance_after, t.status, \
    t.transaction_reference, t.related_type, t.related_id, t.description, t.created_at, w.currency \
    FROM transactions t JOIN wallets w ON w.id = t.wallet_id";

/// The wallet of a user.
///
/// # Errors
/// Those of the driver.
pub async fn find_wallet(conn: &mut Conn, user_id: UserId) -> Result<Option<WalletRow>, StoreError> {
    let mut query = QueryBuilder::new(WALLET);
    query.push(" WHERE user_id = ").push_bind(user_id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Is there such an account, not deleted, with a wallet? (Suspended ones count: their money can be put right.)
///
/// # Errors
/// Those of the driver.
pub async fn has_wallet(conn: &mut Conn, user_id: UserId) -> Result<bool, StoreError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM wallets w JOIN users u ON u.id = w.user_id WHERE w.user_id = ? AND u.deleted_at IS NULL",
    )
    .bind(user_id)
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Locks the wallets of these users in the order of their ids, in one statement (domain.md D8). Users without a
/// wallet are missing in the answer.
///
/// # Errors
/// Those of the driver.
pub async fn lock_wallets(conn: &mut Conn, user_ids: &[UserId]) -> Result<Vec<WalletRow>, StoreError> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    // The ids first, without locks: a locking read by user_id would lock in the order of users, not of wallets.
    let mut query = QueryBuilder::new("SELECT id FROM wallets WHERE user_id IN (");
    push_list(&mut query, user_ids);
    let ids: Vec<WalletId> = query.build_query_scalar().fetch_all(&mut *conn).await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // FORCE INDEX: in a small table the optimiser would rather scan, and lock wallets of strangers on its way.
    let mut query = QueryBuilder::new(WALLET);
    query.push(" FORCE INDEX (PRIMARY) WHERE id IN (");
    push_list(&mut query, &ids);
    query.push(" ORDER BY id FOR UPDATE");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Writes the balances of locked wallets, in one statement.
///
/// # Errors
/// [`StoreError::RowsAffected`] when one of them is gone.
pub async fn update_balances(
    conn: &mut Conn,
    wallets: &[WalletRow],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    if wallets.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("UPDATE wallets SET balance = CASE id");
    for wallet in wallets {
        query.push(" WHEN ").push_bind(wallet.id).push(" THEN ").push_bind(wallet.balance.to_decimal());
    }
    query.push(" END, total_earned = CASE id");
    for wallet in wallets {
        query.push(" WHEN ").push_bind(wallet.id).push(" THEN ").push_bind(wallet.total_earned.to_decimal());
    }
    query.push(" END, pending_balance = CASE id");
    for wallet in wallets {
        query
            .push(" WHEN ")
            .push_bind(wallet.id)
            .push(" THEN ")
            .push_bind(wallet.pending_balance.to_decimal());
    }
    query.push(" END, total_withdrawn = CASE id");
    for wallet in wallets {
        query
            .push(" WHEN ")
            .push_bind(wallet.id)
            .push(" THEN ")
            .push_bind(wallet.total_withdrawn.to_decimal());
    }
    query.push(" END, updated_at = ").push_bind(at).push(" WHERE id IN (");
    let ids: Vec<WalletId> = wallets.iter().map(|wallet| wallet.id).collect();
    push_list(&mut query, &ids);
    let done = query.build().execute(conn).await?;
    affected("wallets", u64::try_from(wallets.len()).unwrap_or(u64::MAX), &done)
}

/// Adds rows to the ledger in the order given, in one statement, and gives their ids in that order.
///
/// # Errors
/// [`StoreError::Unique`] of `transactions_transaction_reference_unique` when a reference was used before.
pub async fn insert_transactions(
    conn: &mut Conn,
    rows: &[NewTransaction<'_>],
) -> Result<Vec<u64>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(
        "INSERT INTO transactions (wallet_id, user_id, type, category, related_type, related_id, amount, \
         balance_after, payment_method, transaction_reference, status, description, metadata, created_at, \
         updated_at) ",
    );
    query.push_values(rows, |mut values, row| {
        values
            .push_bind(row.wallet_id)
            .push_bind(row.user_id)
            .push_bind(row.entry_type)
            .push_bind(row.category)
            .push_bind(row.related.map(|(name, _)| name))
            .push_bind(row.related.map(|(_, id)| id))
            .push_bind(row.amount.to_decimal())
            .push_bind(row.balance_after.to_decimal())
            .push_bind(row.payment_method)
            .push_bind(&row.reference)
            .push_bind(row.status)
            .push_bind(row.description)
            .push_bind(Json(&row.metadata))
            .push_bind(row.created_at)
            .push_bind(row.created_at);
    });
    let done = query.build().execute(&mut *conn).await?;
    affected("transactions", u64::try_from(rows.len()).unwrap_or(u64::MAX), &done)?;
    // Read back instead of counting up from the first: on a cluster ids may go up in larger steps.
    let mut query = QueryBuilder::new("SELECT id FROM transactions WHERE transaction_reference IN (");
    let mut list = query.separated(", ");
    for row in rows {
        list.push_bind(&row.reference);
    }
    query.push(") ORDER BY id");
    let ids: Vec<u64> = query.build_query_scalar().fetch_all(conn).await?;
    if ids.len() == rows.len() {
        Ok(ids)
    } else {
        Err(StoreError::Corrupt { table: "transactions", column: "transaction_reference" })
    }
}

/// A user's transaction.
///
/// # Errors
/// Those of the driver.
pub async fn find_transaction(
    conn: &mut Conn,
    user_id: UserId,
    id: u64,
) -> Result<Option<TransactionRow>, StoreError> {
    let mut query = QueryBuilder::new(TRANSACTION);
    query.push(" WHERE t.id = ").push_bind(id);
    query.push(" AND w.user_id = ").push_bind(user_id);
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// The nearest moment that a `TIMESTAMP` can hold: with one outside of its range MariaDB finds no row at all.
fn as_timestamp(moment: DateTime<Utc>) -> DateTime<Utc> {
    const LATEST: i64 = 2_147_483_647;
    DateTime::from_timestamp(moment.timestamp().clamp(1, LATEST), 0)
        .filter(|nearest| nearest.timestamp() != moment.timestamp())
        .unwrap_or(moment)
}

/// A part of the transactions of a user's wallet.
///
/// # Errors
/// Those of the driver.
pub async fn list_transactions(
    conn: &mut Conn,
    user_id: UserId,
    which: TransactionQuery,
) -> Result<Vec<TransactionRow>, StoreError> {
    let mut query = QueryBuilder::new(TRANSACTION);
    query.push(" WHERE w.user_id = ").push_bind(user_id);
    push_transaction_filters(&mut query, which);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// The conditions, the order and the limit of a list of transactions, after its first condition.
fn push_transaction_filters(query: &mut QueryBuilder<MySql>, which: TransactionQuery) {
    if let Some(entry_type) = which.entry_type {
        query.push(" AND t.type = ").push_bind(entry_type);
    }
    if let Some(category) = which.category {
        query.push(" AND t.category = ").push_bind(category);
    }
    if let Some(status) = which.status {
        query.push(" AND t.status = ").push_bind(status);
    }
    if let Some(from) = which.from {
        query.push(" AND t.created_at >= ").push_bind(as_timestamp(from));
    }
    if let Some(to) = which.to {
        query.push(" AND t.created_at <= ").push_bind(as_timestamp(to));
    }
    if let Some(cursor) = which.cursor {
        query.push(if which.forward { " AND t.id < " } else { " AND t.id > " }).push_bind(cursor);
    }
    query.push(if which.forward { " ORDER BY t.id DESC LIMIT " } else { " ORDER BY t.id LIMIT " });
    query.push_bind(which.limit);
}

fn push_list(query: &mut QueryBuilder<MySql>, ids: &[u64]) {
    let mut list = query.separated(", ");
    for &id in ids {
        list.push_bind(id);
    }
    query.push(")");
}
