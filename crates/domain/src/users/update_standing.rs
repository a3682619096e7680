//! `PATCH /admin/users/{id}` (domain.md §5.11): suspending, verifying, and taking either back.

use base::id::UserId;
use base::text::{clean, length};
use base::{CommonFault, Problem, Violations};
use bus::ControlMessage;
use protocol::users::{Standing, UpdateStanding, UserCard};
use serde_json::json;
use store::Conn;
use store::audit::NewAudit;

use super::UserError;
use super::standing::{lock_account, require_another_super_admin, require_reach};
use crate::unit::Unit;
use crate::uploads::picture_url;
use crate::{Actor, App, access, in_unit};

const MAX_REASON: usize = 255;

/// Suspends an account, verifies it, or takes either back. A suspended account's sockets are closed on every node within
/// a second (4503), and its tokens are refused from the commit on; they are good again when the suspension is lifted, as
/// far as they have not ended meanwhile. Each change is in the audit log.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `users.suspend` or `users.verify`, whichever is asked for;
/// [`CommonFault::NotFound`]; [`UserError::ProtectedAccount`] for the actor's own account, for one above the actor,
/// and for the last super-admin who can act.
pub async fn update_standing(
    app: &App,
    actor: &Actor,
    user_id: UserId,
    input: UpdateStanding,
) -> Result<Standing, UserError> {
    actor.require("write")?;
    {
        let mut conn = app.store.reader().await?;
        demand_any(&mut conn, actor).await?;
    }
    let reason = input.reason.as_deref().map(clean).filter(|reason| !reason.is_empty());
    let mut violations = Violations::none();
    let some = input.is_active.is_some() || input.is_verified.is_some();
    violations.require(some, "is_active", Problem::Required);
    let fits = reason.as_deref().is_none_or(|reason| length(reason) <= MAX_REASON);
    violations.require(fits, "reason", Problem::TooLong(MAX_REASON));
    violations.into_result()?;
    let input = UpdateStanding { reason, ..input };
    in_unit!(app, |unit| write_standing(app, unit, actor, user_id, &input))
}

/// Demands what has to be known before a body is read (domain.md §2.2): one of the two permissions, then that there is
/// such an account. Gives its id.
///
/// # Errors
/// [`CommonFault::Forbidden`], then [`CommonFault::NotFound`].
pub async fn demand_standing(app: &App, actor: &Actor, user_id: Option<UserId>) -> Result<UserId, UserError> {
    let mut conn = app.store.reader().await?;
    demand_any(&mut conn, actor).await?;
    let user_id = user_id.ok_or(CommonFault::NotFound("user"))?;
    let known = store::users::list_states(&mut conn, &[user_id]).await?;
    if known.is_empty() { Err(CommonFault::NotFound("user").into()) } else { Ok(user_id) }
}

async fn demand_any(conn: &mut Conn, actor: &Actor) -> Result<(), CommonFault> {
    if access::has_permission(conn, actor.user_id(), SUSPEND).await? {
        return Ok(());
    }
    access::require_permission(conn, actor, VERIFY).await
}

/// The permission to suspend, which is also the action in the audit log.
pub(super) const SUSPEND: &str = "users.suspend";
const VERIFY: &str = "users.verify";

/// Suspends an account in the unit of what it is suspended for, by the same rules.
///
/// # Errors
/// As [`update_standing`].
pub(crate) async fn suspend(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    user_id: UserId,
    reason: Option<String>,
) -> Result<(), UserError> {
    let input = UpdateStanding { is_active: Some(false), reason, ..UpdateStanding::default() };
    write_standing(app, unit, actor, user_id, &input).await.map(drop)
}

async fn write_standing(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    user_id: UserId,
    input: &UpdateStanding,
) -> Result<Standing, UserError> {
    for (permission, asked) in [(SUSPEND, input.is_active.is_some()), (VERIFY, input.is_verified.is_some())] {
        if asked {
            access::require_permission(unit, actor, permission).await?;
        }
    }
    if input.is_active == Some(false) {
        // The role's row before the account's.
        require_another_super_admin(unit, user_id).await?;
    }
    let account = lock_account(unit, user_id).await?;
    let mut standing = Standing {
        card: UserCard {
            id: account.id,
            name: account.name,
            username: account.username,
            avatar: picture_url(app, account.avatar),
            is_verified: account.is_verified,
        },
        is_active: account.is_active,
    };
    if let Some(is_active) = input.is_active {
        if user_id == actor.user_id() && !is_active {
            return Err(UserError::ProtectedAccount);
        }
        require_reach(unit, actor, user_id).await?;
        if is_active != standing.is_active {
            store::users::update_is_active(unit, user_id, is_active).await?;
            note(unit, actor, user_id, SUSPEND, ("is_active", standing.is_active, is_active), input).await?;
            standing.is_active = is_active;
        }
        if !is_active {
            // Said again by a repeat too: the first one may have ended between its commit and this.
            unit.control(ControlMessage::UserSuspended { user_id });
        }
    }
    if let Some(is_verified) = input.is_verified
        && is_verified != standing.card.is_verified
    {
        store::users::update_is_verified(unit, user_id, is_verified).await?;
        let change = ("is_verified", standing.card.is_verified, is_verified);
        note(unit, actor, user_id, VERIFY, change, input).await?;
        standing.card.is_verified = is_verified;
    }
    unit.forget_user(user_id);
    Ok(standing)
}

/// Writes a change into the audit log: which column, what it was, what it is.
async fn note(
    unit: &mut Unit,
    actor: &Actor,
    user_id: UserId,
    action: &'static str,
    (column, before, after): (&str, bool, bool),
    input: &UpdateStanding,
) -> Result<(), UserError> {
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action,
        subject_type: "user",
        subject_id: user_id,
        before: json!({ column: before }),
        after: json!({ column: after, "reason": input.reason }),
    };
    Ok(store::audit::insert_audit(unit, &deed).await?)
}
