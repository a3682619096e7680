//! Asking again for the password of whoever is signed in, before what cannot be taken back (ASVS 7.5.1).

use super::login_limits::LoginAttempt;
use super::{ClientContext, UserError, password};
use crate::{Actor, App};

/// Demands the actor's password, again. Wrong ones count against the account as failed sign-ins do.
///
/// # Errors
/// [`UserError::InvalidCredentials`]; [`UserError::AccountLocked`] after too many; [`UserError::AccountDeleted`].
pub(crate) async fn require_password(app: &App, actor: &Actor, given: &str) -> Result<(), UserError> {
    let mut conn = app.store.reader().await?;
    let account = store::users::find_account(&mut conn, actor.user_id()).await;
    drop(conn);
    let account = account?.ok_or(UserError::AccountDeleted)?;
    let permit = password::hashing_permit(app).await?;
    let name = actor.user_id().to_string();
    let attempt =
        LoginAttempt::begin(app, &ClientContext::default(), &format!("password-of:{name}"), &name).await?;
    if password::verify_password(app, &permit, given, Some(&account.password)).await? {
        attempt.succeeded(app).await;
        Ok(())
    } else {
        attempt.failed(app).await;
        Err(UserError::InvalidCredentials)
    }
}
