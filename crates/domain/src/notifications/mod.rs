//! Notifications (domain.md §5.11): told in the transaction of what they tell of, and together where they are alike.

mod delete_notification;
mod list_notifications;
mod mark_notifications;
mod notify;
mod unread;
mod view;

use base::{CommonFault, Fault, Rule};

use crate::common_faults;

pub use delete_notification::delete_notification;
pub use list_notifications::list_notifications;
pub use mark_notifications::{mark_all_read, mark_read, mark_unread};
pub(crate) use notify::{Notice, notify};
pub use unread::count_unread;

/// What can go wrong with notifications.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
}

impl Fault for NotificationError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
        }
    }
}

common_faults!(NotificationError);

/// Of nobody, or somebody else's: strangers get the same answer (domain.md D23).
const NO_NOTIFICATION: CommonFault = CommonFault::NotFound("notification");
