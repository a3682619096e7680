//! `PUT /auth/password` (domain.md §5.1).

use base::{Problem, Violations};
use protocol::accounts::ChangePassword;

use super::own_password::require_password;
use super::reset_password::{REMEMBER, tell_password_changed};
use super::revoke_token::{note_revoked, write_others};
use super::{UserError, password};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Sets another password for who knows the present one. With `revoke_others` all other sessions and API tokens end
/// (ASVS 7.4.3); links to choose a new password end in any case.
///
/// # Errors
/// [`base::CommonFault::Invalid`] for what cannot be a password; [`UserError::InvalidCredentials`] for a wrong present one,
/// counted as a failed sign-in; [`UserError::AccountLocked`].
pub async fn change_password(app: &App, actor: &Actor, input: ChangePassword) -> Result<(), UserError> {
    actor.require("write")?;
    let mut violations = Violations::none();
    let given = !input.current_password.expose().is_empty();
    violations.require(given, "current_password", Problem::Required);
    password::check_new(input.password.expose(), &mut violations);
    if let Some(confirmation) = &input.password_confirmation {
        violations.require(*confirmation == input.password, "password", Problem::Confirmation);
    }
    violations.into_result()?;
    require_password(app, actor, input.current_password.expose()).await?;
    let hash = password::hash_password(app, input.password.expose()).await?;
    let ended: Result<Vec<String>, UserError> =
        in_unit!(app, |unit| write_password(app, unit, actor, &hash, input.revoke_others));
    note_revoked(app, ended?);
    Ok(())
}

async fn write_password(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    hash: &str,
    revoke_others: bool,
) -> Result<Vec<String>, UserError> {
    let user_id = actor.user_id();
    let account = store::accounts::lock_account(unit, user_id).await?.ok_or(UserError::AccountDeleted)?;
    let remember = base::id::random_text(REMEMBER, base::id::ALPHANUMERIC);
    store::accounts::update_password(unit, user_id, hash, &remember).await?;
    store::resets::delete_reset(unit, &account.email).await?;
    let ended = if revoke_others {
        store::accounts::delete_web_sessions(unit, user_id).await?;
        write_others(unit, app, actor).await?
    } else {
        Vec::new()
    };
    tell_password_changed(app, unit, &account).await?;
    Ok(ended)
}
