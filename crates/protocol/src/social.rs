//! The social graph and the feed (domain.md §5.3): inputs and views.

use base::Time;
use base::id::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::users::UserCard;

/// How far following somebody has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FollowStatus {
    /// Their posts are in the feed.
    Following,
    /// The account is private; its owner was asked.
    Requested,
}

/// Answer of `follow_user`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FollowState {
    /// Who is followed, or asked.
    pub user_id: UserId,
    /// How far it has come.
    pub status: FollowStatus,
}

/// Somebody in a list of followers, or of those whom somebody follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FollowedUser {
    /// Who.
    #[serde(flatten)]
    pub card: UserCard,
    /// Since when.
    pub followed_at: Option<Time>,
}

/// `follow_requests.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FollowRequestStatus {
    /// Waits for an answer.
    Pending,
    /// The follower follows.
    Accepted,
    /// Not now.
    Rejected,
}

impl FollowRequestStatus {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

/// Which requests to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RequestDirection {
    /// Those that the asker has received.
    #[default]
    In,
    /// Those that the asker has sent.
    Out,
}

/// A request to follow a private account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FollowRequest {
    /// Its id.
    pub id: u64,
    /// The other side: who asks, or who was asked.
    pub user: UserCard,
    /// Received or sent?
    pub direction: RequestDirection,
    /// What became of it.
    pub status: FollowRequestStatus,
    /// When it was made.
    pub created_at: Option<Time>,
}

/// Who follows whom, for those two (`follow.*`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Follow {
    /// Who follows.
    pub follower: UserCard,
    /// Who is followed.
    pub following: UserCard,
}
