//! Withdrawals beside their rows in the ledger (domain.md D6).

use base::Money;
use base::id::UserId;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::QueryBuilder;

use crate::{Conn, StoreError, affected};

/// A `hub_withdrawals` row with the name of its owner.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct WithdrawalRow {
    /// The ledger's debit.
    pub transaction_id: u64,
    /// Whose.
    pub user_id: UserId,
    /// How much.
    #[sqlx(try_from = "Decimal")]
    pub amount: Money,
    /// Where to.
    pub iban: String,
    /// Whose account that is.
    pub account_name: String,
    /// `pending`, `approved`, `paid`, `rejected`, `failed` or `cancelled`.
    pub status: String,
    /// Who let it go.
    pub approved_by: Option<UserId>,
    /// Who ended it.
    pub settled_by: Option<UserId>,
    /// What the bank calls it.
    pub bank_reference: Option<String>,
    /// Why it came to nothing.
    pub reason: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// A withdrawal that is asked for.
#[derive(Clone, Debug)]
pub struct NewWithdrawal<'a> {
    /// The ledger's debit.
    pub transaction_id: u64,
    /// Whose.
    pub user_id: UserId,
    /// How much.
    pub amount: Money,
    /// Where to.
    pub iban: &'a str,
    /// Whose account that is.
    pub account_name: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a step writes.
#[derive(Clone, Copy, Debug, Default)]
pub struct WithdrawalStep<'a> {
    /// The state before it.
    pub from: &'static str,
    /// The state after it.
    pub to: &'static str,
    /// Who lets it go.
    pub approved_by: Option<UserId>,
    /// Who ends it.
    pub settled_by: Option<UserId>,
    /// What the bank calls it.
    pub bank_reference: Option<&'a str>,
    /// Why it comes to nothing.
    pub reason: Option<&'a str>,
}

const WITHDRAWAL: &str = "SELECT transaction_id, user_id, amount, iban, account_name, status, approved_by, settled_by, \
    bank_reference, reason, created_at, updated_at \
    FROM hub_withdrawals";

/// A withdrawal; only that of a user where one is given.
///
/// # Errors
/// Those of the driver.
pub async fn find_withdrawal(
    conn: &mut Conn,
    id: u64,
    user_id: Option<UserId>,
) -> Result<Option<WithdrawalRow>, StoreError> {
    let mut query = QueryBuilder::new(WITHDRAWAL);
    query.push(" WHERE transaction_id = ").push_bind(id);
    if let Some(user_id) = user_id {
        query.push(" AND user_id = ").push_bind(user_id);
    }
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// A withdrawal, locked.
///
/// # Errors
/// Those of the driver.
pub async fn lock_withdrawal(conn: &mut Conn, id: u64) -> Result<Option<WithdrawalRow>, StoreError> {
    let mut query = QueryBuilder::new(WITHDRAWAL);
    query.push(" WHERE transaction_id = ").push_bind(id).push(" FOR UPDATE");
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// Has the user, whose wallet is locked, a withdrawal that has not ended?
///
/// # Errors
/// Those of the driver.
pub async fn has_open_withdrawal(conn: &mut Conn, user_id: UserId) -> Result<bool, StoreError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM hub_withdrawals WHERE user_id = ? AND status IN ('pending', 'approved') LIMIT 1",
    )
    .bind(user_id)
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Keeps where a withdrawal's money goes.
///
/// # Errors
/// Those of the driver.
pub async fn insert_withdrawal(conn: &mut Conn, new: &NewWithdrawal<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_withdrawals (transaction_id, user_id, amount, iban, account_name, status, created_at, \
         updated_at) VALUES (?, ?, ?, ?, ?, 'pending', ?, ?)",
    )
    .bind(new.transaction_id)
    .bind(new.user_id)
    .bind(new.amount.to_decimal())
    .bind(new.iban)
    .bind(new.account_name)
    .bind(new.at)
    .bind(new.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes a step of a locked withdrawal.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is not in `from` any more.
pub async fn update_withdrawal(
    conn: &mut Conn,
    id: u64,
    step: WithdrawalStep<'_>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE hub_withdrawals SET status = ?, approved_by = COALESCE(?, approved_by), \
         settled_by = COALESCE(?, settled_by), bank_reference = COALESCE(?, bank_reference), \
         reason = COALESCE(?, reason), updated_at = ? WHERE transaction_id = ? AND status = ?",
    )
    .bind(step.to)
    .bind(step.approved_by)
    .bind(step.settled_by)
    .bind(step.bank_reference)
    .bind(step.reason)
    .bind(at)
    .bind(id)
    .bind(step.from)
    .execute(conn)
    .await?;
    affected("hub_withdrawals", 1, &done)
}

/// Ends the ledger's pending row of a withdrawal.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it has ended before.
pub async fn update_transaction_status(
    conn: &mut Conn,
    id: u64,
    to: &'static str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done =
        sqlx::query("UPDATE transactions SET status = ?, updated_at = ? WHERE id = ? AND status = 'pending'")
            .bind(to)
            .bind(at)
            .bind(id)
            .execute(conn)
            .await?;
    affected("transactions", 1, &done)
}

/// Withdrawals, newest first: of one state where that is asked for, of one user where one is given.
///
/// # Errors
/// Those of the driver.
pub async fn list_withdrawals(
    conn: &mut Conn,
    status: Option<&'static str>,
    user_id: Option<UserId>,
    (cursor, forward, limit): (Option<u64>, bool, u32),
) -> Result<Vec<WithdrawalRow>, StoreError> {
    let mut query = QueryBuilder::new(WITHDRAWAL);
    query.push(" WHERE 1 = 1");
    if let Some(status) = status {
        query.push(" AND status = ").push_bind(status);
    }
    if let Some(user_id) = user_id {
        query.push(" AND user_id = ").push_bind(user_id);
    }
    if let Some(cursor) = cursor {
        query
            .push(if forward { " AND transaction_id < " } else { " AND transaction_id > " })
            .push_bind(cursor);
    }
    query.push(if forward {
        " ORDER BY transaction_id DESC LIMIT "
    } else {
        " ORDER BY transaction_id LIMIT "
    });
    query.push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}
