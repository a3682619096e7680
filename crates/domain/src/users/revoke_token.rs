//! `DELETE /auth/tokens/{id}` and `DELETE /auth/tokens?others=true` (domain.md §5.1).

use base::{CommonFault, Time};

use super::UserError;
use super::revocations::revoked_until;
use super::session::{end_sessions, end_tokens, token_subject};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// The most API tokens that are ended at a time.
const MOST: u32 = 10_000;

/// Ends one of the actor's sessions (named by its refresh token's id, as listed) or API tokens. Sockets that it
/// opened close with 4501 on every node.
///
/// # Errors
/// [`CommonFault::NotFound`] for what is not the actor's.
pub async fn revoke_token(app: &App, actor: &Actor, id: u64) -> Result<(), UserError> {
    actor.require("write")?;
    let subjects: Result<Vec<String>, UserError> =
        in_unit!(app, |unit| write_revocation(unit, app, actor, id));
    note_revoked(app, subjects?);
    Ok(())
}

/// Ends all of the actor's sessions and API tokens but the one that asks.
///
/// # Errors
/// Those of the store and the bus.
pub async fn revoke_other_tokens(app: &App, actor: &Actor) -> Result<(), UserError> {
    actor.require("write")?;
    let subjects: Result<Vec<String>, UserError> = in_unit!(app, |unit| write_others(unit, app, actor));
    note_revoked(app, subjects?);
    Ok(())
}

/// This process refuses them from now on; the others hear of it.
pub(super) fn note_revoked(app: &App, subjects: Vec<String>) {
    let until = revoked_until(app);
    for subject in subjects {
        app.revocations.note(subject, until);
    }
}

async fn write_revocation(
    unit: &mut Unit,
    app: &App,
    actor: &Actor,
    id: u64,
) -> Result<Vec<String>, UserError> {
    let user_id = actor.user_id();
    if let Some(session) = store::tokens::lock_session_by_token(unit, id).await? {
        if session.user_id != user_id {
            return Err(CommonFault::NotFound("token").into());
        }
        let subject = session.session_id.clone();
        end_sessions(unit, app, user_id, &[session]).await?;
        return Ok(vec![subject]);
    }
    let token = store::tokens::find_token(unit, id).await?.filter(|token| token.user_id == user_id);
    let token = token.ok_or(CommonFault::NotFound("token"))?;
    end_tokens(unit, app, user_id, &[(token.id, token.token)]).await?;
    Ok(vec![token_subject(id)])
}

pub(super) async fn write_others(
    unit: &mut Unit,
    app: &App,
    actor: &Actor,
) -> Result<Vec<String>, UserError> {
    let user_id = actor.user_id();
    let mut sessions = store::tokens::lock_sessions(unit, user_id).await?;
    sessions.retain(|session| Some(session.session_id.as_str()) != actor.session_id());
    let mut subjects: Vec<String> = sessions.iter().map(|session| session.session_id.clone()).collect();
    end_sessions(unit, app, user_id, &sessions).await?;

    // What is left are API tokens, and the refresh token of the session that asks.
    let now = Time::now_in_seconds().as_chrono();
    let left = store::tokens::list_tokens(unit, user_id, now, MOST).await?;
    let ids: Vec<u64> = left.iter().map(|token| token.id).collect();
    let own = store::tokens::list_sessions_by_tokens(unit, &ids).await?;
    let own: Vec<u64> = own.into_iter().filter_map(|session| session.current_token_id).collect();
    let tokens: Vec<(u64, String)> = left
        .into_iter()
        .filter(|token| !own.contains(&token.id) && sanctum_id(actor) != Some(token.id))
        .map(|token| (token.id, token.token))
        .collect();
    subjects.extend(tokens.iter().map(|&(id, _)| token_subject(id)));
    end_tokens(unit, app, user_id, &tokens).await?;
    Ok(subjects)
}

/// The id of the Sanctum token that the actor presented, if it was one.
#[must_use]
pub fn sanctum_id(actor: &Actor) -> Option<u64> {
    actor.token_id().strip_prefix("token:")?.parse().ok()
}
