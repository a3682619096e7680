//! One invoice for each customer purchase (domain.md §5.8, §8.5): numbers without gaps, VAT included.

use base::id::UserId;
use base::{Money, Time};
use chrono::Datelike;
use serde::Serialize;
use serde_json::json;
use store::wallet::NewInvoice;

use super::WalletError;
use super::ledger::Split;
use crate::unit::Unit;

/// A line of an invoice.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct InvoiceItem {
    /// What was bought, for people.
    pub description: String,
    /// How many.
    pub quantity: u32,
    /// What one costs, VAT included.
    pub unit_price: Money,
    /// What they cost, VAT included.
    pub total: Money,
}

/// Issues the invoice of a buyer's debit. The last step of a unit: the year's sequence stays locked until the commit
/// (domain.md D8).
pub(super) async fn issue_invoice(
    unit: &mut Unit,
    buyer: UserId,
    transaction_id: u64,
    split: &Split,
    vat_basis_points: u32,
    item: &InvoiceItem,
    at: Time,
) -> Result<String, WalletError> {
    let year = at.as_chrono().year();
    let ordinal = store::wallet::update_sequence(unit, &format!("invoice:{year}")).await?;
    let number = format!("INV-{year}-{ordinal:06}");
    let invoice = NewInvoice {
        transaction_id,
        user_id: buyer,
        number: &number,
        subtotal: split.subtotal,
        vat_basis_points,
        vat_amount: split.vat,
        total: split.total,
        items: json!([item]),
        issued_at: at.as_chrono(),
    };
    store::wallet::insert_invoice(unit, &invoice).await?;
    Ok(number)
}
