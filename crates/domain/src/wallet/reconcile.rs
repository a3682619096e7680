//! The whole ledger for administrators, and whether it adds up (domain.md §5.8, §12).

use base::id::UserId;
use base::paging::{Page, PageRequest};
use base::{CommonFault, Time};
use protocol::wallet::{LedgerEntry, LedgerFinding, Reconciliation, TransactionFilter};
use serde_json::Value;
use store::wallet::TransactionQuery;

use super::WalletError;
use super::list_transactions::query_of;
use super::view::transaction_view;
use crate::fault::of_store;
use crate::{Actor, App, access};

const PERMISSION: &str = "transactions.view";

/// Runs the money checks, for administrators.
///
/// # Errors
/// [`CommonFault::Forbidden`].
pub async fn reconcile(app: &App, actor: &Actor) -> Result<Reconciliation, WalletError> {
    actor.require("read")?;
    access::demand_permission(app, actor, PERMISSION).await?;
    Ok(reconcile_ledger(app).await?)
}

/// Runs the money checks, for operators.
///
/// # Errors
/// Those of the store.
pub async fn reconcile_ledger(app: &App) -> Result<Reconciliation, CommonFault> {
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let found = store::ledger_checks::list_findings(&mut conn).await.map_err(of_store)?;
    Ok(Reconciliation {
        balanced: found.is_empty(),
        checks: store::ledger_checks::names().map(str::to_owned).collect(),
        findings: found
            .into_iter()
            .map(|finding| LedgerFinding {
                check: finding.check.to_owned(),
                table: finding.table.to_owned(),
                count: finding.count,
                ids: finding.ids,
            })
            .collect(),
        checked_at: Time::now(),
    })
}

/// Everybody's transactions, newest first.
///
/// # Errors
/// [`CommonFault::Forbidden`].
pub async fn list_ledger(
    app: &App,
    actor: &Actor,
    user_id: Option<UserId>,
    filter: TransactionFilter,
    page: PageRequest,
) -> Result<Page<LedgerEntry>, WalletError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, PERMISSION).await?;
    let which = TransactionQuery {
        cursor: page.cursor.map(|cursor| cursor.id),
        forward: page.forward(),
        limit: page.fetch(),
        ..query_of(&filter)
    };
    let rows = store::wallet::list_ledger(&mut conn, user_id, which).await?;
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        let notes = row.metadata.map(|notes| notes.0).unwrap_or_default();
        entries.push(LedgerEntry {
            transaction: transaction_view(row.transaction)?,
            user_id: row.user_id,
            payment_method: row.payment_method,
            group_id: notes.get("group_id").and_then(Value::as_str).map(str::to_owned),
            refunded_by: notes.get("refunded_by").and_then(Value::as_u64),
        });
    }
    Ok(Page::from_rows(page, entries, |entry| entry.transaction.id))
}
