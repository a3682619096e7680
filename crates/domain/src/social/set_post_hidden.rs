//! `PATCH /admin/posts/{id}` (domain.md §5.11).

use base::Time;
use base::text::cleaned;
use protocol::moderation::SetPostHidden;
use protocol::social::Post;
use serde_json::json;
use store::audit::NewAudit;

use super::audience::Audience;
use super::create_post::require_length;
use super::delete_post::{hide_post, tell_shown};
use super::find_post::find_post;
use super::moderators::LONGEST_NOTE;
use super::visibility::{MODERATE, find_visible};
use super::{NO_POST, SocialError};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

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
    require_length("reason", reason.as_deref(), LONGEST_NOTE)?;
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
        hide_post(unit, audience, (id, author), Time::now_in_seconds().as_chrono()).await?;
    } else {
        store::posts::delete_hidden(unit, id).await?;
        tell_shown(unit, id);
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
