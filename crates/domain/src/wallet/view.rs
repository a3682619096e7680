//! Rows as clients see them.

use base::Time;
use protocol::wallet::{Category, EntryType, Transaction, Wallet};
use store::StoreError;
use store::wallet::{TransactionRow, WalletRow};

use crate::morph::short_name;

pub(super) fn wallet_view(row: WalletRow) -> Wallet {
    Wallet {
        id: row.id,
        balance: row.balance,
        available: row.balance,
        pending_balance: row.pending_balance,
        total_earned: row.total_earned,
        total_withdrawn: row.total_withdrawn,
        currency: row.currency,
    }
}

pub(super) fn transaction_view(row: TransactionRow) -> Result<Transaction, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "transactions", column };
    Ok(Transaction {
        id: row.id,
        entry_type: entry_type(&row.entry_type).ok_or_else(|| corrupt("type"))?,
        category: category(&row.category).ok_or_else(|| corrupt("category"))?,
        amount: row.amount,
        balance_after: row.balance_after,
        currency: row.currency,
        status: row.status,
        transaction_reference: row.transaction_reference,
        related_type: row.related_type.as_deref().map(short_name),
        related_id: row.related_id,
        description: row.description,
        created_at: row.created_at.map(Time::from),
    })
}

fn entry_type(column: &str) -> Option<EntryType> {
    [EntryType::Credit, EntryType::Debit].into_iter().find(|one| one.as_str() == column)
}

pub(super) fn category(column: &str) -> Option<Category> {
    [
        Category::Course,
        Category::Book,
        Category::Consultation,
        Category::LiveRoom,
        Category::Gift,
        Category::TopUp,
        Category::Withdrawal,
        Category::Refund,
        Category::Commission,
        Category::Vat,
        Category::Adjustment,
    ]
    .into_iter()
    .find(|one| one.as_str() == column)
}
