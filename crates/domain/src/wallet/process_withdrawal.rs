//! Withdrawals in the hands of administrators (domain.md §5.8 `withdrawals.process`).

use base::id::UserId;
use base::paging::{Page, PageRequest};
use base::text::{clean, length};
use base::{CommonFault, Money, Problem, Violations};
use protocol::wallet::{WithdrawalCase, WithdrawalStatus};

use super::WalletError;
use super::withdrawal::{Move, advance, case_view, locked};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

const PERMISSION: &str = "withdrawals.process";

/// Everybody's withdrawals, newest first.
///
/// # Errors
/// [`CommonFault::Forbidden`].
pub async fn list_withdrawals(
    app: &App,
    actor: &Actor,
    (status, user_id): (Option<WithdrawalStatus>, Option<UserId>),
    page: PageRequest,
) -> Result<Page<WithdrawalCase>, WalletError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, PERMISSION).await?;
    let place = (page.cursor.map(|cursor| cursor.id), page.forward(), page.fetch());
    let status = status.map(WithdrawalStatus::as_str);
    let rows = store::wallet::list_withdrawals(&mut conn, status, user_id, place).await?;
    let cases = rows.into_iter().map(|row| case_view(app, row)).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::from_rows(page, cases, |case| case.withdrawal.id))
}

/// What an administrator does with a withdrawal.
#[derive(Clone, Debug)]
pub enum Processing {
    /// Lets it go.
    Approve,
    /// The bank has transferred it.
    MarkPaid {
        /// What the bank calls the transfer.
        reference: String,
    },
    /// Refuses it.
    Reject {
        /// Why.
        reason: String,
    },
    /// The bank could not transfer it.
    Fail {
        /// Why.
        reason: String,
    },
}

/// Takes a withdrawal a step further. Nobody decides over their own, and above `MAJLIS_WITHDRAWAL_LIMIT_MINOR` who marks
/// it as paid is another administrator than who approved it (ASVS 2.3.5).
///
/// # Errors
/// [`CommonFault::Forbidden`], [`CommonFault::NotFound`], [`CommonFault::IllegalTransition`],
/// [`WalletError::SecondApproverRequired`].
pub async fn process_withdrawal(
    app: &App,
    actor: &Actor,
    id: u64,
    processing: Processing,
) -> Result<WithdrawalCase, WalletError> {
    actor.require("wallet")?;
    {
        let mut conn = app.store.reader().await?;
        access::require_permission(&mut conn, actor, PERMISSION).await?;
        let found = store::wallet::find_withdrawal(&mut conn, id, None).await?;
        let found = found.ok_or(CommonFault::NotFound("withdrawal"))?;
        if found.user_id == actor.user_id() {
            return Err(CommonFault::Forbidden.into());
        }
    }
    let processing = checked(processing)?;
    in_unit!(app, |unit| write_step(app, unit, actor, id, &processing))
}

fn checked(processing: Processing) -> Result<Processing, Violations> {
    let mut violations = Violations::none();
    let mut text = |name: &'static str, given: &str, least: usize| {
        let cleaned = clean(given);
        match length(&cleaned) {
            0 => violations.add(name, Problem::Required),
            short if short < least => violations.add(name, Problem::TooShort(least)),
            256.. => violations.add(name, Problem::TooLong(255)),
            _ => {}
        }
        cleaned
    };
    let processing = match processing {
        Processing::Approve => Processing::Approve,
        Processing::MarkPaid { reference } => {
            Processing::MarkPaid { reference: text("reference", &reference, 1) }
        }
        Processing::Reject { reason } => Processing::Reject { reason: text("reason", &reason, 3) },
        Processing::Fail { reason } => Processing::Fail { reason: text("reason", &reason, 3) },
    };
    violations.into_result()?;
    Ok(processing)
}

async fn write_step(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    processing: &Processing,
) -> Result<WithdrawalCase, WalletError> {
    let row = locked(unit, id).await?;
    let wanted = match processing {
        Processing::Approve => Move::to(WithdrawalStatus::Approved),
        Processing::MarkPaid { reference } => {
            let limit = Money::from_minor(app.settings.money.withdrawal_limit_minor);
            if row.amount > limit && row.approved_by == Some(actor.user_id()) {
                let currency = app.settings.money.currency.clone();
                return Err(WalletError::SecondApproverRequired { limit, currency });
            }
            Move { bank_reference: Some(reference), ..Move::to(WithdrawalStatus::Paid) }
        }
        Processing::Reject { reason } => {
            Move { reason: Some(reason), ..Move::to(WithdrawalStatus::Rejected) }
        }
        Processing::Fail { reason } => Move { reason: Some(reason), ..Move::to(WithdrawalStatus::Failed) },
    };
    let row = advance(app, unit, actor, row, wanted).await?;
    Ok(case_view(app, row)?)
}
