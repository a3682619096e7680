//! The states of requests to follow and of reports (domain.md §5.3).

use protocol::social::{FollowRequestStatus, ReportStatus};

use crate::machine::Machine;

impl Machine for FollowRequestStatus {
    const THING: &'static str = "The follow request";
    const STATES: &'static [Self] = &[Self::Pending, Self::Accepted, Self::Rejected];
    // Withdrawing, unfollowing and blocking delete the row.
    const STEPS: &'static [(Self, Self)] = &[
        (Self::Pending, Self::Accepted),
        (Self::Pending, Self::Rejected),
        // A day later, the same row.
        (Self::Rejected, Self::Pending),
    ];

    fn name(self) -> &'static str {
        self.as_str()
    }
}

impl Machine for ReportStatus {
    const THING: &'static str = "The report";
    const STATES: &'static [Self] = &[Self::Pending, Self::Reviewing, Self::Resolved, Self::Dismissed];
    const STEPS: &'static [(Self, Self)] = &[
        (Self::Pending, Self::Reviewing),
        (Self::Pending, Self::Resolved),
        (Self::Pending, Self::Dismissed),
        (Self::Reviewing, Self::Pending),
        (Self::Reviewing, Self::Resolved),
        (Self::Reviewing, Self::Dismissed),
    ];

    fn name(self) -> &'static str {
        self.as_str()
    }
}
