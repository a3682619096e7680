//! `GET /me` (domain.md §5.1).

use base::{CommonFault, Money};
use protocol::users::{Me, OwnProfile, Unread};
use protocol::wallet::Wallet;
use store::StoreError;
use store::users::{ProfileName, ProfileRow, WalletSummaryRow};

use super::UserError;
use super::session::account_view;
use crate::{Actor, App};

/// The actor's account, profile, wallet, roles and what is unread.
///
/// # Errors
/// [`UserError::AccountDeleted`] when it went meanwhile; those of the store.
pub async fn find_me(app: &App, actor: &Actor) -> Result<Me, UserError> {
    let user_id = actor.user_id();
    let mut conn = app.store.reader().await?;
    let account = store::users::find_account(&mut conn, user_id).await?.ok_or(UserError::AccountDeleted)?;
    let profile = store::users::find_profile(&mut conn, ProfileName::Id(user_id)).await?;
    let profile = profile.ok_or(UserError::AccountDeleted)?;
    let wallet = store::users::find_wallet_summary(&mut conn, user_id).await?;
    let wallet = wallet.ok_or_else(|| CommonFault::internal(format!("user {user_id} has no wallet")))?;
    let roles = store::permissions::list_roles(&mut conn, user_id).await?;
    let permissions = store::permissions::list_permissions(&mut conn, user_id).await?;
    let (notifications, messages) = store::users::count_unread(&mut conn, user_id).await?;
    Ok(Me {
        account: account_view(account),
        profile: own_profile(profile),
        wallet: wallet_view(wallet)?,
        roles,
        permissions,
        unread: Unread {
            messages: u32::try_from(messages).unwrap_or(u32::MAX),
            notifications: u32::try_from(notifications).unwrap_or(u32::MAX),
        },
    })
}

fn own_profile(row: ProfileRow) -> OwnProfile {
    OwnProfile {
        bio: row.bio,
        location: row.location,
        is_private: row.is_private.unwrap_or(false),
        show_online_status: row.show_online_status.unwrap_or(true),
        show_email: row.show_email.unwrap_or(false),
        show_phone: row.show_phone.unwrap_or(false),
        allow_messages_from: row.allow_messages_from.unwrap_or_else(|| "everyone".to_owned()),
        followers_count: row.followers_count.unwrap_or(0),
        following_count: row.following_count.unwrap_or(0),
    }
}

fn wallet_view(row: WalletSummaryRow) -> Result<Wallet, StoreError> {
    let money = |value, column| {
        Money::from_decimal(value).map_err(|_error| StoreError::Corrupt { table: "wallets", column })
    };
    let balance = money(row.balance, "balance")?;
    Ok(Wallet {
        id: row.id,
        balance,
        available: balance,
        pending_balance: money(row.pending_balance, "pending_balance")?,
        total_earned: money(row.total_earned, "total_earned")?,
        total_withdrawn: money(row.total_withdrawn, "total_withdrawn")?,
        currency: row.currency,
    })
}
