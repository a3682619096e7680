//! The social graph and the feed (domain.md §5.3).

mod answer_follow_request;
mod audience;
mod counters;
mod create_comment;
mod create_post;
mod delete_comment;
mod delete_post;
mod enter_post;
mod find_comment;
mod find_post;
mod follow_user;
mod limits;
mod list_comments;
mod list_discover;
mod list_feed;
mod list_follow_requests;
mod list_follows;
mod list_managed;
mod list_reactions;
mod list_reports;
mod list_shares;
mod list_timeline;
mod machines;
mod moderators;
mod pin_comment;
mod pin_post;
mod react;
mod report_post;
mod resolve_report;
mod review_report;
mod set_post_hidden;
mod share_post;
mod unfollow_user;
mod update_comment;
mod update_post;
mod view;
mod view_post;
mod visibility;

use std::time::Duration;

use base::{CommonFault, Fault, Rule};

use crate::common_faults;
use crate::uploads::UploadError;
use crate::users::UserError;

pub(crate) use answer_follow_request::accept_requests_of;
pub use answer_follow_request::{accept_follow_request, accept_overdue_requests, reject_follow_request};
pub use create_comment::create_comment;
pub use create_post::create_post;
pub use delete_comment::delete_comment;
pub use delete_post::delete_post;
pub use enter_post::enter_post;
pub use find_comment::{demand_comment, demand_own_comment, find_comment};
pub use find_post::find_post;
pub use follow_user::follow_user;
pub use list_comments::{list_comments, list_replies};
pub use list_discover::list_discover;
pub use list_feed::list_feed;
pub use list_follow_requests::list_follow_requests;
pub use list_follows::{list_followers, list_following};
pub use list_managed::{list_managed_comments, list_managed_posts};
pub use list_reactions::{ReactionSummary, list_reactions};
pub use list_reports::{demand_reviewer, find_report, list_reports};
pub use list_shares::list_shares;
pub use list_timeline::list_timeline;
pub use pin_comment::{pin_comment, unpin_comment};
pub use pin_post::{pin_post, unpin_post};
pub use react::{demand_reactable, react};
pub use report_post::report_post;
pub use resolve_report::{dismiss_report, resolve_report};
pub use review_report::{claim_report, release_report};
pub use set_post_hidden::{demand_moderated, set_post_hidden};
pub use share_post::{delete_share, share_post};
pub use unfollow_user::{remove_follower, unfollow_user};
pub use update_comment::update_comment;
pub use update_post::update_post;
pub use view_post::{flush_views, view_post};
pub use visibility::{demand_own_post, demand_post};
pub(crate) use visibility::{find_author, revoke_posts_of};

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
    /// Three posts are on top already.
    #[error("A profile has at most three pinned posts; unpin one first.")]
    TooManyPinned,
    /// One reports oneself.
    #[error("You cannot report your own post.")]
    OwnPost,
    /// A file cannot be used.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// An account cannot be suspended.
    #[error(transparent)]
    User(#[from] UserError),
}

impl Fault for SocialError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::SelfFollow => Rule::SELF_FOLLOW,
            Self::Blocked => Rule::BLOCKED,
            Self::FollowTooSoon(_) => Rule::FOLLOW_TOO_SOON,
            Self::PrivateAccount => Rule::PROFILE_PRIVATE,
            Self::TooManyPinned => Rule::POST_TOO_MANY_PINNED,
            Self::OwnPost => Rule::OWN_POST,
            Self::Upload(fault) => fault.rule(),
            Self::User(fault) => fault.rule(),
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
            Self::Upload(fault) => Some(fault),
            Self::User(fault) => Some(fault),
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

/// There is no such post, or the asker may not know of it (domain.md D23).
const NO_POST: CommonFault = CommonFault::NotFound("post");

/// There is no such comment, or only its place is left, or the asker may not know of it.
const NO_COMMENT: CommonFault = CommonFault::NotFound("comment");
