//! Asking for one's money (domain.md §5.8, D6), and taking that back.

use base::text::{clean, length};
use base::{CommonFault, Money, Problem, Time, Violations};
use protocol::wallet::{Category, EntryType, RequestWithdrawal, Withdrawal, WithdrawalStatus};
use serde::Serialize;
use serde_json::Map;
use store::wallet::NewWithdrawal;

use super::ledger::{Entry, Group, Purpose, post};
use super::take_allowance::take_allowance;
use super::withdrawal::{Move, advance, locked, tell, withdrawal_view};
use super::{WalletError, iban};
use crate::idempotency::{self, Claim, Written};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// The scope of its keys.
const OPERATION: &str = "wallet.request_withdrawal";

/// What the key's fingerprint is made of: everything but the password.
#[derive(Serialize)]
struct Wanted {
    amount: Money,
    iban: String,
    account_name: String,
}

/// Asks for a transfer to one's bank account. The money is held from now on. The password is asked for once more, and an
/// account has one withdrawal at a time.
///
/// # Errors
/// Violations of `amount` (at least `MAJLIS_WITHDRAWAL_MIN_MINOR`) and `bank`; [`crate::users::UserError`] for a wrong
/// password; [`WalletError::InsufficientFunds`]; [`WalletError::WithdrawalOpen`].
pub async fn request_withdrawal(
    app: &App,
    actor: &Actor,
    input: RequestWithdrawal,
) -> Result<Written<Withdrawal>, WalletError> {
    actor.require("wallet")?;
    let wanted = check(app, &input)?;
    take_allowance(app, actor, OPERATION, &input.client_id).await?;
    crate::users::require_password(app, actor, input.password.expose()).await?;
    in_unit!(app, |unit| write_request(app, unit, actor, &input, &wanted))
}

fn check(app: &App, input: &RequestWithdrawal) -> Result<Wanted, Violations> {
    let mut violations = Violations::none();
    let least = Money::from_minor(app.settings.money.withdrawal_min_minor);
    violations.require(input.amount >= least, "amount", Problem::TooSmall(least.to_string()));
    let iban = iban::normalized(&input.bank.iban);
    violations.require(iban.is_some(), "bank.iban", Problem::Format("an IBAN with right check digits"));
    let account_name = clean(&input.bank.name);
    violations.require(!account_name.is_empty(), "bank.name", Problem::Required);
    violations.require(length(&account_name) <= 255, "bank.name", Problem::TooLong(255));
    violations.require(!input.password.expose().is_empty(), "password", Problem::Required);
    violations.into_result()?;
    Ok(Wanted { amount: input.amount, iban: iban.unwrap_or_default(), account_name })
}

async fn write_request(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &RequestWithdrawal,
    wanted: &Wanted,
) -> Result<Written<Withdrawal>, WalletError> {
    let ticket = match idempotency::claim(unit, actor, OPERATION, &input.client_id, wanted).await? {
        Claim::First(ticket) => ticket,
        Claim::Answered(written) => return Ok(written),
    };
    // Under the wallet's lock no other request of this user runs.
    let user_id = actor.user_id();
    store::wallet::lock_wallets(unit, &[user_id]).await?;
    if store::wallet::has_open_withdrawal(unit, user_id).await? {
        return Err(WalletError::WithdrawalOpen);
    }
    let at = Time::now_in_seconds();
    let group = Group {
        scope: (user_id, OPERATION, input.client_id.as_str()),
        related: None,
        payment_method: Some("bank_transfer"),
        internal: false,
        currency: &app.settings.money.currency,
        entries: vec![Entry {
            user_id,
            entry_type: EntryType::Debit,
            category: Category::Withdrawal,
            amount: wanted.amount,
            description: None,
            purpose: Purpose::Hold,
            notes: Map::new(),
        }],
        at,
    };
    let posted = post(unit, group).await?;
    let debit = posted.first().ok_or_else(|| CommonFault::internal("a withdrawal without a row"))?;
    let new = NewWithdrawal {
        transaction_id: debit.id,
        user_id,
        amount: wanted.amount,
        iban: &wanted.iban,
        account_name: &wanted.account_name,
        at: at.as_chrono(),
    };
    store::wallet::insert_withdrawal(unit, &new).await?;
    let row = locked(unit, debit.id).await?;
    tell(app, unit, &row).await?;
    let answer = withdrawal_view(app, &row)?;
    Ok(idempotency::remember(unit, ticket, answer).await?)
}

/// Takes back a withdrawal that nobody has let go yet; the money is there again.
///
/// # Errors
/// [`CommonFault::NotFound`], also for somebody else's; [`CommonFault::IllegalTransition`].
pub async fn cancel_withdrawal(app: &App, actor: &Actor, id: u64) -> Result<Withdrawal, WalletError> {
    actor.require("wallet")?;
    in_unit!(app, |unit| write_cancel(app, unit, actor, id))
}

async fn write_cancel(app: &App, unit: &mut Unit, actor: &Actor, id: u64) -> Result<Withdrawal, WalletError> {
    let row = locked(unit, id).await?;
    if row.user_id != actor.user_id() {
        return Err(CommonFault::NotFound("withdrawal").into());
    }
    let row = advance(app, unit, actor, row, Move::to(WithdrawalStatus::Cancelled)).await?;
    Ok(withdrawal_view(app, &row)?)
}
