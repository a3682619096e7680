//! What runs by itself, settings, roles and the platform's own account.

pub mod health;
pub mod rate;

use base::CommonFault;
use base::id::{UserId, WalletId};
use store::Conn;
use tokio_util::sync::CancellationToken;

use crate::App;

/// The platform's own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlatformWallet {
    /// `settings.platform_user_id`.
    pub user_id: UserId,
    /// Its wallet.
    pub wallet_id: WalletId,
}

#[allow(missing_docs, unused_variables, clippy::unused_async)]
mod skeleton {
    use super::*;
    pub async fn relay_outbox(app: &App) -> Result<usize, CommonFault> { todo!() }
    pub async fn purge_expired(app: &App) -> Result<u64, CommonFault> { todo!() }
    pub async fn run_clocks(app: App, shutdown: CancellationToken) { todo!() }
    pub async fn install_roles(app: &App) -> Result<(), CommonFault> { todo!() }
    pub async fn find_setting(conn: &mut Conn, key: &str) -> Result<Option<String>, CommonFault> { todo!() }
    pub async fn platform_wallet(conn: &mut Conn) -> Result<PlatformWallet, CommonFault> { todo!() }
    pub async fn ensure_platform(app: &App) -> Result<PlatformWallet, CommonFault> { todo!() }
}
pub use skeleton::*;
