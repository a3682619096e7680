//! Wallets and their ledger (domain.md §5.8, §8).

mod adjust_wallet;
mod escrow;
mod export_transactions;
mod find_transaction;
mod find_wallet;
mod hear_payment;
mod iban;
mod invoice;
mod issue_refund;
pub(crate) mod ledger;
mod list_transactions;
mod machines;
mod process_withdrawal;
mod provider;
mod read_invoices;
mod reconcile;
mod refund;
mod request_withdrawal;
mod sale;
mod take_allowance;
mod top_up;
mod view;
mod withdrawal;

use base::{CommonFault, Fault, Money, Rule};
use serde_json::{Map, Value};

use crate::common_faults;
use crate::users::UserError;

pub use adjust_wallet::adjust_wallet;
pub use export_transactions::export_transactions;
pub use find_transaction::find_transaction;
pub use find_wallet::find_wallet;
pub use hear_payment::{expire_top_ups_due, hear_payment};
pub use issue_refund::issue_refund;
pub use list_transactions::list_transactions;
pub use process_withdrawal::{Processing, list_withdrawals, process_withdrawal};
pub(crate) use provider::provider;
pub use read_invoices::{
    InvoicePaper, find_invoice, find_invoice_qr, list_all_invoices, list_invoices, render_invoice,
};
pub use reconcile::{list_ledger, reconcile, reconcile_ledger};
pub use request_withdrawal::{cancel_withdrawal, request_withdrawal};
pub use top_up::{find_top_up, start_top_up};

// For the other domains, inside their own units: they lock what is bought, call these, and end with the invoice.
pub use escrow::{Settled, refund_escrow, settle_escrow};
pub use invoice::InvoiceItem;
pub use refund::{Part, Refund, Refunded, refund_sale};
pub use sale::{Sale, Sold, sell, sell_into_escrow};

/// What can go wrong with money.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
    /// The wallet holds less than is to be paid; nothing was written.
    #[error("The wallet holds {available} {currency}, but {required} {currency} are needed.")]
    InsufficientFunds {
        /// What is to be paid.
        required: Money,
        /// What the wallet holds.
        available: Money,
        /// ISO 4217.
        currency: String,
    },
    /// A balance would become more than its column can hold.
    #[error("The amount is out of range.")]
    OutOfRange,
    /// Above the limit one administrator alone does not suffice (domain.md §3, ASVS 2.3.5).
    #[error("Above {limit} {currency} a second administrator is needed.")]
    SecondApproverRequired {
        /// The most that one may do alone.
        limit: Money,
        /// ISO 4217.
        currency: String,
    },
    /// A sale is refunded once.
    #[error("This purchase was refunded already.")]
    AlreadyRefunded,
    /// The row of the ledger is no purchase (or no escrow, where one is settled).
    #[error("Only a purchase can be refunded.")]
    NotRefundable,
    /// Neither the seller's wallet nor the platform's holds what is to be given back.
    #[error("The platform's wallet cannot cover this refund at the moment.")]
    RefundNotCovered,
    /// The provider refuses the payment.
    #[error("The payment was refused.")]
    PaymentFailed,
    /// What was delivered is not the provider's.
    #[error("The signature does not hold.")]
    InvalidSignature,
    /// The provider, asked, knows of no change.
    #[error("The provider does not confirm this yet.")]
    PaymentNotConfirmed,
    /// One at a time.
    #[error("There is a withdrawal that has not ended.")]
    WithdrawalOpen,
    /// The password could not be confirmed.
    #[error(transparent)]
    User(#[from] UserError),
    /// What was held was paid on, or given back, before.
    #[error("This payment was settled or refunded already.")]
    EscrowClosed,
}

impl Fault for WalletError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::InsufficientFunds { .. } => Rule::INSUFFICIENT_FUNDS,
            Self::OutOfRange => Rule::AMOUNT_OUT_OF_RANGE,
            Self::SecondApproverRequired { .. } => Rule::SECOND_APPROVER_REQUIRED,
            Self::AlreadyRefunded => Rule::ALREADY_REFUNDED,
            Self::NotRefundable => Rule::NOT_REFUNDABLE,
            Self::RefundNotCovered => Rule::REFUND_NOT_COVERED,
            Self::EscrowClosed => Rule::ESCROW_CLOSED,
            Self::PaymentFailed => Rule::PAYMENT_FAILED,
            Self::InvalidSignature => Rule::INVALID_SIGNATURE,
            Self::PaymentNotConfirmed => Rule::PAYMENT_NOT_CONFIRMED,
            Self::WithdrawalOpen => Rule::WITHDRAWAL_OPEN,
            Self::User(fault) => fault.rule(),
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
            Self::User(fault) => Some(fault),
            _ => None,
        }
    }

    fn details(&self) -> Option<Map<String, Value>> {
        let members = match self {
            Self::Common(fault) => return fault.details(),
            Self::OutOfRange
            | Self::AlreadyRefunded
            | Self::NotRefundable
            | Self::RefundNotCovered
            | Self::EscrowClosed
            | Self::PaymentFailed
            | Self::InvalidSignature
            | Self::PaymentNotConfirmed
            | Self::WithdrawalOpen => return None,
            Self::User(fault) => return fault.details(),
            Self::InsufficientFunds { required, available, currency } => vec![
                ("required", required.to_string()),
                ("available", available.to_string()),
                ("currency", currency.clone()),
            ],
            Self::SecondApproverRequired { limit, currency } => {
                vec![("limit", limit.to_string()), ("currency", currency.clone())]
            }
        };
        Some(members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
    }
}

common_faults!(WalletError);
