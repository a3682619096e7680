//! `POST /admin/users/{id}/force-logout` (domain.md §5.11).

use base::Time;
use base::id::UserId;
use bus::ControlMessage;
use protocol::Event;
use protocol::channel::Channel;
use serde_json::json;
use store::audit::NewAudit;

use super::UserError;
use super::revocations::{all_of_user, revoked_for_long, revoked_until};
use super::session::{end_sessions, end_tokens, token_subject};
use super::standing::{lock_account, require_reach};
use super::update_standing::SUSPEND;
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

/// The action in the audit log.
const ACTION: &str = "users.force_log_out";
/// The most API tokens that are ended at a time.
const MOST: u32 = 10_000;

/// Ends everything that an account is signed in with: sessions, API tokens, and access tokens that belong to no session.
/// Its sockets close with 4501 on every node within a second; signing in again works at once.
///
/// # Errors
/// [`base::CommonFault::Forbidden`] without `users.suspend`; [`base::CommonFault::NotFound`];
/// [`UserError::ProtectedAccount`] for an account above the actor.
pub async fn force_log_out(app: &App, actor: &Actor, user_id: UserId) -> Result<(), UserError> {
    actor.require("write")?;
    let subjects: Result<Vec<(String, Time)>, UserError> =
        in_unit!(app, |unit| write_force_log_out(unit, app, actor, user_id));
    for (subject, until) in subjects? {
        app.revocations.note(subject, until);
    }
    Ok(())
}

async fn write_force_log_out(
    unit: &mut Unit,
    app: &App,
    actor: &Actor,
    user_id: UserId,
) -> Result<Vec<(String, Time)>, UserError> {
    access::require_permission(unit, actor, SUSPEND).await?;
    lock_account(unit, user_id).await?;
    require_reach(unit, actor, user_id).await?;
    let now = Time::now_in_seconds();

    let sessions = store::tokens::lock_sessions(unit, user_id).await?;
    let until = revoked_until(app);
    let mut subjects: Vec<(String, Time)> =
        sessions.iter().map(|session| (session.session_id.clone(), until)).collect();
    end_sessions(unit, app, user_id, &sessions).await?;
    let tokens = store::tokens::list_tokens(unit, user_id, now.as_chrono(), MOST).await?;
    let tokens: Vec<(u64, String)> = tokens.into_iter().map(|token| (token.id, token.token)).collect();
    subjects.extend(tokens.iter().map(|&(id, _)| (token_subject(id), until)));
    end_tokens(unit, app, user_id, &tokens).await?;

    // Those that were signed without a session (`majlis token`) are in no list: all that were signed until now.
    let (subject, until) = (all_of_user(user_id, now), revoked_for_long());
    store::revocations::insert_revocations(unit, user_id, std::slice::from_ref(&subject), until.as_chrono())
        .await?;
    unit.emit(Channel::User(user_id), Event::SessionRevoked { session_id: None });
    unit.control(ControlMessage::SessionRevoked { user_id, subject: subject.clone() });
    subjects.push((subject, until));

    let deed = NewAudit {
        actor_id: actor.user_id(),
        action: ACTION,
        subject_type: "user",
        subject_id: user_id,
        before: json!({ "sessions": sessions.len(), "api_tokens": tokens.len() }),
        after: json!({ "sessions": 0, "api_tokens": 0 }),
    };
    store::audit::insert_audit(unit, &deed).await?;
    Ok(subjects)
}
