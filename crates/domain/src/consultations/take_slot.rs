//! The double-book guard (domain.md §5.7, D25): a slot is found, and found free, with the speaker's offer and the calendars
//! of both locked.

use base::id::UserId;
use base::{CommonFault, Time};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::ConsultationError;
use super::calendar::{LONGEST, in_force, span_of, window_of, with_buffer};
use super::cancel_booking::{Ending, write_cancellation};
use super::rules::ConsultRules;
use super::slots::{SlotAt, overlap, slots_in};
use crate::App;
use crate::unit::Unit;

/// Which slot is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub student_id: UserId,
    pub speaker_id: UserId,
    /// The speaker's.
    pub zone: Tz,
    pub start: DateTime<Utc>,
    /// Of this window; of any where nothing is said.
    pub availability_id: Option<u64>,
    /// Of this length; of any where nothing is said.
    pub length: Option<TimeDelta>,
    /// A booking that is to be moved, and is not in its own way.
    pub moved: Option<u64>,
}

/// Locks the speaker's offer and both calendars until the unit ends, and gives the slot. Holds that have ended are called
/// off where they are in the way.
///
/// # Errors
/// [`ConsultationError::SlotUnavailable`].
pub(super) async fn take_slot(
    app: &App,
    unit: &mut Unit,
    rules: &ConsultRules,
    wanted: &Wanted,
) -> Result<SlotAt, ConsultationError> {
    let offer = store::consultations::lock_availabilities(unit, wanted.speaker_id).await?;
    let people = [wanted.student_id, wanted.speaker_id];
    store::consultations::lock_calendars(unit, &people).await?;
    let now = Time::now().as_chrono();
    if wanted.start < now + rules.min_notice || wanted.start > now + rules.horizon {
        return Err(ConsultationError::SlotUnavailable);
    }
    let mut windows = Vec::new();
    for row in offer.iter().filter(|row| row.is_active) {
        let fits = wanted.availability_id.is_none_or(|id| id == row.id);
        let window = window_of(row)?;
        if fits && wanted.length.is_none_or(|length| length == window.length) {
            windows.push(window);
        }
    }
    let instant = (wanted.start, wanted.start + TimeDelta::seconds(1));
    let slot = slots_in(&windows, wanted.zone, instant).into_iter().find(|slot| slot.start == wanted.start);
    let slot = slot.ok_or(ConsultationError::SlotUnavailable)?;

    let span = (slot.start, slot.end);
    let near = (slot.start - LONGEST, slot.end + LONGEST);
    let mut ended = Vec::new();
    for row in store::consultations::list_busy(unit, &people, near).await? {
        let is_speakers = [row.speaker_id, row.student_id].contains(&wanted.speaker_id);
        let buffer = if is_speakers { rules.buffer } else { TimeDelta::zero() };
        if Some(row.id) == wanted.moved || !overlap(with_buffer(span_of(&row), buffer), span) {
            continue;
        }
        if in_force(&row, now) {
            return Err(ConsultationError::SlotUnavailable);
        }
        ended.push(row.id);
    }
    ended.sort_unstable();
    for id in ended {
        let row = store::consultations::lock_booking(unit, id).await?;
        let row = row.ok_or_else(|| CommonFault::internal("a booking that was listed is gone"))?;
        // The clock may have been faster, or the speaker's word.
        match row.status.as_str() {
            "pending" => write_cancellation(app, unit, row, &Ending::expiry()).await.map(drop)?,
            "cancelled" => {}
            _ => return Err(ConsultationError::SlotUnavailable),
        }
    }
    Ok(slot)
}
