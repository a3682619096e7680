//! Consultations: what speakers offer, and what is booked of it.

mod availabilities;

use std::sync::atomic::{AtomicU64, Ordering};

use base::Money;
use base::conditional::IfMatch;
use domain::Actor;
use domain::consultations::create_availability;
use protocol::consultations::{Availability, CreateAvailability, Weekday};

use crate::stage::{Stage, money};

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

static ORDINAL: AtomicU64 = AtomicU64::new(1);

impl Stage {
    /// Somebody who may offer consultations, in UTC.
    pub(crate) async fn speaker(&self) -> Actor {
        let ordinal = ORDINAL.fetch_add(1, Ordering::Relaxed);
        let speaker = self.person(&format!("speaker{ordinal}")).await;
        self.appoint(&speaker, "speaker").await;
        let id = speaker.user_id();
        self.run(&format!("UPDATE user_profiles SET timezone = 'UTC' WHERE user_id = {id}")).await;
        speaker
    }

    /// As [`Stage::speaker`], with hourly sessions all day, every day, at a price.
    pub(crate) async fn busy_speaker(&self, price: &str) -> (Actor, Vec<Availability>) {
        let speaker = self.speaker().await;
        let mut windows = Vec::new();
        for day in Weekday::ALL {
            let input =
                CreateAvailability { price_per_session: money(price), ..window(day, "00:00", "23:00", 60) };
            windows.push(create_availability(&self.app, &speaker, input).await.unwrap());
        }
        (speaker, windows)
    }
}
