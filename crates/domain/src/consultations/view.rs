//! Rows as clients see them.

use base::Money;
use chrono::SecondsFormat;
use chrono_tz::Tz;
use protocol::consultations::{Availability, Slot, Weekday};
use store::StoreError;
use store::consultations::AvailabilityRow;

use super::slots::SlotAt;

pub(super) fn weekday(column: &str) -> Result<Weekday, StoreError> {
    let found = Weekday::ALL.into_iter().find(|one| one.as_str() == column);
    found.ok_or(StoreError::Corrupt { table: "consultation_availabilities", column: "day_of_week" })
}

pub(super) fn availability_view(
    row: &AvailabilityRow,
    zone: Tz,
    currency: &str,
) -> Result<Availability, StoreError> {
    Ok(Availability {
        id: row.id,
        day_of_week: weekday(&row.day_of_week)?,
        start_time: row.start_time.format("%H:%M:%S").to_string(),
        end_time: row.end_time.format("%H:%M:%S").to_string(),
        timezone: zone.name().to_owned(),
        session_duration: row.session_duration,
        price_per_session: row.price_per_session,
        currency: currency.to_owned(),
        is_active: row.is_active,
    })
}

pub(super) fn slot_view(slot: &SlotAt, zone: Tz, currency: &str) -> Slot {
    let local = |at: chrono::DateTime<chrono::Utc>| {
        at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false)
    };
    Slot {
        start: local(slot.start),
        end: local(slot.end),
        availability_id: slot.availability_id,
        price: slot.price,
        currency: currency.to_owned(),
    }
}

/// An average with two decimals, rounded half up; nothing of nothing.
pub(super) fn average(count: i64, sum: i64) -> Option<String> {
    let hundredths = Money::from_minor(sum.checked_mul(100)?).fraction(1, count)?;
    Some(hundredths.to_string())
}

#[cfg(test)]
mod tests {
    use super::average;

    #[test]
    fn averages_have_two_decimals() {
        assert_eq!(average(0, 0), None);
        assert_eq!(average(3, 14).as_deref(), Some("4.67"));
        assert_eq!(average(2, 9).as_deref(), Some("4.50"));
        assert_eq!(average(1, 5).as_deref(), Some("5.00"));
    }
}
