//! Wallet and ledger: inputs and views (domain.md §5.8, §8).

mod invoices;
mod payments;
mod withdrawals;

use base::id::{UserId, WalletId};
use base::{Money, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::key::IdempotencyKey;

pub use invoices::{
    Invoice, InvoiceFilter, InvoiceLine, InvoiceQr, InvoiceStatus, InvoiceType, LedgerEntry, LedgerFinding,
    Reconciliation,
};
pub use payments::{HookOutcome, HookReceipt, IntentStatus, StartTopUp, TopUp, TopUpBody};
pub use withdrawals::{
    BankAccount, IssueRefund, MarkPaidBody, RefundBody, RefundIssued, RequestWithdrawal, Withdrawal,
    WithdrawalBody, WithdrawalCase, WithdrawalReasonBody, WithdrawalStatus,
};

/// A wallet as its owner sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Wallet {
    /// Its id.
    pub id: WalletId,
    /// Money at hand.
    pub balance: Money,
    /// What can be spent: the same as `balance`, since reserved money has left it.
    pub available: Money,
    /// Money reserved for withdrawals.
    pub pending_balance: Money,
    /// Everything ever earned by sales and gifts.
    pub total_earned: Money,
    /// Everything ever paid out.
    pub total_withdrawn: Money,
    /// ISO 4217.
    pub currency: String,
}

/// The balance after an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WalletBalance {
    /// Money at hand.
    pub balance: Money,
}

/// `transactions.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntryType {
    /// Money in.
    Credit,
    /// Money out.
    Debit,
}

impl EntryType {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Debit => "debit",
        }
    }
}

/// `transactions.category`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// A course.
    Course,
    /// A book.
    Book,
    /// A consultation.
    Consultation,
    /// A seat in a live room.
    LiveRoom,
    /// A gift.
    Gift,
    /// Money paid in.
    #[serde(rename = "top-up")]
    TopUp,
    /// Money paid out.
    Withdrawal,
    /// Money given back.
    Refund,
    /// The platform's share.
    Commission,
    /// Value added tax.
    Vat,
    /// A correction by an administrator.
    Adjustment,
}

impl Category {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Course => "course",
            Self::Book => "book",
            Self::Consultation => "consultation",
            Self::LiveRoom => "live_room",
            Self::Gift => "gift",
            Self::TopUp => "top-up",
            Self::Withdrawal => "withdrawal",
            Self::Refund => "refund",
            Self::Commission => "commission",
            Self::Vat => "vat",
            Self::Adjustment => "adjustment",
        }
    }

    /// Does a credit of this category count as earned (I-M5)? VAT is the state's.
    #[must_use]
    pub const fn is_sale(self) -> bool {
        match self {
            Self::Course
            | Self::Book
            | Self::Consultation
            | Self::LiveRoom
            | Self::Gift
            | Self::Commission => true,
            Self::TopUp | Self::Withdrawal | Self::Refund | Self::Vat | Self::Adjustment => false,
        }
    }
}

/// `transactions.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TransactionStatus {
    /// Waiting for an external payment.
    Pending,
    /// Done.
    Completed,
    /// Came to nothing.
    Failed,
    /// Called off.
    Cancelled,
}

impl TransactionStatus {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Transaction {
    /// Id order is the order of the wallet's chain.
    pub id: u64,
    /// In or out.
    #[serde(rename = "type")]
    pub entry_type: EntryType,
    /// What for.
    pub category: Category,
    /// How much, always positive.
    pub amount: Money,
    /// The balance after this line.
    pub balance_after: Money,
    /// ISO 4217.
    pub currency: String,
    /// `pending`, `completed`, `failed` or `cancelled`.
    pub status: String,
    /// Unique reference.
    pub transaction_reference: String,
    /// What it belongs to, by its short name.
    pub related_type: Option<String>,
    /// The id of what it belongs to.
    pub related_id: Option<u64>,
    /// Words for people.
    pub description: Option<String>,
    /// When.
    pub created_at: Option<Time>,
}

/// Filters of `GET /wallet/transactions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionFilter {
    /// In or out.
    pub entry_type: Option<EntryType>,
    /// What for.
    pub category: Option<Category>,
    /// How it went.
    pub status: Option<TransactionStatus>,
    /// Only lines of this moment or later.
    pub from: Option<Time>,
    /// Only lines of this moment or earlier.
    pub to: Option<Time>,
}

/// Input of the operation `adjust_wallet`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdjustWallet {
    /// The key of this write; not part of its content.
    pub client_id: IdempotencyKey,
    /// Whose wallet.
    pub user_id: UserId,
    /// How much, positive.
    pub amount: Money,
    /// Give or take.
    pub direction: EntryType,
    /// Why, 3 to 255 characters.
    pub reason: String,
}

/// The body of `POST /admin/wallets/{user}/adjustments`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustWalletBody {
    /// How much, positive.
    pub amount: Money,
    /// Give (`credit`) or take (`debit`).
    pub direction: EntryType,
    /// Why, 3 to 255 characters.
    #[schema(min_length = 3, max_length = 255)]
    pub reason: String,
}

/// Answer of `adjust_wallet`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WalletAdjusted {
    /// The ledger's line.
    pub transaction: Transaction,
    /// The wallet afterwards.
    pub wallet: WalletBalance,
}
