//! Accounts, sessions and profiles: inputs and views (domain.md §5.1, §5.2).

use std::collections::BTreeMap;

use base::id::UserId;
use base::{Lang, Secret, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use crate::given;
use crate::wallet::Wallet;

/// Input of `register`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// 1 to 255 characters, any script.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// `^[a-z0-9_.]{3,30}$`, not reserved.
    #[schema(pattern = "^[a-z0-9_.]{3,30}$")]
    pub username: String,
    /// Unique among all accounts, deleted ones too.
    #[schema(format = Email, max_length = 255)]
    pub email: String,
    /// 8 characters to 72 bytes.
    #[schema(value_type = String, format = Password, min_length = 8)]
    pub password: Secret,
    /// Must match, where given.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    pub password_confirmation: Option<Secret>,
    /// E.164, such as `+966501234567`.
    #[serde(default)]
    #[schema(pattern = r"^\+[1-9][0-9]{6,14}$")]
    pub phone: Option<String>,
    /// Names the session in the list of sessions; what is beyond 255 characters is left out.
    #[serde(default)]
    pub device_name: Option<String>,
    /// The account's language.
    #[serde(default)]
    pub language: Option<Lang>,
    /// IANA name.
    #[serde(default)]
    pub timezone: Option<String>,
}

/// Input of `log_in`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// E-mail, phone or username.
    #[schema(max_length = 255)]
    pub login: String,
    /// The password.
    #[schema(value_type = String, format = Password)]
    pub password: Secret,
    /// Names the session in the list of sessions; what is beyond 255 characters is left out.
    #[serde(default)]
    pub device_name: Option<String>,
}

/// Input of `refresh_session`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshSession {
    /// The refresh token of the last answer.
    #[schema(value_type = String)]
    pub refresh_token: Secret,
}

/// Answer of `register`, `log_in` and `refresh_session`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// A JWT for both doors.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds until the access token ends.
    pub expires_in: u32,
    /// In Sanctum's format `{id}|{plain}`; good for one `refresh_session`.
    pub refresh_token: String,
    /// What the access token may do.
    pub abilities: Vec<String>,
    /// The account.
    pub user: Account,
}

/// A user's face: what lists and messages show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserCard {
    /// The user's id.
    pub id: UserId,
    /// The user's name.
    pub name: String,
    /// The user's unique handle.
    pub username: String,
    /// The user's picture.
    pub avatar: Option<String>,
    /// Checked by the platform?
    pub is_verified: bool,
}

/// An account as its owner sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Account {
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
    /// The picture on top of the profile.
    pub cover: Option<String>,
    /// One line about the user.
    pub headline: Option<String>,
    /// Checked by the platform?
    pub is_verified: bool,
    /// The e-mail address was confirmed then.
    pub email_verified_at: Option<Time>,
    /// The account's language.
    pub language: Lang,
    /// IANA name.
    pub timezone: String,
    /// When the account was made.
    pub created_at: Option<Time>,
}

/// Answer of `GET /me`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The account.
    #[serde(flatten)]
    pub account: Account,
    /// The profile.
    pub profile: OwnProfile,
    /// The wallet.
    pub wallet: Wallet,
    /// Role names.
    pub roles: Vec<String>,
    /// Effective permission names.
    pub permissions: Vec<String>,
    /// What has not been seen yet.
    pub unread: Unread,
}

/// A profile as its owner sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OwnProfile {
    /// About the user.
    pub bio: Option<String>,
    /// Where the user lives.
    pub location: Option<String>,
    /// Addresses elsewhere, by the place's name: `x`, `youtube`, `linkedin` …
    #[serde(default)]
    pub social_links: BTreeMap<String, String>,
    /// Followers must be accepted?
    pub is_private: bool,
    /// Others may see whether the user is online?
    pub show_online_status: bool,
    /// Others may see the e-mail address?
    pub show_email: bool,
    /// Others may see the phone number?
    pub show_phone: bool,
    /// `everyone`, `followers` or `none`.
    pub allow_messages_from: String,
    /// How many follow the user.
    pub followers_count: u32,
    /// How many the user follows.
    pub following_count: u32,
}

/// Input of `update_profile`: what is left out stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateProfile {
    /// About the user, at most 1000 characters; `null` or nothing but blanks takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    pub bio: Option<Option<String>>,
    /// Where the user lives, at most 255 characters; `null` or nothing but blanks takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 255)]
    pub location: Option<Option<String>>,
    /// The account's language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Lang>,
    /// IANA name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Followers must be accepted? `false` accepts all who have asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_private: Option<bool>,
    /// Addresses elsewhere, all of them: of `facebook`, `github`, `instagram`, `linkedin`, `snapchat`, `telegram`,
    /// `threads`, `tiktok`, `x` and `youtube` each at that place's own host, of `website` anywhere, with `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub social_links: Option<BTreeMap<String, String>>,
    /// Others may see whether the user is online?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show_online_status: Option<bool>,
    /// Others may see the e-mail address?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show_email: Option<bool>,
    /// Others may see the phone number?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show_phone: Option<bool>,
    /// Who may write to the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_messages_from: Option<MessagesFrom>,
}

/// Who may write to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessagesFrom {
    /// Everybody who is signed in.
    Everyone,
    /// Whoever follows the user.
    Followers,
    /// Nobody.
    None,
}

impl MessagesFrom {
    /// As the column and clients spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Followers => "followers",
            Self::None => "none",
        }
    }
}

/// Answer of `update_profile`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProfileUpdated {
    /// The profile as it is now.
    #[serde(flatten)]
    pub profile: OwnProfile,
    /// The account's language.
    pub language: Lang,
    /// IANA name.
    pub timezone: String,
}

/// Somebody whom the asker blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BlockedUser {
    /// Who.
    #[serde(flatten)]
    pub card: UserCard,
    /// Since when.
    pub blocked_at: Option<Time>,
}

/// Input of `update_standing`: at least one of the two.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateStanding {
    /// `false` suspends the account, `true` lifts that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    /// Checked by the platform?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_verified: Option<bool>,
    /// Why, for the audit log; at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    pub reason: Option<String>,
}

/// An account as those see it who look after accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// Name, handle, picture, and whether the platform checked it.
    #[serde(flatten)]
    pub card: UserCard,
    /// Not suspended?
    pub is_active: bool,
}

/// Counts of what a user has not seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unread {
    /// Chat messages.
    pub messages: u32,
    /// Notifications.
    pub notifications: u32,
}

/// Somebody's public profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Name, handle, picture.
    #[serde(flatten)]
    pub card: UserCard,
    /// One line about the user.
    pub headline: Option<String>,
    /// The picture on top of the profile.
    pub cover: Option<String>,
    /// About the user; `null` where the account is private to the viewer.
    pub bio: Option<String>,
    /// Where the user lives; `null` where the account is private to the viewer.
    pub location: Option<String>,
    /// Addresses elsewhere, by the place's name; none where the account is private to the viewer.
    #[serde(default)]
    pub social_links: BTreeMap<String, String>,
    /// Only where the user shows it.
    pub email: Option<String>,
    /// Only where the user shows it.
    pub phone: Option<String>,
    /// Followers must be accepted?
    pub is_private: bool,
    /// How many follow the user.
    pub followers_count: u32,
    /// How many the user follows.
    pub following_count: u32,
    /// `null` where the user hides it.
    pub online: Option<bool>,
    /// Between viewer and user; `null` for guests and for oneself.
    pub relationship: Option<Relationship>,
}

/// What is between a viewer and a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Relationship {
    /// The viewer follows the user.
    pub following: bool,
    /// The user follows the viewer.
    pub followed_by: bool,
    /// The viewer has asked to follow.
    pub requested: bool,
    /// The user has asked to follow the viewer.
    pub requested_by: bool,
    /// The viewer blocks the user.
    pub blocking: bool,
    /// The viewer may write to the user.
    pub can_message: bool,
}

/// One signed-in session or API token in the owner's list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TokenInfo {
    /// The `personal_access_tokens` row.
    pub id: u64,
    /// The device's or token's name.
    pub name: String,
    /// `session` (refresh token) or `api`.
    pub kind: String,
    /// What it may do.
    pub abilities: Vec<String>,
    /// The session of this very request?
    pub current: bool,
    /// Where it was used from, shortened.
    pub ip_hint: Option<String>,
    /// Last use, to the minute.
    pub last_used_at: Option<Time>,
    /// When it ends.
    pub expires_at: Option<Time>,
    /// When it was made.
    pub created_at: Option<Time>,
}

/// Input of `create_token`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// What the owner calls it.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// The account's password, again.
    #[schema(value_type = String, format = Password)]
    pub password: Secret,
    /// Some of `*`, `read`, `write`, `realtime`, `wallet`; `["*"]` where left out.
    #[serde(default)]
    pub abilities: Option<Vec<String>>,
    /// When it ends; never, where left out.
    #[serde(default)]
    pub expires_at: Option<Time>,
}

/// Answer of `create_token`: the only time that the token itself is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TokenCreated {
    /// In Sanctum's format `{id}|{plain}`.
    pub token: String,
    /// Its entry in the list.
    pub info: TokenInfo,
}
