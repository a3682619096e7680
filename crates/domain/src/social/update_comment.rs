//! `PATCH /comments/{id}` (domain.md §5.3).

use base::CommonFault;
use base::conditional::IfMatch;
use base::text::clean;
use protocol::Event;
use protocol::channel::Channel;
use protocol::social::{Comment, UpdateComment};

use super::create_comment::check_words;
use super::find_comment::{find_comment_post, without_post};
use super::view::{change_time, comment_view, told_comment};
use super::visibility::{hold_open_post, viewer_of};
use super::{NO_COMMENT, SocialError};
use crate::morph::Morph;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Changes the words of one's own comment.
///
/// # Errors
/// `not_found`; [`CommonFault::Forbidden`] for another's; [`CommonFault::PreconditionFailed`]; a violation of `content`.
pub async fn update_comment(
    app: &App,
    actor: &Actor,
    id: u64,
    input: UpdateComment,
    version: &IfMatch,
) -> Result<Comment, SocialError> {
    actor.require("write")?;
    let content = clean(&input.content);
    in_unit!(app, |unit| write_change(app, unit, actor, (id, &content, version)))
}

async fn write_change(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    (id, content, version): (u64, &str, &IfMatch),
) -> Result<Comment, SocialError> {
    let post_id = find_comment_post(unit, id).await?;
    hold_open_post(unit, actor, post_id).await.map_err(without_post)?;
    let locked = store::posts::lock_comment(unit, id).await?.ok_or(NO_COMMENT)?;
    if locked.user_id != actor.user_id() {
        return Err(CommonFault::Forbidden.into());
    }
    let before = read_back(app, unit, actor, id).await?;
    version.check(&before)?;
    check_words(content).into_result()?;
    if before.content.as_deref() == Some(content) {
        return Ok(before);
    }
    store::posts::update_comment_content(unit, id, content, change_time(locked.created_at)).await?;
    let comment = read_back(app, unit, actor, id).await?;
    unit.emit(Channel::Post(post_id), Event::CommentUpdated { comment: told_comment(&comment) });
    Ok(comment)
}

/// A comment as the actor sees it now.
pub(super) async fn read_back(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
) -> Result<Comment, SocialError> {
    let row = store::posts::find_comment(unit, viewer_of(Some(actor), Morph::Comment), id).await?;
    Ok(comment_view(app, row.ok_or(NO_COMMENT)?)?)
}
