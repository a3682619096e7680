//! A correction by an administrator (domain.md §3 `wallets.adjust`, §5.8).

use base::text::{clean, length};
use base::{CommonFault, Money, Problem, Time, Violations};
use protocol::notifications::NotificationKind;
use protocol::wallet::{AdjustWallet, Category, EntryType, Transaction, WalletAdjusted, WalletBalance};
use serde_json::{Map, json};
use store::audit::NewAudit;

use super::WalletError;
use super::ledger::{Entry, Group, Purpose, post};
use crate::idempotency::{self, Claim, Written};
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

/// The operation's name: the scope of its keys, and the action in the audit log.
const OPERATION: &str = "wallets.adjust";

/// Gives money to, or takes it from, somebody's wallet. Written to the ledger and to the audit log.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `wallets.adjust`; [`CommonFault::NotFound`] for no such user;
/// [`WalletError::SecondApproverRequired`] above `MAJLIS_ADJUST_LIMIT_MINOR`; [`WalletError::InsufficientFunds`]
/// when more is to be taken than is there.
pub async fn adjust_wallet(
    app: &App,
    actor: &Actor,
    input: AdjustWallet,
) -> Result<Written<WalletAdjusted>, WalletError> {
    actor.require("wallet")?;
    {
        let mut conn = app.store.reader().await?;
        access::require_permission(&mut conn, actor, "wallets.adjust").await?;
        if !store::wallet::has_wallet(&mut conn, input.user_id).await? {
            return Err(CommonFault::NotFound("user").into());
        }
    }
    let input = AdjustWallet { reason: clean(&input.reason), ..input };
    check(&input)?;
    let limit = Money::from_minor(app.settings.money.adjust_limit_minor);
    if input.amount > limit {
        let currency = app.settings.money.currency.clone();
        return Err(WalletError::SecondApproverRequired { limit, currency });
    }
    in_unit!(app, |unit| write_adjustment(app, unit, actor, &input))
}

fn check(input: &AdjustWallet) -> Result<(), Violations> {
    let mut violations = Violations::none();
    violations.require(input.amount.is_positive(), "amount", Problem::TooSmall("0.01".to_owned()));
    match length(&input.reason) {
        0 => violations.add("reason", Problem::Required),
        1 | 2 => violations.add("reason", Problem::TooShort(3)),
        256.. => violations.add("reason", Problem::TooLong(255)),
        _ => {}
    }
    violations.into_result()
}

async fn write_adjustment(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &AdjustWallet,
) -> Result<Written<WalletAdjusted>, WalletError> {
    let ticket = match idempotency::claim(unit, actor, OPERATION, &input.client_id, input).await? {
        Claim::First(ticket) => ticket,
        Claim::Answered(written) => return Ok(written),
    };
    let at = Time::now_in_seconds();
    let currency = app.settings.money.currency.as_str();
    let group = Group {
        scope: (actor.user_id(), OPERATION, input.client_id.as_str()),
        related: None,
        payment_method: None,
        internal: false,
        currency,
        entries: vec![Entry {
            user_id: input.user_id,
            entry_type: input.direction,
            category: Category::Adjustment,
            amount: input.amount,
            description: Some(&input.reason),
            purpose: Purpose::Own,
            notes: Map::new(),
        }],
        at,
    };
    let posted = post(unit, group).await?.pop().ok_or_else(|| CommonFault::internal("nothing was posted"))?;
    let balance = posted.balance_after;
    let before = match input.direction {
        EntryType::Credit => balance.minus(input.amount),
        EntryType::Debit => balance.plus(input.amount),
    };
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action: OPERATION,
        subject_type: "user",
        subject_id: input.user_id,
        before: json!({ "balance": before }),
        after: json!({ "balance": balance, "transaction_id": posted.id, "reason": input.reason }),
    };
    store::audit::insert_audit(unit, &deed).await?;
    if input.direction == EntryType::Credit {
        let notice = Notice::new(NotificationKind::WalletCredited, input.user_id)
            .about(Morph::Transaction, posted.id, format!("/wallet/transactions/{}", posted.id))
            .with("amount", input.amount.to_string())
            .with("currency", currency);
        notify(app, unit, notice).await?;
    }
    let answer = WalletAdjusted {
        transaction: Transaction {
            id: posted.id,
            entry_type: input.direction,
            category: Category::Adjustment,
            amount: input.amount,
            balance_after: balance,
            currency: currency.to_owned(),
            status: "completed".to_owned(),
            transaction_reference: posted.reference,
            related_type: None,
            related_id: None,
            description: Some(input.reason.clone()),
            created_at: Some(at),
        },
        wallet: WalletBalance { balance },
    };
    Ok(idempotency::remember(unit, ticket, answer).await?)
}
