//! A refund by an administrator (domain.md §8.4 "A any time").

use base::text::{clean, length};
use base::{CommonFault, Problem, Time, Violations};
use protocol::wallet::{IssueRefund, RefundIssued};
use serde_json::json;
use store::audit::NewAudit;

use super::WalletError;
use super::refund::{Part, Refund, refund_sale};
use crate::idempotency::{self, Claim, Written};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

/// The operation's name: the scope of its keys, and the action in the audit log.
const OPERATION: &str = "refunds.issue";

/// Gives a buyer back what they paid, or a part of it, whatever was bought and whenever. What was bought ends with it: the
/// enrollment, registration or booking is cancelled, the book given back; a completed course stays completed.
///
/// # Errors
/// [`CommonFault::Forbidden`]; a violation of `transaction_id` where there is no such row; those of [`refund_sale`].
pub async fn issue_refund(
    app: &App,
    actor: &Actor,
    input: IssueRefund,
) -> Result<Written<RefundIssued>, WalletError> {
    actor.require("wallet")?;
    {
        let mut conn = app.store.reader().await?;
        access::require_permission(&mut conn, actor, OPERATION).await?;
    }
    let input = IssueRefund { reason: clean(&input.reason), ..input };
    let mut violations = Violations::none();
    match length(&input.reason) {
        0 => violations.add("reason", Problem::Required),
        1 | 2 => violations.add("reason", Problem::TooShort(3)),
        256.. => violations.add("reason", Problem::TooLong(255)),
        _ => {}
    }
    let positive = input.amount.is_none_or(base::Money::is_positive);
    violations.require(positive, "amount", Problem::TooSmall("0.01".to_owned()));
    violations.into_result()?;
    in_unit!(app, |unit| write_refund(app, unit, actor, &input))
}

async fn write_refund(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &IssueRefund,
) -> Result<Written<RefundIssued>, WalletError> {
    let ticket = match idempotency::claim(unit, actor, OPERATION, &input.client_id, input).await? {
        Claim::First(ticket) => ticket,
        Claim::Answered(written) => return Ok(written),
    };
    let at = Time::now_in_seconds();
    let debit = store::wallet::find_ledger_row(unit, input.transaction_id).await?;
    let Some(debit) = debit else {
        return Err(Violations::one("transaction_id", Problem::NotFound).into());
    };
    // The thing that was bought before the wallets (domain.md D8).
    store::wallet::end_purchase(unit, &debit, at.as_chrono()).await?;
    let part = input.amount.map_or(Part::All, Part::Amount);
    let refund = Refund { debit_id: debit.id, part, reason: &input.reason, at };
    let refunded = refund_sale(app, unit, &refund).await?;
    let refund_id = refunded.refund_id.ok_or_else(|| CommonFault::internal("nothing was given back"))?;
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action: OPERATION,
        subject_type: "transaction",
        subject_id: debit.id,
        before: json!({ "amount": debit.amount }),
        after: json!({ "refund_id": refund_id, "amount": refunded.amount, "reason": input.reason }),
    };
    store::audit::insert_audit(unit, &deed).await?;
    let (user_id, amount, receivable) = (refunded.buyer, refunded.amount, refunded.receivable);
    let credit_note = refunded.credit_note(app, unit).await?.unwrap_or_default();
    let answer = RefundIssued {
        refund_id,
        transaction_id: debit.id,
        user_id,
        amount,
        currency: app.settings.money.currency.clone(),
        receivable,
        credit_note,
    };
    Ok(idempotency::remember(unit, ticket, answer).await?)
}
