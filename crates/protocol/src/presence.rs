//! Who is online (realtime.md §6).

use base::Time;
use base::id::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Input of `presence.query`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryPresence {
    /// At most 200 users.
    pub user_ids: Vec<UserId>,
}

/// Answer of `presence.query`: those whose status the asker may see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PresenceList {
    /// In the order asked.
    pub users: Vec<PresenceEntry>,
}

/// One user's status in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PresenceEntry {
    /// The user.
    pub id: UserId,
    /// Any live connection on any live node?
    pub online: bool,
    /// When the last connection went; `null` while online, or when never seen.
    pub last_seen_at: Option<Time>,
}

/// Input of `presence.set_visibility`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetVisibility {
    /// May others see whether one is online?
    pub visible: bool,
}

/// Answer of `presence.set_visibility`, and the `data` of `presence.visibility_changed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Visibility {
    /// May others see whether one is online?
    pub visible: bool,
}

/// One user's status: the `data` of `presence.changed` and of the reply to subscribing `presence:{user_id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PresenceState {
    /// The user.
    pub user_id: UserId,
    /// Any live connection on any live node?
    pub online: bool,
    /// When the last connection went; `null` while online, or when never seen.
    pub last_seen_at: Option<Time>,
}
