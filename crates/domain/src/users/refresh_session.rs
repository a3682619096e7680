//! `POST /auth/refresh` (domain.md §5.1): rotation; a used token ends its session.

use base::{CommonFault, Time};
use protocol::users::{RefreshSession, SignedIn};
use store::users::AccountRow;

use super::authenticate::{TokenName, read_abilities, read_token_name, same_hash};
use super::revocations::revoked_until;
use super::session::{OpenSession, REFRESH, end_sessions, insert_refresh_token, signed_in};
use super::{ClientContext, UserError};
use crate::unit::Unit;
use crate::{App, in_unit};

/// What a refresh token turned out to be.
enum Refreshed {
    /// The valid one: its session goes on.
    Renewed(Box<AccountRow>, OpenSession),
    /// One that was used before: its session was ended.
    Reused { session_id: String },
}

/// Trades a refresh token for a new pair.
///
/// # Errors
/// [`UserError::RefreshTokenReused`] for one that was used before: whoever else holds the newer one is signed out
/// too. [`CommonFault::TokenExpired`], [`CommonFault::Unauthenticated`], [`CommonFault::Suspended`],
/// [`UserError::AccountDeleted`].
pub async fn refresh_session(
    app: &App,
    client: &ClientContext,
    input: RefreshSession,
) -> Result<SignedIn, UserError> {
    let Some(TokenName::Id(token_id, hash)) = read_token_name(input.refresh_token.expose()) else {
        return Err(CommonFault::Unauthenticated.into());
    };
    let outcome: Result<Refreshed, UserError> =
        in_unit!(app, |unit| write_refresh(unit, app, client, token_id, &hash));
    match outcome? {
        Refreshed::Renewed(account, session) => Ok(signed_in(app, *account, session)?),
        Refreshed::Reused { session_id } => {
            tracing::warn!(session_id, "a used refresh token was presented, its session was ended");
            app.revocations.note(session_id, revoked_until(app));
            Err(UserError::RefreshTokenReused)
        }
    }
}

async fn write_refresh(
    unit: &mut Unit,
    app: &App,
    client: &ClientContext,
    token_id: u64,
    hash: &str,
) -> Result<Refreshed, UserError> {
    let Some(session) = store::tokens::lock_session_by_token(unit, token_id).await? else {
        return end_reused(unit, app, token_id, hash).await;
    };
    let token = store::tokens::find_token(unit, token_id).await?.ok_or(CommonFault::Unauthenticated)?;
    let abilities = read_abilities(token.abilities.as_deref());
    if !same_hash(&token.token, hash) || !abilities.iter().any(|ability| ability == REFRESH) {
        return Err(CommonFault::Unauthenticated.into());
    }
    let at = Time::now_in_seconds();
    if token.expires_at.is_some_and(|end| end <= at.as_chrono()) {
        return Err(CommonFault::TokenExpired.into());
    }
    let account =
        store::users::find_account(unit, session.user_id).await?.ok_or(UserError::AccountDeleted)?;
    if !account.is_active {
        return Err(CommonFault::Suspended.into());
    }
    let (new_id, refresh_token) = insert_refresh_token(unit, app, session.user_id, &session.name, at).await?;
    let (session_id, ip) = (session.session_id, client.ip_text());
    store::tokens::update_session_token(unit, &session_id, new_id, ip.as_deref(), at.as_chrono()).await?;
    store::tokens::insert_used_token(unit, token_id, hash, &session_id, at.as_chrono()).await?;
    store::tokens::delete_tokens(unit, &[token_id]).await?;
    Ok(Refreshed::Renewed(Box::new(account), OpenSession { session_id, refresh_token }))
}

/// Whoever shows a used token proves by its secret part that it was theirs: a guessed id ends nobody's session.
async fn end_reused(unit: &mut Unit, app: &App, token_id: u64, hash: &str) -> Result<Refreshed, UserError> {
    let used = store::tokens::find_used_token(unit, token_id).await?;
    let Some(used) = used.filter(|used| same_hash(&used.token, hash)) else {
        return Err(CommonFault::Unauthenticated.into());
    };
    if let Some(session) = store::tokens::lock_session(unit, &used.session_id).await? {
        end_sessions(unit, app, session.user_id, &[session]).await?;
    }
    Ok(Refreshed::Reused { session_id: used.session_id })
}
