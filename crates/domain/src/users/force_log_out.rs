//! `POST /admin/users/{id}/force-logout` (domain.md §5.11).

use base::Time;
use base::id::UserId;
use serde_json::json;
use store::audit::NewAudit;

use super::UserError;
use super::session::end_everything;
use super::standing::{lock_account, require_reach};
use super::update_standing::SUSPEND;
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

/// The action in the audit log.
const ACTION: &str = "users.force_log_out";

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
    let ended = end_everything(unit, app, user_id).await?;
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action: ACTION,
        subject_type: "user",
        subject_id: user_id,
        before: json!({ "sessions": ended.sessions, "api_tokens": ended.api_tokens }),
        after: json!({ "sessions": 0, "api_tokens": 0 }),
    };
    store::audit::insert_audit(unit, &deed).await?;
    Ok(ended.subjects)
}
