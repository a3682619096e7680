//! What a session costs, held until it has taken place (domain.md §5.7, §8.3 "Escrow"), or given back.

use base::id::UserId;
use base::{Money, Time};
use protocol::IdempotencyKey;
use protocol::wallet::Category;
use store::consultations::BookingRow;

use super::ConsultationError;
use super::rules::ConsultRules;
use crate::App;
use crate::morph::Morph;
use crate::unit::Unit;
use crate::wallet::{
    InvoiceItem, Part, Refund, Refunded, Sale, Sold, WalletError, refund_sale, sell, sell_into_escrow,
    settle_escrow,
};

/// A session to be paid.
pub(super) struct Purchase<'a> {
    pub key: (&'static str, &'a IdempotencyKey),
    pub buyer: UserId,
    pub seller: UserId,
    pub seller_name: &'a str,
    pub booking_id: u64,
    pub price: Money,
    pub at: Time,
}

/// The buyer pays: the platform keeps it until the session took place, or pays the speaker at once where the settings say
/// so. The sale's invoice is the last write of the unit.
pub(super) async fn pay<'a>(
    app: &App,
    unit: &mut Unit,
    rules: &ConsultRules,
    purchase: &Purchase<'a>,
) -> Result<(Sold, Sale<'a>), ConsultationError> {
    let name = purchase.seller_name;
    let sale = Sale {
        key: purchase.key,
        buyer: purchase.buyer,
        seller: purchase.seller,
        category: Category::Consultation,
        fee_basis_points: app.settings.money.consultation_fee_basis_points,
        related: (Morph::ConsultationBooking.column(app.settings.morph), purchase.booking_id),
        item: InvoiceItem {
            description: format!("استشارة مع {name} / Consultation with {name}"),
            quantity: 1,
            unit_price: purchase.price,
            total: purchase.price,
        },
        at: purchase.at,
    };
    let sold = if rules.settle_on_complete {
        sell_into_escrow(app, unit, &sale).await?
    } else {
        sell(app, unit, &sale).await?
    };
    Ok((sold, sale))
}

/// The speaker is paid. Nothing happens where nothing was paid, or the money is no longer held: it went to the speaker at
/// once, or an administrator gave it back.
pub(super) async fn settle(
    app: &App,
    unit: &mut Unit,
    row: &BookingRow,
    at: Time,
) -> Result<(), ConsultationError> {
    let Some(debit_id) = paid_by(row) else { return Ok(()) };
    match settle_escrow(app, unit, debit_id, at).await {
        Ok(_) | Err(WalletError::EscrowClosed | WalletError::NotRefundable) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The student has a part back, and the speaker the rest. What is returned ends the unit: [`Refunded::credit_note`].
pub(super) async fn give_back(
    app: &App,
    unit: &mut Unit,
    row: &BookingRow,
    percent: u32,
    reason: &str,
    at: Time,
) -> Result<Option<Refunded>, ConsultationError> {
    let Some(debit_id) = paid_by(row) else { return Ok(None) };
    if percent == 0 {
        settle(app, unit, row, at).await?;
        return Ok(None);
    }
    let part = Part::BasisPoints(percent.saturating_mul(100));
    match refund_sale(app, unit, &Refund { debit_id, part, reason, at }).await {
        Ok(refunded) => {
            store::consultations::update_refunded(unit, row.id, refunded.amount).await?;
            Ok(Some(refunded))
        }
        // An administrator was faster.
        Err(WalletError::AlreadyRefunded) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The student's debit, if anything was paid.
fn paid_by(row: &BookingRow) -> Option<u64> {
    row.transaction_id.filter(|_| row.price_paid.is_positive())
}
