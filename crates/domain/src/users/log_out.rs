//! `POST /auth/logout` (domain.md §5.1).

use base::Time;
use bus::ControlMessage;

use super::UserError;
use super::revocations::{revoked_for_long, revoked_until};
use super::revoke_token::sanctum_id;
use super::session::{end_sessions, end_tokens};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Ends what the actor signed in with: the session with its refresh token, or the API token. Its sockets close
/// with 4501 on every node. Doing it again changes nothing.
///
/// # Errors
/// [`base::CommonFault::Unavailable`]: sockets may be open still, and a repeat closes them.
pub async fn log_out(app: &App, actor: &Actor) -> Result<(), UserError> {
    let ended: Result<(), UserError> = in_unit!(app, |unit| write_log_out(unit, app, actor));
    ended?;
    let subject = actor.session_id().unwrap_or_else(|| actor.token_id());
    app.revocations.note(subject, revocation_end(app, actor));
    Ok(())
}

async fn write_log_out(unit: &mut Unit, app: &App, actor: &Actor) -> Result<(), UserError> {
    let user_id = actor.user_id();
    if let Some(session_id) = actor.session_id() {
        let session = store::tokens::lock_session(unit, session_id).await?;
        if let Some(session) = session.filter(|session| session.user_id == user_id) {
            return end_sessions(unit, app, user_id, &[session]).await;
        }
    } else if let Some(token_id) = sanctum_id(actor) {
        let token = store::tokens::find_token(unit, token_id).await?;
        let tokens: Vec<_> = token.into_iter().map(|token| (token.id, token.token)).collect();
        if !tokens.is_empty() {
            return end_tokens(unit, app, user_id, &tokens).await;
        }
    }
    // A token without a session (`majlis token`), or one whose session is gone: the token itself is revoked.
    let subject = actor.session_id().unwrap_or_else(|| actor.token_id()).to_owned();
    if subject.is_empty() {
        return Ok(());
    }
    let until = revocation_end(app, actor).as_chrono();
    store::revocations::insert_revocations(unit, user_id, std::slice::from_ref(&subject), until).await?;
    unit.control(ControlMessage::SessionRevoked { user_id, subject });
    Ok(())
}

/// Tokens of a session live a quarter of an hour; one without a session may have been signed for longer.
fn revocation_end(app: &App, actor: &Actor) -> Time {
    if actor.session_id().is_some() || sanctum_id(actor).is_some() {
        return revoked_until(app);
    }
    revoked_for_long()
}
