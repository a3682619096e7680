//! A purchase with wallet money (domain.md §8.3): buyer pays, seller and platform receive, one invoice.

use base::id::UserId;
use base::{CommonFault, Money, Time};
use protocol::IdempotencyKey;
use protocol::wallet::{Category, EntryType};

use super::WalletError;
use super::invoice::{InvoiceItem, issue_invoice};
use super::ledger::{Entry, Group, Split, post};
use crate::App;
use crate::unit::Unit;

/// Something sold. Its price is positive: what costs nothing makes no rows.
#[derive(Clone, Debug)]
pub(crate) struct Sale<'a> {
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
pub(crate) struct Sold {
    /// The buyer's debit.
    pub debit_id: u64,
    /// The buyer's balance afterwards.
    pub balance: Money,
    /// To be given to [`Sold::invoice`] when everything else is written.
    split: Split,
}

/// Moves the money of a sale. Call [`Sold::invoice`] as the last write of the unit.
///
/// # Errors
/// [`WalletError::InsufficientFunds`] and those of [`post`].
pub(crate) async fn sell(app: &App, unit: &mut Unit, sale: &Sale<'_>) -> Result<Sold, WalletError> {
    let money = &app.settings.money;
    let total = sale.item.total;
    let split = Split::of(total, money.vat_basis_points, sale.fee_basis_points)
        .ok_or_else(|| CommonFault::internal("a price cannot be split"))?;
    let platform = crate::system::platform_wallet(unit).await?.user_id;
    let description = sale.item.description.as_str();
    let entry = |user_id, entry_type, category, amount| Entry {
        user_id,
        entry_type,
        category,
        amount,
        description: Some(description),
    };
    let mut entries = vec![entry(sale.buyer, EntryType::Debit, sale.category, total)];
    entries.extend(
        [
            (sale.seller, sale.category, split.seller),
            (platform, Category::Commission, split.commission),
            (platform, Category::Vat, split.vat),
        ]
        .into_iter()
        .filter(|(_, _, amount)| amount.is_positive())
        .map(|(user_id, category, amount)| entry(user_id, EntryType::Credit, category, amount)),
    );
    let buyers_last = entries.iter().rposition(|entry| entry.user_id == sale.buyer);
    let (operation, key) = sale.key;
    let group = Group {
        scope: (sale.buyer, operation, key),
        related: Some(sale.related),
        payment_method: Some("wallet"),
        internal: true,
        currency: &money.currency,
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

impl Sold {
    /// Issues the invoice: the last write of the unit (domain.md D8). Gives its number.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn invoice(
        self,
        app: &App,
        unit: &mut Unit,
        sale: &Sale<'_>,
    ) -> Result<String, WalletError> {
        let vat = app.settings.money.vat_basis_points;
        issue_invoice(unit, sale, self.debit_id, &self.split, vat).await
    }
}
