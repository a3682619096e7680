//! What the two say of each other after a session (domain.md §5.7).

use base::conditional::IfMatch;
use base::text::{clean, length};
use base::{Problem, Time, Violations};
use chrono::TimeDelta;
use protocol::Event;
use protocol::channel::Channel;
use protocol::consultations::{BookingStatus, Party, RateBooking, Rating, UpdateRating};
use protocol::notifications::NotificationKind;
use store::consultations::{BookingRow, NewRating};

use super::booking_view::{booking_status, end_of, rating_view};
use super::party::{lock_known, require_party};
use super::{ConsultationError, NO_RATING};
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// After a session it can be rated for so long.
const RATED_WITHIN: TimeDelta = TimeDelta::days(30);
/// A rating can be changed for so long.
const CHANGED_WITHIN: TimeDelta = TimeDelta::hours(48);
/// Characters of a review at most.
const LONGEST_REVIEW: usize = 2_000;

/// Rates the other one of a completed session, once.
///
/// # Errors
/// [`base::CommonFault::NotFound`]; [`base::CommonFault::Forbidden`] for whoever is not one of the two;
/// [`ConsultationError::TooLateToRate`]; violations of `rating` and `review`; [`ConsultationError::NotCompleted`],
/// [`ConsultationError::AlreadyRated`].
pub async fn rate_booking(
    app: &App,
    actor: &Actor,
    id: u64,
    input: RateBooking,
) -> Result<Rating, ConsultationError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_rating(app, unit, actor, id, &input))
}

async fn write_rating(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    input: &RateBooking,
) -> Result<Rating, ConsultationError> {
    let (row, standing) = lock_known(unit, actor, id).await?;
    let rated_id = match require_party(standing)? {
        Party::Student => row.speaker_id,
        Party::Speaker => row.student_id,
    };
    let review = check(Some(input.rating), input.review.as_deref())?;
    let at = Time::now_in_seconds();
    if at.as_chrono() - end_of(&row) > RATED_WITHIN {
        return Err(ConsultationError::TooLateToRate);
    }
    if booking_status(&row.status)? != BookingStatus::Completed {
        return Err(ConsultationError::NotCompleted);
    }
    let new = NewRating {
        booking_id: id,
        rater_id: actor.user_id(),
        rated_id,
        rating: input.rating,
        review: review.as_deref(),
        at: at.as_chrono(),
    };
    // The booking is locked, so that of two at once one finds the other's.
    if store::consultations::find_rating(unit, id, actor.user_id()).await?.is_some() {
        return Err(ConsultationError::AlreadyRated);
    }
    store::consultations::insert_rating(unit, &new).await?;
    let rating = read_rating(app, unit, actor, id).await?;
    tell(unit, &row, &rating);
    let notice = Notice::new(NotificationKind::RatingReceived, rated_id)
        .by(actor.user_id())
        .about(Morph::ConsultationBooking, id, format!("/bookings/{id}"))
        .with("rating", u64::from(input.rating));
    notify(app, unit, notice).await?;
    Ok(rating)
}

/// Changes one's own rating, within 48 hours.
///
/// # Errors
/// [`base::CommonFault::NotFound`]; [`base::CommonFault::PreconditionFailed`]; [`ConsultationError::TooLateToChange`]; violations of
/// `rating` and `review`.
pub async fn update_rating(
    app: &App,
    actor: &Actor,
    id: u64,
    version: &IfMatch,
    input: UpdateRating,
) -> Result<Rating, ConsultationError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_change(app, unit, actor, id, version, &input))
}

async fn write_change(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    version: &IfMatch,
    input: &UpdateRating,
) -> Result<Rating, ConsultationError> {
    let (row, standing) = lock_known(unit, actor, id).await?;
    require_party(standing)?;
    let before = store::consultations::lock_rating(unit, id, actor.user_id()).await?.ok_or(NO_RATING)?;
    version.check(&rating_view(app, unit, before.clone()).await?)?;
    let review = check(input.rating, input.review.as_deref())?;
    let at = Time::now_in_seconds().as_chrono();
    if before.created_at.is_some_and(|created| at - created > CHANGED_WITHIN) {
        return Err(ConsultationError::TooLateToChange);
    }
    let review = if input.review.is_some() { review } else { before.review };
    let now = (input.rating.unwrap_or(before.rating), review.as_deref());
    store::consultations::update_rating(unit, before.id, now, at).await?;
    let rating = read_rating(app, unit, actor, id).await?;
    tell(unit, &row, &rating);
    Ok(rating)
}

async fn read_rating(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    booking_id: u64,
) -> Result<Rating, ConsultationError> {
    let row = store::consultations::find_rating(unit, booking_id, actor.user_id()).await?.ok_or(NO_RATING)?;
    rating_view(app, unit, row).await
}

/// A review as it is stored.
fn check(rating: Option<u8>, review: Option<&str>) -> Result<Option<String>, Violations> {
    let mut violations = Violations::none();
    if let Some(rating) = rating {
        violations.require(rating >= 1, "rating", Problem::TooSmall("1".to_owned()));
        violations.require(rating <= 5, "rating", Problem::TooGreat("5".to_owned()));
    }
    let review = review.map(clean).filter(|review| !review.is_empty());
    let fits = review.as_deref().is_none_or(|review| length(review) <= LONGEST_REVIEW);
    violations.require(fits, "review", Problem::TooLong(LONGEST_REVIEW));
    violations.into_result()?;
    Ok(review)
}

fn tell(unit: &mut Unit, row: &BookingRow, rating: &Rating) {
    for user_id in [row.student_id, row.speaker_id] {
        unit.emit(Channel::User(user_id), Event::RatingReceived(Box::new(rating.clone())));
    }
}
