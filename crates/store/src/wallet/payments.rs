//! Top-ups on their way, and the events of providers (domain.md §4.3 `hub_payment_intents`, `hub_webhook_receipts`).

use base::Money;
use base::id::UserId;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{Conn, StoreError, affected};

/// A `hub_payment_intents` row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct IntentRow {
    /// A ULID.
    pub id: String,
    /// Whose wallet is to be filled.
    pub user_id: UserId,
    /// How much.
    #[sqlx(try_from = "Decimal")]
    pub amount: Money,
    /// ISO 4217.
    pub currency: String,
    /// How it is paid.
    pub method: String,
    /// Who takes the money.
    pub provider: String,
    /// The provider's name for it.
    pub provider_ref: Option<String>,
    /// `created`, `processing`, `succeeded`, `failed`, `expired` or `refunded`.
    pub status: String,
    /// Where the customer pays.
    pub payment_url: Option<String>,
    /// Why it came to nothing.
    pub failure: Option<String>,
    /// The row of the ledger that it became.
    pub transaction_id: Option<u64>,
    /// Until when it can be paid.
    pub expires_at: DateTime<Utc>,
    /// When it began.
    pub created_at: DateTime<Utc>,
}

/// A top-up that begins.
#[derive(Clone, Debug)]
pub struct NewIntent<'a> {
    /// A ULID.
    pub id: &'a str,
    /// Whose wallet is to be filled.
    pub user_id: UserId,
    /// How much.
    pub amount: Money,
    /// ISO 4217.
    pub currency: &'a str,
    /// How it is paid.
    pub method: &'a str,
    /// Who takes the money.
    pub provider: &'a str,
    /// The provider's name for it.
    pub provider_ref: &'a str,
    /// Where the customer pays.
    pub payment_url: Option<&'a str>,
    /// Until when it can be paid.
    pub expires_at: DateTime<Utc>,
    /// Now.
    pub at: DateTime<Utc>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, amount, currency, method, provider, provider_ref, status, payment_url, failure, \
             transaction_id, expires_at, created_at \
             FROM hub_payment_intents ",
            $rest
        )
    };
}

/// A user's top-up.
///
/// # Errors
/// Those of the driver.
pub async fn find_intent(
    conn: &mut Conn,
    user_id: UserId,
    id: &str,
) -> Result<Option<IntentRow>, StoreError> {
    Ok(sqlx::query_as(select!("WHERE id = ? AND user_id = ?"))
        .bind(id)
        .bind(user_id)
        .fetch_optional(conn)
        .await?)
}

/// The top-up that a provider means.
///
/// # Errors
/// Those of the driver.
pub async fn find_intent_of(
    conn: &mut Conn,
    provider: &str,
    reference: &str,
) -> Result<Option<IntentRow>, StoreError> {
    Ok(sqlx::query_as(select!("WHERE provider_ref = ? AND provider = ?"))
        .bind(reference)
        .bind(provider)
        .fetch_optional(conn)
        .await?)
}

/// A top-up, locked.
///
/// # Errors
/// Those of the driver.
pub async fn lock_intent(conn: &mut Conn, id: &str) -> Result<Option<IntentRow>, StoreError> {
    Ok(sqlx::query_as(select!("WHERE id = ? FOR UPDATE")).bind(id).fetch_optional(conn).await?)
}

/// Top-ups whose time is over, the oldest first.
///
/// # Errors
/// Those of the driver.
pub async fn list_expired_intents(
    conn: &mut Conn,
    at: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<IntentRow>, StoreError> {
    Ok(sqlx::query_as(select!(
        "WHERE status IN ('created', 'processing') AND expires_at < ? ORDER BY expires_at LIMIT ?"
    ))
    .bind(at)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Begins a top-up.
///
/// # Errors
/// [`StoreError::Unique`] where it has begun.
pub async fn insert_intent(conn: &mut Conn, intent: &NewIntent<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_payment_intents (id, user_id, amount, currency, method, provider, provider_ref, status, \
         payment_url, expires_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'created', ?, ?, ?, ?)",
    )
    .bind(intent.id)
    .bind(intent.user_id)
    .bind(intent.amount.to_decimal())
    .bind(intent.currency)
    .bind(intent.method)
    .bind(intent.provider)
    .bind(intent.provider_ref)
    .bind(intent.payment_url)
    .bind(intent.expires_at)
    .bind(intent.at)
    .bind(intent.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes a step of a locked top-up.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is not in `from` any more.
pub async fn update_intent(
    conn: &mut Conn,
    id: &str,
    (from, to): (&'static str, &'static str),
    failure: Option<&str>,
    transaction_id: Option<u64>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE hub_payment_intents SET status = ?, failure = COALESCE(?, failure), \
         transaction_id = COALESCE(?, transaction_id), updated_at = ? WHERE id = ? AND status = ?",
    )
    .bind(to)
    .bind(failure)
    .bind(transaction_id)
    .bind(at)
    .bind(id)
    .bind(from)
    .execute(conn)
    .await?;
    affected("hub_payment_intents", 1, &done)
}

/// Notes that an event is dealt with in this transaction. Another delivery of it waits here until the transaction ends.
///
/// # Errors
/// [`StoreError::Unique`] when it was dealt with before.
pub async fn insert_receipt(
    conn: &mut Conn,
    provider: &str,
    event_id: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO hub_webhook_receipts (provider, event_id, received_at) VALUES (?, ?, ?)")
        .bind(provider)
        .bind(event_id)
        .bind(at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets events received before a moment; at most `limit`. Gives how many went.
///
/// # Errors
/// Those of the driver.
pub async fn delete_old_receipts(
    conn: &mut Conn,
    before: DateTime<Utc>,
    limit: u32,
) -> Result<u64, StoreError> {
    let done =
        sqlx::query("DELETE FROM hub_webhook_receipts WHERE received_at < ? ORDER BY received_at LIMIT ?")
            .bind(before)
            .bind(limit)
            .execute(conn)
            .await?;
    Ok(done.rows_affected())
}
