//! What happens to sessions by the clock (domain.md §5.7): holds end, sessions are completed a day after their end, and
//! both are reminded a day, an hour and ten minutes before.

use base::{CommonFault, Time};
use chrono::TimeDelta;
use protocol::consultations::BookingStatus;
use protocol::notifications::NotificationKind;

use super::booking_view::{booking_status, booking_view, end_of};
use super::calendar::hold_end;
use super::cancel_booking::{Ending, write_cancellation};
use super::complete_booking::write_completion;
use super::tell::notify_both;
use super::{ConsultationError, REMINDERS};
use crate::fault::of_store;
use crate::unit::Unit;
use crate::{App, in_unit};

/// Bookings of one beat at most, of each kind.
const AT_ONCE: u32 = 100;
/// A session is completed by itself so long after its end.
const COMPLETED_AFTER: TimeDelta = TimeDelta::hours(24);

/// Does what is due to bookings; gives how many were touched. One that fails is left for the next beat, and keeps no other
/// from its turn.
///
/// # Errors
/// The last failure.
pub async fn bookings_due(app: &App) -> Result<u64, CommonFault> {
    let now = Time::now_in_seconds().as_chrono();
    let over = now - COMPLETED_AFTER;
    let mut due = Vec::new();
    {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        let expired = store::consultations::list_expired(&mut conn, now, AT_ONCE).await.map_err(of_store)?;
        due.extend(expired.into_iter().map(|id| (id, Due::Expiry)));
        let over = store::consultations::list_over(&mut conn, over, AT_ONCE).await.map_err(of_store)?;
        due.extend(over.into_iter().map(|id| (id, Due::Completion)));
        // The shortest lead first: who was not reminded in time is reminded once, not three times.
        for lead in REMINDERS.into_iter().rev() {
            let ids = store::consultations::list_to_remind(&mut conn, now, lead, AT_ONCE).await;
            due.extend(ids.map_err(of_store)?.into_iter().map(|id| (id, Due::Reminder(lead))));
        }
    }
    let (mut touched, mut failure) = (0, None);
    for (id, what) in due {
        match do_one(app, id, what).await {
            Ok(true) => touched += 1,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, booking_id = id, ?what, "a booking's turn failed");
                failure = Some(error);
            }
        }
    }
    match failure {
        None => Ok(touched),
        Some(ConsultationError::Common(fault)) => Err(fault),
        Some(other) => Err(CommonFault::internal(other)),
    }
}

#[derive(Clone, Copy, Debug)]
enum Due {
    Expiry,
    Completion,
    /// Minutes before the beginning.
    Reminder(u16),
}

async fn do_one(app: &App, id: u64, what: Due) -> Result<bool, ConsultationError> {
    in_unit!(app, |unit| write_one(app, unit, id, what))
}

/// What was due when it was listed is looked at again with the row locked.
async fn write_one(app: &App, unit: &mut Unit, id: u64, what: Due) -> Result<bool, ConsultationError> {
    let Some(row) = store::consultations::lock_booking(unit, id).await? else { return Ok(false) };
    let now = Time::now_in_seconds().as_chrono();
    let status = booking_status(&row.status)?;
    match what {
        Due::Expiry => {
            if hold_end(&row.status, row.expires_at, row.created_at).is_none_or(|end| end > now) {
                return Ok(false);
            }
            write_cancellation(app, unit, row, &Ending::expiry()).await?;
        }
        Due::Completion => {
            if status != BookingStatus::Scheduled || end_of(&row) + COMPLETED_AFTER > now {
                return Ok(false);
            }
            write_completion(app, unit, row, None).await?;
        }
        Due::Reminder(lead) => {
            let ahead = row.scheduled_at - now;
            let near = ahead > TimeDelta::zero() && ahead <= TimeDelta::minutes(i64::from(lead));
            let told = store::consultations::find_reminded(unit, id).await?;
            if status != BookingStatus::Scheduled || !near || told.is_some_and(|told| told <= lead) {
                return Ok(false);
            }
            store::consultations::update_reminded(unit, id, lead).await?;
            let booking = booking_view(app, unit, row).await?;
            notify_both(app, unit, &booking, NotificationKind::BookingReminder, None).await?;
        }
    }
    Ok(true)
}
