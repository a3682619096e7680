//! `PATCH /posts/{id}` (domain.md §5.3).

use base::CommonFault;
use base::conditional::IfMatch;
use base::text::cleaned;
use protocol::Event;
use protocol::channel::Channel;
use protocol::social::{Post, UpdatePost};

use super::audience::Audience;
use super::create_post::check_content;
use super::view::{change_time, post_view, told_post};
use super::visibility::hold_post;
use super::{NO_POST, SocialError};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Changes the words of one's own post; what it is made of stays.
///
/// # Errors
/// `not_found`; [`CommonFault::Forbidden`] for another's post; [`CommonFault::PreconditionFailed`]; a violation of `content`.
pub async fn update_post(
    app: &App,
    actor: &Actor,
    id: u64,
    input: UpdatePost,
    version: &IfMatch,
) -> Result<Post, SocialError> {
    actor.require("write")?;
    let content = cleaned(input.content);
    let audience = Audience::of(app, actor.user_id()).await?;
    in_unit!(app, |unit| write_change(app, unit, actor, (id, content.as_deref(), version), &audience))
}

async fn write_change(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    (id, content, version): (u64, Option<&str>, &IfMatch),
    audience: &Audience,
) -> Result<Post, SocialError> {
    let (_, row) = hold_post(unit, actor, id).await?;
    if row.author.id != actor.user_id() {
        return Err(CommonFault::Forbidden.into());
    }
    let created_at = row.created_at;
    let before = post_view(app, row)?;
    version.check(&before)?;
    check_content(before.post_type, content).into_result()?;
    if before.content.as_deref() == content {
        return Ok(before);
    }
    store::posts::update_post_content(unit, id, content, change_time(created_at)).await?;
    let post = read_back(app, unit, actor, id).await?;
    tell_change(unit, audience, &post);
    Ok(post)
}

/// A post of the actor's as it is now.
pub(super) async fn read_back(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
) -> Result<Post, SocialError> {
    let viewer = super::visibility::viewer_of(Some(actor), crate::morph::Morph::Post);
    let row = store::posts::find_post(unit, viewer, id).await?.ok_or(NO_POST)?;
    Ok(post_view(app, row)?)
}

/// Listeners of a post, its author's devices and the followers hear that it has changed. One that is hidden is nobody's
/// news but the author's.
pub(super) fn tell_change(unit: &mut Unit, audience: &Audience, post: &Post) {
    let event = Event::PostUpdated { post: told_post(post) };
    if post.is_hidden {
        unit.emit(Channel::User(post.user.id), event);
        return;
    }
    audience.tell(unit, &event);
    unit.emit(Channel::Post(post.id), event);
}
