//! Rows as clients see them.

use protocol::social::FollowRequestStatus;
use store::StoreError;

pub(super) fn request_status(column: &str) -> Result<FollowRequestStatus, StoreError> {
    let all = [FollowRequestStatus::Pending, FollowRequestStatus::Accepted, FollowRequestStatus::Rejected];
    let found = all.into_iter().find(|one| one.as_str() == column);
    found.ok_or(StoreError::Corrupt { table: "follow_requests", column: "status" })
}
