//! Filling one's wallet: the order at a provider (domain.md §5.8, D5). Nothing is credited here.

use base::{CommonFault, Money, Problem, Time, Violations};
use payments::{Order, Payment, PaymentError};
use protocol::channel::Channel;
use protocol::wallet::{IntentStatus, StartTopUp, TopUp};
use protocol::{Event, IdempotencyKey};
use sha2::{Digest, Sha256};
use store::StoreError;
use store::wallet::{IntentRow, NewIntent};

use super::WalletError;
use super::take_allowance::take_allowance;
use crate::idempotency::{self, Claim, Written};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// The scope of its keys.
const OPERATION: &str = "wallet.top_up";
/// Until when a customer can pay.
const OPEN_SECONDS: i64 = 30 * 60;

/// Orders a payment into one's own wallet. The money is there when the provider has told so
/// ([`super::hear_payment`]).
///
/// # Errors
/// A violation of `amount` outside of `MAJLIS_TOP_UP_MIN_MINOR` and `_MAX_MINOR`, and of `method`;
/// [`WalletError::PaymentFailed`] when the provider refuses; [`CommonFault::Unavailable`] when it does not answer.
pub async fn start_top_up(
    app: &App,
    actor: &Actor,
    input: StartTopUp,
) -> Result<Written<TopUp>, WalletError> {
    actor.require("wallet")?;
    check(app, &input)?;
    // Asked outside of the transaction: no row is locked while somebody else's server thinks. The same key is the same
    // order, so that a repeat after a crash finds the payment that was ordered.
    let payment = if idempotency::is_answered(app, actor, OPERATION, &input.client_id).await? {
        None
    } else {
        take_allowance(app, actor, OPERATION, &input.client_id).await?;
        let order = Order {
            id: intent_id(actor, &input.client_id),
            amount: input.amount,
            currency: app.settings.money.currency.clone(),
            method: input.method.clone(),
            description: "شحن المحفظة / Wallet top-up".to_owned(),
            return_url: format!("{}/wallet", app.settings.http.public_url),
        };
        Some(app.payments.order(&order).await.map_err(provider_fault)?)
    };
    in_unit!(app, |unit| write_intent(app, unit, actor, &input, payment.as_ref()))
}

fn check(app: &App, input: &StartTopUp) -> Result<(), Violations> {
    let money = &app.settings.money;
    let (least, most) =
        (Money::from_minor(money.top_up_min_minor), Money::from_minor(money.top_up_max_minor));
    let mut violations = Violations::none();
    violations.require(input.amount >= least, "amount", Problem::TooSmall(least.to_string()));
    violations.require(input.amount <= most, "amount", Problem::TooGreat(most.to_string()));
    let methods = app.payments.methods();
    violations.require(methods.contains(&input.method.as_str()), "method", Problem::NotOneOf(methods));
    violations.into_result()
}

/// Follows from the user and the key.
fn intent_id(actor: &Actor, key: &IdempotencyKey) -> String {
    let digest = Sha256::digest(format!("{}:{OPERATION}|{key}", actor.user_id()));
    let number = digest.iter().take(16).fold(0_u128, |number, &byte| (number << 8) | u128::from(byte));
    ulid::Ulid::from(number).to_string()
}

async fn write_intent(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &StartTopUp,
    payment: Option<&Payment>,
) -> Result<Written<TopUp>, WalletError> {
    let ticket = match idempotency::claim(unit, actor, OPERATION, &input.client_id, input).await? {
        Claim::First(ticket) => ticket,
        Claim::Answered(written) => return Ok(written),
    };
    // Its answer was forgotten between the two looks.
    let payment = payment.ok_or(CommonFault::RequestInProgress)?;
    let currency = app.settings.money.currency.as_str();
    if payment.amount != input.amount || payment.currency != currency {
        return Err(WalletError::PaymentFailed);
    }
    let (id, at) = (intent_id(actor, &input.client_id), Time::now_in_seconds());
    let new = NewIntent {
        id: &id,
        user_id: actor.user_id(),
        amount: input.amount,
        currency,
        method: &input.method,
        provider: app.payments.name(),
        provider_ref: &payment.reference,
        payment_url: payment.url.as_deref(),
        expires_at: at.plus_seconds(OPEN_SECONDS).as_chrono(),
        at: at.as_chrono(),
    };
    store::wallet::insert_intent(unit, &new).await.map_err(|error| match error {
        StoreError::Unique { .. } => WalletError::Common(CommonFault::IdempotencyKeyReused),
        other => other.into(),
    })?;
    let row = store::wallet::lock_intent(unit, &id).await?;
    let answer = top_up_view(row.ok_or_else(|| CommonFault::internal("a top-up is not there"))?)?;
    tell(unit, actor.user_id(), &answer);
    Ok(idempotency::remember(unit, ticket, answer).await?)
}

/// One's own top-up.
///
/// # Errors
/// [`CommonFault::NotFound`], also for somebody else's (domain.md D23).
pub async fn find_top_up(app: &App, actor: &Actor, id: &str) -> Result<TopUp, WalletError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let row = store::wallet::find_intent(&mut conn, actor.user_id(), id).await?;
    Ok(top_up_view(row.ok_or(CommonFault::NotFound("top-up"))?)?)
}

/// `payment.status`, to the owner's devices.
pub(super) fn tell(unit: &mut Unit, user_id: base::id::UserId, top_up: &TopUp) {
    unit.emit(Channel::User(user_id), Event::PaymentStatus { top_up: Box::new(top_up.clone()) });
}

pub(super) fn intent_status(row: &IntentRow) -> Result<IntentStatus, StoreError> {
    let status = IntentStatus::ALL.iter().copied().find(|status| status.as_str() == row.status);
    status.ok_or(StoreError::Corrupt { table: "hub_payment_intents", column: "status" })
}

pub(super) fn top_up_view(row: IntentRow) -> Result<TopUp, StoreError> {
    Ok(TopUp {
        status: intent_status(&row)?,
        id: row.id,
        amount: row.amount,
        currency: row.currency,
        method: row.method,
        provider: row.provider,
        provider_ref: row.provider_ref,
        payment_url: row.payment_url,
        failure: row.failure,
        transaction_id: row.transaction_id,
        expires_at: Time::from(row.expires_at),
        created_at: Time::from(row.created_at),
    })
}

/// A provider that refuses is the customer's business; one that does not answer is tried again.
pub(super) fn provider_fault(error: PaymentError) -> WalletError {
    match error {
        PaymentError::Refused(why) => {
            tracing::warn!(why, "a payment was refused by its provider");
            WalletError::PaymentFailed
        }
        away => WalletError::Common(CommonFault::Unavailable(Box::new(away))),
    }
}
