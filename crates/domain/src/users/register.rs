//! `POST /auth/register` (domain.md §5.1).

use base::{CommonFault, Problem, Violations};
use protocol::users::{Register, SignedIn};
use store::Conn;
use store::users::{AccountRow, LoginColumn};

use super::log_in::note_device;
use super::session::{OpenSession, open_session, session_name, signed_in};
use super::{ClientContext, NewUser, UserError, account_rules, create_user, login_limits, password};
use crate::mails::{self, Post, Receiver};
use crate::system::find_setting;
use crate::unit::Unit;
use crate::{App, in_unit};

/// The setting that makes registering tell nobody which addresses have accounts (domain.md §5.1).
const ENUMERATION_SAFE: &str = "auth.enumeration_safe";

/// What registering led to.
#[derive(Clone, Debug, PartialEq)]
pub enum Registered {
    /// The account's first session.
    SignedIn(Box<SignedIn>),
    /// Where addresses are not told: a mail says what happened, and the account, if it is new, can be signed in to.
    Accepted,
}

impl Registered {
    /// The session, where one was begun.
    #[must_use]
    pub fn signed_in(self) -> Option<SignedIn> {
        match self {
            Self::SignedIn(session) => Some(*session),
            Self::Accepted => None,
        }
    }
}

/// Makes an account, sends a link to confirm its address, and signs it in. With `auth.enumeration_safe` the answer is the
/// same whether there was an account for the address, or the number, already; then its owner gets a mail that says so.
///
/// # Errors
/// [`CommonFault::Invalid`] naming all fields at fault, [`CommonFault::RateLimited`].
pub async fn register(app: &App, client: &ClientContext, input: Register) -> Result<Registered, UserError> {
    let mut user = check(app, &input)?;
    let mut conn = app.store.reader().await?;
    let quiet = is_quiet(&mut conn).await?;
    let taken = store::users::find_taken(&mut conn, &user.username, &user.email, user.phone.as_deref()).await;
    drop(conn);
    let taken = taken?;
    let mut violations = Violations::none();
    // Usernames are for everybody to see.
    violations.require(!taken.username, "username", Problem::Taken);
    violations.require(quiet || !taken.email, "email", Problem::Taken);
    violations.require(quiet || !taken.phone, "phone", Problem::Taken);
    violations.into_result()?;

    login_limits::admit_registration(app, client).await?;
    user.password_hash = password::hash_password(app, input.password.expose()).await?;
    if quiet && (taken.email || taken.phone) {
        let told: Result<(), UserError> = in_unit!(app, |unit| write_known(unit, &user));
        told?;
        return Ok(Registered::Accepted);
    }
    let device = input.device_name.as_deref();
    let written: Result<(AccountRow, OpenSession), UserError> =
        in_unit!(app, |unit| write_registration(unit, app, client, &user, device, quiet));
    let (account, session) = match written {
        // Somebody was faster with the same address.
        Err(UserError::Common(CommonFault::Invalid(_))) if quiet => return Ok(Registered::Accepted),
        done => done?,
    };
    if quiet {
        return Ok(Registered::Accepted);
    }
    Ok(Registered::SignedIn(Box::new(signed_in(app, account, session)?)))
}

async fn is_quiet(conn: &mut Conn) -> Result<bool, CommonFault> {
    let value = find_setting(conn, ENUMERATION_SAFE).await?;
    Ok(matches!(value.as_deref(), Some("1" | "true" | "on")))
}

/// Whoever has the address, or else the number, learns that somebody tried.
async fn write_known(unit: &mut Unit, user: &NewUser) -> Result<(), UserError> {
    let mut account = store::users::find_account_by_login(unit, LoginColumn::Email, &user.email).await?;
    if let (None, Some(phone)) = (&account, &user.phone) {
        account = store::users::find_account_by_login(unit, LoginColumn::Phone, phone).await?;
    }
    if let Some(account) = account {
        mails::post(unit, Receiver::of(&account), &Post::AlreadyRegistered).await?;
    }
    Ok(())
}

async fn write_registration(
    unit: &mut Unit,
    app: &App,
    client: &ClientContext,
    user: &NewUser,
    device: Option<&str>,
    quiet: bool,
) -> Result<(AccountRow, OpenSession), UserError> {
    let user_id = create_user(unit, user.clone()).await?;
    let session = open_session(unit, app, user_id, client, device).await?;
    if !quiet {
        note_device(unit, user_id, &session_name(client, device)).await?;
    }
    let account = store::users::find_account(unit, user_id).await?;
    let account = account.ok_or_else(|| CommonFault::internal("an account just made is not there"))?;
    mails::post(unit, Receiver::of(&account), &Post::VerifyEmail).await?;
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
