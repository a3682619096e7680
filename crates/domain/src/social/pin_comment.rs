//! `POST` and `DELETE /comments/{id}/pin` (domain.md §5.3).

use base::{CommonFault, Problem, Violations};
use protocol::Event;
use protocol::channel::Channel;
use protocol::social::Comment;

use super::find_comment::{find_comment_post, without_post};
use super::update_comment::read_back;
use super::visibility::hold_open_post;
use super::{NO_COMMENT, SocialError};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Puts a comment on top of one's own post, in place of the one that is there. Again changes nothing.
///
/// # Errors
/// `not_found`; [`CommonFault::Forbidden`] for whoever has not written the post; a violation for an answer.
pub async fn pin_comment(app: &App, actor: &Actor, id: u64) -> Result<Comment, SocialError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_pin(app, unit, actor, (id, true)))
}

/// Takes a comment down from the top of one's own post. Again changes nothing.
///
/// # Errors
/// As [`pin_comment`].
pub async fn unpin_comment(app: &App, actor: &Actor, id: u64) -> Result<Comment, SocialError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_pin(app, unit, actor, (id, false)))
}

async fn write_pin(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    (id, pinned): (u64, bool),
) -> Result<Comment, SocialError> {
    let post_id = find_comment_post(unit, id).await?;
    let (post, _) = hold_open_post(unit, actor, post_id).await.map_err(without_post)?;
    let comment = store::posts::lock_comment(unit, id).await?.ok_or(NO_COMMENT)?;
    if post.user_id != actor.user_id() {
        return Err(CommonFault::Forbidden.into());
    }
    if comment.parent_id.is_some() && pinned {
        let problem = Problem::NotAllowed("an answer cannot be on top");
        return Err(Violations::one("id", problem).into());
    }
    if comment.is_pinned != pinned {
        if pinned {
            store::posts::update_comments_unpinned(unit, post_id).await?;
        }
        store::posts::update_comment_pinned(unit, id, pinned).await?;
        let event = Event::CommentPinned { post_id, comment_id: pinned.then_some(id) };
        unit.emit(Channel::Post(post_id), event);
    }
    read_back(app, unit, actor, id).await
}
