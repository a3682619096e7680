//! Consultations: what speakers offer, and what is booked of it.

mod availabilities;
mod bookings;
mod clocks;
mod money;
mod ratings;
mod walk;

use std::sync::atomic::{AtomicU64, Ordering};

use base::Money;
use base::conditional::IfMatch;
use domain::Actor;
use domain::consultations::{ConsultationError, book_consultation, create_availability, list_slots};
use protocol::consultations::{
    Availability, BookConsultation, Booking, CreateAvailability, Slot, SlotQuery, Weekday,
};

use crate::stage::{Stage, key, money};

/// Whatever the version is.
pub(crate) fn any_version() -> IfMatch {
    IfMatch::of(vec!["*".to_owned()])
}

/// A free window of a day.
pub(crate) fn window(day: Weekday, start: &str, end: &str, minutes: u16) -> CreateAvailability {
    CreateAvailability {
        day_of_week: day,
        start_time: start.to_owned(),
        end_time: end.to_owned(),
        session_duration: minutes,
        price_per_session: Money::ZERO,
        is_active: true,
    }
}

/// The slot as it is asked for.
pub(crate) fn wanted(slot: &Slot) -> BookConsultation {
    BookConsultation {
        client_id: key(),
        availability_id: slot.availability_id,
        start: slot.starts_at().unwrap(),
        note: None,
    }
}

static ORDINAL: AtomicU64 = AtomicU64::new(1);

impl Stage {
    /// Somebody who may offer consultations, in UTC.
    pub(crate) async fn consultant(&self) -> Actor {
        let ordinal = ORDINAL.fetch_add(1, Ordering::Relaxed);
        let speaker = self.person(&format!("speaker{ordinal}")).await;
        self.appoint(&speaker, "speaker").await;
        let id = speaker.user_id();
        self.run(&format!("UPDATE user_profiles SET timezone = 'UTC' WHERE user_id = {id}")).await;
        speaker
    }

    /// As [`Stage::speaker`], with hourly sessions all day, every day, at a price.
    pub(crate) async fn busy_speaker(&self, price: &str) -> (Actor, Vec<Availability>) {
        let speaker = self.consultant().await;
        let mut windows = Vec::new();
        for day in Weekday::ALL {
            let input =
                CreateAvailability { price_per_session: money(price), ..window(day, "00:00", "23:00", 60) };
            windows.push(create_availability(&self.app, &speaker, input).await.unwrap());
        }
        (speaker, windows)
    }

    /// A speaker's free slots that begin two days from now or later.
    pub(crate) async fn slots_of(&self, speaker: &Actor) -> Vec<Slot> {
        let from = (chrono::Utc::now() + chrono::Days::new(2)).format("%Y-%m-%d").to_string();
        let query = SlotQuery { from: Some(from), ..SlotQuery::default() };
        let days = list_slots(&self.app, None, speaker.user_id(), query).await.unwrap();
        days.into_values().flatten().collect()
    }

    pub(crate) async fn book(&self, student: &Actor, slot: &Slot) -> Result<Booking, ConsultationError> {
        book_consultation(&self.app, student, wanted(slot)).await.map(|written| written.answer)
    }

    /// Moves a booking in time: it begins so many minutes from now.
    pub(crate) async fn begins_in(&self, booking: u64, minutes: i64) {
        let start = "UTC_TIMESTAMP() + INTERVAL";
        let set = format!(
            "UPDATE consultation_bookings SET scheduled_at = {start} {minutes} MINUTE WHERE id = {booking}"
        );
        self.run(&set).await;
    }

    pub(crate) async fn set(&self, name: &str, value: &str) {
        let mut conn = self.app.store.reader().await.unwrap();
        store::settings::insert_setting(&mut conn, name, value, "string", "consult").await.unwrap();
    }

    /// I-C1 to I-C4, and the ledger's.
    pub(crate) async fn assert_consultations_hold(&self) {
        let checks = [
            (
                "I-C1",
                "SELECT a.id FROM consultation_bookings a JOIN consultation_bookings b ON a.id < b.id \
                 AND a.status IN ('pending', 'scheduled') AND b.status IN ('pending', 'scheduled') \
                 AND (a.speaker_id IN (b.speaker_id, b.student_id) OR a.student_id IN (b.speaker_id, b.student_id)) \
                 AND a.scheduled_at < b.scheduled_at + INTERVAL b.duration_minutes MINUTE \
                 AND b.scheduled_at < a.scheduled_at + INTERVAL a.duration_minutes MINUTE",
            ),
            (
                "I-C2",
                "SELECT id FROM consultation_bookings WHERE status = 'pending' \
                 AND expires_at < UTC_TIMESTAMP() - INTERVAL 1 MINUTE",
            ),
            (
                "I-C3",
                "SELECT r.id FROM consultation_ratings r JOIN consultation_bookings b ON b.id = r.booking_id \
                 WHERE b.status <> 'completed' OR r.rater_id = r.rated_id OR r.rating NOT BETWEEN 1 AND 5 \
                 OR r.rater_id NOT IN (b.student_id, b.speaker_id) OR r.rated_id NOT IN (b.student_id, b.speaker_id)",
            ),
            ("I-C4", "SELECT id FROM consultation_bookings WHERE student_id = speaker_id"),
            (
                "I-M13",
                "SELECT b.id FROM consultation_bookings b LEFT JOIN transactions t ON t.id = b.transaction_id \
                 AND t.amount = b.price_paid WHERE b.price_paid > 0 AND t.id IS NULL",
            ),
            (
                "I-M12",
                "SELECT b.id FROM consultation_bookings b JOIN hub_bookings h ON h.booking_id = b.id \
                 WHERE h.refunded > b.price_paid OR h.refunded <> COALESCE((SELECT SUM(t.amount) FROM transactions t \
                 WHERE t.category = 'refund' AND t.type = 'credit' AND t.related_id = b.id AND t.related_type \
                 IN ('consultation_booking', 'App\\\\Models\\\\ConsultationBooking')), 0)",
            ),
        ];
        for (name, check) in checks {
            assert_eq!(self.count(&format!("SELECT COUNT(*) FROM ({check}) broken")).await, 0, "{name}");
        }
        self.assert_ledger_holds().await;
    }
}
