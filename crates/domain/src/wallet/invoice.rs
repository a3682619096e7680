//! One invoice for each customer purchase (domain.md §5.8, §8.5): numbers without gaps, VAT included.

use base::Money;
use chrono::Datelike;
use serde::Serialize;
use serde_json::json;
use store::wallet::NewInvoice;

use super::WalletError;
use super::ledger::Split;
use super::sale::Sale;
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
    sale: &Sale<'_>,
    transaction_id: u64,
    split: &Split,
    vat_basis_points: u32,
) -> Result<String, WalletError> {
    let year = sale.at.as_chrono().year();
    let ordinal = store::wallet::update_sequence(unit, &format!("invoice:{year}")).await?;
    let number = format!("INV-{year}-{ordinal:06}");
    let invoice = NewInvoice {
        transaction_id,
        user_id: sale.buyer,
        number: &number,
        subtotal: split.subtotal,
        vat_basis_points,
        vat_amount: split.vat,
        total: split.total,
        items: json!([sale.item]),
        issued_at: sale.at.as_chrono(),
    };
    store::wallet::insert_invoice(unit, &invoice).await?;
    Ok(number)
}
