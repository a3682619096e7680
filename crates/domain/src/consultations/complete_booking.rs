//! What became of a session: it took place, or one of the two did not come (domain.md §5.7).

use base::id::UserId;
use base::{CommonFault, Time};
use chrono::TimeDelta;
use protocol::Event;
use protocol::consultations::{Booking, BookingStatus, MarkNoShow, Party};
use protocol::notifications::NotificationKind;
use store::consultations::BookingRow;

use super::ConsultationError;
use super::booking_view::{booking_status, end_of, read_booking};
use super::money::{give_back, settle};
use super::party::{Standing, lock_known};
use super::tell::{notify_both, tell_both};
use crate::unit::Unit;
use crate::{Actor, App, in_unit, machine};

/// Who is not there by then has missed the session.
const PATIENCE: TimeDelta = TimeDelta::minutes(15);

/// Completes a session that is over: its speaker, or whoever holds `bookings.manage`, who may also do so with one that was
/// missed. The speaker is paid.
///
/// # Errors
/// [`CommonFault::NotFound`]; [`CommonFault::Forbidden`] for the student; [`CommonFault::IllegalTransition`];
/// [`ConsultationError::NotOver`].
pub async fn complete_booking(app: &App, actor: &Actor, id: u64) -> Result<Booking, ConsultationError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_own(app, unit, actor, id))
}

async fn write_own(app: &App, unit: &mut Unit, actor: &Actor, id: u64) -> Result<Booking, ConsultationError> {
    let (row, standing) = lock_known(unit, actor, id).await?;
    if standing == Standing::Party(Party::Student) {
        return Err(CommonFault::Forbidden.into());
    }
    let status = booking_status(&row.status)?;
    if status == BookingStatus::NoShow && standing != Standing::Manager {
        return Err(CommonFault::Forbidden.into());
    }
    machine::step(status, BookingStatus::Completed)?;
    write_completion(app, unit, row, Some(actor.user_id())).await
}

/// Completes a session that is locked and may be completed. `by` is nobody for the clock.
pub(super) async fn write_completion(
    app: &App,
    unit: &mut Unit,
    row: BookingRow,
    by: Option<UserId>,
) -> Result<Booking, ConsultationError> {
    let at = Time::now_in_seconds();
    if end_of(&row) > at.as_chrono() {
        return Err(ConsultationError::NotOver);
    }
    let from = booking_status(&row.status)?;
    let step = (from.as_str(), BookingStatus::Completed.as_str());
    store::consultations::update_status(unit, row.id, step, at.as_chrono()).await?;
    if from == BookingStatus::NoShow {
        store::consultations::update_missed_by(unit, row.id, None).await?;
    }
    settle(app, unit, &row, at).await?;
    let booking = read_booking(app, unit, row.id).await?;
    tell_both(unit, &booking, Event::BookingCompleted);
    notify_both(app, unit, &booking, NotificationKind::BookingCompleted, by).await?;
    Ok(booking)
}

/// Marks who did not come: the speaker the student, who has nothing back; the student the speaker, and has everything
/// back; whoever holds `bookings.manage` either.
///
/// # Errors
/// [`CommonFault::NotFound`]; [`CommonFault::Forbidden`] for marking oneself; [`CommonFault::IllegalTransition`];
/// [`ConsultationError::NotMissed`] in the first quarter of an hour.
pub async fn mark_no_show(
    app: &App,
    actor: &Actor,
    id: u64,
    input: MarkNoShow,
) -> Result<Booking, ConsultationError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_no_show(app, unit, actor, id, input.who))
}

async fn write_no_show(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    who: Party,
) -> Result<Booking, ConsultationError> {
    let (row, standing) = lock_known(unit, actor, id).await?;
    if standing == Standing::Party(who) {
        return Err(CommonFault::Forbidden.into());
    }
    let status = booking_status(&row.status)?;
    machine::step(status, BookingStatus::NoShow)?;
    let at = Time::now_in_seconds();
    if row.scheduled_at + PATIENCE > at.as_chrono() {
        return Err(ConsultationError::NotMissed);
    }
    let step = (status.as_str(), BookingStatus::NoShow.as_str());
    store::consultations::update_status(unit, id, step, at.as_chrono()).await?;
    store::consultations::update_missed_by(unit, id, Some(who.as_str())).await?;
    let refunded = match who {
        Party::Student => {
            settle(app, unit, &row, at).await?;
            None
        }
        Party::Speaker => give_back(app, unit, &row, 100, "The speaker did not come", at).await?,
    };
    let booking = read_booking(app, unit, id).await?;
    tell_both(unit, &booking, Event::BookingNoShow);
    notify_both(app, unit, &booking, NotificationKind::BookingNoShow, Some(actor.user_id())).await?;
    if let Some(refunded) = refunded {
        refunded.credit_note(app, unit).await?;
    }
    Ok(booking)
}
