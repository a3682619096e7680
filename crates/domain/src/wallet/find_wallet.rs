//! One's own wallet.

use base::CommonFault;
use protocol::wallet::Wallet;

use super::WalletError;
use super::view::wallet_view;
use crate::{Actor, App};

/// The actor's wallet.
///
/// # Errors
/// Those of the store; every account has a wallet (I-U1).
pub async fn find_wallet(app: &App, actor: &Actor) -> Result<Wallet, WalletError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let row = store::wallet::find_wallet(&mut conn, actor.user_id()).await?;
    row.map(wallet_view).ok_or(WalletError::Common(CommonFault::NotFound("wallet")))
}
