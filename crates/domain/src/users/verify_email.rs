//! `POST /auth/email/verification-notification` and `GET /auth/email/verify/{id}/{hash}` (domain.md §5.1, §7.4).

use base::id::UserId;
use base::{CommonFault, Time};
use protocol::accounts::{Accepted, EmailVerified};
use protocol::users::UserCard;
use store::users::AccountRow;
use subtle::ConstantTimeEq;

use super::{UserError, login_limits, tell_account};
use crate::mails::{self, Post, Receiver, Signature, sha1_hex};
use crate::unit::Unit;
use crate::uploads::picture_url;
use crate::{Actor, App, in_unit};

/// Sends the actor a link to confirm the account's address; nothing where it is confirmed.
///
/// # Errors
/// [`CommonFault::RateLimited`] for more than one a minute.
pub async fn send_verification(app: &App, actor: &Actor) -> Result<Accepted, UserError> {
    actor.require("write")?;
    login_limits::admit_verification(app, actor.user_id()).await?;
    let written: Result<(), UserError> = in_unit!(app, |unit| write_mail(unit, actor.user_id()));
    written?;
    Ok(Accepted { accepted: true })
}

async fn write_mail(unit: &mut Unit, user_id: UserId) -> Result<(), UserError> {
    let account = store::users::find_account(unit, user_id).await?.ok_or(UserError::AccountDeleted)?;
    if account.email_verified_at.is_none() {
        mails::post(unit, Receiver::of(&account), &Post::VerifyEmail).await?;
    }
    Ok(())
}

/// Confirms an account's address for whoever comes by a link that we, or Laravel, signed. Coming again changes nothing.
/// `query` is the request's, as it came.
///
/// # Errors
/// [`UserError::VerificationLinkExpired`]; [`UserError::VerificationLinkInvalid`] for a link that was not signed, and for an
/// address that the account does not have any more.
pub async fn verify_email(
    app: &App,
    user_id: UserId,
    hash: &str,
    query: &str,
) -> Result<EmailVerified, UserError> {
    let address = format!("{}/api/v1/auth/email/verify/{user_id}/{hash}", app.settings.http.public_url);
    match mails::check_signature(app, &address, query)? {
        Signature::Good => {}
        Signature::Expired => return Err(UserError::VerificationLinkExpired),
        Signature::Bad => return Err(UserError::VerificationLinkInvalid),
    }
    in_unit!(app, |unit| write_verified(app, unit, user_id, hash))
}

async fn write_verified(
    app: &App,
    unit: &mut Unit,
    user_id: UserId,
    hash: &str,
) -> Result<EmailVerified, UserError> {
    let account = store::accounts::lock_account(unit, user_id).await?;
    let account = account.ok_or(UserError::VerificationLinkInvalid)?;
    let same = sha1_hex(&account.email);
    if !bool::from(same.as_bytes().ct_eq(hash.as_bytes())) {
        return Err(UserError::VerificationLinkInvalid);
    }
    if account.email_verified_at.is_none() {
        store::accounts::update_email_verified(unit, user_id, Time::now_in_seconds().as_chrono()).await?;
        tell_account(unit, user_id, card(app, account));
    }
    Ok(EmailVerified { user_id, verified: true })
}

/// An account's face.
pub(super) fn card(app: &App, account: AccountRow) -> UserCard {
    UserCard {
        id: account.id,
        name: account.name,
        username: account.username,
        avatar: picture_url(app, account.avatar),
        is_verified: account.is_verified,
    }
}

/// A link's hash is 40 hexadecimal digits; anything else is no link's.
///
/// # Errors
/// [`CommonFault::NotFound`].
pub fn demand_hash(hash: &str) -> Result<(), CommonFault> {
    let form = hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if form { Ok(()) } else { Err(CommonFault::NotFound("resource")) }
}
