//! Mail to people (domain.md §5.1). A letter is a row written in the unit of what it tells of, so that none is sent for what
//! was rolled back and none is lost that was promised; an elected clock sends what waits, again and again with growing
//! pauses. The row holds nothing secret: links are signed, and tokens made, when it is sent.

mod links;
mod send_mails;

use base::id::UserId;
use base::{CommonFault, Lang, Time};
use serde::{Deserialize, Serialize};
use store::mails::NewMail;
use store::users::AccountRow;

use crate::fault::of_store;
use crate::unit::Unit;

pub(crate) use links::{LIFE, sha1_hex};
pub use links::{Signature, check_signature, reset_token, sign_address};
pub use send_mails::send_mails;

/// What is to be written to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Post {
    /// Confirm this address.
    VerifyEmail,
    /// Choose a new password: with what the token is made of, which without the application's key is worth nothing.
    ResetPassword {
        /// Forty random characters.
        seed: String,
    },
    /// The password was changed.
    PasswordChanged,
    /// The account has another address now.
    EmailChanged,
    /// There is an account for this address already.
    AlreadyRegistered,
    /// The account was deleted.
    AccountDeleted,
}

/// To whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Receiver<'a> {
    pub user_id: UserId,
    pub address: &'a str,
    pub name: &'a str,
    pub lang: Lang,
}

impl<'a> Receiver<'a> {
    /// At the address that the account has.
    pub(crate) fn of(account: &'a AccountRow) -> Self {
        Self {
            user_id: account.id,
            address: &account.email,
            name: &account.name,
            lang: account.language.as_deref().and_then(Lang::from_code).unwrap_or_default(),
        }
    }
}

/// Writes a letter, which is sent once the unit is committed.
///
/// # Errors
/// Those of the store.
pub(crate) async fn post(unit: &mut Unit, to: Receiver<'_>, letter: &Post) -> Result<(), CommonFault> {
    let letter = serde_json::to_value(letter).map_err(CommonFault::internal)?;
    let mail = NewMail {
        mail_id: &base::id::ulid(),
        user_id: to.user_id,
        address: to.address,
        name: to.name,
        language: to.lang.code(),
        letter: &letter,
        at: Time::now().as_chrono(),
    };
    store::mails::insert_mail(unit, &mail).await.map_err(of_store)
}
