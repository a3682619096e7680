//! `POST /auth/password/forgot` (domain.md §5.1, §7.4): Laravel's password broker.

use base::Violations;
use protocol::accounts::{Accepted, ForgotPassword};
use store::users::{AccountRow, LoginColumn};

use super::{ClientContext, UserError, account_rules, login_limits, password};
use crate::mails::{self, Post, Receiver};
use crate::unit::Unit;
use crate::{App, in_unit};

/// Random characters that a token is made of, as `Str::random(40)`.
const SEED: usize = 40;
/// Between two links for one account, seconds: `throttle` of Laravel's `config/auth.php`.
const THROTTLE: i64 = 60;

/// Sends a link to choose a new password, good for 60 minutes, to an account's address; for an address without one, and
/// within a minute of the last link, nothing. The answer and its time are the same (ASVS 6.3.8).
///
/// # Errors
/// A violation of `email` for what is no address; [`base::CommonFault::RateLimited`].
pub async fn forgot_password(
    app: &App,
    client: &ClientContext,
    input: ForgotPassword,
) -> Result<Accepted, UserError> {
    let email = input.email.trim();
    let mut violations = Violations::none();
    account_rules::check_email(email, &mut violations);
    violations.into_result()?;
    login_limits::admit_mail(app, client).await?;

    let seed = base::id::random_text(SEED, base::id::ALPHANUMERIC);
    let hash = password::hash_password(app, &mails::reset_token(app, &seed)?).await?;
    let account = {
        let mut conn = app.store.reader().await?;
        store::users::find_account_by_login(&mut conn, LoginColumn::Email, email).await?
    };
    if let Some(account) = account {
        let letter = Post::ResetPassword { seed };
        let written: Result<(), UserError> =
            in_unit!(app, |unit| write_reset(unit, &account, &hash, &letter));
        written?;
    }
    Ok(Accepted { accepted: true })
}

async fn write_reset(
    unit: &mut Unit,
    account: &AccountRow,
    hash: &str,
    letter: &Post,
) -> Result<(), UserError> {
    // One request of an account after another: a row that is not there cannot be locked.
    let Some(account) = store::accounts::lock_account(unit, account.id).await? else { return Ok(()) };
    let now = base::Time::now_in_seconds();
    let earlier = store::resets::lock_reset(unit, &account.email).await?.and_then(|row| row.created_at);
    if earlier.is_some_and(|at| base::Time::from(at).plus_seconds(THROTTLE) > now) {
        return Ok(());
    }
    store::resets::upsert_reset(unit, &account.email, hash, now.as_chrono()).await?;
    Ok(mails::post(unit, Receiver::of(&account), letter).await?)
}
