//! One's own ledger, newest first.

use base::paging::{Page, PageRequest};
use base::{CommonFault, Time};
use protocol::wallet::{Category, EntryType, Transaction, TransactionFilter, TransactionStatus};
use store::wallet::TransactionQuery;

use super::WalletError;
use super::view::transaction_view;
use crate::{Actor, App};

/// A page of the actor's transactions, newest first (domain.md §5.8, D18).
///
/// # Errors
/// Those of the store.
pub async fn list_transactions(
    app: &App,
    actor: &Actor,
    filter: TransactionFilter,
    page: PageRequest,
) -> Result<Page<Transaction>, WalletError> {
    actor.require("read")?;
    let which = TransactionQuery {
        cursor: page.cursor.map(|cursor| cursor.id),
        forward: page.forward(),
        limit: page.fetch(),
        ..query_of(&filter)
    };
    let rows = {
        let mut conn = app.store.reader().await?;
        let rows = store::wallet::list_transactions(&mut conn, actor.user_id(), which).await?;
        // Nothing to list, or nowhere to look for it: only then is it asked which.
        if rows.is_empty() && store::wallet::find_wallet(&mut conn, actor.user_id()).await?.is_none() {
            return Err(CommonFault::NotFound("wallet").into());
        }
        rows
    };
    let items = rows.into_iter().map(transaction_view);
    let items = items.collect::<Result<Vec<_>, _>>()?;
    Ok(Page::from_rows(page, items, |transaction| transaction.id))
}

/// The filters, for the store.
pub(super) fn query_of(filter: &TransactionFilter) -> TransactionQuery {
    TransactionQuery {
        entry_type: filter.entry_type.map(EntryType::as_str),
        category: filter.category.map(Category::as_str),
        status: filter.status.map(TransactionStatus::as_str),
        from: filter.from.map(Time::as_chrono),
        to: filter.to.map(Time::as_chrono),
        ..TransactionQuery::default()
    }
}
