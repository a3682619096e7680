//! Who may see what somebody posts (domain.md §5.3): one place for all of it.

use base::CommonFault;
use base::id::UserId;
use bus::ControlMessage;
use protocol::channel::Channel;
use store::Conn;

use super::{NO_USER, SocialError};
use crate::fault::of_store;
use crate::unit::Unit;
use crate::{Actor, access};

/// Those with this permission see what is private, too.
pub(super) const MODERATE: &str = "posts.moderate";

/// Demands that the viewer may see what belongs to an account: its lists and its posts. That a private account exists is
/// no secret, so it refuses; of somebody who blocks the viewer there is nothing to be known.
///
/// # Errors
/// `not_found`; [`SocialError::PrivateAccount`].
pub(super) async fn require_open_account(
    conn: &mut Conn,
    viewer: Option<&Actor>,
    user_id: UserId,
) -> Result<(), SocialError> {
    // Nobody has the id 0: a guest follows no one and is blocked by no one.
    let viewer_id = viewer.map_or(0, Actor::user_id);
    let between = store::social::find_between(conn, viewer_id, user_id).await?.ok_or(NO_USER)?;
    if viewer_id == user_id || (!between.is_blocked_by && (!between.is_private || between.is_followed)) {
        return Ok(());
    }
    if viewer.is_some() && access::has_permission(conn, viewer_id, MODERATE).await? {
        return Ok(());
    }
    Err(if between.is_blocked_by { NO_USER.into() } else { SocialError::PrivateAccount })
}

/// Posts of an account, the newest ones, whose listeners are asked for again when it turns private: older ones have none.
const MOST_HEARD: u32 = 100;

/// The account is private from this commit on: whoever does not follow it stops hearing of its posts.
///
/// # Errors
/// Those of the store.
pub(crate) async fn revoke_posts_of(unit: &mut Unit, user_id: UserId) -> Result<(), CommonFault> {
    let ids = store::posts::list_newest_ids(unit, user_id, MOST_HEARD).await.map_err(of_store)?;
    for id in ids {
        unit.control(ControlMessage::AccessChanged { channel: Channel::Post(id).to_string() });
    }
    Ok(())
}
