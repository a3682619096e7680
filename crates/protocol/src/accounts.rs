//! What changes an account itself, and how administrators see accounts: inputs and views (domain.md §5.1, §5.2, §5.11).

use base::id::UserId;
use base::{Secret, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::given;

/// Input of `forgot_password`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgotPassword {
    /// The account's address.
    #[schema(format = Email, max_length = 255)]
    pub email: String,
}

/// Input of `reset_password`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// The account's address, as in the link.
    #[schema(format = Email, max_length = 255)]
    pub email: String,
    /// The token in the link.
    #[schema(value_type = String, max_length = 255)]
    pub token: Secret,
    /// The new password: 8 characters to 72 bytes.
    #[schema(value_type = String, format = Password, min_length = 8)]
    pub password: Secret,
    /// Must match.
    #[schema(value_type = String, format = Password)]
    pub password_confirmation: Secret,
}

/// Input of `change_password`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The present password.
    #[schema(value_type = String, format = Password)]
    pub current_password: Secret,
    /// The new password: 8 characters to 72 bytes.
    #[schema(value_type = String, format = Password, min_length = 8)]
    pub password: Secret,
    /// Must match, where given.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    pub password_confirmation: Option<Secret>,
    /// End all other sessions and API tokens, too?
    #[serde(default)]
    pub revoke_others: bool,
}

/// Input of `update_account`: what is left out stays as it is.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateAccount {
    /// 1 to 255 characters, any script.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 255)]
    pub name: Option<String>,
    /// One line about the user, at most 255 characters; `null` or nothing but blanks takes it away.
    #[serde(default, with = "given")]
    #[schema(value_type = Option<String>, max_length = 255)]
    pub headline: Option<Option<String>>,
    /// Another address, which has to be confirmed anew; with the password.
    #[serde(default)]
    #[schema(format = Email, max_length = 255)]
    pub email: Option<String>,
    /// Another number in E.164 form, or `null` for none; with the password.
    #[serde(default, with = "given")]
    #[schema(value_type = Option<String>, pattern = r"^\+[1-9][0-9]{6,14}$")]
    pub phone: Option<Option<String>>,
    /// The account's password, again, where address or number change.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    pub current_password: Option<Secret>,
}

/// Input of `delete_account`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteAccount {
    /// The account's password, again.
    #[schema(value_type = String, format = Password)]
    pub password: Secret,
}

/// Input of `set_avatar` and `set_cover`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPicture {
    /// An upload of one's own of the kind `image` that nothing uses yet.
    #[schema(minimum = 1)]
    pub upload_id: u64,
}

/// Answer of what is done, or not, without saying which: a mail is on its way if there is a reason for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// Always `true`.
    pub accepted: bool,
}

/// Answer of `verify_email`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EmailVerified {
    /// Whose address.
    pub user_id: UserId,
    /// Always `true`: it is confirmed, by this call or by one before.
    pub verified: bool,
}

/// An account as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdminUser {
    /// The user's id.
    pub id: UserId,
    /// The user's name.
    pub name: String,
    /// The user's unique handle.
    pub username: String,
    /// The user's address.
    pub email: String,
    /// E.164.
    pub phone: Option<String>,
    /// The user's picture.
    pub avatar: Option<String>,
    /// Checked by the platform?
    pub is_verified: bool,
    /// `active`, `suspended`, `deleted`, or `purged` once nothing of a deleted one is left but its place in the ledger.
    pub status: String,
    /// The e-mail address was confirmed then.
    pub email_verified_at: Option<Time>,
    /// Role names.
    pub roles: Vec<String>,
    /// How many follow the user.
    pub followers_count: u32,
    /// When the account was made.
    pub created_at: Option<Time>,
    /// When it was deleted.
    pub deleted_at: Option<Time>,
}

/// Input of `set_roles`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRoles {
    /// All roles that the account is to have, by name; none makes it a learner's.
    #[schema(max_items = 20)]
    pub roles: Vec<String>,
    /// Why, for the audit log; at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    pub reason: Option<String>,
}
