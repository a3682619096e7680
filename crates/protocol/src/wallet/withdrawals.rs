//! Money out of a wallet, and corrections by administrators (domain.md §5.8, D6).

use base::id::UserId;
use base::{Money, Secret, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::key::IdempotencyKey;

/// `hub_withdrawals.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WithdrawalStatus {
    /// Waits for an administrator.
    Pending,
    /// An administrator let it go; the bank is still to be told.
    Approved,
    /// The bank has transferred it.
    Paid,
    /// An administrator refused it; the money is back.
    Rejected,
    /// The bank could not transfer it; the money is back.
    Failed,
    /// Its owner took it back.
    Cancelled,
}

impl WithdrawalStatus {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Pending, Self::Approved, Self::Paid, Self::Rejected, Self::Failed, Self::Cancelled];

    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Paid => "paid",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A withdrawal as its owner sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Withdrawal {
    /// Also the id of its line in the ledger.
    pub id: u64,
    /// How much.
    pub amount: Money,
    /// ISO 4217.
    pub currency: String,
    /// How it is.
    pub status: WithdrawalStatus,
    /// The end of the account's number.
    pub iban_last4: String,
    /// Whose account it is.
    pub account_name: String,
    /// What the bank calls the transfer.
    pub bank_reference: Option<String>,
    /// Why it came to nothing.
    pub reason: Option<String>,
    /// When it was asked for.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// A withdrawal as administrators see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WithdrawalCase {
    /// As its owner sees it.
    #[serde(flatten)]
    pub withdrawal: Withdrawal,
    /// Whose.
    pub user_id: UserId,
    /// Where the money is to go.
    pub iban: String,
    /// Who let it go.
    pub approved_by: Option<UserId>,
    /// Who ended it.
    pub settled_by: Option<UserId>,
}

/// Where the money is to go.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BankAccount {
    /// Its number (ISO 13616); spaces do not count.
    #[schema(max_length = 42)]
    pub iban: String,
    /// Whose account it is.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
}

/// Input of the operation `request_withdrawal`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestWithdrawal {
    /// The key of this write; not part of its content.
    pub client_id: IdempotencyKey,
    /// How much.
    pub amount: Money,
    /// Where to.
    pub bank: BankAccount,
    /// The owner's password, once more.
    pub password: Secret,
}

/// The body of `POST /wallet/withdrawals`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawalBody {
    /// How much.
    pub amount: Money,
    /// Where to.
    pub bank: BankAccount,
    /// The own password, once more.
    #[schema(value_type = String)]
    pub password: Secret,
}

/// The body of `POST /admin/withdrawals/{id}/mark-paid`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkPaidBody {
    /// What the bank calls the transfer.
    #[schema(min_length = 1, max_length = 255)]
    pub reference: String,
}

/// The body of `POST /admin/withdrawals/{id}/reject` and `/fail`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawalReasonBody {
    /// Why, 3 to 255 characters; its owner reads it.
    #[schema(min_length = 3, max_length = 255)]
    pub reason: String,
}

/// Input of the operation `issue_refund`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssueRefund {
    /// The key of this write; not part of its content.
    pub client_id: IdempotencyKey,
    /// The buyer's line in the ledger.
    pub transaction_id: u64,
    /// How much; all of it where left out.
    pub amount: Option<Money>,
    /// Why, 3 to 255 characters.
    pub reason: String,
}

/// The body of `POST /admin/refunds`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundBody {
    /// The buyer's line in the ledger.
    #[schema(minimum = 1)]
    pub transaction_id: u64,
    /// How much; all of it where left out.
    #[serde(default)]
    pub amount: Option<Money>,
    /// Why, 3 to 255 characters; the buyer reads it.
    #[schema(min_length = 3, max_length = 255)]
    pub reason: String,
}

/// Answer of `issue_refund`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RefundIssued {
    /// The buyer's new line in the ledger.
    pub refund_id: u64,
    /// The line that it undoes.
    pub transaction_id: u64,
    /// Who has the money back.
    pub user_id: UserId,
    /// How much.
    pub amount: Money,
    /// ISO 4217.
    pub currency: String,
    /// What the seller owes the platform, which gave it for them.
    pub receivable: Money,
    /// The number of the credit note.
    pub credit_note: String,
}
