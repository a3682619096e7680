//! Another time for a session (domain.md §5.7).

use base::Time;
use chrono::TimeDelta;
use protocol::Event;
use protocol::consultations::{Booking, BookingStatus, Party, RescheduleBooking};
use protocol::notifications::NotificationKind;
use store::consultations::BookingRow;

use super::book_consultation::{find_booked_speaker, passed_reminder};
use super::booking_view::{booking_status, read_booking};
use super::calendar::zone_of;
use super::party::{Standing, find_known, lock_known};
use super::rules::ConsultRules;
use super::slots::SlotAt;
use super::take_slot::{Wanted, take_slot};
use super::tell::{notify_both, slots_changed, tell_both};
use super::{ConsultationError, NO_BOOKING};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// The student may move a session until so long before it.
const NOTICE: TimeDelta = TimeDelta::hours(12);

/// Moves a scheduled session to another free slot of its speaker, of the same length and not dearer: the student until 12
/// hours before, or to the time that the speaker proposes until it begins; whoever holds `bookings.manage` until it
/// begins. The speaker only proposes: the student takes the proposal by rescheduling to it.
///
/// # Errors
/// [`base::CommonFault::NotFound`]; [`ConsultationError::NotScheduled`], [`ConsultationError::Over`],
/// [`ConsultationError::TooLateToMove`], [`ConsultationError::SlotUnavailable`].
pub async fn reschedule_booking(
    app: &App,
    actor: &Actor,
    id: u64,
    input: RescheduleBooking,
) -> Result<Booking, ConsultationError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_move(app, unit, actor, id, &input))
}

async fn write_move(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    input: &RescheduleBooking,
) -> Result<Booking, ConsultationError> {
    // The offer and the calendars are locked before the booking, in the order in which bookings are made; whose they are
    // does not change.
    let (row, standing) = find_known(unit, actor, id).await?;
    require_movable(&row, standing, input)?;
    let (slot, price) = {
        let slot = wanted_slot(app, unit, &row, input).await?;
        (slot, slot.price)
    };
    let (row, standing) = lock_known(unit, actor, id).await?;
    require_movable(&row, standing, input)?;
    if price > row.price_paid {
        return Err(ConsultationError::SlotUnavailable);
    }
    let by = actor.user_id();
    if standing == Standing::Party(Party::Speaker) {
        store::consultations::update_proposal(unit, id, slot.start).await?;
        let booking = read_booking(app, unit, id).await?;
        tell_both(unit, &booking, Event::BookingRescheduleProposed);
        notify_both(app, unit, &booking, NotificationKind::BookingRescheduled, Some(by)).await?;
        return Ok(booking);
    }
    let at = Time::now_in_seconds().as_chrono();
    let place = (slot.availability_id, slot.start);
    let reminded = passed_reminder(slot.start, at);
    store::consultations::update_moved(unit, id, place, reminded, at).await?;
    let booking = read_booking(app, unit, id).await?;
    let (old, new) = (Time::from(row.scheduled_at), booking.scheduled_at);
    tell_both(unit, &booking, |booking| Event::BookingRescheduled { booking, old, new });
    slots_changed(unit, row.speaker_id);
    notify_both(app, unit, &booking, NotificationKind::BookingRescheduled, Some(by)).await?;
    Ok(booking)
}

/// May it be moved at all, and by who asks, now?
fn require_movable(
    row: &BookingRow,
    standing: Standing,
    input: &RescheduleBooking,
) -> Result<(), ConsultationError> {
    if booking_status(&row.status)? != BookingStatus::Scheduled {
        return Err(ConsultationError::NotScheduled);
    }
    let ahead = row.scheduled_at - Time::now().as_chrono();
    if ahead <= TimeDelta::zero() {
        return Err(ConsultationError::Over);
    }
    let proposed = row.proposed_start == Some(input.start.as_chrono());
    if standing == Standing::Party(Party::Student) && ahead < NOTICE && !proposed {
        return Err(ConsultationError::TooLateToMove);
    }
    Ok(())
}

async fn wanted_slot(
    app: &App,
    unit: &mut Unit,
    row: &BookingRow,
    input: &RescheduleBooking,
) -> Result<SlotAt, ConsultationError> {
    if row.scheduled_at == input.start.as_chrono() {
        return Err(ConsultationError::SlotUnavailable);
    }
    let speaker = find_booked_speaker(unit, row.speaker_id).await.map_err(|_gone| NO_BOOKING)?;
    let rules = ConsultRules::read(unit).await?;
    let wanted = Wanted {
        student_id: row.student_id,
        speaker_id: row.speaker_id,
        zone: zone_of(speaker.timezone.as_deref()),
        start: input.start.as_chrono(),
        availability_id: None,
        length: Some(TimeDelta::minutes(i64::from(row.duration_minutes))),
        moved: Some(row.id),
    };
    take_slot(app, unit, &rules, &wanted).await
}
