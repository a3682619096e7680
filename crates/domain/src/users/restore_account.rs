//! `POST /admin/users/{id}/restore` (domain.md §4.4, §5.11).

use base::id::UserId;
use base::{CommonFault, Time};
use protocol::accounts::AdminUser;
use serde_json::json;
use store::audit::NewAudit;

use super::list_accounts::read_account;
use super::purge_accounts::KEPT_DAYS;
use super::standing::require_reach;
use super::{AccountStatus, UserError};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit, machine};

/// The permission, which is also the action in the audit log.
const DELETE: &str = "users.delete";

/// Gives a deleted account back within thirty days; its owner has to sign in anew.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `users.delete`; [`CommonFault::NotFound`]; [`CommonFault::IllegalTransition`] for an
/// account that is not deleted, or was longer ago.
pub async fn restore_account(app: &App, actor: &Actor, user_id: UserId) -> Result<AdminUser, UserError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_restored(app, unit, actor, user_id))
}

async fn write_restored(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    user_id: UserId,
) -> Result<AdminUser, UserError> {
    access::require_permission(unit, actor, DELETE).await?;
    if !store::accounts::lock_any_account(unit, user_id).await? {
        return Err(CommonFault::NotFound("user").into());
    }
    require_reach(unit, actor, user_id).await?;
    let row = store::accounts::find_any_account(unit, user_id).await?;
    let row = row.ok_or(CommonFault::NotFound("user"))?;
    let mut status = AccountStatus::of(user_id, &row.username, row.is_active, row.deleted_at.is_some());
    let gone_at = row.deleted_at.map(|at| Time::from(at).plus_seconds(KEPT_DAYS * 24 * 3_600));
    // The clock has not come by yet, but its time is over.
    if gone_at.is_some_and(|end| end <= Time::now()) {
        status = AccountStatus::Purged;
    }
    if status == AccountStatus::Suspended {
        // Lifting a suspension is another deed with another permission.
        return Err(CommonFault::IllegalTransition {
            what: "The account",
            from: "suspended".to_owned(),
            to: "active",
            allowed: Vec::new(),
        }
        .into());
    }
    machine::step(status, AccountStatus::Active)?;
    store::accounts::update_restored(unit, user_id).await?;
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action: "users.restore",
        subject_type: "user",
        subject_id: user_id,
        before: json!({ "deleted_at": row.deleted_at.map(Time::from) }),
        after: json!({ "deleted_at": null }),
    };
    store::audit::insert_audit(unit, &deed).await?;
    unit.forget_user(user_id);
    read_account(app, unit, user_id).await
}
