//! Who may read and write the reviews of a thing.

use base::CommonFault;
use protocol::reviews::Reviewable;
use rust_decimal::Decimal;
use store::Conn;
use store::reviews::{ReviewRow, Subject, SubjectRow};

use super::{NO_REVIEW, ReviewError, missing};
use crate::{Actor, App, access};

/// To take away what others wrote.
pub(super) const MODERATE: &str = "comments.moderate";

pub(super) const fn subject(kind: Reviewable, id: u64) -> Subject {
    Subject { kind: kind.as_str(), id }
}

/// Demands that the viewer may know of the thing: a published one anybody, as long as its author's account is good; an
/// archived one whoever has it; its author and administrators always. Gives how much of it the viewer has.
///
/// # Errors
/// `not_found`.
pub(super) async fn require_visible(
    conn: &mut Conn,
    viewer: Option<&Actor>,
    (kind, id): (Reviewable, u64),
    row: &SubjectRow,
) -> Result<Option<Decimal>, ReviewError> {
    let share = match viewer {
        Some(viewer) => store::reviews::find_share(conn, viewer.user_id(), subject(kind, id)).await?,
        None => None,
    };
    let published = row.status == "published";
    if share.is_some() && (published || row.status == "archived") {
        return Ok(share);
    }
    if published && store::courses::has_active_author(conn, row.user_id).await? {
        return Ok(share);
    }
    if let Some(viewer) = viewer {
        let manages = match kind {
            Reviewable::Course => "courses.manage",
            Reviewable::Book => "books.manage",
        };
        let own = row.user_id == viewer.user_id();
        if own || access::has_permission(conn, viewer.user_id(), manages).await? {
            return Ok(share);
        }
    }
    Err(missing(kind).into())
}

/// Demands that the actor has the thing, for a door that has to refuse others before it tells what is wrong with a body
/// (domain.md §2.2).
///
/// # Errors
/// `not_found`; [`ReviewError::NotEntitled`].
pub async fn demand_share(
    app: &App,
    actor: &Actor,
    (kind, id): (Reviewable, u64),
) -> Result<(), ReviewError> {
    let mut conn = app.store.reader().await?;
    let row =
        store::reviews::find_subject(&mut conn, subject(kind, id)).await?.ok_or_else(|| missing(kind))?;
    let share = require_visible(&mut conn, Some(actor), (kind, id), &row).await?;
    if share.is_some() { Ok(()) } else { Err(ReviewError::NotEntitled) }
}

/// Demands that the actor has reviewed the thing, for a door.
///
/// # Errors
/// `not_found`.
pub async fn demand_own_review(
    app: &App,
    actor: &Actor,
    (kind, id): (Reviewable, u64),
) -> Result<(), ReviewError> {
    let mut conn = app.store.reader().await?;
    let found = store::reviews::find_own_review(&mut conn, actor.user_id(), subject(kind, id)).await?;
    found.map(drop).ok_or_else(|| NO_REVIEW.into())
}

/// Demands that the actor wrote the review, for a door.
///
/// # Errors
/// Those of [`require_writer`].
pub async fn demand_review(app: &App, actor: &Actor, review_id: u64) -> Result<(), ReviewError> {
    let mut conn = app.store.reader().await?;
    let review = store::reviews::find_review(&mut conn, review_id).await?.ok_or(NO_REVIEW)?;
    require_writer(&mut conn, actor, &review).await
}

/// Demands that the actor wrote the review.
///
/// # Errors
/// [`CommonFault::Forbidden`]; `not_found` where the thing is not the actor's to know.
pub(super) async fn require_writer(
    conn: &mut Conn,
    actor: &Actor,
    review: &ReviewRow,
) -> Result<(), ReviewError> {
    if review.user_id == actor.user_id() {
        return Ok(());
    }
    let kind = kind_of(review)?;
    let id = review.reviewable_id;
    let row = store::reviews::find_subject(conn, subject(kind, id)).await?.ok_or(NO_REVIEW)?;
    let visible = require_visible(conn, Some(actor), (kind, id), &row).await;
    match visible {
        Ok(_) => Err(CommonFault::Forbidden.into()),
        Err(ReviewError::Common(CommonFault::NotFound(_))) => Err(NO_REVIEW.into()),
        Err(other) => Err(other),
    }
}

/// What the review is about.
///
/// # Errors
/// [`store::StoreError::Corrupt`].
pub(super) fn kind_of(review: &ReviewRow) -> Result<Reviewable, ReviewError> {
    let corrupt = store::StoreError::Corrupt { table: "hub_reviews", column: "reviewable_type" };
    Ok(Reviewable::from_name(&review.reviewable_type).ok_or(corrupt)?)
}
