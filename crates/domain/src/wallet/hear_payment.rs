//! What a provider tells of a payment (domain.md §5.8): looked up with the provider before a halala is credited, once.

use base::{CommonFault, Time};
use payments::{Delivery, Payment, State};
use protocol::notifications::NotificationKind;
use protocol::wallet::{Category, EntryType, HookOutcome, HookReceipt, IntentStatus};
use serde_json::Map;
use store::StoreError;
use store::wallet::IntentRow;

use super::WalletError;
use super::ledger::{Entry, Group, Purpose, post};
use super::top_up::{intent_status, provider_fault, tell, top_up_view};
use crate::machine::step;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{App, in_unit};

/// The scope of the references: a top-up is credited once, and taken back once.
const CREDIT: &str = "wallet.credit_top_up";
const RETURN: &str = "wallet.return_top_up";
/// Top-ups that one call of the clock looks up at most.
const BATCH: u32 = 20;
/// What a provider says at most of a failure.
const FAILURE: usize = 200;

/// Hears an event. It is dealt with once, however often and however much at once it is delivered; what it says is not
/// believed, but looked up with the provider, and credited only if it is paid, in the amount and the currency that were
/// ordered.
///
/// # Errors
/// [`CommonFault::NotFound`] for a provider that we do not have; [`WalletError::InvalidSignature`] for what is not the
/// provider's or older than five minutes; [`WalletError::PaymentNotConfirmed`] when the provider, asked, knows of no
/// change, so that it tells again later; [`CommonFault::Unavailable`] when it does not answer.
pub async fn hear_payment(
    app: &App,
    provider: &str,
    signature: Option<&str>,
    body: &[u8],
) -> Result<HookReceipt, WalletError> {
    if app.payments.name() != provider {
        return Err(CommonFault::NotFound("provider").into());
    }
    let delivery = Delivery { signature, body, at: Time::now() };
    let notice = app.payments.read(delivery).map_err(|_unheard| WalletError::InvalidSignature)?;
    let sound =
        |text: &str| (1..=191).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !sound(&notice.event_id) || !sound(&notice.reference) {
        return Err(WalletError::InvalidSignature);
    }
    let intent = {
        let mut conn = app.store.reader().await?;
        store::wallet::find_intent_of(&mut conn, provider, &notice.reference).await?
    };
    let Some(intent) = intent else {
        return Ok(HookReceipt { outcome: HookOutcome::Ignored });
    };
    let payment = app.payments.find(&notice.reference).await.map_err(provider_fault)?;
    let outcome =
        in_unit!(app, |unit| apply_payment(app, unit, &intent.id, &payment, Some(&notice.event_id)));
    outcome.map(|outcome| HookReceipt { outcome })
}

/// Ends top-ups that nobody paid in time; what was paid although nobody told us is credited. Gives how many ended. For
/// the clock.
///
/// # Errors
/// Those of the store.
pub async fn expire_top_ups_due(app: &App) -> Result<u64, CommonFault> {
    let due = {
        let mut conn = app.store.reader().await.map_err(crate::fault::of_store)?;
        let now = Time::now_in_seconds().as_chrono();
        store::wallet::list_expired_intents(&mut conn, now, BATCH).await.map_err(crate::fault::of_store)?
    };
    let mut ended = 0;
    for intent in due {
        let reference = intent.provider_ref.as_deref().unwrap_or_default();
        let payment = match app.payments.find(reference).await {
            Ok(payment) => payment,
            Err(error) => {
                tracing::warn!(%error, intent = intent.id, "a top-up could not be looked up");
                continue;
            }
        };
        let done: Result<HookOutcome, WalletError> = match payment.state {
            State::Waiting => in_unit!(app, |unit| expire(unit, &intent.id)),
            // On its way: it is looked up again.
            State::Processing => continue,
            _ => in_unit!(app, |unit| apply_payment(app, unit, &intent.id, &payment, None)),
        };
        match done {
            Ok(_) => ended += 1,
            Err(WalletError::Common(fault)) => return Err(fault),
            Err(other) => return Err(CommonFault::internal(other)),
        }
    }
    Ok(ended)
}

async fn expire(unit: &mut Unit, id: &str) -> Result<HookOutcome, WalletError> {
    let intent = locked(unit, id).await?;
    let from = intent_status(&intent)?;
    if step(from, IntentStatus::Expired).is_err() {
        return Ok(HookOutcome::Known);
    }
    write_step(unit, &intent, (from, IntentStatus::Expired), None, None).await?;
    Ok(HookOutcome::Applied)
}

async fn locked(unit: &mut Unit, id: &str) -> Result<IntentRow, WalletError> {
    let row = store::wallet::lock_intent(unit, id).await?;
    Ok(row.ok_or(CommonFault::NotFound("top-up"))?)
}

/// Brings a top-up to where its payment is.
async fn apply_payment(
    app: &App,
    unit: &mut Unit,
    id: &str,
    payment: &Payment,
    event_id: Option<&str>,
) -> Result<HookOutcome, WalletError> {
    let at = Time::now_in_seconds();
    if let Some(event_id) = event_id {
        match store::wallet::insert_receipt(unit, app.payments.name(), event_id, at.as_chrono()).await {
            Ok(()) => {}
            Err(StoreError::Unique { .. }) => return Ok(HookOutcome::Known),
            Err(error) => return Err(error.into()),
        }
    }
    let intent = locked(unit, id).await?;
    let from = intent_status(&intent)?;
    match (from, payment.state) {
        (IntentStatus::Created | IntentStatus::Processing, State::Waiting) => {
            Err(WalletError::PaymentNotConfirmed)
        }
        (IntentStatus::Created, State::Processing) => {
            write_step(unit, &intent, (from, IntentStatus::Processing), None, None).await?;
            Ok(HookOutcome::Applied)
        }
        (IntentStatus::Created | IntentStatus::Processing, State::Failed | State::Refunded) => {
            let why = payment.failure.as_deref().unwrap_or("The payment failed.");
            let why: String = why.chars().take(FAILURE).collect();
            write_step(unit, &intent, (from, IntentStatus::Failed), Some(&why), None).await?;
            Ok(HookOutcome::Applied)
        }
        (IntentStatus::Created | IntentStatus::Processing, State::Paid) => {
            if payment.amount != intent.amount || payment.currency != intent.currency {
                tracing::error!(
                    intent = intent.id, ordered = %intent.amount, paid = %payment.amount,
                    "a payment is not what was ordered: nothing is credited, somebody has to look at it"
                );
                let why = Some("The payment is not what was ordered.");
                write_step(unit, &intent, (from, IntentStatus::Failed), why, None).await?;
                return Ok(HookOutcome::Applied);
            }
            credit(app, unit, &intent, from, at).await?;
            Ok(HookOutcome::Applied)
        }
        (IntentStatus::Succeeded, State::Refunded) => take_back(app, unit, &intent, at).await,
        (IntentStatus::Failed | IntentStatus::Expired, State::Paid) => {
            tracing::error!(
                intent = intent.id,
                "a payment came after its top-up had ended: somebody has to look at it"
            );
            Ok(HookOutcome::Known)
        }
        _ => Ok(HookOutcome::Known),
    }
}

async fn credit(
    app: &App,
    unit: &mut Unit,
    intent: &IntentRow,
    from: IntentStatus,
    at: Time,
) -> Result<(), WalletError> {
    if from == IntentStatus::Created {
        write_step(unit, intent, (from, IntentStatus::Processing), None, None).await?;
    }
    let transaction_id = post_top_up(app, unit, intent, (CREDIT, EntryType::Credit), at).await?;
    let done = (IntentStatus::Processing, IntentStatus::Succeeded);
    write_step(unit, intent, done, None, Some(transaction_id)).await?;
    let notice = Notice::new(NotificationKind::WalletToppedUp, intent.user_id)
        .about(Morph::Transaction, transaction_id, format!("/wallet/transactions/{transaction_id}"))
        .with("amount", intent.amount.to_string())
        .with("currency", intent.currency.as_str());
    Ok(notify(app, unit, notice).await?)
}

/// The provider gave the customer the money back: out of the wallet, if it is still there.
async fn take_back(
    app: &App,
    unit: &mut Unit,
    intent: &IntentRow,
    at: Time,
) -> Result<HookOutcome, WalletError> {
    match post_top_up(app, unit, intent, (RETURN, EntryType::Debit), at).await {
        Ok(_) => {}
        Err(WalletError::InsufficientFunds { .. }) => {
            tracing::error!(intent = intent.id, "a top-up was given back by its provider, but it is spent");
            return Ok(HookOutcome::Known);
        }
        Err(other) => return Err(other),
    }
    let back = (IntentStatus::Succeeded, IntentStatus::Refunded);
    write_step(unit, intent, back, None, None).await?;
    Ok(HookOutcome::Applied)
}

async fn post_top_up(
    app: &App,
    unit: &mut Unit,
    intent: &IntentRow,
    (scope, entry_type): (&'static str, EntryType),
    at: Time,
) -> Result<u64, WalletError> {
    let notes = match entry_type {
        EntryType::Credit => Map::from_iter([("payment_intent".to_owned(), intent.id.as_str().into())]),
        EntryType::Debit => Map::from_iter([("returned_intent".to_owned(), intent.id.as_str().into())]),
    };
    let group = Group {
        scope: (intent.user_id, scope, &intent.id),
        related: None,
        payment_method: Some(&intent.method),
        internal: false,
        currency: &app.settings.money.currency,
        entries: vec![Entry {
            user_id: intent.user_id,
            entry_type,
            category: Category::TopUp,
            amount: intent.amount,
            description: None,
            purpose: Purpose::Own,
            notes,
        }],
        at,
    };
    let posted = post(unit, group).await?;
    let row = posted.first().ok_or_else(|| CommonFault::internal("a top-up without a row"))?;
    Ok(row.id)
}

/// Writes a step that the table has, and tells the owner.
async fn write_step(
    unit: &mut Unit,
    intent: &IntentRow,
    (from, to): (IntentStatus, IntentStatus),
    failure: Option<&str>,
    transaction_id: Option<u64>,
) -> Result<(), WalletError> {
    step(from, to)?;
    let at = Time::now_in_seconds().as_chrono();
    let states = (from.as_str(), to.as_str());
    store::wallet::update_intent(unit, &intent.id, states, failure, transaction_id, at).await?;
    let mut view = top_up_view(intent.clone())?;
    view.status = to;
    view.failure = failure.map(str::to_owned).or(view.failure);
    view.transaction_id = transaction_id.or(view.transaction_id);
    tell(unit, intent.user_id, &view);
    Ok(())
}
