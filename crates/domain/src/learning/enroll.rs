//! `POST /courses/{id}/enroll` (domain.md §5.4, §8.3).

use base::{CommonFault, Money, Time};
use protocol::Event;
use protocol::IdempotencyKey;
use protocol::channel::Channel;
use protocol::courses::CourseStatus;
use protocol::learning::{Enrollment, EnrollmentStatus};
use protocol::notifications::NotificationKind;
use protocol::wallet::Category;
use serde::Serialize;
use store::courses::CourseRow;
use store::learning::{EnrollmentRow, NewEnrollment};

use super::completion::recount;
use super::view::{enrollment_status, enrollment_view};
use super::{LearningError, NO_COURSE, NO_ENROLLMENT};
use crate::courses::{course_status, discount_of, require_visible, role_of};
use crate::idempotency::{self, Claim, Written};
use crate::machine::step;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::wallet::{InvoiceItem, Sale, sell};
use crate::{Actor, App, in_unit};

/// The scope of its keys.
const OPERATION: &str = "courses.enroll";

/// What a key stands for.
#[derive(Serialize)]
struct Enroll {
    course_id: u64,
}

/// Takes the actor into a published course. One that costs money is paid from the wallet and needs a key; a cancelled or
/// expired enrollment is taken up again, with what was learnt.
///
/// # Errors
/// `not_found`; [`CommonFault::IdempotencyKeyRequired`] for a paid course without a key; [`LearningError::OwnCourse`],
/// [`LearningError::AlreadyEnrolled`], [`LearningError::NotOpen`]; [`crate::wallet::WalletError::InsufficientFunds`], after
/// which nothing is written.
pub async fn enroll(
    app: &App,
    actor: &Actor,
    course_id: u64,
    key: Option<IdempotencyKey>,
) -> Result<Written<Enrollment>, LearningError> {
    actor.require("write")?;
    let input = Enroll { course_id };
    in_unit!(app, |unit| write_enrollment(app, unit, actor, &input, key.as_ref()))
}

async fn write_enrollment(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &Enroll,
    key: Option<&IdempotencyKey>,
) -> Result<Written<Enrollment>, LearningError> {
    let ticket = match key {
        None => None,
        Some(key) => match idempotency::claim(unit, actor, OPERATION, key, input).await? {
            Claim::First(ticket) => Some(ticket),
            Claim::Answered(written) => return Ok(written),
        },
    };
    let course = store::courses::lock_course(unit, input.course_id).await?.ok_or(NO_COURSE)?;
    let role = role_of(unit, Some(actor), &course).await?;
    require_visible(unit, role, &course).await?;
    let price = price_of(&course)?;
    if price.is_positive() {
        actor.require("wallet")?;
        key.ok_or(CommonFault::IdempotencyKeyRequired)?;
    }
    if course.user_id == actor.user_id() {
        return Err(LearningError::OwnCourse);
    }
    let at = Time::now_in_seconds();
    let seat = find_seat(unit, actor.user_id(), &course, at).await?;
    if course_status(&course.status)? != CourseStatus::Published {
        return Err(LearningError::NotOpen);
    }
    let mut new = NewEnrollment {
        user_id: actor.user_id(),
        course_id: course.id,
        price_paid: price,
        transaction_id: None,
        expires_at: None,
        at: at.as_chrono(),
    };
    let row = match key.filter(|_| price.is_positive()) {
        Some(key) => {
            let sale = Sale {
                key: (OPERATION, key),
                buyer: actor.user_id(),
                seller: course.user_id,
                category: Category::Course,
                fee_basis_points: app.settings.money.course_fee_basis_points,
                related: (Morph::Course.column(app.settings.morph), course.id),
                item: InvoiceItem {
                    description: course.title.clone(),
                    quantity: 1,
                    unit_price: price,
                    total: price,
                },
                at,
            };
            let sold = sell(app, unit, &sale).await?;
            new.transaction_id = Some(sold.debit_id);
            let row = seat.take(app, unit, new, at).await?;
            sold.invoice(app, unit, &sale).await?;
            row
        }
        None => seat.take(app, unit, new, at).await?,
    };
    tell(app, unit, &row).await?;
    let answer = enrollment_view(app, &row)?;
    match ticket {
        Some(ticket) => Ok(idempotency::remember(unit, ticket, answer).await?),
        None => Ok(Written { answer, replayed: false }),
    }
}

/// What the course costs now.
fn price_of(course: &CourseRow) -> Result<Money, LearningError> {
    Ok(discount_of(course)?.unwrap_or(course.price))
}

/// A place in a course that is locked: of somebody who was never in it, or is no more.
pub(super) struct Seat {
    earlier: Option<(u64, EnrollmentStatus)>,
}

/// Looks for the place of a user, and counts them among the students, before the enrollment is written (domain.md D9).
///
/// # Errors
/// [`LearningError::AlreadyEnrolled`].
pub(super) async fn find_seat(
    unit: &mut Unit,
    user_id: u64,
    course: &CourseRow,
    at: Time,
) -> Result<Seat, LearningError> {
    let earlier = store::learning::lock_enrollment_in(unit, user_id, course.id).await?;
    let Some(earlier) = earlier else {
        store::learning::update_students_count(unit, course.id, true).await?;
        return Ok(Seat { earlier: None });
    };
    let mut status = enrollment_status(&earlier.status)?;
    if status == EnrollmentStatus::Active && earlier.expires_at.is_some_and(|end| end <= at.as_chrono()) {
        // The clock has not come by yet.
        step(status, EnrollmentStatus::Expired)?;
        let ends = (status.as_str(), EnrollmentStatus::Expired.as_str());
        store::learning::update_enrollment_status(unit, earlier.id, ends, at.as_chrono()).await?;
        status = EnrollmentStatus::Expired;
    } else if matches!(status, EnrollmentStatus::Active | EnrollmentStatus::Completed) {
        return Err(LearningError::AlreadyEnrolled);
    } else {
        store::learning::update_students_count(unit, course.id, true).await?;
    }
    Ok(Seat { earlier: Some((earlier.id, status)) })
}

impl Seat {
    /// Writes the enrollment. What was learnt before counts, and may be all.
    pub(super) async fn take(
        self,
        app: &App,
        unit: &mut Unit,
        new: NewEnrollment,
        at: Time,
    ) -> Result<EnrollmentRow, LearningError> {
        let id = match self.earlier {
            None => store::learning::insert_enrollment(unit, new).await?,
            Some((id, status)) => {
                step(status, EnrollmentStatus::Active)?;
                store::learning::update_enrolled_again(unit, id, status.as_str(), new).await?;
                id
            }
        };
        let mut row = store::learning::find_enrollment(unit, id).await?.ok_or(NO_ENROLLMENT)?;
        if self.earlier.is_some() {
            recount(app, unit, &mut row, at).await?;
        }
        Ok(row)
    }
}

/// The student's devices and the author learn of it.
pub(super) async fn tell(app: &App, unit: &mut Unit, row: &EnrollmentRow) -> Result<(), LearningError> {
    let enrollment = Box::new(enrollment_view(app, row)?);
    unit.emit(Channel::User(row.user_id), Event::EnrollmentCreated { enrollment });
    let notice = Notice::new(NotificationKind::CourseEnrolled, row.author_id)
        .by(row.user_id)
        .about(Morph::Course, row.course_id, format!("/courses/{}", row.course_slug))
        .with("title", row.course_title.as_str());
    Ok(notify(app, unit, notice).await?)
}
