//! One invoice for each customer purchase (domain.md §5.8, §8.5): numbers without gaps, VAT included.

use base::id::UserId;
use base::{Money, Time};
use chrono::Datelike;
use serde::Serialize;
use serde_json::json;
use store::wallet::NewInvoice;

use super::WalletError;
use crate::unit::Unit;

/// A line of an invoice.
#[derive(Clone, Debug, Serialize)]
pub struct InvoiceItem {
    /// What was bought, for people.
    pub description: String,
    /// How many.
    pub quantity: u32,
    /// What one costs, VAT included.
    pub unit_price: Money,
    /// What they cost, VAT included.
    pub total: Money,
}

/// What an invoice, or a credit note with its negative amounts, says.
#[derive(Clone, Debug)]
pub(super) struct Paper<'a> {
    /// The buyer's debit; of a credit note, the credit that gave back.
    pub(super) transaction_id: u64,
    /// The buyer.
    pub(super) user_id: UserId,
    /// Without VAT.
    pub(super) subtotal: Money,
    /// The rate.
    pub(super) vat_basis_points: u32,
    /// `total` − `subtotal`.
    pub(super) vat: Money,
    /// With VAT.
    pub(super) total: Money,
    /// Its line.
    pub(super) item: &'a InvoiceItem,
    /// When.
    pub(super) at: Time,
}

/// Issues an invoice and gives its number. The last write of a unit: the year's sequence stays locked until the commit
/// (domain.md D8). Credit notes are numbered with the invoices, so that a year has one sequence without gaps.
pub(super) async fn issue_invoice(unit: &mut Unit, paper: &Paper<'_>) -> Result<String, WalletError> {
    let year = paper.at.as_chrono().year();
    let ordinal = store::wallet::update_sequence(unit, &format!("invoice:{year}")).await?;
    let number = format!("INV-{year}-{ordinal:06}");
    let invoice = NewInvoice {
        transaction_id: paper.transaction_id,
        user_id: paper.user_id,
        number: &number,
        subtotal: paper.subtotal,
        vat_basis_points: paper.vat_basis_points,
        vat_amount: paper.vat,
        total: paper.total,
        items: json!([paper.item]),
        issued_at: paper.at.as_chrono(),
    };
    store::wallet::insert_invoice(unit, &invoice).await?;
    Ok(number)
}
