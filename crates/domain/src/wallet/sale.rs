//! A purchase with wallet money (domain.md §8.3): buyer pays, seller and platform receive, one invoice.

use base::id::UserId;
use base::{CommonFault, Money, Time};
use protocol::IdempotencyKey;
use protocol::wallet::{Category, EntryType};
use serde_json::{Map, json};

use super::WalletError;
use super::invoice::{InvoiceItem, Paper, issue_invoice};
use super::ledger::{Entry, Group, Purpose, Split, post};
use crate::App;
use crate::unit::Unit;

/// Something sold. Its price is positive: what costs nothing makes no rows.
#[derive(Clone, Debug)]
pub struct Sale<'a> {
    /// The key of the write, and the operation that it belongs to.
    pub key: (&'static str, &'a IdempotencyKey),
    /// Who pays.
    pub buyer: UserId,
    /// Who is paid.
    pub seller: UserId,
    /// What for.
    pub category: Category,
    /// The platform's share of the net price, in basis points.
    pub fee_basis_points: u32,
    /// Morph type and id of what all rows belong to.
    pub related: (&'static str, u64),
    /// The invoice's line; its `total` is what the buyer pays.
    pub item: InvoiceItem,
    /// When, in whole seconds.
    pub at: Time,
}

/// What a sale left behind.
#[derive(Clone, Copy, Debug)]
pub struct Sold {
    /// The buyer's debit.
    pub debit_id: u64,
    /// The buyer's balance afterwards.
    pub balance: Money,
    /// To be given to [`Sold::invoice`] when everything else is written.
    split: Split,
}

/// Moves the money of a sale: to the seller and the platform at once. Call [`Sold::invoice`] as the last write of the
/// unit. Not for what costs nothing: that moves nothing, and makes no row.
///
/// # Errors
/// [`WalletError::InsufficientFunds`]; [`CommonFault::IdempotencyKeyReused`] when the key was charged before.
pub async fn sell(app: &App, unit: &mut Unit, sale: &Sale<'_>) -> Result<Sold, WalletError> {
    let split = split(app, sale)?;
    let platform = crate::system::platform_wallet(unit).await?.user_id;
    let mut entries = vec![sale.entry(sale.buyer, EntryType::Debit, sale.category, split.total)];
    entries.extend(
        [
            (sale.seller, sale.category, split.seller),
            (platform, Category::Commission, split.commission),
            (platform, Category::Vat, split.vat),
        ]
        .into_iter()
        .filter(|(_, _, amount)| amount.is_positive())
        .map(|(user_id, category, amount)| sale.entry(user_id, EntryType::Credit, category, amount)),
    );
    post_sale(app, unit, sale, entries, split).await
}

/// Moves the money of a sale into the platform's hands, until [`super::settle_escrow`] pays it on or
/// [`super::refund_sale`] gives it back: neither the seller nor the platform has earned anything yet. Call
/// [`Sold::invoice`] as the last write of the unit.
///
/// # Errors
/// As [`sell`].
pub async fn sell_into_escrow(app: &App, unit: &mut Unit, sale: &Sale<'_>) -> Result<Sold, WalletError> {
    let split = split(app, sale)?;
    let platform = crate::system::platform_wallet(unit).await?.user_id;
    let held = |user_id, entry_type| Entry {
        purpose: Purpose::Escrow,
        ..sale.entry(user_id, entry_type, sale.category, split.total)
    };
    // The terms of the day of the sale hold when it is settled.
    let terms = json!({
        "seller_id": sale.seller,
        "fee_basis_points": sale.fee_basis_points,
        "vat_basis_points": app.settings.money.vat_basis_points,
    });
    let mut debit = held(sale.buyer, EntryType::Debit);
    debit.notes = Map::from_iter([("terms".to_owned(), terms)]);
    let entries = vec![debit, held(platform, EntryType::Credit)];
    post_sale(app, unit, sale, entries, split).await
}

fn split(app: &App, sale: &Sale<'_>) -> Result<Split, CommonFault> {
    if !sale.item.total.is_positive() {
        return Err(CommonFault::internal("what costs nothing is not sold"));
    }
    Split::of(sale.item.total, app.settings.money.vat_basis_points, sale.fee_basis_points)
        .ok_or_else(|| CommonFault::internal("a price cannot be split"))
}

async fn post_sale(
    app: &App,
    unit: &mut Unit,
    sale: &Sale<'_>,
    entries: Vec<Entry<'_>>,
    split: Split,
) -> Result<Sold, WalletError> {
    let buyers_last = entries.iter().rposition(|entry| entry.user_id == sale.buyer);
    let (operation, key) = sale.key;
    let group = Group {
        scope: (sale.buyer, operation, key.as_str()),
        related: Some(sale.related),
        payment_method: Some("wallet"),
        internal: true,
        currency: &app.settings.money.currency,
        entries,
        at: sale.at,
    };
    let posted = post(unit, group).await?;
    let no_rows = || CommonFault::internal("a sale without rows");
    let debit = posted.first().ok_or_else(no_rows)?;
    // Not always the debit: the platform may buy, and then has its share of it back.
    let last = buyers_last.and_then(|ordinal| posted.get(ordinal)).ok_or_else(no_rows)?;
    Ok(Sold { debit_id: debit.id, balance: last.balance_after, split })
}

impl Sale<'_> {
    fn entry(&self, user_id: UserId, entry_type: EntryType, category: Category, amount: Money) -> Entry<'_> {
        Entry {
            user_id,
            entry_type,
            category,
            amount,
            description: Some(self.item.description.as_str()),
            purpose: Purpose::Own,
            notes: Map::new(),
        }
    }
}

impl Sold {
    /// Issues the invoice: the last write of the unit (domain.md D8). Gives its number.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn invoice(self, app: &App, unit: &mut Unit, sale: &Sale<'_>) -> Result<String, WalletError> {
        let paper = Paper {
            transaction_id: self.debit_id,
            user_id: sale.buyer,
            subtotal: self.split.subtotal,
            vat_basis_points: app.settings.money.vat_basis_points,
            vat: self.split.vat,
            total: self.split.total,
            item: &sale.item,
            // Gifts come by the dozen: their invoices are told by the event alone.
            notified: sale.category != Category::Gift,
            at: sale.at,
        };
        issue_invoice(app, unit, &paper).await
    }
}
