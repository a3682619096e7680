//! Calling a session off, and what is given back (domain.md §5.7).

use base::id::UserId;
use base::text::{clean, length};
use base::{Problem, Time, Violations};
use protocol::Event;
use protocol::consultations::{Booking, BookingStatus, CancelBooking, Party};
use protocol::notifications::NotificationKind;
use store::consultations::BookingRow;

use super::ConsultationError;
use super::booking_view::{booking_status, end_of, read_booking};
use super::money::give_back;
use super::party::{Standing, lock_known};
use super::rules::ConsultRules;
use super::tell::{notify_both, slots_changed, tell_both};
use crate::unit::Unit;
use crate::{Actor, App, in_unit, machine};

/// Characters of a reason at most.
const LONGEST_REASON: usize = 255;

/// Calls a session off: the student, with what the settings say given back; the speaker or whoever holds
/// `bookings.manage`, with everything given back.
///
/// # Errors
/// [`base::CommonFault::NotFound`]; [`base::CommonFault::IllegalTransition`]; [`ConsultationError::Over`] for the student
/// when it is over; violations of `reason`.
pub async fn cancel_booking(
    app: &App,
    actor: &Actor,
    id: u64,
    input: CancelBooking,
) -> Result<Booking, ConsultationError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_own(app, unit, actor, id, &input))
}

async fn write_own(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    input: &CancelBooking,
) -> Result<Booking, ConsultationError> {
    let (row, standing) = lock_known(unit, actor, id).await?;
    let reason = checked_reason(input)?;
    let status = booking_status(&row.status)?;
    machine::step(status, BookingStatus::Cancelled)?;
    let now = Time::now_in_seconds();
    let is_student = standing == Standing::Party(Party::Student);
    let percent = match status {
        BookingStatus::Scheduled if is_student => {
            if end_of(&row) <= now.as_chrono() {
                return Err(ConsultationError::Over);
            }
            let rules = ConsultRules::read(unit).await?;
            rules.refund_percent(row.scheduled_at - now.as_chrono())
        }
        _ => 100,
    };
    let ending = Ending {
        by: Some(actor.user_id()),
        reason,
        percent,
        event: Event::BookingCancelled,
        kind: NotificationKind::BookingCancelled,
    };
    write_cancellation(app, unit, row, &ending).await
}

/// A reason as it is stored.
pub(super) fn checked_reason(input: &CancelBooking) -> Result<Option<String>, Violations> {
    let reason = input.reason.as_deref().map(clean).filter(|reason| !reason.is_empty());
    match reason {
        Some(reason) if length(&reason) > LONGEST_REASON => {
            Err(Violations::one("reason", Problem::TooLong(LONGEST_REASON)))
        }
        reason => Ok(reason),
    }
}

/// How a booking comes to nothing.
pub(super) struct Ending {
    /// Nobody for the system.
    pub by: Option<UserId>,
    pub reason: Option<String>,
    /// What the student has back.
    pub percent: u32,
    pub event: fn(Box<Booking>) -> Event,
    pub kind: NotificationKind,
}

impl Ending {
    /// Nobody paid, or nobody confirmed, in time.
    pub(super) fn expiry() -> Self {
        Self {
            by: None,
            reason: None,
            percent: 100,
            event: Event::BookingCancelled,
            kind: NotificationKind::BookingCancelled,
        }
    }
}

/// Writes the end of a booking, which is locked and may be cancelled; gives back, tells and notifies.
pub(super) async fn write_cancellation(
    app: &App,
    unit: &mut Unit,
    row: BookingRow,
    ending: &Ending,
) -> Result<Booking, ConsultationError> {
    let at = Time::now_in_seconds();
    let from = booking_status(&row.status)?.as_str();
    let (by, reason) = (ending.by, ending.reason.as_deref());
    store::consultations::update_cancelled(unit, row.id, from, (by, reason), at.as_chrono()).await?;
    let words = reason.unwrap_or("The consultation was cancelled");
    let refunded = give_back(app, unit, &row, ending.percent, words, at).await?;
    let booking = read_booking(app, unit, row.id).await?;
    tell_both(unit, &booking, ending.event);
    slots_changed(unit, row.speaker_id);
    notify_both(app, unit, &booking, ending.kind, ending.by).await?;
    if let Some(refunded) = refunded {
        refunded.credit_note(app, unit).await?;
    }
    Ok(booking)
}
