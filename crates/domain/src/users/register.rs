//! `POST /auth/register` (domain.md §5.1).

use base::{CommonFault, Problem, Violations};
use protocol::users::{Register, SignedIn};
use store::users::AccountRow;

use super::session::{OpenSession, open_session, signed_in};
use super::{ClientContext, NewUser, UserError, account_rules, create_user, login_limits, password};
use crate::unit::Unit;
use crate::{App, in_unit};

/// Makes an account and signs it in.
///
/// # Errors
/// [`CommonFault::Invalid`] naming all fields at fault, [`CommonFault::RateLimited`].
pub async fn register(app: &App, client: &ClientContext, input: Register) -> Result<SignedIn, UserError> {
    let mut user = check(app, &input)?;
    let mut conn = app.store.reader().await?;
    let taken = store::users::find_taken(&mut conn, &user.username, &user.email, user.phone.as_deref()).await;
    drop(conn);
    let taken = taken?;
    let mut violations = Violations::none();
    violations.require(!taken.username, "username", Problem::Taken);
    violations.require(!taken.email, "email", Problem::Taken);
    violations.require(!taken.phone, "phone", Problem::Taken);
    violations.into_result()?;

    login_limits::admit_registration(app, client).await?;
    user.password_hash = password::hash_password(app, input.password.expose()).await?;
    let device = input.device_name.as_deref();
    let written: Result<(AccountRow, OpenSession), UserError> =
        in_unit!(app, |unit| write_registration(unit, app, client, &user, device));
    let (account, session) = written?;
    Ok(signed_in(app, account, session)?)
}

async fn write_registration(
    unit: &mut Unit,
    app: &App,
    client: &ClientContext,
    user: &NewUser,
    device: Option<&str>,
) -> Result<(AccountRow, OpenSession), UserError> {
    let user_id = create_user(unit, user.clone()).await?;
    let session = open_session(unit, app, user_id, client, device).await?;
    let account = store::users::find_account(unit, user_id).await?;
    let account = account.ok_or_else(|| CommonFault::internal("an account just made is not there"))?;
    Ok((account, session))
}

/// The account as it is to be, without its password's hash.
fn check(app: &App, input: &Register) -> Result<NewUser, Violations> {
    let name = base::text::clean(&input.name);
    let email = input.email.trim().to_owned();
    let phone = input.phone.as_deref().map(str::trim).filter(|phone| !phone.is_empty());
    let timezone = input.timezone.as_deref().unwrap_or("Asia/Riyadh");
    let mut violations = Violations::none();
    account_rules::check_name(&name, &mut violations);
    account_rules::check_username(&input.username, &mut violations);
    account_rules::check_email(&email, &mut violations);
    password::check_new(input.password.expose(), &mut violations);
    if let Some(confirmation) = &input.password_confirmation {
        violations.require(*confirmation == input.password, "password", Problem::Confirmation);
    }
    if let Some(phone) = phone {
        account_rules::check_phone(phone, &mut violations);
    }
    account_rules::check_timezone(timezone, &mut violations);
    account_rules::check_device_name(input.device_name.as_deref(), &mut violations);
    violations.into_result()?;
    Ok(NewUser {
        name,
        username: input.username.clone(),
        email,
        phone: phone.map(ToOwned::to_owned),
        password_hash: String::new(),
        is_verified: false,
        email_verified: false,
        language: input.language.unwrap_or_default(),
        timezone: timezone.to_owned(),
        currency: app.settings.money.currency.clone(),
    })
}
