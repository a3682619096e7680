//! An account and all that belongs to it (domain.md I-U1).

use base::id::UserId;
use base::{CommonFault, Lang, Problem, Time, Violations};
use store::StoreError;
use store::users::NewUserRow;

use super::UserError;
use crate::App;
use crate::morph::Morph;
use crate::unit::Unit;

/// An account to be made. Its values were checked by who asks.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// 1 to 255 characters.
    pub name: String,
    /// `^[a-z0-9_.]{3,30}$`.
    pub username: String,
    /// Unique.
    pub email: String,
    /// E.164.
    pub phone: Option<String>,
    /// bcrypt, `$2y$`: see [`super::hash_password`].
    pub password_hash: String,
    /// Checked by the platform?
    pub is_verified: bool,
    /// The e-mail address counts as confirmed now?
    pub email_verified: bool,
    /// The account's language.
    pub language: Lang,
    /// IANA name.
    pub timezone: String,
    /// ISO 4217, of the wallet.
    pub currency: String,
}

/// Makes the account with its profile, wallet and counters.
///
/// # Errors
/// [`CommonFault::Invalid`] naming the field that another account, be it a deleted one, has already.
pub async fn create_user(unit: &mut Unit, user: NewUser) -> Result<UserId, UserError> {
    let at = Time::now_in_seconds().as_chrono();
    let inserted = store::users::insert_user(
        unit,
        NewUserRow {
            name: &user.name,
            username: &user.username,
            email: &user.email,
            phone: user.phone.as_deref(),
            email_verified_at: user.email_verified.then_some(at),
            password: &user.password_hash,
            is_verified: user.is_verified,
            at,
        },
    )
    .await;
    let user_id = inserted.map_err(|error| match taken_field(&error) {
        Some(field) => CommonFault::Invalid(Violations::one(field, Problem::Taken)).into(),
        None => UserError::from(error),
    })?;
    let (language, timezone, currency) = (user.language.code(), &user.timezone, &user.currency);
    store::users::insert_user_rows(unit, user_id, language, timezone, currency, at).await?;
    Ok(user_id)
}

fn taken_field(error: &StoreError) -> Option<&'static str> {
    [("users_username_unique", "username"), ("users_email_unique", "email"), ("users_phone_unique", "phone")]
        .into_iter()
        .find_map(|(index, field)| error.is_unique(index).then_some(field))
}

/// Gives a role (domain.md §3) to a user; nothing where the user has it already.
///
/// # Errors
/// [`CommonFault::NotFound`] for a role that was not installed.
pub async fn assign_role(app: &App, unit: &mut Unit, user_id: UserId, role: &str) -> Result<(), UserError> {
    let model_type = Morph::User.column(app.settings.morph);
    let known = store::permissions::insert_user_role(unit, user_id, role, model_type).await?;
    if known { Ok(()) } else { Err(CommonFault::NotFound("role").into()) }
}
