//! `DELETE /posts/{id}` (domain.md §5.3).

use base::Time;
use base::conditional::IfMatch;
use base::id::UserId;
use bus::ControlMessage;
use chrono::{DateTime, Utc};
use protocol::Event;
use protocol::channel::Channel;
use protocol::notifications::NotificationKind;
use serde_json::json;
use store::audit::NewAudit;

use super::SocialError;
use super::audience::Audience;
use super::view::post_view;
use super::visibility::{MODERATE, hold_post};
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit, uploads};

/// Deletes a post: for its author and moderators. Its row stays, and so do its files where a moderator has deleted it, as
/// evidence; where its author has, they go.
///
/// # Errors
/// `not_found`; [`CommonFault::Forbidden`]; [`CommonFault::PreconditionFailed`].
pub async fn delete_post(app: &App, actor: &Actor, id: u64, version: &IfMatch) -> Result<(), SocialError> {
    actor.require("write")?;
    let author = {
        let mut conn = app.store.reader().await?;
        super::visibility::find_visible(&mut conn, Some(actor), id).await?.author.id
    };
    let audience = Audience::of(app, author).await?;
    in_unit!(app, |unit| write_deletion(app, unit, actor, (id, version), &audience))
}

async fn write_deletion(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    (id, version): (u64, &IfMatch),
    audience: &Audience,
) -> Result<(), SocialError> {
    let (locked, row) = hold_post(unit, actor, id).await?;
    let own = locked.user_id == actor.user_id();
    if !own {
        access::require_permission(unit, actor, MODERATE).await?;
    }
    version.check(&post_view(app, row)?)?;
    if own {
        let at = Time::now_in_seconds().as_chrono();
        store::posts::update_post_deleted(unit, id, at).await?;
        uploads::release(unit, Morph::Post, id).await?;
        tell_gone(unit, audience, (id, locked.user_id));
        return Ok(());
    }
    remove_post(app, unit, actor, (id, locked.user_id), audience).await
}

/// Deletes a locked post of somebody else in the moderators' name: its author is told, and the audit log knows.
///
/// # Errors
/// Those of the store.
pub(super) async fn remove_post(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    (id, author): (u64, UserId),
    audience: &Audience,
) -> Result<(), SocialError> {
    let at = Time::now_in_seconds().as_chrono();
    store::posts::update_post_deleted(unit, id, at).await?;
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action: MODERATE,
        subject_type: "post",
        subject_id: id,
        before: json!({ "deleted": false }),
        after: json!({ "deleted": true }),
    };
    store::audit::insert_audit(unit, &deed).await?;
    tell_gone(unit, audience, (id, author));
    // Nobody is told who of the moderators it was.
    let notice = Notice::new(NotificationKind::ContentRemoved, author);
    Ok(notify(app, unit, notice.about(Morph::Post, id, format!("/posts/{id}"))).await?)
}

/// Hides a locked post until it was reviewed, and tells so.
pub(super) async fn hide_post(
    unit: &mut Unit,
    audience: &Audience,
    (id, author): (u64, UserId),
    at: DateTime<Utc>,
) -> Result<(), SocialError> {
    store::posts::insert_hidden(unit, id, at).await?;
    tell_gone(unit, audience, (id, author));
    Ok(())
}

/// A hidden post is shown again: who listened to it was put out when it was hidden, and may come back.
pub(super) fn tell_shown(unit: &mut Unit, id: u64) {
    unit.control(ControlMessage::AccessChanged { channel: Channel::Post(id).to_string() });
}

/// A post is nobody's to see any more: who shows it hears so, and who listens to it is asked for again.
pub(super) fn tell_gone(unit: &mut Unit, audience: &Audience, (id, author): (u64, UserId)) {
    let event = Event::PostDeleted { post_id: id, user_id: author };
    audience.tell(unit, &event);
    unit.emit(Channel::Post(id), event);
    unit.control(ControlMessage::AccessChanged { channel: Channel::Post(id).to_string() });
}
