//! `POST /courses/{id}/reviews` and `POST /books/{id}/reviews`.

use base::text::{clean, length};
use base::{Problem, Time, Violations};
use protocol::reviews::{CreateReview, Review, Reviewable};
use rust_decimal::Decimal;

use super::access::{require_visible, subject};
use super::view::review_view;
use super::{NO_REVIEW, ReviewError, missing};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Per cent of a course that whoever reviews it has done.
const LEAST_SHARE: Decimal = Decimal::from_parts(20, 0, 0, false, 0);
const MAX_BODY: usize = 2_000;

/// The rules of a review's values.
pub(super) fn check(rating: u8, body: Option<&str>) -> Result<(), Violations> {
    let mut violations = Violations::none();
    violations.require(rating >= 1, "rating", Problem::TooSmall("1".to_owned()));
    violations.require(rating <= 5, "rating", Problem::TooGreat("5".to_owned()));
    let fits = body.is_none_or(|body| length(body) <= MAX_BODY);
    violations.require(fits, "body", Problem::TooLong(MAX_BODY));
    violations.into_result()
}

/// What is written of a review's words.
pub(super) fn cleaned(body: Option<&str>) -> Option<String> {
    body.map(clean).filter(|body| !body.is_empty())
}

/// Reviews what the actor has, once; of a course a fifth has to be done. The thing's mean is exact at once.
///
/// # Errors
/// `not_found`; [`ReviewError::NotEntitled`]; violations of each field; [`ReviewError::TooEarly`],
/// [`ReviewError::Duplicate`].
pub async fn create_review(
    app: &App,
    actor: &Actor,
    (kind, id): (Reviewable, u64),
    input: CreateReview,
) -> Result<Review, ReviewError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_review(app, unit, actor, (kind, id), &input))
}

async fn write_review(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    (kind, id): (Reviewable, u64),
    input: &CreateReview,
) -> Result<Review, ReviewError> {
    let what = subject(kind, id);
    let row = store::reviews::lock_subject(unit, what).await?.ok_or_else(|| missing(kind))?;
    let share = require_visible(unit, Some(actor), (kind, id), &row).await?;
    let share = share.ok_or(ReviewError::NotEntitled)?;
    let body = cleaned(input.body.as_deref());
    check(input.rating, body.as_deref())?;
    if share < LEAST_SHARE {
        return Err(ReviewError::TooEarly);
    }
    if store::reviews::find_own_review(unit, actor.user_id(), what).await?.is_some() {
        return Err(ReviewError::Duplicate);
    }
    let at = Time::now_in_seconds().as_chrono();
    let words = (input.rating, body.as_deref());
    let review_id = store::reviews::insert_review(unit, actor.user_id(), what, words, at).await?;
    store::reviews::update_average(unit, what).await?;
    let review = store::reviews::find_review(unit, review_id).await?.ok_or(NO_REVIEW)?;
    review_view(app, unit, review).await
}
