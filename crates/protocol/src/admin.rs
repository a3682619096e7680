//! What administrators see and do beside the domains: settings, roles, dashboard, audit log (domain.md §5.11): inputs and views.

use base::id::UserId;
use base::{Money, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// `settings.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SettingType {
    /// A line.
    String,
    /// A whole number.
    Integer,
    /// A number, written as a text.
    Decimal,
    /// Yes or no.
    Boolean,
    /// Any JSON.
    Json,
    /// Lines.
    Text,
}

impl SettingType {
    /// What the column says.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "integer" => Self::Integer,
            "decimal" => Self::Decimal,
            "boolean" => Self::Boolean,
            "json" => Self::Json,
            "text" => Self::Text,
            _ => return None,
        })
    }
}

/// A setting that everybody may read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PublicSetting {
    /// Its name.
    pub key: String,
    /// Its value, of the type that it has.
    #[schema(value_type = Value)]
    pub value: Value,
}

/// A setting as administrators see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Setting {
    /// Its name.
    pub key: String,
    /// Its value, of its type.
    #[schema(value_type = Value)]
    pub value: Value,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: SettingType,
    /// What it belongs to.
    pub group: String,
    /// Its name for people.
    pub label: Option<String>,
    /// Laravel's rules for its value.
    pub validation_rules: Vec<String>,
    /// May everybody read it?
    pub is_public: bool,
    /// When it was changed.
    pub updated_at: Option<Time>,
}

/// Input of `update_setting`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSetting {
    /// The new value, of the setting's type; a decimal as a text.
    #[schema(value_type = Value)]
    pub value: Value,
}

/// A role and what it may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Role {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The permissions' names, sorted.
    pub permissions: Vec<String>,
    /// How many users have it.
    pub users_count: u64,
}

/// A permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Permission {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
}

/// Input of `create_role` and `update_role`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteRole {
    /// Lower-case letters, digits and hyphens.
    #[schema(min_length = 2, max_length = 50, pattern = "^[a-z][a-z0-9-]*$")]
    pub name: String,
    /// The names of all its permissions.
    #[schema(max_items = 200)]
    pub permissions: Vec<String>,
}

/// Input of `create_permission`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePermission {
    /// `things.verb`: lower-case letters and underscores on either side of one dot.
    #[schema(min_length = 3, max_length = 100, pattern = "^[a-z_]+\\.[a-z_]+$")]
    pub name: String,
}

/// What an administrator did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its id.
    pub id: u64,
    /// Who; nobody once the account is gone.
    pub actor_id: Option<UserId>,
    /// The permission's or operation's name.
    pub action: String,
    /// Short name of what it was done to.
    pub subject_type: Option<String>,
    /// Its id.
    pub subject_id: Option<u64>,
    /// What was before.
    #[schema(value_type = Value)]
    pub before: Value,
    /// What was after.
    #[schema(value_type = Value)]
    pub after: Value,
    /// When.
    pub created_at: Time,
}

/// Which entries of the audit log.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this user.
    pub actor_id: Option<UserId>,
    /// Of this action.
    pub action: Option<String>,
    /// About things of this short name.
    pub subject_type: Option<String>,
    /// About the thing with this id; with `subject_type`.
    pub subject_id: Option<u64>,
}

/// How the platform does, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dashboard {
    /// Accounts that are there.
    pub users: u64,
    /// Of these, made in the last seven days.
    pub new_users: u64,
    /// Users with a socket now; `null` while Redis does not answer.
    pub online_users: Option<u64>,
    /// Published courses.
    pub courses: u64,
    /// Published books.
    pub books: u64,
    /// Rooms that are live now.
    pub active_rooms: u64,
    /// Consultations that are still to come.
    pub upcoming_bookings: u64,
    /// Reports that nobody has decided.
    pub open_reports: u64,
    /// Withdrawals that wait.
    pub pending_withdrawals: u64,
    /// What is in all wallets together.
    pub wallets_balance: Money,
}

/// What waits to be done in the background.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queues {
    /// Events that are still to be published.
    pub outbox: u64,
    /// Seconds that the oldest of them waits.
    pub outbox_lag_seconds: u64,
    /// Laravel's queue, by name.
    pub jobs: Vec<Queue>,
    /// Jobs of Laravel's that failed.
    pub failed_jobs: u64,
    /// Announcements that are still being told.
    pub announcements: u64,
}

/// One of Laravel's queues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Jobs in it.
    pub jobs: u64,
}

/// A process of ours, as it told of itself within the last seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// Its name.
    pub node: String,
    /// `api` or `hub`.
    pub service: String,
    /// Its version.
    pub version: String,
    /// Milliseconds since it told.
    pub seen_ms_ago: u64,
    /// Open sockets; `null` for what has none.
    pub connections: Option<u64>,
    /// Users with a socket here.
    pub users: Option<u64>,
    /// Channels with a listener here.
    pub channels: Option<u64>,
    /// It sends its clients away, to end.
    pub draining: Option<bool>,
}

/// Input of `send_announcement`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendAnnouncement {
    /// What everybody is told, in English.
    #[schema(min_length = 1, max_length = 500)]
    pub title_en: String,
    /// The same in Arabic.
    #[schema(min_length = 1, max_length = 500)]
    pub title_ar: String,
    /// Where an app should lead: a path, or an `https` address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable)]
    pub url: Option<String>,
}

/// An announcement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Announcement {
    /// Its id.
    pub id: u64,
    /// In English.
    pub title_en: String,
    /// In Arabic.
    pub title_ar: String,
    /// Where an app should lead.
    pub url: Option<String>,
    /// How many accounts were told so far.
    pub told: u64,
    /// When it was sent.
    pub created_at: Time,
    /// When everybody was told.
    pub finished_at: Option<Time>,
}

/// Which of the deleted a list shows (`filter[trashed]`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trashed {
    /// What is there.
    #[default]
    Without,
    /// Also what is deleted.
    With,
    /// Only what is deleted.
    Only,
}

impl Trashed {
    /// The names, those first that a list is asked for.
    pub const NAMES: &'static [&'static str] = &["with", "only", "without"];

    /// Deleted ones alone, or those that are not; `None` for both.
    #[must_use]
    pub const fn is_deleted(self) -> Option<bool> {
        match self {
            Self::Without => Some(false),
            Self::With => None,
            Self::Only => Some(true),
        }
    }
}
