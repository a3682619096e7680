//! Rows of the ledger with what was noted of them, for refunds and settlements.

use base::Money;
use base::id::UserId;
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::types::Json;

use crate::{Conn, StoreError, affected};

/// A `transactions` row with its notes.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LedgerRow {
    /// Its id.
    pub id: u64,
    /// The wallet's owner.
    pub user_id: UserId,
    /// `credit` or `debit`.
    #[sqlx(rename = "type")]
    pub entry_type: String,
    /// `transactions.category`.
    pub category: String,
    /// Always positive.
    #[sqlx(try_from = "Decimal")]
    pub amount: Money,
    /// `pending`, `completed`, `failed` or `cancelled`.
    pub status: String,
    /// As the column spells it.
    pub related_type: Option<String>,
    /// With `related_type`.
    pub related_id: Option<u64>,
    /// Words for people.
    pub description: Option<String>,
    /// `group_id` and the like.
    pub metadata: Option<Json<Value>>,
}

impl LedgerRow {
    /// A member of the row's notes.
    #[must_use]
    pub fn note(&self, name: &str) -> Option<&Value> {
        self.metadata.as_ref().and_then(|Json(notes)| notes.get(name)).filter(|value| !value.is_null())
    }

    /// The group that it was written with.
    #[must_use]
    pub fn group_id(&self) -> Option<&str> {
        self.note("group_id").and_then(Value::as_str)
    }
}

/// Ids that the rows of one group lie within, from its first: they are written by one statement, with the distance
/// between two ids that servers of a group keep.
const GROUP_SPAN: u64 = 1_000;

/// A row, whosever it is.
///
/// # Errors
/// Those of the driver.
pub async fn find_ledger_row(conn: &mut Conn, id: u64) -> Result<Option<LedgerRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, user_id, type, category, amount, status, related_type, related_id, description, metadata \
         FROM transactions WHERE id = ?",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// As [`find_ledger_row`], locked; wallets are locked before (domain.md D8).
///
/// # Errors
/// Those of the driver.
pub async fn lock_ledger_row(conn: &mut Conn, id: u64) -> Result<Option<LedgerRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, user_id, type, category, amount, status, related_type, related_id, description, metadata \
         FROM transactions WHERE id = ? FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// The rows that were written in one group with its first row, in their order.
///
/// # Errors
/// Those of the driver.
pub async fn list_group(
    conn: &mut Conn,
    first_id: u64,
    group_id: &str,
) -> Result<Vec<LedgerRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, user_id, type, category, amount, status, related_type, related_id, description, metadata \
         FROM transactions WHERE id >= ? AND id < ? \
         AND JSON_UNQUOTE(JSON_EXTRACT(metadata, '$.group_id')) = ? ORDER BY id",
    )
    .bind(first_id)
    .bind(first_id.saturating_add(GROUP_SPAN))
    .bind(group_id)
    .fetch_all(conn)
    .await?)
}

/// Notes on a row which other row refunded it, or settled it.
///
/// # Errors
/// [`StoreError::RowsAffected`] when it is gone.
pub async fn update_note(conn: &mut Conn, id: u64, path: Note, other_id: u64) -> Result<(), StoreError> {
    let statement = match path {
        Note::RefundedBy => {
            "UPDATE transactions SET metadata = JSON_SET(COALESCE(metadata, JSON_OBJECT()), '$.refunded_by', ?), \
             updated_at = UTC_TIMESTAMP() WHERE id = ?"
        }
        Note::SettledBy => {
            "UPDATE transactions SET metadata = JSON_SET(COALESCE(metadata, JSON_OBJECT()), '$.settled_by', ?), \
             updated_at = UTC_TIMESTAMP() WHERE id = ?"
        }
    };
    let done = sqlx::query(statement).bind(other_id).bind(id).execute(conn).await?;
    affected("transactions", 1, &done)
}

/// What is noted of a row later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The buyer's credit that gave it back.
    RefundedBy,
    /// The platform's debit that paid it on.
    SettledBy,
}
