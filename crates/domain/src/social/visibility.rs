//! Who may see what somebody posts (domain.md §5.3): one place for all of it.

use base::CommonFault;
use base::id::UserId;
use bus::ControlMessage;
use protocol::channel::Channel;
use store::Conn;
use store::posts::{LockedPostRow, PostRow, Viewer};

use super::{NO_POST, NO_USER, SocialError};
use crate::fault::of_store;
use crate::morph::Morph;
use crate::unit::Unit;
use crate::{Actor, App, access};

/// Those with this permission see what is private, hidden or across a block, too.
pub(super) const MODERATE: &str = "posts.moderate";

/// Who looks at posts (`Morph::Post`) or comments (`Morph::Comment`). Nobody has the id 0: a guest follows no one and is
/// blocked by no one.
pub(super) fn viewer_of(viewer: Option<&Actor>, what: Morph) -> Viewer {
    Viewer { id: viewer.map_or(0, Actor::user_id), sees_all: false, morphs: what.spellings() }
}

/// A post that the viewer may see.
///
/// # Errors
/// `not_found`: whether there is such a post is not theirs to know.
pub(super) async fn find_visible(
    conn: &mut Conn,
    viewer: Option<&Actor>,
    post_id: u64,
) -> Result<PostRow, SocialError> {
    let own = viewer_of(viewer, Morph::Post);
    if let Some(row) = store::posts::find_post(conn, own, post_id).await? {
        return Ok(row);
    }
    if viewer.is_some() && access::has_permission(conn, own.id, MODERATE).await? {
        let all = Viewer { sees_all: true, ..own };
        return Ok(store::posts::find_post(conn, all, post_id).await?.ok_or(NO_POST)?);
    }
    Err(NO_POST.into())
}

/// The author of a post that the viewer may see, for other domains.
///
/// # Errors
/// `not_found`.
pub(crate) async fn find_author(
    conn: &mut Conn,
    viewer: Option<&Actor>,
    post_id: u64,
) -> Result<UserId, CommonFault> {
    Ok(find_visible(conn, viewer, post_id).await?.author.id)
}

/// Locks a post under which the actor wants to write: they see it, and it is not hidden, not even as far as they see it.
///
/// # Errors
/// `not_found`.
pub(super) async fn hold_open_post(
    unit: &mut Unit,
    actor: &Actor,
    post_id: u64,
) -> Result<(LockedPostRow, PostRow), SocialError> {
    let (locked, row) = hold_post(unit, actor, post_id).await?;
    if row.is_hidden { Err(NO_POST.into()) } else { Ok((locked, row)) }
}

/// Locks a post that the actor sees.
///
/// # Errors
/// `not_found`.
pub(super) async fn hold_post(
    unit: &mut Unit,
    actor: &Actor,
    post_id: u64,
) -> Result<(LockedPostRow, PostRow), SocialError> {
    let locked = store::posts::lock_post(unit, post_id).await?.ok_or(NO_POST)?;
    let row = find_visible(unit, Some(actor), post_id).await?;
    Ok((locked, row))
}

/// Demands that the actor sees a post, for a door that has to refuse others before it tells what is wrong with a body
/// (domain.md §2.2).
///
/// # Errors
/// `not_found`.
pub async fn demand_post(app: &App, actor: &Actor, post_id: u64) -> Result<(), SocialError> {
    let mut conn = app.store.reader().await?;
    find_visible(&mut conn, Some(actor), post_id).await.map(drop)
}

/// Demands that a post is the actor's own, as [`demand_post`].
///
/// # Errors
/// `not_found`; [`CommonFault::Forbidden`].
pub async fn demand_own_post(app: &App, actor: &Actor, post_id: u64) -> Result<(), SocialError> {
    let mut conn = app.store.reader().await?;
    let row = find_visible(&mut conn, Some(actor), post_id).await?;
    if row.author.id == actor.user_id() { Ok(()) } else { Err(CommonFault::Forbidden.into()) }
}

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
