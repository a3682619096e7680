//! One line of one's own ledger.

use base::CommonFault;
use protocol::wallet::Transaction;

use super::WalletError;
use super::view::transaction_view;
use crate::{Actor, App};

/// A transaction of the actor's wallet.
///
/// # Errors
/// [`CommonFault::NotFound`], also for somebody else's (domain.md D23).
pub async fn find_transaction(app: &App, actor: &Actor, id: u64) -> Result<Transaction, WalletError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let row = store::wallet::find_transaction(&mut conn, actor.user_id(), id).await?;
    let row = row.ok_or(CommonFault::NotFound("transaction"))?;
    Ok(transaction_view(row)?)
}
