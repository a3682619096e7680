//! `PATCH /reviews/{id}`, and the same of one's own review of a course or book.

use base::Time;
use base::conditional::IfMatch;
use protocol::reviews::{Review, Reviewable, UpdateReview};
use store::reviews::ReviewRow;

use super::access::{kind_of, require_writer, subject};
use super::create_review::{check, cleaned};
use super::view::review_view;
use super::{NO_REVIEW, ReviewError};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Changes what is given of one's review. The thing's mean is exact at once.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; [`base::CommonFault::PreconditionFailed`]; violations of each field.
pub async fn update_review(
    app: &App,
    actor: &Actor,
    review_id: u64,
    version: &IfMatch,
    input: UpdateReview,
) -> Result<Review, ReviewError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_changes(app, unit, actor, review_id, version, &input))
}

/// As [`update_review`], of the actor's review of a thing.
///
/// # Errors
/// Those of [`update_review`].
pub async fn update_own_review(
    app: &App,
    actor: &Actor,
    (kind, id): (Reviewable, u64),
    version: &IfMatch,
    input: UpdateReview,
) -> Result<Review, ReviewError> {
    actor.require("write")?;
    let review_id = find_own(app, actor, (kind, id)).await?;
    update_review(app, actor, review_id, version, input).await
}

/// The id of the actor's review of a thing.
///
/// # Errors
/// `not_found`.
pub(super) async fn find_own(
    app: &App,
    actor: &Actor,
    (kind, id): (Reviewable, u64),
) -> Result<u64, ReviewError> {
    let mut conn = app.store.reader().await?;
    let own = store::reviews::find_own_review(&mut conn, actor.user_id(), subject(kind, id)).await?;
    Ok(own.ok_or(NO_REVIEW)?.id)
}

/// Locks what a review is about, and reads the review behind the lock.
///
/// # Errors
/// `not_found`.
pub(super) async fn lock_review(unit: &mut Unit, review_id: u64) -> Result<ReviewRow, ReviewError> {
    let place = store::reviews::find_review(unit, review_id).await?.ok_or(NO_REVIEW)?;
    let what = subject(kind_of(&place)?, place.reviewable_id);
    store::reviews::lock_subject(unit, what).await?.ok_or(NO_REVIEW)?;
    Ok(store::reviews::find_review(unit, review_id).await?.ok_or(NO_REVIEW)?)
}

async fn write_changes(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    review_id: u64,
    version: &IfMatch,
    input: &UpdateReview,
) -> Result<Review, ReviewError> {
    let before = lock_review(unit, review_id).await?;
    require_writer(unit, actor, &before).await?;
    version.check(&review_view(app, unit, before.clone()).await?)?;
    let rating = input.rating.unwrap_or(before.rating);
    let body = match &input.body {
        Some(body) => cleaned(body.as_deref()),
        None => before.body.clone(),
    };
    check(rating, body.as_deref())?;
    if (rating, &body) != (before.rating, &before.body) {
        let at = Time::now_in_seconds().as_chrono();
        store::reviews::update_review(unit, before.id, (rating, body.as_deref()), at).await?;
        store::reviews::update_average(unit, subject(kind_of(&before)?, before.reviewable_id)).await?;
    }
    let after = store::reviews::find_review(unit, before.id).await?.ok_or(NO_REVIEW)?;
    review_view(app, unit, after).await
}
