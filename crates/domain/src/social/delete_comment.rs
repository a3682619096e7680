//! `DELETE /comments/{id}` (domain.md §5.3).

use base::conditional::IfMatch;
use base::{CommonFault, Time};
use protocol::Event;
use protocol::channel::Channel;
use protocol::notifications::NotificationKind;
use serde_json::json;
use store::audit::NewAudit;
use store::posts::{PostCounter, Viewer};

use super::find_comment::{MODERATE_COMMENTS, find_comment_post, without_post};
use super::view::comment_view;
use super::visibility::{hold_post, viewer_of};
use super::{NO_COMMENT, SocialError, counters};
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit, uploads};

/// Deletes a comment: for its author, the author of the post, and moderators. Where it has answers its place stays.
///
/// # Errors
/// `not_found`; [`CommonFault::Forbidden`]; [`CommonFault::PreconditionFailed`].
pub async fn delete_comment(app: &App, actor: &Actor, id: u64, version: &IfMatch) -> Result<(), SocialError> {
    actor.require("write")?;
    let written: Result<u64, SocialError> =
        in_unit!(app, |unit| write_deletion(app, unit, actor, (id, version)));
    counters::tell_soon(app, written?).await;
    Ok(())
}

async fn write_deletion(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    (id, version): (u64, &IfMatch),
) -> Result<u64, SocialError> {
    let post_id = find_comment_post(unit, id).await?;
    let (post, _) = hold_post(unit, actor, post_id).await.map_err(without_post)?;
    let comment = store::posts::lock_comment(unit, id).await?.ok_or(NO_COMMENT)?;
    let own = comment.user_id == actor.user_id();
    let as_moderator = !own && post.user_id != actor.user_id();
    if as_moderator && !access::has_permission(unit, actor.user_id(), MODERATE_COMMENTS).await? {
        return Err(CommonFault::Forbidden.into());
    }
    // Also of somebody across a block, whom the author of a post does not see otherwise.
    let viewer = Viewer { sees_all: true, ..viewer_of(Some(actor), Morph::Comment) };
    if let Some(row) = store::posts::find_comment(unit, viewer, id).await? {
        version.check(&comment_view(app, row)?)?;
    }
    let count = post.comments_count.saturating_sub(1);
    store::posts::update_post_counter(unit, post_id, PostCounter::Comments, count).await?;
    store::posts::update_comment_deleted(unit, id, Time::now_in_seconds().as_chrono()).await?;
    unit.emit(Channel::Post(post_id), Event::CommentDeleted { post_id, comment_id: id });
    if comment.is_pinned {
        unit.emit(Channel::Post(post_id), Event::CommentPinned { post_id, comment_id: None });
    }
    if !as_moderator {
        uploads::release(unit, Morph::Comment, id).await?;
        return Ok(post_id);
    }
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action: MODERATE_COMMENTS,
        subject_type: "comment",
        subject_id: id,
        before: json!({ "deleted": false }),
        after: json!({ "deleted": true }),
    };
    store::audit::insert_audit(unit, &deed).await?;
    // Nobody is told who of the moderators it was.
    let notice = Notice::new(NotificationKind::ContentRemoved, comment.user_id);
    notify(app, unit, notice.about(Morph::Comment, id, format!("/posts/{post_id}"))).await?;
    Ok(post_id)
}
