//! Booking a session (domain.md §5.7, §8.3).

use base::id::{BASE32_LOWER, random_text};
use base::text::{clean, length};
use base::{CommonFault, Money, Problem, Time, Violations};
use chrono::{DateTime, Utc};
use protocol::Event;
use protocol::consultations::{BookConsultation, Booking, BookingStatus};
use protocol::notifications::NotificationKind;
use store::consultations::{NewBooking, SpeakerRow};

use super::booking_view::read_booking;
use super::calendar::{find_visible_speaker, zone_of};
use super::money::{Purchase, pay};
use super::rules::ConsultRules;
use super::slots::SlotAt;
use super::take_slot::{Wanted, take_slot};
use super::tell::{notify_of, slots_changed, tell_both};
use super::{ConsultationError, NO_SPEAKER, REMINDERS};
use crate::idempotency::{self, Claim, Written};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// The scope of its keys.
const OPERATION: &str = "consultations.book";
/// Characters of a note at most.
const LONGEST_NOTE: usize = 1_000;

/// Books a slot for the actor, paid from the wallet. It is scheduled at once, or held for the speaker's word where the
/// settings ask for that. The same key again gives the same booking and charges nothing.
///
/// # Errors
/// A violation of `availability_id` where there is no such window, or the actor may not know of its speaker;
/// [`ConsultationError::OwnBooking`]; [`ConsultationError::SlotUnavailable`];
/// [`crate::wallet::WalletError::InsufficientFunds`], after which nothing is written.
pub async fn book_consultation(
    app: &App,
    actor: &Actor,
    input: BookConsultation,
) -> Result<Written<Booking>, ConsultationError> {
    actor.require("write")?;
    let note = input.note.as_deref().map(clean).filter(|note| !note.is_empty());
    if note.as_deref().is_some_and(|note| length(note) > LONGEST_NOTE) {
        return Err(Violations::one("note", Problem::TooLong(LONGEST_NOTE)).into());
    }
    let input = BookConsultation { note, ..input };
    in_unit!(app, |unit| write_booking(app, unit, actor, &input))
}

async fn write_booking(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &BookConsultation,
) -> Result<Written<Booking>, ConsultationError> {
    let ticket = match idempotency::claim(unit, actor, OPERATION, &input.client_id, input).await? {
        Claim::First(ticket) => ticket,
        Claim::Answered(written) => return Ok(written),
    };
    let (speaker, price) = find_offering(unit, actor, input.availability_id).await?;
    if price.is_positive() {
        actor.require("wallet")?;
    }
    let rules = ConsultRules::read(unit).await?;
    let wanted = Wanted {
        student_id: actor.user_id(),
        speaker_id: speaker.id,
        zone: zone_of(speaker.timezone.as_deref()),
        start: input.start.as_chrono(),
        availability_id: Some(input.availability_id),
        length: None,
        moved: None,
    };
    let slot = take_slot(app, unit, &rules, &wanted).await?;
    let at = Time::now_in_seconds();
    let id = insert(app, unit, actor, input, (&speaker, &slot, &rules), at).await?;
    let sold = if slot.price.is_positive() {
        // It may have got a price in this very moment.
        actor.require("wallet")?;
        let purchase = Purchase {
            key: (OPERATION, &input.client_id),
            buyer: actor.user_id(),
            seller: speaker.id,
            seller_name: &speaker.name,
            booking_id: id,
            price: slot.price,
            at,
        };
        let (sold, sale) = pay(app, unit, &rules, &purchase).await?;
        store::consultations::update_transaction(unit, id, sold.debit_id).await?;
        Some((sold, sale))
    } else {
        None
    };
    let booking = read_booking(app, unit, id).await?;
    tell_both(unit, &booking, Event::BookingCreated);
    slots_changed(unit, speaker.id);
    let to_speaker = (speaker.id, Some(actor.user_id()));
    notify_of(app, unit, &booking, NotificationKind::BookingRequested, to_speaker).await?;
    if booking.status == BookingStatus::Scheduled {
        // Who need not confirm has confirmed by offering the slot.
        let to_student = (actor.user_id(), Some(speaker.id));
        notify_of(app, unit, &booking, NotificationKind::BookingConfirmed, to_student).await?;
    }
    if let Some((sold, sale)) = sold {
        sold.invoice(app, unit, &sale).await?;
    }
    Ok(idempotency::remember(unit, ticket, booking).await?)
}

/// Whose window it is, if the actor may book it, and what it costs.
async fn find_offering(
    unit: &mut Unit,
    actor: &Actor,
    availability_id: u64,
) -> Result<(SpeakerRow, Money), ConsultationError> {
    let unknown = || Violations::one("availability_id", Problem::NotFound);
    let window = store::consultations::find_availability(unit, availability_id).await?;
    let window = window.ok_or_else(unknown)?;
    match find_visible_speaker(unit, Some(actor), window.user_id).await {
        Ok(speaker) if speaker.id == actor.user_id() => Err(ConsultationError::OwnBooking),
        Ok(speaker) => Ok((speaker, window.price_per_session)),
        Err(ConsultationError::Common(CommonFault::NotFound(_))) => Err(unknown().into()),
        Err(error) => Err(error),
    }
}

async fn insert(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &BookConsultation,
    (speaker, slot, rules): (&SpeakerRow, &SlotAt, &ConsultRules),
    at: Time,
) -> Result<u64, ConsultationError> {
    let jitsi_room = format!("c{}-{}", slot.availability_id, random_text(24, BASE32_LOWER));
    let meeting_url =
        app.settings.jitsi.as_ref().map(|jitsi| format!("https://{}/{jitsi_room}", jitsi.domain));
    let held_until = (at.as_chrono() + rules.confirm_within).min(slot.start);
    let minutes = u16::try_from((slot.end - slot.start).num_minutes());
    let new = NewBooking {
        student_id: actor.user_id(),
        speaker_id: speaker.id,
        availability_id: slot.availability_id,
        scheduled_at: slot.start,
        duration_minutes: minutes.map_err(CommonFault::internal)?,
        price: slot.price,
        status: if rules.require_confirmation { "pending" } else { "scheduled" },
        meeting_url: meeting_url.as_deref(),
        jitsi_room_id: &jitsi_room,
        expires_at: rules.require_confirmation.then_some(held_until),
        note: input.note.as_deref(),
        reminded: passed_reminder(slot.start, at.as_chrono()),
        at: at.as_chrono(),
    };
    Ok(store::consultations::insert_booking(unit, &new).await?)
}

/// The shortest lead whose time has passed already: of that nobody is reminded.
pub(super) fn passed_reminder(start: DateTime<Utc>, now: DateTime<Utc>) -> Option<u16> {
    let ahead = (start - now).num_minutes();
    REMINDERS.into_iter().filter(|&lead| ahead <= i64::from(lead)).min()
}

/// A booking's speaker, also one who offers no more.
pub(super) async fn find_booked_speaker(
    unit: &mut Unit,
    speaker_id: u64,
) -> Result<SpeakerRow, ConsultationError> {
    Ok(store::consultations::find_speaker(unit, speaker_id).await?.ok_or(NO_SPEAKER)?)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::passed_reminder;

    #[test]
    fn who_books_late_is_not_reminded_of_what_has_passed() {
        let now: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
        let passed = |minutes| passed_reminder(now + TimeDelta::minutes(minutes), now);
        assert_eq!(
            [3000, 1441, 1440, 61, 60, 11, 10].map(passed),
            [None, None, Some(1440), Some(1440), Some(60), Some(60), Some(10)]
        );
    }
}
