//! `GET /me` (domain.md §5.1).

use base::CommonFault;
use protocol::users::{Me, OwnProfile, Unread};
use store::users::{ProfileName, ProfileRow};

use super::session::account_view;
use super::{UserError, social_links};
use crate::wallet::{self, WalletError};
use crate::{Actor, App};

/// The actor's account, profile, wallet, roles and what is unread.
///
/// # Errors
/// [`UserError::AccountDeleted`] when it went meanwhile; those of the store.
pub async fn find_me(app: &App, actor: &Actor) -> Result<Me, UserError> {
    actor.require("read")?;
    let user_id = actor.user_id();
    let mut conn = app.store.reader().await?;
    let account = store::users::find_account(&mut conn, user_id).await?.ok_or(UserError::AccountDeleted)?;
    let profile = store::users::find_profile(&mut conn, ProfileName::Id(user_id)).await?;
    let profile = profile.ok_or(UserError::AccountDeleted)?;
    let roles = store::permissions::list_roles(&mut conn, user_id).await?;
    let permissions = store::permissions::list_permissions(&mut conn, user_id).await?;
    let (notifications, messages) = store::users::count_unread(&mut conn, user_id).await?;
    drop(conn);
    let wallet = wallet::find_wallet(app, actor).await.map_err(|error| match error {
        WalletError::Common(fault) => fault,
        other => CommonFault::internal(other),
    })?;
    Ok(Me {
        account: account_view(app, account),
        profile: own_profile(profile),
        wallet,
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
        social_links: social_links::read(row.social_links.map(|links| links.0)),
        is_private: row.is_private.unwrap_or(false),
        show_online_status: row.show_online_status.unwrap_or(true),
        show_email: row.show_email.unwrap_or(false),
        show_phone: row.show_phone.unwrap_or(false),
        allow_messages_from: row.allow_messages_from.unwrap_or_else(|| "everyone".to_owned()),
        followers_count: row.followers_count.unwrap_or(0),
        following_count: row.following_count.unwrap_or(0),
    }
}
