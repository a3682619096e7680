//! `POST /auth/login` (domain.md §5.1, §7.4, §9.4).

use base::id::UserId;
use base::{CommonFault, Problem, Time, Violations};
use protocol::notifications::NotificationKind;
use protocol::users::{LogIn, SignedIn};
use store::users::{AccountRow, LoginColumn};

use super::login_limits::LoginAttempt;
use super::password;
use super::session::{OpenSession, open_session, session_name, sha256_hex, signed_in};
use super::{ClientContext, UserError};
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{App, in_unit};

/// Longer logins are no account's.
const MAX_LOGIN: usize = 255;

/// Signs in with e-mail, phone or username and password.
///
/// # Errors
/// [`UserError::InvalidCredentials`], alike in words and time whether there is such an account or not;
/// [`CommonFault::Suspended`] with the right password only; [`UserError::AccountLocked`],
/// [`CommonFault::RateLimited`].
pub async fn log_in(app: &App, client: &ClientContext, input: LogIn) -> Result<SignedIn, UserError> {
    let login = input.login.trim();
    let password = input.password.expose();
    let mut violations = Violations::none();
    violations.require(!login.is_empty(), "login", Problem::Required);
    violations.require(login.len() <= MAX_LOGIN, "login", Problem::TooLong(MAX_LOGIN));
    violations.require(!password.is_empty(), "password", Problem::Required);
    violations.into_result()?;

    let account = find_account(app, login).await?;
    let account_name =
        account.as_ref().map_or_else(|| login.to_lowercase(), |account| account.id.to_string());
    // The counters are looked at with the permit in hand: no more guesses can run beside them than cores.
    let permit = password::hashing_permit(app).await?;
    let attempt = LoginAttempt::begin(app, client, login, &account_name).await?;
    let hash = account.as_ref().map(|account| account.password.as_str());
    let right = password::verify_password(app, &permit, password, hash).await?;
    let Some(account) = account.filter(|_| right) else {
        attempt.failed(app).await;
        return Err(UserError::InvalidCredentials);
    };
    attempt.succeeded(app).await;
    if !account.is_active {
        return Err(CommonFault::Suspended.into());
    }
    // A password too long to be set anew keeps its old hash.
    if password::needs_rehash(app, &account.password) && password.len() <= password::MAX_BYTES {
        let hash = password::hash_with_permit(app, &permit, password).await?;
        let mut conn = app.store.reader().await?;
        store::users::update_password_hash(&mut conn, account.id, &account.password, &hash).await?;
    }
    drop(permit);
    let device = input.device_name.as_deref();
    let opened: Result<OpenSession, UserError> =
        in_unit!(app, |unit| write_log_in(app, unit, account.id, client, device));
    Ok(signed_in(app, account, opened?)?)
}

/// A session; a device that nobody has signed in from before is told to the account's owner, but for the first of all.
async fn write_log_in(
    app: &App,
    unit: &mut Unit,
    user_id: UserId,
    client: &ClientContext,
    device: Option<&str>,
) -> Result<OpenSession, UserError> {
    let session = open_session(unit, app, user_id, client, device).await?;
    let name = session_name(client, device);
    if note_device(unit, user_id, &name).await? {
        let notice = Notice::new(NotificationKind::AccountNewLogin, user_id).with("device", name);
        notify(app, unit, notice).await?;
    }
    Ok(session)
}

/// Remembers a device by its name; is it another one than those before?
pub(super) async fn note_device(unit: &mut Unit, user_id: UserId, name: &str) -> Result<bool, UserError> {
    let device = sha256_hex(name);
    if store::devices::has_device(unit, user_id, &device).await? {
        return Ok(false);
    }
    let others = store::devices::count_devices(unit, user_id).await?;
    store::devices::insert_device(unit, user_id, &device, Time::now_in_seconds().as_chrono()).await?;
    Ok(others > 0)
}

/// What looks like an address is one, what begins with `+` is a number, and the rest is a username or, all digits,
/// a number that another application wrote without its `+`.
async fn find_account(app: &App, login: &str) -> Result<Option<AccountRow>, UserError> {
    let mut conn = app.store.reader().await?;
    let column = if login.contains('@') {
        LoginColumn::Email
    } else if login.starts_with('+') {
        LoginColumn::Phone
    } else {
        LoginColumn::Username
    };
    let account = store::users::find_account_by_login(&mut conn, column, login).await?;
    if account.is_none() && column == LoginColumn::Username && login.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Ok(store::users::find_account_by_login(&mut conn, LoginColumn::Phone, login).await?);
    }
    Ok(account)
}
