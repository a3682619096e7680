//! `PATCH /me` (domain.md §5.2): name, headline, address, number.

use base::text::{clean, length};
use base::{CommonFault, Problem, Violations};
use protocol::accounts::UpdateAccount;
use protocol::notifications::NotificationKind;
use protocol::users::Account;
use store::accounts::AccountChange;
use store::users::AccountRow;

use super::own_password::require_password;
use super::session::account_view;
use super::verify_email::card;
use super::{UserError, account_rules, tell_account};
use crate::mails::{self, Post, Receiver};
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

const MAX_HEADLINE: usize = 255;

/// Changes what is given of the actor's account. Another address or number needs the password; the new address has to be
/// confirmed by the link that is sent to it, and the one before is told.
///
/// # Errors
/// [`CommonFault::Invalid`] naming all fields at fault, also one that another account has; [`UserError::InvalidCredentials`]
/// for a wrong password; [`UserError::AccountLocked`].
pub async fn update_account(app: &App, actor: &Actor, input: UpdateAccount) -> Result<Account, UserError> {
    actor.require("write")?;
    let present = {
        let mut conn = app.store.reader().await?;
        store::users::find_account(&mut conn, actor.user_id()).await?.ok_or(UserError::AccountDeleted)?
    };
    let input = check(input, &present)?;
    let renamed = is_renamed(&present, &input);
    if renamed {
        let password = input.current_password.as_ref().map(base::Secret::expose).unwrap_or_default();
        require_password(app, actor, password).await?;
    }
    in_unit!(app, |unit| write_account(app, unit, actor, &input, renamed))
}

/// Is there another address or number in it?
fn is_renamed(present: &AccountRow, input: &UpdateAccount) -> bool {
    input.email.as_ref().is_some_and(|email| *email != present.email)
        || input.phone.as_ref().is_some_and(|phone| *phone != present.phone)
}

/// The input as it is written.
fn check(input: UpdateAccount, present: &AccountRow) -> Result<UpdateAccount, Violations> {
    let input = UpdateAccount {
        name: input.name.as_deref().map(clean),
        headline: input
            .headline
            .map(|headline| headline.map(|text| clean(&text)).filter(|text| !text.is_empty())),
        email: input.email.as_deref().map(|email| email.trim().to_owned()),
        phone: input
            .phone
            .map(|phone| phone.map(|number| number.trim().to_owned()).filter(|number| !number.is_empty())),
        ..input
    };
    let mut violations = Violations::none();
    if let Some(name) = &input.name {
        account_rules::check_name(name, &mut violations);
    }
    let fits = input.headline.iter().flatten().all(|text| length(text) <= MAX_HEADLINE);
    violations.require(fits, "headline", Problem::TooLong(MAX_HEADLINE));
    if let Some(email) = &input.email {
        account_rules::check_email(email, &mut violations);
    }
    if let Some(phone) = input.phone.iter().flatten().next() {
        account_rules::check_phone(phone, &mut violations);
    }
    if is_renamed(present, &input) {
        let given = input.current_password.as_ref().is_some_and(|password| !password.expose().is_empty());
        violations.require(given, "current_password", Problem::Required);
    }
    violations.into_result()?;
    Ok(input)
}

async fn write_account(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &UpdateAccount,
    renamed: bool,
) -> Result<Account, UserError> {
    let user_id = actor.user_id();
    let before = store::accounts::lock_account(unit, user_id).await?.ok_or(UserError::AccountDeleted)?;
    // Another request has changed it since the password was asked for: it was asked for what is there now, too.
    if !renamed && is_renamed(&before, input) {
        return Err(Violations::one("current_password", Problem::Required).into());
    }
    let email = input.email.as_deref().unwrap_or(&before.email);
    let email_changed = email != before.email;
    let change = AccountChange {
        name: input.name.as_deref().unwrap_or(&before.name),
        headline: match &input.headline {
            Some(headline) => headline.as_deref(),
            None => before.headline.as_deref(),
        },
        email,
        email_verified_at: before.email_verified_at.filter(|_| !email_changed),
        phone: match &input.phone {
            Some(phone) => phone.as_deref(),
            None => before.phone.as_deref(),
        },
    };
    store::accounts::update_account(unit, user_id, &change).await.map_err(|error| {
        let taken = [("users_email_unique", "email"), ("users_phone_unique", "phone")];
        match taken.into_iter().find(|(index, _)| error.is_unique(index)) {
            Some((_, field)) => CommonFault::Invalid(Violations::one(field, Problem::Taken)).into(),
            None => UserError::from(error),
        }
    })?;
    let after = store::accounts::lock_account(unit, user_id).await?.ok_or(UserError::AccountDeleted)?;
    if email_changed {
        // A link for the address before must not open the account any more.
        store::resets::delete_reset(unit, &before.email).await?;
        mails::post(unit, Receiver::of(&before), &Post::EmailChanged).await?;
        mails::post(unit, Receiver::of(&after), &Post::VerifyEmail).await?;
    }
    tell_account(unit, user_id, card(app, after.clone()));
    if email_changed {
        notify(app, unit, Notice::new(NotificationKind::AccountEmailChanged, user_id)).await?;
    }
    Ok(account_view(app, after))
}
