//! The social graph and the feed (domain.md §5.3).

mod answer_follow_request;
mod follow_user;
mod list_follow_requests;
mod list_follows;
mod machines;
mod unfollow_user;
mod view;
mod visibility;

use std::time::Duration;

use base::{CommonFault, Fault, Rule};

use crate::common_faults;

pub(crate) use answer_follow_request::accept_requests_of;
pub use answer_follow_request::{accept_follow_request, accept_overdue_requests, reject_follow_request};
pub use follow_user::follow_user;
pub use list_follow_requests::list_follow_requests;
pub use list_follows::{list_followers, list_following};
pub use unfollow_user::{remove_follower, unfollow_user};
pub(crate) use visibility::revoke_posts_of;

/// What can go wrong between people, and with what they post.
#[derive(Debug, thiserror::Error)]
pub enum SocialError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
    /// One follows oneself.
    #[error("You cannot follow yourself.")]
    SelfFollow,
    /// One of the two blocks the other.
    #[error("You cannot reach this person.")]
    Blocked,
    /// The last request was refused less than a day ago; wait so long.
    #[error("You can ask this person again a day after the last answer.")]
    FollowTooSoon(Duration),
    /// Only followers see this of a private account.
    #[error("This account is private; follow it first.")]
    PrivateAccount,
}

impl Fault for SocialError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::SelfFollow => Rule::SELF_FOLLOW,
            Self::Blocked => Rule::BLOCKED,
            Self::FollowTooSoon(_) => Rule::FOLLOW_TOO_SOON,
            Self::PrivateAccount => Rule::PROFILE_PRIVATE,
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::FollowTooSoon(wait) => Some(*wait),
            _ => self.inner().and_then(Fault::retry_after),
        }
    }
}

common_faults!(SocialError);

impl From<SocialError> for CommonFault {
    /// For what another domain does in passing, which none of the rules above can refuse.
    fn from(error: SocialError) -> Self {
        match error {
            SocialError::Common(fault) => fault,
            other => Self::internal(other),
        }
    }
}

/// There is no such account, or the asker may not know of it.
const NO_USER: CommonFault = CommonFault::NotFound("user");
