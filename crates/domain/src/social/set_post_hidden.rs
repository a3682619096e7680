//! `PATCH /admin/posts/{id}` (domain.md §5.11).

use base::text::length;
use base::{Problem, Time, Violations};
use bus::ControlMessage;
use protocol::channel::Channel;
use protocol::moderation::SetPostHidden;
use protocol::social::Post;
use serde_json::json;
use store::audit::NewAudit;

use super::audience::Audience;
use super::create_post::cleaned;
use super::delete_post::tell_gone;
use super::find_post::find_post;
use super::visibility::{MODERATE, find_visible};
use super::{NO_POST, SocialError};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

/// Characters of a reason.
const LONGEST: usize = 200;

/// Hides a post from everybody but its author and moderators, or shows it again, with the permission `posts.moderate`; noted
/// in the audit log. A post that is as it should be stays so.
///
/// # Errors
/// [`base::CommonFault::Forbidden`]; `not_found`; a violation of `reason`.
pub async fn set_post_hidden(
    app: &App,
    actor: &Actor,
    id: u64,
    input: SetPostHidden,
) -> Result<Post, SocialError> {
    actor.require("write")?;
    let author = demand_moderated(app, actor, id).await?;
    let reason = cleaned(input.reason);
    if reason.as_deref().is_some_and(|reason| length(reason) > LONGEST) {
        return Err(Violations::one("reason", Problem::TooLong(LONGEST)).into());
    }
    let audience = Audience::of(app, author).await?;
    let written: Result<(), SocialError> = in_unit!(app, |unit| write_hidden(
        unit,
        actor,
        (id, author),
        input.is_hidden,
        reason.as_deref(),
        &audience
    ));
    written?;
    find_post(app, Some(actor), id).await
}

/// The author of a post; demands the permission, then that there is such a post, for a door that has to refuse others before
/// it tells what is wrong with a body (domain.md §2.2).
///
/// # Errors
/// [`base::CommonFault::Forbidden`]; `not_found`.
pub async fn demand_moderated(app: &App, actor: &Actor, id: u64) -> Result<u64, SocialError> {
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, MODERATE).await?;
    Ok(find_visible(&mut conn, Some(actor), id).await?.author.id)
}

async fn write_hidden(
    unit: &mut Unit,
    actor: &Actor,
    (id, author): (u64, u64),
    hides: bool,
    reason: Option<&str>,
    audience: &Audience,
) -> Result<(), SocialError> {
    access::require_permission(unit, actor, MODERATE).await?;
    store::posts::lock_post(unit, id).await?.ok_or(NO_POST)?;
    let was_hidden = store::posts::is_hidden(unit, id).await?;
    if was_hidden == hides {
        return Ok(());
    }
    if hides {
        store::posts::insert_hidden(unit, id, Time::now_in_seconds().as_chrono()).await?;
        tell_gone(unit, audience, (id, author));
    } else {
        store::posts::delete_hidden(unit, id).await?;
        // Who listens to it was put out when it was hidden; they may come back.
        unit.control(ControlMessage::AccessChanged { channel: Channel::Post(id).to_string() });
    }
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action: MODERATE,
        subject_type: "post",
        subject_id: id,
        before: json!({ "is_hidden": was_hidden }),
        after: json!({ "is_hidden": hides, "reason": reason }),
    };
    Ok(store::audit::insert_audit(unit, &deed).await?)
}
