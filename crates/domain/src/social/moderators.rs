//! Who reviews reports, and hears of them.

use base::id::UserId;
use protocol::Event;
use protocol::channel::Channel;

use super::SocialError;
use crate::access;
use crate::unit::Unit;

/// Those with this permission review reports.
pub(super) const REVIEW: &str = "reports.review";

/// Characters of what a moderator notes.
pub(super) const LONGEST_NOTE: usize = 200;

/// Moderators who hear of reports at most.
const MOST: u32 = 100;

/// Whoever reviews reports.
///
/// # Errors
/// Those of the store.
pub(super) async fn list_moderators(unit: &mut Unit) -> Result<Vec<UserId>, SocialError> {
    Ok(access::list_all_holders(unit, REVIEW, MOST).await?)
}

/// All of them hear this after the commit.
pub(super) fn tell_moderators(unit: &mut Unit, moderators: &[UserId], event: &Event) {
    for &user_id in moderators {
        unit.emit(Channel::User(user_id), event.clone());
    }
}
