//! `POST` and `DELETE /posts/{id}/pin` (domain.md §5.3).

use base::CommonFault;
use protocol::social::Post;

use super::SocialError;
use super::audience::Audience;
use super::update_post::{read_back, tell_change};
use super::visibility::hold_post;
use crate::unit::Unit;
use crate::{Actor, App, in_unit, users};

/// Posts on top of a profile at most.
const MOST_PINNED: i64 = 3;

/// Puts one's own post on top of one's profile, three at most, exactly, since the profile is locked. Again changes nothing.
///
/// # Errors
/// `not_found`; [`CommonFault::Forbidden`] for another's post; [`SocialError::TooManyPinned`].
pub async fn pin_post(app: &App, actor: &Actor, id: u64) -> Result<Post, SocialError> {
    actor.require("write")?;
    let audience = Audience::of(app, actor.user_id()).await?;
    in_unit!(app, |unit| write_pin(app, unit, actor, (id, true), &audience))
}

/// Takes one's own post down. Again changes nothing.
///
/// # Errors
/// `not_found`; [`CommonFault::Forbidden`] for another's post.
pub async fn unpin_post(app: &App, actor: &Actor, id: u64) -> Result<Post, SocialError> {
    actor.require("write")?;
    let audience = Audience::of(app, actor.user_id()).await?;
    in_unit!(app, |unit| write_pin(app, unit, actor, (id, false), &audience))
}

async fn write_pin(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    (id, pinned): (u64, bool),
    audience: &Audience,
) -> Result<Post, SocialError> {
    // The profile before the post, as whoever counts pins does.
    users::lock_profile(unit, actor.user_id()).await?;
    let (locked, _) = hold_post(unit, actor, id).await?;
    if locked.user_id != actor.user_id() {
        return Err(CommonFault::Forbidden.into());
    }
    if locked.is_pinned != pinned {
        if pinned && store::posts::count_pinned_posts(unit, actor.user_id()).await? >= MOST_PINNED {
            return Err(SocialError::TooManyPinned);
        }
        store::posts::update_post_pinned(unit, id, pinned).await?;
    }
    let post = read_back(app, unit, actor, id).await?;
    if locked.is_pinned != pinned {
        tell_change(unit, audience, &post);
    }
    Ok(post)
}
