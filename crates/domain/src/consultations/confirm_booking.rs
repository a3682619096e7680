//! The speaker's word, where the settings ask for it.

use base::{CommonFault, Time};
use protocol::Event;
use protocol::consultations::{Booking, BookingStatus, CancelBooking};
use protocol::notifications::NotificationKind;

use super::ConsultationError;
use super::booking_view::{booking_status, read_booking};
use super::calendar::hold_end;
use super::cancel_booking::{Ending, checked_reason, write_cancellation};
use super::party::{lock_known, require_speaker};
use super::tell::{notify_of, tell_both};
use crate::machine::Machine;
use crate::unit::Unit;
use crate::{Actor, App, in_unit, machine};

/// Confirms a session that is held.
///
/// # Errors
/// [`base::CommonFault::NotFound`]; [`base::CommonFault::Forbidden`] for whoever is not its speaker;
/// [`base::CommonFault::IllegalTransition`]; [`ConsultationError::SlotUnavailable`] when the hold has ended;
/// [`ConsultationError::NotPaid`].
pub async fn confirm_booking(app: &App, actor: &Actor, id: u64) -> Result<Booking, ConsultationError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_confirmation(app, unit, actor, id))
}

async fn write_confirmation(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
) -> Result<Booking, ConsultationError> {
    let (row, standing) = lock_known(unit, actor, id).await?;
    require_speaker(standing)?;
    let status = booking_status(&row.status)?;
    machine::step(status, BookingStatus::Scheduled)?;
    let at = Time::now_in_seconds().as_chrono();
    if hold_end(&row.status, row.expires_at, row.created_at).is_some_and(|end| end <= at) {
        return Err(ConsultationError::SlotUnavailable);
    }
    if row.price_paid.is_positive() && row.transaction_id.is_none() {
        return Err(ConsultationError::NotPaid);
    }
    let step = (status.as_str(), BookingStatus::Scheduled.as_str());
    store::consultations::update_status(unit, id, step, at).await?;
    let booking = read_booking(app, unit, id).await?;
    tell_both(unit, &booking, Event::BookingConfirmed);
    let to = (row.student_id, Some(actor.user_id()));
    notify_of(app, unit, &booking, NotificationKind::BookingConfirmed, to).await?;
    Ok(booking)
}

/// Declines a session that is held; everything is given back.
///
/// # Errors
/// As [`confirm_booking`]; violations of `reason`.
pub async fn decline_booking(
    app: &App,
    actor: &Actor,
    id: u64,
    input: CancelBooking,
) -> Result<Booking, ConsultationError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_refusal(app, unit, actor, id, &input))
}

async fn write_refusal(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    input: &CancelBooking,
) -> Result<Booking, ConsultationError> {
    let (row, standing) = lock_known(unit, actor, id).await?;
    require_speaker(standing)?;
    let reason = checked_reason(input)?;
    let status = booking_status(&row.status)?;
    if status != BookingStatus::Pending {
        // What is scheduled is cancelled, not declined.
        return Err(CommonFault::IllegalTransition {
            what: BookingStatus::THING,
            from: status.name().to_owned(),
            to: "declined",
            allowed: machine::allowed(status),
        }
        .into());
    }
    let ending = Ending {
        by: Some(actor.user_id()),
        reason,
        percent: 100,
        event: Event::BookingDeclined,
        kind: NotificationKind::BookingDeclined,
    };
    write_cancellation(app, unit, row, &ending).await
}
