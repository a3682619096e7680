//! `POST /auth/password/reset` (domain.md §5.1, §7.4).

use base::{CommonFault, Problem, Time, Violations};
use protocol::accounts::ResetPassword;
use protocol::notifications::NotificationKind;
use store::users::{AccountRow, LoginColumn};

use super::login_limits::{LoginAttempt, forget_account};
use super::session::end_everything;
use super::{ClientContext, UserError, account_rules, password};
use crate::mails::{self, LIFE, Post, Receiver};
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{App, in_unit};

/// Characters of a `remember_token`, as `Str::random(60)`.
pub(super) const REMEMBER: usize = 60;

/// Sets a new password for who has the token of a link that is not an hour old, once. Everything that the account was signed
/// in with ends, its sockets close with 4501, and whoever locked it by guessing has not; nobody is signed in by it.
///
/// # Errors
/// [`UserError::ResetTokenInvalid`], alike for a wrong token, an old one, and an address without account;
/// [`CommonFault::Invalid`] for what cannot be a password; [`UserError::AccountLocked`] after too many wrong ones.
pub async fn reset_password(
    app: &App,
    client: &ClientContext,
    input: ResetPassword,
) -> Result<(), UserError> {
    let email = input.email.trim();
    let mut violations = Violations::none();
    account_rules::check_email(email, &mut violations);
    violations.require(!input.token.expose().is_empty(), "token", Problem::Required);
    password::check_new(input.password.expose(), &mut violations);
    let confirmed = input.password == input.password_confirmation;
    violations.require(confirmed, "password", Problem::Confirmation);
    violations.into_result()?;

    let (account, row) = {
        let mut conn = app.store.reader().await?;
        let account = store::users::find_account_by_login(&mut conn, LoginColumn::Email, email).await?;
        match account {
            Some(account) => {
                let row = store::resets::find_reset(&mut conn, &account.email).await?;
                (Some(account), row)
            }
            None => (None, None),
        }
    };
    let permit = password::hashing_permit(app).await?;
    // Its own counters: whoever guesses here must not be able to lock the account.
    let name = format!("reset-of:{}", email.to_lowercase());
    let attempt = LoginAttempt::begin(app, client, &name, &name).await?;
    let stored = row.as_ref().map(|row| row.token.as_str());
    let right = password::verify_password(app, &permit, input.token.expose(), stored).await?;
    let in_time = row.as_ref().and_then(|row| row.created_at).is_some_and(is_fresh);
    let (Some(account), Some(row), true) = (account, row, right && in_time) else {
        attempt.failed(app).await;
        return Err(UserError::ResetTokenInvalid);
    };
    attempt.succeeded(app).await;
    let hash = password::hash_with_permit(app, &permit, input.password.expose()).await?;
    drop(permit);
    let subjects: Result<Vec<(String, Time)>, UserError> =
        in_unit!(app, |unit| write_new_password(app, unit, &account, &row.token, &hash));
    for (subject, until) in subjects? {
        app.revocations.note(subject, until);
    }
    forget_account(app, account.id).await;
    Ok(())
}

fn is_fresh(created_at: chrono::DateTime<chrono::Utc>) -> bool {
    Time::from(created_at).plus_seconds(LIFE) > Time::now()
}

async fn write_new_password(
    app: &App,
    unit: &mut Unit,
    account: &AccountRow,
    token: &str,
    hash: &str,
) -> Result<Vec<(String, Time)>, UserError> {
    let account =
        store::accounts::lock_account(unit, account.id).await?.ok_or(UserError::ResetTokenInvalid)?;
    // Another request may have used the token, or asked for another, meanwhile.
    let same = store::resets::lock_reset(unit, &account.email).await?.is_some_and(|row| row.token == token);
    if !same {
        return Err(UserError::ResetTokenInvalid);
    }
    let remember = base::id::random_text(REMEMBER, base::id::ALPHANUMERIC);
    store::accounts::update_password(unit, account.id, hash, &remember).await?;
    store::resets::delete_reset(unit, &account.email).await?;
    let subjects = end_everything(unit, app, account.id).await?.subjects;
    tell_password_changed(app, unit, &account).await?;
    Ok(subjects)
}

/// Tells the account's owner, by notification and by mail.
pub(super) async fn tell_password_changed(
    app: &App,
    unit: &mut Unit,
    account: &AccountRow,
) -> Result<(), CommonFault> {
    mails::post(unit, Receiver::of(account), &Post::PasswordChanged).await?;
    notify(app, unit, Notice::new(NotificationKind::AccountPasswordChanged, account.id)).await
}
