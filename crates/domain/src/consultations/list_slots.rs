//! When a speaker can be booked.

use base::id::UserId;
use base::{Problem, Time, Violations};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use protocol::consultations::{SlotDays, SlotQuery};

use super::ConsultationError;
use super::calendar::{Calendars, find_visible_speaker, zone_of};
use super::view::slot_view;
use crate::{Actor, App};

/// Days that can be asked for at once.
const MOST_DAYS: i64 = 31;
/// The last day of those asked for, where that is left out: so many after the first.
const USUAL_DAYS: Days = Days::new(6);

/// A speaker's free slots by day, for whoever asks: what keeps the asker busy is none. Six statements.
///
/// # Errors
/// [`base::CommonFault::NotFound`] where there is no such speaker; violations of `from`, `to` and `tz`.
pub async fn list_slots(
    app: &App,
    viewer: Option<&Actor>,
    speaker_id: UserId,
    query: SlotQuery,
) -> Result<SlotDays, ConsultationError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    let speaker = find_visible_speaker(&mut conn, viewer, speaker_id).await?;
    let own_zone = zone_of(speaker.timezone.as_deref());
    let now = Time::now().as_chrono();
    let (span, zone) = check(&query, own_zone, now)?;
    let calendars = Calendars::read(&mut conn, &[speaker_id], viewer, span, now).await?;
    drop(conn);
    let mut days = SlotDays::new();
    for slot in calendars.free_slots(speaker_id, own_zone, span) {
        let day = slot.start.with_timezone(&zone).date_naive().to_string();
        days.entry(day).or_default().push(slot_view(&slot, zone, &app.settings.money.currency));
    }
    Ok(days)
}

/// From the first instant to that after the last.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// From the first instant of the first day to that of the day after the last, and the zone whose days they are.
fn check(query: &SlotQuery, own_zone: Tz, now: DateTime<Utc>) -> Result<(Span, Tz), Violations> {
    let mut violations = Violations::none();
    let zone: Option<Tz> = query.tz.as_deref().map_or(Some(own_zone), |name| name.parse().ok());
    violations.require(zone.is_some(), "tz", Problem::Format("an IANA time zone, such as Asia/Riyadh"));
    let zone = zone.unwrap_or(own_zone);
    let mut day = |field: &'static str, text: &Option<String>, otherwise: Option<NaiveDate>| {
        let read = match text.as_deref() {
            None => otherwise,
            Some(text) => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10),
        };
        violations.require(read.is_some(), field, Problem::Format("a date such as 2026-01-31"));
        read
    };
    let from = day("from", &query.from, Some(now.with_timezone(&zone).date_naive()));
    let usual = from.and_then(|from| from.checked_add_days(USUAL_DAYS));
    let to = day("to", &query.to, usual.or(from).or(Some(NaiveDate::MIN)));
    if let (Some(from), Some(to)) = (from, to) {
        if to < from {
            violations.add("to", Problem::NotAllowed("it is before from"));
        } else if (to - from).num_days() >= MOST_DAYS {
            violations.add("to", Problem::NotAllowed("at most 31 days can be asked for at once"));
        }
    }
    violations.into_result()?;
    let first = |day: Option<NaiveDate>| day.and_then(|day| first_instant(zone, day));
    let span = first(from).zip(first(to.and_then(|day| day.succ_opt())));
    let span = span.ok_or_else(|| Violations::one("from", Problem::Format("a date in this era")))?;
    Ok((span, zone))
}

/// The first instant of a day: midnight, or what follows it where the clocks skip that.
fn first_instant(zone: Tz, day: NaiveDate) -> Option<DateTime<Utc>> {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    (0..=8)
        .map(|quarters| midnight.checked_add_signed(TimeDelta::minutes(15 * quarters)))
        .find_map(|local| zone.from_local_datetime(&local?).earliest())
        .map(|instant| instant.to_utc())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use chrono_tz::Tz;
    use protocol::consultations::SlotQuery;

    use super::check;

    fn asked(from: &str, to: &str, tz: &str) -> Result<(String, String), String> {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let query = SlotQuery { from: given(from), to: given(to), tz: given(tz) };
        let now: DateTime<Utc> = "2026-03-01T22:30:00Z".parse().unwrap();
        let ((from, to), _) = check(&query, Tz::Asia__Riyadh, now).map_err(|wrong| wrong.to_string())?;
        Ok((from.to_rfc3339(), to.to_rfc3339()))
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let utc = |from: &str, to: &str| Ok((format!("{from}+00:00"), format!("{to}+00:00")));
        // It is the second of March in Riyadh already.
        assert_eq!(asked("", "", ""), utc("2026-03-01T21:00:00", "2026-03-08T21:00:00"));
        assert_eq!(
            asked("2026-03-05", "2026-03-05", "UTC"),
            utc("2026-03-05T00:00:00", "2026-03-06T00:00:00")
        );
        // Cairo's clocks go from 00:00 to 01:00 on 24 April 2026: the day has 23 hours.
        assert_eq!(
            asked("2026-04-24", "2026-04-24", "Africa/Cairo"),
            utc("2026-04-23T22:00:00", "2026-04-24T21:00:00")
        );
    }

    #[test]
    fn more_than_a_month_and_nonsense_are_refused() {
        assert!(asked("2026-03-01", "2026-03-31", "").is_ok());
        for (from, to, tz, said) in [
            ("2026-03-01", "2026-04-01", "", "31 days"),
            ("2026-03-02", "2026-03-01", "", "before from"),
            ("2026-3-2", "", "", "from"),
            ("tomorrow", "", "", "from"),
            ("", "2026-02-30", "", "to"),
            ("", "", "Asia/Atlantis", "tz"),
        ] {
            let refused = asked(from, to, tz).unwrap_err();
            assert!(refused.contains(said), "{from} {to} {tz}: {refused}");
        }
    }
}
