//! `PUT /admin/users/{id}/roles` (domain.md §3, §5.11).

use base::conditional::IfMatch;
use base::id::UserId;
use base::text::{clean, length};
use base::{CommonFault, Problem, Violations};
use protocol::accounts::{AdminUser, SetRoles};
use serde_json::json;
use store::audit::NewAudit;
use store::permissions::SUPER_ADMIN;

use super::UserError;
use super::list_accounts::read_account;
use super::standing::{lock_account, rank, require_another_super_admin, require_reach};
use crate::morph::Morph;
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

const MANAGE: &str = "roles.manage";
const MOST_ROLES: usize = 20;
const MAX_REASON: usize = 255;

/// Gives an account exactly these roles. Nobody gives, or takes, a role above their own; a super-admin who can act is always
/// left. What Laravel remembers of roles is dropped in the same transaction.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `roles.manage`; [`CommonFault::NotFound`]; [`CommonFault::PreconditionRequired`] and
/// [`CommonFault::PreconditionFailed`] against the account as [`super::find_account`] shows it; violations of `roles`;
/// [`UserError::ProtectedAccount`].
pub async fn set_roles(
    app: &App,
    actor: &Actor,
    user_id: UserId,
    version: &IfMatch,
    input: SetRoles,
) -> Result<AdminUser, UserError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_roles(app, unit, actor, user_id, version, &input))
}

/// Demands what has to be known before a body is read: the permission, then that there is such an account. Gives its id.
///
/// # Errors
/// [`CommonFault::Forbidden`], then [`CommonFault::NotFound`].
pub async fn demand_roles(app: &App, actor: &Actor, user_id: Option<UserId>) -> Result<UserId, UserError> {
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, MANAGE).await?;
    let user_id = user_id.ok_or(CommonFault::NotFound("user"))?;
    let known = store::users::list_states(&mut conn, &[user_id]).await?;
    if known.is_empty() { Err(CommonFault::NotFound("user").into()) } else { Ok(user_id) }
}

async fn write_roles(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    user_id: UserId,
    version: &IfMatch,
    input: &SetRoles,
) -> Result<AdminUser, UserError> {
    access::require_permission(unit, actor, MANAGE).await?;
    let mut wanted = input.roles.clone();
    wanted.sort_unstable();
    wanted.dedup();
    let keeps_super = wanted.iter().any(|role| role == SUPER_ADMIN);
    if !keeps_super {
        // The role's row before the account's.
        require_another_super_admin(unit, user_id).await?;
    }
    lock_account(unit, user_id).await?;
    let before = read_account(app, unit, user_id).await?;
    version.require(&before)?;
    let reason = input.reason.as_deref().map(clean).filter(|reason| !reason.is_empty());
    let mut violations = Violations::none();
    violations.require(input.roles.len() <= MOST_ROLES, "roles", Problem::TooGreat(MOST_ROLES.to_string()));
    let names = store::permissions::list_role_names(unit).await?;
    violations.require(wanted.iter().all(|role| names.contains(role)), "roles", Problem::NotFound);
    let fits = reason.as_deref().is_none_or(|reason| length(reason) <= MAX_REASON);
    violations.require(fits, "reason", Problem::TooLong(MAX_REASON));
    violations.into_result()?;
    require_reach(unit, actor, user_id).await?;
    let own = rank(&store::permissions::list_roles(unit, actor.user_id()).await?);
    if rank(&wanted) > own {
        return Err(UserError::ProtectedAccount);
    }
    let model_type = Morph::User.column(app.settings.morph);
    for role in before.roles.iter().filter(|role| !wanted.contains(role)) {
        store::permissions::delete_user_role(unit, user_id, role).await?;
    }
    for role in wanted.iter().filter(|role| !before.roles.contains(role)) {
        store::permissions::insert_user_role(unit, user_id, role, model_type).await?;
    }
    store::permissions::delete_laravel_cache(unit).await?;
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action: "users.set_roles",
        subject_type: "user",
        subject_id: user_id,
        before: json!({ "roles": before.roles }),
        after: json!({ "roles": wanted, "reason": reason }),
    };
    store::audit::insert_audit(unit, &deed).await?;
    unit.forget_user(user_id);
    read_account(app, unit, user_id).await
}
