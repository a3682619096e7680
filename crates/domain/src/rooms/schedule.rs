//! When a room's sessions are (domain.md §5.6): every day from the first to the last, a window in the host's zone.

use base::Time;
use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use protocol::rooms::DurationType;
use store::rooms::RoomRow;

/// A room may be started so much before its time.
const LEAD: TimeDelta = TimeDelta::minutes(15);

/// A session outside of all windows is over after so much.
const LONE_SESSION: TimeDelta = TimeDelta::hours(2);
/// From yesterday on, the next session is within so many days, unless the programme is over.
const DAYS_AHEAD: usize = 4;

/// Days and daily window of a programme.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    pub start_date: NaiveDate,
    pub end_date: NaiveDate,
    pub start_time: NaiveTime,
    pub end_time: NaiveTime,
    pub zone: Tz,
}

/// One day's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub start: Time,
    pub end: Time,
}

impl Schedule {
    /// A room's schedule; `None` for a row whose time zone is not one.
    pub(super) fn of(room: &RoomRow) -> Option<Self> {
        Some(Self {
            start_date: room.start_date,
            end_date: room.end_date,
            start_time: room.start_time,
            end_time: room.end_time,
            zone: room.timezone.parse().ok()?,
        })
    }

    /// The session of a day.
    pub(super) fn session_on(&self, day: NaiveDate) -> Option<Session> {
        let start = instant(self.zone, day, self.start_time)?;
        // Rooms of ours end on the day they begin; a row of somebody else's may say 22:00 to 01:00.
        let last_day =
            if self.end_time > self.start_time { day } else { day.checked_add_days(Days::new(1))? };
        let end = instant(self.zone, last_day, self.end_time)?;
        Some(Session { start: start.into(), end: end.into() })
    }

    /// The first session.
    pub(super) fn first(&self) -> Option<Session> {
        self.session_on(self.start_date)
    }

    /// The end of the last session, which is the programme's.
    pub(super) fn ends_at(&self) -> Option<Time> {
        Some(self.session_on(self.end_date)?.end)
    }

    /// The next session that has not begun.
    pub(super) fn next_after(&self, now: Time) -> Option<Session> {
        let today = now.as_chrono().with_timezone(&self.zone).date_naive();
        let first = today.pred_opt()?.max(self.start_date);
        let days = first.iter_days().take_while(|day| *day <= self.end_date).take(DAYS_AHEAD);
        days.filter_map(|day| self.session_on(day)).find(|session| session.start > now)
    }

    /// When a session that began at an instant is over: at the end of the window that it is in, or is before. One that
    /// somebody began when the programme was over has [`LONE_SESSION`].
    pub(super) fn closes_at(&self, started_at: Time) -> Time {
        let session = self.session_at(started_at).or_else(|| self.next_after(started_at));
        let lone = || Time::from(started_at.as_chrono() + LONE_SESSION);
        session.map_or_else(lone, |session| session.end)
    }

    /// The session whose time it is, 15 minutes before its beginning included.
    pub(super) fn session_at(&self, now: Time) -> Option<Session> {
        let today = now.as_chrono().with_timezone(&self.zone).date_naive();
        let days = [today.pred_opt(), Some(today), today.succ_opt()];
        days.into_iter()
            .flatten()
            .filter(|day| (self.start_date..=self.end_date).contains(day))
            .filter_map(|day| self.session_on(day))
            .find(|session| {
                let now = now.as_chrono();
                session.start.as_chrono() - LEAD <= now && now < session.end.as_chrono()
            })
    }
}

/// The last day of a programme.
pub(super) fn last_day(first: NaiveDate, duration: DurationType) -> Option<NaiveDate> {
    match duration {
        DurationType::Day => Some(first),
        DurationType::Week => first.checked_add_days(Days::new(7)),
        DurationType::Month => first.checked_add_months(Months::new(1)),
        DurationType::ThreeMonths => first.checked_add_months(Months::new(3)),
    }
}

/// A local time as an instant: the earlier one where clocks are set back, the same wall time an hour on where it is
/// skipped.
fn instant(zone: Tz, day: NaiveDate, time: NaiveTime) -> Option<DateTime<Utc>> {
    let local = day.and_time(time);
    zone.from_local_datetime(&local)
        .earliest()
        .or_else(|| zone.from_local_datetime(&(local + TimeDelta::hours(1))).earliest())
        .map(|instant| instant.to_utc())
}

#[cfg(test)]
mod tests {
    use base::Time;
    use chrono::{NaiveDate, NaiveTime};
    use chrono_tz::Tz;
    use protocol::rooms::DurationType;

    use super::{Schedule, last_day};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn time(text: &str) -> NaiveTime {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Time {
        serde_json::from_str(&format!("\"{text}\"")).unwrap()
    }

    fn riyadh(start: &str, end: &str) -> Schedule {
        Schedule {
            start_date: day("2026-03-01"),
            end_date: day("2026-03-08"),
            start_time: time(start),
            end_time: time(end),
            zone: Tz::Asia__Riyadh,
        }
    }

    #[test]
    fn a_room_can_be_started_from_a_quarter_before_until_the_end_on_each_of_its_days() {
        let room = riyadh("20:00:00", "21:00:00");
        let inside = |text: &str| room.session_at(at(text)).is_some();
        assert!(!inside("2026-03-01T16:44:59Z"));
        assert!(inside("2026-03-01T16:45:00Z"));
        assert!(inside("2026-03-08T17:59:59Z"));
        assert!(!inside("2026-03-08T18:00:00Z"));
        assert!(!inside("2026-02-28T17:00:00Z"));
        assert!(!inside("2026-03-09T17:00:00Z"));
        let session = room.session_at(at("2026-03-05T17:30:00Z")).unwrap();
        assert_eq!((session.start, session.end), (at("2026-03-05T17:00:00Z"), at("2026-03-05T18:00:00Z")));
    }

    #[test]
    fn what_is_next_and_when_it_is_over() {
        let room = riyadh("20:00:00", "21:00:00");
        assert_eq!(room.first().unwrap().start, at("2026-03-01T17:00:00Z"));
        assert_eq!(room.ends_at(), Some(at("2026-03-08T18:00:00Z")));
        let next = |text: &str| room.next_after(at(text)).map(|session| session.start);
        assert_eq!(next("2025-01-01T00:00:00Z"), Some(at("2026-03-01T17:00:00Z")));
        assert_eq!(next("2026-03-01T16:59:59Z"), Some(at("2026-03-01T17:00:00Z")));
        assert_eq!(next("2026-03-01T17:00:00Z"), Some(at("2026-03-02T17:00:00Z")));
        assert_eq!(next("2026-03-08T17:00:00Z"), None);
        for (started, closes) in [
            ("2026-03-01T16:50:00Z", "2026-03-01T18:00:00Z"),
            ("2026-03-01T17:30:00Z", "2026-03-01T18:00:00Z"),
            // By an administrator, in the morning, and after the last day.
            ("2026-03-02T06:00:00Z", "2026-03-02T18:00:00Z"),
            ("2026-03-09T06:00:00Z", "2026-03-09T08:00:00Z"),
        ] {
            assert_eq!(room.closes_at(at(started)), at(closes), "{started}");
        }
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_begins() {
        let room = riyadh("23:00:00", "01:00:00");
        assert!(room.session_at(at("2026-03-08T21:30:00Z")).is_some(), "00:30 of the ninth in Riyadh");
        assert!(room.session_at(at("2026-02-28T21:30:00Z")).is_none(), "the first day's has not begun");
    }

    #[test]
    fn a_skipped_hour_moves_the_session_on() {
        let berlin = Schedule {
            zone: Tz::Europe__Berlin,
            end_date: day("2026-03-29"),
            ..riyadh("02:30:00", "04:00:00")
        };
        let session = berlin.session_on(day("2026-03-29")).unwrap();
        assert_eq!((session.start, session.end), (at("2026-03-29T01:30:00Z"), at("2026-03-29T02:00:00Z")));
    }

    #[test]
    fn programmes_end_as_the_specification_says() {
        let first = day("2026-01-31");
        assert_eq!(last_day(first, DurationType::Day), Some(first));
        assert_eq!(last_day(first, DurationType::Week), Some(day("2026-02-07")));
        assert_eq!(last_day(first, DurationType::Month), Some(day("2026-02-28")));
        assert_eq!(last_day(first, DurationType::ThreeMonths), Some(day("2026-04-30")));
    }
}
