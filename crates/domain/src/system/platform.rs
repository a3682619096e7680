//! The platform's own account, which earns the fees and holds what is in escrow (domain.md D7).

use base::id::{UserId, WalletId};
use base::{CommonFault, Lang};
use store::Conn;
use store::settings::PLATFORM_USER;

use crate::fault::of_store;
use crate::unit::Unit;
use crate::users::{self, NewUser, UserError};
use crate::{App, in_unit};

/// Its username; reserved.
const USERNAME: &str = "majlis";

/// The platform's own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlatformWallet {
    /// `settings.platform_user_id`.
    pub user_id: UserId,
    /// Its wallet.
    pub wallet_id: WalletId,
}

/// The platform's account as `settings.platform_user_id` names it.
///
/// # Errors
/// [`CommonFault::Internal`] where it was not made yet: [`super::install`] does, which `majlis migrate` runs.
pub async fn platform_wallet(conn: &mut Conn) -> Result<PlatformWallet, CommonFault> {
    find_platform(conn).await?.ok_or_else(|| {
        CommonFault::internal(
            "settings.platform_user_id names no account with a wallet: run `majlis migrate`",
        )
    })
}

async fn find_platform(conn: &mut Conn) -> Result<Option<PlatformWallet>, CommonFault> {
    let found = store::settings::find_platform(conn).await.map_err(of_store)?;
    Ok(found.map(|(user_id, wallet_id)| PlatformWallet { user_id, wallet_id }))
}

/// Makes the platform's account and the setting that names it, where they are missing. Nobody knows the account's
/// password.
///
/// # Errors
/// Those of the store.
pub async fn ensure_platform(app: &App) -> Result<PlatformWallet, CommonFault> {
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let found = find_platform(&mut conn).await;
    drop(conn);
    if let Some(found) = found? {
        return Ok(found);
    }
    // A real hash of a secret that is thrown away: Laravel's hasher fails on anything that is no hash.
    let secret = base::id::random_text(60, base::id::ALPHANUMERIC);
    let password_hash = users::hash_password(app, &secret).await?;
    let made: Result<PlatformWallet, UserError> =
        in_unit!(app, |unit| write_platform(unit, app, &password_hash));
    match made {
        Ok(made) => Ok(made),
        // Another process was faster.
        Err(UserError::Common(CommonFault::Invalid(_))) => {
            let mut conn = app.store.reader().await.map_err(of_store)?;
            platform_wallet(&mut conn).await
        }
        Err(UserError::Common(fault)) => Err(fault),
        Err(other) => Err(CommonFault::internal(other)),
    }
}

async fn write_platform(
    unit: &mut Unit,
    app: &App,
    password_hash: &str,
) -> Result<PlatformWallet, UserError> {
    let user_id = match store::settings::find_user_id(unit, USERNAME).await? {
        Some(user_id) => user_id,
        None => {
            let user = NewUser {
                name: "مجلس Majlis".to_owned(),
                username: USERNAME.to_owned(),
                email: "platform@majlis.invalid".to_owned(),
                phone: None,
                password_hash: password_hash.to_owned(),
                is_verified: true,
                email_verified: false,
                language: Lang::Ar,
                timezone: "Asia/Riyadh".to_owned(),
                currency: app.settings.money.currency.clone(),
            };
            users::create_user(unit, user).await?
        }
    };
    store::settings::insert_setting(unit, PLATFORM_USER, &user_id.to_string(), "integer", "money").await?;
    Ok(platform_wallet(unit).await?)
}
