//! `POST /enrollments/{id}/cancel` (domain.md §5.4, §8.4).

use base::{CommonFault, Time};
use bus::ControlMessage;
use chrono::TimeDelta;
use protocol::IdempotencyKey;
use protocol::channel::Channel;
use protocol::learning::{Enrollment, EnrollmentStatus};
use serde::Serialize;
use serde_json::json;
use store::audit::NewAudit;
use store::learning::EnrollmentRow;

use super::access::{Holder, require_holder};
use super::settings::refund_window;
use super::view::{enrollment_status, enrollment_view, is_paid};
use super::{LearningError, NO_ENROLLMENT};
use crate::idempotency::{self, Claim, Written};
use crate::machine::step;
use crate::unit::Unit;
use crate::wallet::{Part, Refund, refund_sale};
use crate::{Actor, App, in_unit};

/// The scope of its keys, and the action in the audit log.
const OPERATION: &str = "enrollments.cancel";

/// What a key stands for.
#[derive(Serialize)]
struct CancelEnrollment {
    enrollment_id: u64,
}

/// Ends an active enrollment. What was paid is given back: to its student within the window of the settings, by an
/// administrator at any time. Notes and progress are kept.
///
/// # Errors
/// `not_found`, also for another's; [`CommonFault::IdempotencyKeyRequired`] where money moves; `illegal_transition`;
/// [`LearningError::CancelPolicy`]; those of the refund.
pub async fn cancel_enrollment(
    app: &App,
    actor: &Actor,
    enrollment_id: u64,
    key: Option<IdempotencyKey>,
) -> Result<Written<Enrollment>, LearningError> {
    actor.require("write")?;
    let input = CancelEnrollment { enrollment_id };
    in_unit!(app, |unit| write_cancellation(app, unit, actor, &input, key.as_ref()))
}

async fn write_cancellation(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &CancelEnrollment,
    key: Option<&IdempotencyKey>,
) -> Result<Written<Enrollment>, LearningError> {
    let ticket = match key {
        None => None,
        Some(key) => match idempotency::claim(unit, actor, OPERATION, key, input).await? {
            Claim::First(ticket) => Some(ticket),
            Claim::Answered(written) => return Ok(written),
        },
    };
    let place = store::learning::find_enrollment(unit, input.enrollment_id).await?.ok_or(NO_ENROLLMENT)?;
    let holder = require_holder(unit, actor, &place).await?;
    store::courses::lock_any_course(unit, place.course_id).await?.ok_or(NO_ENROLLMENT)?;
    let row = store::learning::lock_enrollment(unit, place.id).await?.ok_or(NO_ENROLLMENT)?;
    if is_paid(&row) {
        actor.require("wallet")?;
        key.ok_or(CommonFault::IdempotencyKeyRequired)?;
    }
    let status = enrollment_status(&row.status)?;
    step(status, EnrollmentStatus::Cancelled)?;
    let at = Time::now_in_seconds();
    if holder == Holder::Student && is_paid(&row) {
        require_window(unit, &row, at).await?;
    }
    store::learning::update_students_count(unit, row.course_id, false).await?;
    let ends = (status.as_str(), EnrollmentStatus::Cancelled.as_str());
    store::learning::update_enrollment_status(unit, row.id, ends, at.as_chrono()).await?;
    if holder == Holder::Manager {
        let deed = NewAudit {
            actor_id: actor.user_id(),
            action: OPERATION,
            subject_type: "enrollment",
            subject_id: row.id,
            before: json!({ "status": status }),
            after: json!({ "status": EnrollmentStatus::Cancelled, "refunded": row.price_paid }),
        };
        store::audit::insert_audit(unit, &deed).await?;
    }
    if let Some(debit_id) = row.transaction_id.filter(|_| is_paid(&row)) {
        let refund = Refund { debit_id, part: Part::All, reason: &row.course_title, at };
        let refunded = refund_sale(app, unit, &refund).await?;
        refunded.credit_note(app, unit).await?;
    }
    let channel = Channel::Course(row.course_id).to_string();
    unit.control(ControlMessage::AccessRevoked { user_id: row.user_id, channel });
    let row = store::learning::find_enrollment(unit, row.id).await?.ok_or(NO_ENROLLMENT)?;
    let answer = enrollment_view(app, &row)?;
    match ticket {
        Some(ticket) => Ok(idempotency::remember(unit, ticket, answer).await?),
        None => Ok(Written { answer, replayed: false }),
    }
}

/// Soon enough, and little enough learnt?
async fn require_window(unit: &mut Unit, row: &EnrollmentRow, at: Time) -> Result<(), LearningError> {
    let (days, progress) = refund_window(unit).await?;
    let last = row.enrolled_at.and_then(|enrolled| {
        TimeDelta::try_days(days).and_then(|window| enrolled.checked_add_signed(window))
    });
    let in_time = last.is_some_and(|last| at.as_chrono() <= last);
    if in_time && row.progress_percentage < progress { Ok(()) } else { Err(LearningError::CancelPolicy) }
}
