//! `DELETE /me` (domain.md §4.4, §5.1).

use base::{Problem, Time, Violations};
use bus::ControlMessage;
use protocol::accounts::DeleteAccount;

use super::own_password::require_password;
use super::session::end_everything;
use super::standing::require_another_super_admin;
use super::{AccountStatus, UserError};
use crate::mails::{self, Post, Receiver};
use crate::unit::Unit;
use crate::{Actor, App, in_unit, machine};

/// Deletes the actor's account, so that it can be had back for thirty days: it is found nowhere, its tokens are gone, its
/// sockets close with 4503. Nothing else is touched.
///
/// # Errors
/// A violation of `password`; [`UserError::InvalidCredentials`] for a wrong one; [`UserError::AccountLocked`];
/// [`UserError::ProtectedAccount`] for the last super-admin.
pub async fn delete_account(app: &App, actor: &Actor, input: DeleteAccount) -> Result<(), UserError> {
    actor.require("write")?;
    if input.password.expose().is_empty() {
        return Err(Violations::one("password", Problem::Required).into());
    }
    require_password(app, actor, input.password.expose()).await?;
    let subjects: Result<Vec<(String, Time)>, UserError> =
        in_unit!(app, |unit| write_deletion(app, unit, actor));
    for (subject, until) in subjects? {
        app.revocations.note(subject, until);
    }
    Ok(())
}

async fn write_deletion(app: &App, unit: &mut Unit, actor: &Actor) -> Result<Vec<(String, Time)>, UserError> {
    let user_id = actor.user_id();
    // The role's row before the account's.
    require_another_super_admin(unit, user_id).await?;
    let account = store::accounts::lock_account(unit, user_id).await?.ok_or(UserError::AccountDeleted)?;
    let status = AccountStatus::of(user_id, &account.username, account.is_active, false);
    machine::step(status, AccountStatus::Deleted)?;
    store::accounts::update_deleted(unit, user_id, Time::now_in_seconds().as_chrono()).await?;
    // Before the ends of the sessions: sockets close with what happened to the account.
    unit.control(ControlMessage::UserSuspended { user_id });
    let subjects = end_everything(unit, app, user_id).await?.subjects;
    store::resets::delete_reset(unit, &account.email).await?;
    mails::post(unit, Receiver::of(&account), &Post::AccountDeleted).await?;
    unit.forget_user(user_id);
    Ok(subjects)
}
