//! `DELETE /reviews/{id}`, and the same of one's own review of a course or book.

use base::conditional::IfMatch;
use protocol::notifications::NotificationKind;
use protocol::reviews::Reviewable;
use serde_json::json;
use store::audit::NewAudit;

use super::ReviewError;
use super::access::{MODERATE, kind_of, require_writer, subject};
use super::update_review::{find_own, lock_review};
use super::view::review_view;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

/// Takes a review away: one's own, or as a moderator, which its writer is told of and the audit log keeps.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; [`base::CommonFault::PreconditionFailed`].
pub async fn delete_review(
    app: &App,
    actor: &Actor,
    review_id: u64,
    version: &IfMatch,
) -> Result<(), ReviewError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_deletion(app, unit, actor, review_id, version))
}

/// As [`delete_review`], of the actor's review of a thing.
///
/// # Errors
/// Those of [`delete_review`].
pub async fn delete_own_review(
    app: &App,
    actor: &Actor,
    (kind, id): (Reviewable, u64),
    version: &IfMatch,
) -> Result<(), ReviewError> {
    actor.require("write")?;
    let review_id = find_own(app, actor, (kind, id)).await?;
    delete_review(app, actor, review_id, version).await
}

async fn write_deletion(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    review_id: u64,
    version: &IfMatch,
) -> Result<(), ReviewError> {
    let review = lock_review(unit, review_id).await?;
    let own = review.user_id == actor.user_id();
    if !own && !access::has_permission(unit, actor.user_id(), MODERATE).await? {
        return require_writer(unit, actor, &review).await;
    }
    version.check(&review_view(app, unit, review.clone()).await?)?;
    let kind = kind_of(&review)?;
    store::reviews::delete_review(unit, review.id).await?;
    store::reviews::update_average(unit, subject(kind, review.reviewable_id)).await?;
    if !own {
        let deed = NewAudit {
            actor_id: actor.user_id(),
            action: MODERATE,
            subject_type: "review",
            subject_id: review.id,
            before: json!({"user_id": review.user_id, "rating": review.rating, "body": review.body}),
            after: json!(null),
        };
        store::audit::insert_audit(unit, &deed).await?;
        let (what, path) = match kind {
            Reviewable::Course => (Morph::Course, "courses"),
            Reviewable::Book => (Morph::Book, "books"),
        };
        let url = format!("/{path}/{}", review.reviewable_id);
        let notice = Notice::new(NotificationKind::ContentRemoved, review.user_id)
            .about(what, review.reviewable_id, url)
            .with("title", review.title);
        notify(app, unit, notice).await?;
    }
    Ok(())
}
