//! Invoices, credit notes, and the ledger as administrators see it (domain.md §5.8, §8.5).

use base::id::UserId;
use base::{Money, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Transaction;

/// What a paper is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceType {
    /// Of a purchase.
    Invoice,
    /// Takes an invoice back; its amounts are negative.
    CreditNote,
}

/// `invoices.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InvoiceStatus {
    /// It holds.
    Issued,
    /// A credit note took it back.
    Credited,
}

impl InvoiceStatus {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Credited => "credited",
        }
    }
}

/// A line of an invoice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InvoiceLine {
    /// What was bought.
    pub description: String,
    /// How many.
    pub quantity: u32,
    /// What one costs, VAT included.
    pub unit_price: Money,
    /// What they cost, VAT included.
    pub total: Money,
}

/// An invoice or a credit note.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Invoice {
    /// Its id.
    pub id: u64,
    /// `INV-{year}-{number}`, without gaps in a year.
    pub invoice_number: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: InvoiceType,
    /// Whose.
    pub user_id: UserId,
    /// The line of the ledger that it belongs to.
    pub transaction_id: u64,
    /// Does it still hold?
    pub status: InvoiceStatus,
    /// Without VAT.
    pub subtotal: Money,
    /// In percent, such as `15.00`.
    pub vat_rate: String,
    /// The VAT.
    pub vat_amount: Money,
    /// With VAT.
    pub total: Money,
    /// ISO 4217.
    pub currency: String,
    /// Its lines.
    pub items: Vec<InvoiceLine>,
    /// SHA-256 of the paper before it in its year, hexadecimal: no paper can be changed unseen.
    pub previous_hash: Option<String>,
    /// When.
    pub issued_at: Time,
}

/// Answer of `GET /invoices/{id}/qr`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvoiceQr {
    /// The invoice.
    pub invoice_number: String,
    /// What its QR code says: ZATCA's tags 1 to 5 as TLV, in base64.
    pub qr: String,
}

/// A line of the ledger as administrators see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LedgerEntry {
    /// As its owner sees it.
    #[serde(flatten)]
    pub transaction: Transaction,
    /// Whose.
    pub user_id: UserId,
    /// How it was paid.
    pub payment_method: Option<String>,
    /// The group that it was written with: all lines of one sale, refund or settlement.
    pub group_id: Option<String>,
    /// The line that gave it back.
    pub refunded_by: Option<u64>,
}

/// Filters of `GET /admin/invoices`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InvoiceFilter {
    /// Only one's.
    pub user_id: Option<UserId>,
    /// Only those of a state.
    pub status: Option<InvoiceStatus>,
    /// Only invoices, or only credit notes.
    pub kind: Option<InvoiceType>,
}

/// A check of the ledger that found something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerFinding {
    /// The invariant's name.
    pub check: String,
    /// What the rows are.
    pub table: String,
    /// How many are at fault.
    pub count: u64,
    /// The first of them.
    pub ids: Vec<u64>,
}

/// Answer of `GET /admin/ledger/reconcile`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reconciliation {
    /// Nothing was found.
    pub balanced: bool,
    /// The invariants that were looked at.
    pub checks: Vec<String>,
    /// Those that do not hold.
    pub findings: Vec<LedgerFinding>,
    /// When.
    pub checked_at: Time,
}
