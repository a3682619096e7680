//! What all steps of a withdrawal have in common (domain.md D6): the money is held from the request on, and leaves the
//! wallet, or comes back by a row of its own, once.

use base::{CommonFault, Time};
use protocol::Event;
use protocol::channel::Channel;
use protocol::notifications::NotificationKind;
use protocol::wallet::{Category, EntryType, Withdrawal, WithdrawalCase, WithdrawalStatus};
use serde_json::{Map, json};
use store::StoreError;
use store::audit::NewAudit;
use store::wallet::{WithdrawalRow, WithdrawalStep};

use super::WalletError;
use super::iban::last_four;
use super::ledger::{Entry, Group, Purpose, pay_out, post};
use crate::machine::step;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App};

/// The scope of the references: held money comes back once.
const RELEASE: &str = "wallet.release_withdrawal";

pub(super) fn status(row: &WithdrawalRow) -> Result<WithdrawalStatus, StoreError> {
    let status = WithdrawalStatus::ALL.iter().copied().find(|status| status.as_str() == row.status);
    status.ok_or(StoreError::Corrupt { table: "hub_withdrawals", column: "status" })
}

pub(super) fn withdrawal_view(app: &App, row: &WithdrawalRow) -> Result<Withdrawal, StoreError> {
    Ok(Withdrawal {
        id: row.transaction_id,
        amount: row.amount,
        currency: app.settings.money.currency.clone(),
        status: status(row)?,
        iban_last4: last_four(&row.iban),
        account_name: row.account_name.clone(),
        bank_reference: row.bank_reference.clone(),
        reason: row.reason.clone(),
        created_at: Time::from(row.created_at),
        updated_at: Time::from(row.updated_at),
    })
}

pub(super) fn case_view(app: &App, row: WithdrawalRow) -> Result<WithdrawalCase, StoreError> {
    Ok(WithdrawalCase {
        withdrawal: withdrawal_view(app, &row)?,
        user_id: row.user_id,
        iban: row.iban,
        approved_by: row.approved_by,
        settled_by: row.settled_by,
    })
}

pub(super) async fn locked(unit: &mut Unit, id: u64) -> Result<WithdrawalRow, WalletError> {
    let row = store::wallet::lock_withdrawal(unit, id).await?;
    Ok(row.ok_or(CommonFault::NotFound("withdrawal"))?)
}

/// A step of a locked withdrawal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move<'a> {
    pub(super) to: WithdrawalStatus,
    /// What the bank calls the transfer.
    pub(super) bank_reference: Option<&'a str>,
    /// Why it comes to nothing.
    pub(super) reason: Option<&'a str>,
}

impl Move<'_> {
    pub(super) const fn to(to: WithdrawalStatus) -> Self {
        Self { to, bank_reference: None, reason: None }
    }
}

/// Takes a step: the withdrawal's row, the money, the ledger's row, the audit log where an administrator does it, and what
/// is told.
pub(super) async fn advance(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    row: WithdrawalRow,
    wanted: Move<'_>,
) -> Result<WithdrawalRow, WalletError> {
    let from = status(&row)?;
    let to = wanted.to;
    step(from, to)?;
    let at = Time::now_in_seconds();
    let by_staff = to != WithdrawalStatus::Cancelled;
    let ends = to != WithdrawalStatus::Approved;
    let change = WithdrawalStep {
        from: from.as_str(),
        to: to.as_str(),
        approved_by: (to == WithdrawalStatus::Approved).then(|| actor.user_id()),
        settled_by: (ends && by_staff).then(|| actor.user_id()),
        bank_reference: wanted.bank_reference,
        reason: wanted.reason,
    };
    let id = row.transaction_id;
    store::wallet::update_withdrawal(unit, id, change, at.as_chrono()).await?;
    let ended = match to {
        WithdrawalStatus::Pending | WithdrawalStatus::Approved => None,
        WithdrawalStatus::Paid => Some("completed"),
        WithdrawalStatus::Failed => Some("failed"),
        WithdrawalStatus::Rejected | WithdrawalStatus::Cancelled => Some("cancelled"),
    };
    if let Some(ended) = ended {
        if to == WithdrawalStatus::Paid {
            pay_out(unit, row.user_id, row.amount, id, at).await?;
        } else {
            release(app, unit, &row, at).await?;
        }
        store::wallet::update_transaction_status(unit, id, ended, at.as_chrono()).await?;
    }
    if by_staff {
        let deed = NewAudit {
            actor_id: actor.user_id(),
            action: "withdrawals.process",
            subject_type: "transaction",
            subject_id: id,
            before: json!({ "status": from }),
            after: json!({ "status": to, "reference": wanted.bank_reference, "reason": wanted.reason }),
        };
        store::audit::insert_audit(unit, &deed).await?;
    }
    let row = locked(unit, id).await?;
    tell(app, unit, &row).await?;
    Ok(row)
}

/// The money comes back by a row of its own (I-M9).
async fn release(app: &App, unit: &mut Unit, row: &WithdrawalRow, at: Time) -> Result<(), WalletError> {
    let id = row.transaction_id;
    let group = Group {
        scope: (row.user_id, RELEASE, &id.to_string()),
        related: Some((Morph::Transaction.column(app.settings.morph), id)),
        payment_method: None,
        internal: false,
        currency: &app.settings.money.currency,
        entries: vec![Entry {
            user_id: row.user_id,
            entry_type: EntryType::Credit,
            category: Category::Withdrawal,
            amount: row.amount,
            description: None,
            purpose: Purpose::Release,
            notes: Map::new(),
        }],
        at,
    };
    post(unit, group).await?;
    Ok(())
}

/// Tells the owner: an event of the step's name, and a notification.
pub(super) async fn tell(app: &App, unit: &mut Unit, row: &WithdrawalRow) -> Result<(), WalletError> {
    let withdrawal = Box::new(withdrawal_view(app, row)?);
    let (event, kind) = match withdrawal.status {
        WithdrawalStatus::Pending => {
            (Event::WithdrawalRequested { withdrawal }, Some(NotificationKind::WithdrawalRequested))
        }
        WithdrawalStatus::Approved => {
            (Event::WithdrawalApproved { withdrawal }, Some(NotificationKind::WithdrawalApproved))
        }
        WithdrawalStatus::Paid => {
            (Event::WithdrawalPaid { withdrawal }, Some(NotificationKind::WithdrawalPaid))
        }
        WithdrawalStatus::Rejected => {
            (Event::WithdrawalRejected { withdrawal }, Some(NotificationKind::WithdrawalRejected))
        }
        // There is no kind of its own; to its owner it is the same.
        WithdrawalStatus::Failed => {
            (Event::WithdrawalFailed { withdrawal }, Some(NotificationKind::WithdrawalRejected))
        }
        WithdrawalStatus::Cancelled => (Event::WithdrawalCancelled { withdrawal }, None),
    };
    unit.emit(Channel::User(row.user_id), event);
    let Some(kind) = kind else { return Ok(()) };
    let notice = Notice::new(kind, row.user_id)
        .about(Morph::Transaction, row.transaction_id, format!("/wallet/transactions/{}", row.transaction_id))
        .with("amount", row.amount.to_string())
        .with("currency", app.settings.money.currency.as_str());
    Ok(notify(app, unit, notice).await?)
}
