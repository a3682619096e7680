//! Money of a sale that the platform holds until what was sold has happened (domain.md §8.3).

use base::id::UserId;
use base::{CommonFault, Money, Time};
use protocol::wallet::{Category, EntryType};
use serde_json::{Map, Value};
use store::wallet::{LedgerRow, Note};

use super::WalletError;
use super::ledger::{Entry, Group, Purpose, Split, post};
use super::refund::{Original, Refund, Refunded, lock_original, refund_sale};
use crate::App;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;

/// The scope of the references: an escrow is settled once, whoever asks.
const OPERATION: &str = "wallet.settle_escrow";

/// What was agreed when the money was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Who is to be paid.
    pub(super) seller: UserId,
    /// The platform's share of the net price, in basis points.
    fee_basis_points: u32,
    /// VAT, in basis points.
    vat_basis_points: u32,
}

impl Terms {
    /// Those of a buyer's debit; nothing where the sale was no escrow.
    pub(super) fn of(debit: &LedgerRow) -> Option<Self> {
        let terms = debit.note("terms")?;
        let points = |name| terms.get(name).and_then(Value::as_u64).and_then(|value| value.try_into().ok());
        Some(Self {
            seller: terms.get("seller_id").and_then(Value::as_u64)?,
            fee_basis_points: points("fee_basis_points")?,
            vat_basis_points: points("vat_basis_points")?,
        })
    }

    /// How an amount of the money is divided.
    pub(super) fn split(self, amount: Money) -> Result<Split, CommonFault> {
        Split::of(amount, self.vat_basis_points, self.fee_basis_points)
            .ok_or_else(|| CommonFault::internal("an escrow cannot be split"))
    }
}

/// What a settlement paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The platform's debit.
    pub release_id: u64,
    /// What the seller received.
    pub seller_amount: Money,
}

/// Pays the seller of [`super::sell_into_escrow`], less the platform's share and VAT, on the terms of the day of the sale,
/// and tells them. `debit_id` is the buyer's debit.
///
/// # Errors
/// [`WalletError::EscrowClosed`] when it was settled or given back before; [`WalletError::NotRefundable`] when the debit
/// is no escrow.
pub async fn settle_escrow(
    app: &App,
    unit: &mut Unit,
    debit_id: u64,
    at: Time,
) -> Result<Settled, WalletError> {
    let original = lock_original(unit, debit_id).await?;
    let terms = Terms::of(&original.debit).ok_or(WalletError::NotRefundable)?;
    require_open(&original)?;
    let amount = original.debit.amount;
    let split = terms.split(amount)?;
    let mut entries = vec![release(&original, amount)];
    entries.extend(payout(&original, terms, split));
    let group = Group {
        scope: (original.debit.user_id, OPERATION, &debit_id.to_string()),
        related: original.related(),
        payment_method: Some("wallet"),
        internal: true,
        currency: &app.settings.money.currency,
        entries,
        at,
    };
    let posted = post(unit, group).await.map_err(not_covered)?;
    let release = posted.first().ok_or_else(|| CommonFault::internal("a settlement without rows"))?;
    store::wallet::update_note(unit, debit_id, Note::SettledBy, release.id).await?;
    tell_seller(app, unit, &original, terms, split.seller).await?;
    Ok(Settled { release_id: release.id, seller_amount: split.seller })
}

/// Gives the buyer a part of what is held; the rest is the seller's, less the platform's share and VAT. With 0 basis
/// points it is a settlement. What [`super::refund_sale`] does for an escrow that is open.
///
/// # Errors
/// [`WalletError::EscrowClosed`] when it was settled or given back before, and those of [`super::refund_sale`].
pub async fn refund_escrow(app: &App, unit: &mut Unit, refund: &Refund<'_>) -> Result<Refunded, WalletError> {
    let original = lock_original(unit, refund.debit_id).await?;
    if Terms::of(&original.debit).is_none() {
        return Err(WalletError::NotRefundable);
    }
    require_open(&original)?;
    if refund.part.of(original.debit.amount) == Some(Money::ZERO) {
        let settled = settle_escrow(app, unit, refund.debit_id, refund.at).await?;
        return Ok(Refunded::nothing(&original, settled.seller_amount));
    }
    refund_sale(app, unit, refund).await
}

/// Is the money still held?
pub(super) fn is_open(debit: &LedgerRow) -> bool {
    debit.note("settled_by").is_none() && debit.note("refunded_by").is_none()
}

fn require_open(original: &Original) -> Result<(), WalletError> {
    if is_open(&original.debit) { Ok(()) } else { Err(WalletError::EscrowClosed) }
}

/// The platform lets go of held money.
pub(super) fn release(original: &Original, amount: Money) -> Entry<'_> {
    Entry {
        user_id: original.platform,
        entry_type: EntryType::Debit,
        category: original.category,
        amount,
        description: original.debit.description.as_deref(),
        purpose: Purpose::Escrow,
        notes: original.notes("settles"),
    }
}

/// What the seller and the platform have of it.
pub(super) fn payout(original: &Original, terms: Terms, split: Split) -> impl Iterator<Item = Entry<'_>> {
    [
        (terms.seller, original.category, split.seller),
        (original.platform, Category::Commission, split.commission),
        (original.platform, Category::Vat, split.vat),
    ]
    .into_iter()
    .filter(|(_, _, amount)| amount.is_positive())
    .map(|(user_id, category, amount)| Entry {
        user_id,
        entry_type: EntryType::Credit,
        category,
        amount,
        description: original.debit.description.as_deref(),
        purpose: Purpose::Own,
        notes: Map::new(),
    })
}

/// `wallet.credited`.
pub(super) async fn tell_seller(
    app: &App,
    unit: &mut Unit,
    original: &Original,
    terms: Terms,
    amount: Money,
) -> Result<(), WalletError> {
    if !amount.is_positive() {
        return Ok(());
    }
    let notice = Notice::new(protocol::notifications::NotificationKind::WalletCredited, terms.seller)
        .about(crate::morph::Morph::Transaction, original.debit.id, "/wallet")
        .with("amount", amount.to_string())
        .with("currency", app.settings.money.currency.as_str());
    Ok(notify(app, unit, notice).await?)
}

/// Who asked is not the one who is short: the platform's wallet should hold what it keeps for others.
pub(super) fn not_covered(error: WalletError) -> WalletError {
    match error {
        WalletError::InsufficientFunds { .. } => WalletError::RefundNotCovered,
        other => other,
    }
}
