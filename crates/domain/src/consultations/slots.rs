//! Which slots a week of windows makes (domain.md §5.7 "Slot algorithm"), without a database.

use std::collections::BTreeMap;

use base::Money;
use chrono::{DateTime, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

/// A window of every week, in its speaker's time zone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub id: u64,
    pub weekday: Weekday,
    pub start: NaiveTime,
    pub end: NaiveTime,
    /// Of a session; positive.
    pub length: TimeDelta,
    pub price: Money,
}

/// A slot of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotAt {
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub availability_id: u64,
    pub price: Money,
}

/// From its first instant on, without its last.
pub(super) type Span = (DateTime<Utc>, DateTime<Utc>);

/// The slots that begin in a span, by their beginning; of several at once that of the first window. A local time that a
/// change of the clocks skips makes none; of one that comes twice the earlier counts.
pub(super) fn slots_in(windows: &[Window], zone: Tz, (from, to): Span) -> Vec<SlotAt> {
    let mut slots = BTreeMap::new();
    let last = to.with_timezone(&zone).date_naive();
    let mut day = from.with_timezone(&zone).date_naive();
    while day <= last {
        let weekday = chrono::Datelike::weekday(&day);
        for window in
            windows.iter().filter(|window| window.weekday == weekday && window.length > TimeDelta::zero())
        {
            let end = day.and_time(window.end);
            let mut local = day.and_time(window.start);
            while let Some(next) = local.checked_add_signed(window.length).filter(|next| *next <= end) {
                if let Some(start) = zone.from_local_datetime(&local).earliest() {
                    let start = start.to_utc();
                    if from <= start && start < to {
                        let slot = SlotAt {
                            start,
                            end: start + window.length,
                            availability_id: window.id,
                            price: window.price,
                        };
                        slots.entry(start).or_insert(slot);
                    }
                }
                local = next;
            }
        }
        let Some(next) = day.succ_opt() else { break };
        day = next;
    }
    slots.into_values().collect()
}

/// Do the two have an instant in common?
pub(super) fn overlap(one: Span, other: Span) -> bool {
    one.0 < other.1 && other.0 < one.1
}

#[cfg(test)]
mod tests {
    use base::Money;
    use chrono::{DateTime, TimeDelta, Utc, Weekday};
    use chrono_tz::Tz;

    use super::{SlotAt, Window, overlap, slots_in};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn window(weekday: Weekday, start: &str, end: &str, minutes: i64) -> Window {
        Window {
            id: 1,
            weekday,
            start: start.parse().unwrap(),
            end: end.parse().unwrap(),
            length: TimeDelta::minutes(minutes),
            price: Money::ZERO,
        }
    }

    /// The beginnings, in UTC, of a day's slots; asked for from a day before to a day after.
    fn starts(zone: Tz, day: &str, window: Window) -> Vec<String> {
        let noon = at(&format!("{day}T12:00:00Z"));
        let slots = slots_in(&[window], zone, (noon - TimeDelta::hours(36), noon + TimeDelta::hours(36)));
        slots.iter().map(|slot| slot.start.format("%dT%H:%M").to_string()).collect()
    }

    #[test]
    fn a_window_is_cut_into_sessions_and_what_is_left_over_is_none() {
        let riyadh = window(Weekday::Sun, "16:00:00", "18:00:00", 45);
        assert_eq!(starts(Tz::Asia__Riyadh, "2026-02-01", riyadh), ["01T13:00", "01T13:45"]);
        assert_eq!(starts(Tz::Asia__Riyadh, "2026-02-04", riyadh), [""; 0], "another weekday");
        let exact = window(Weekday::Sun, "16:00:00", "18:00:00", 60);
        assert_eq!(starts(Tz::Asia__Riyadh, "2026-02-01", exact), ["01T13:00", "01T14:00"]);
    }

    #[test]
    fn the_hour_that_spring_skips_has_no_slots() {
        // Berlin: 29 March 2026, 02:00 to 03:00 do not exist; New York: 8 March; Cairo: 24 April, 00:00 to 01:00.
        let berlin = window(Weekday::Sun, "01:00:00", "04:00:00", 30);
        assert_eq!(
            starts(Tz::Europe__Berlin, "2026-03-29", berlin),
            ["29T00:00", "29T00:30", "29T01:00", "29T01:30"]
        );
        let new_york = window(Weekday::Sun, "01:30:00", "03:30:00", 60);
        assert_eq!(starts(Tz::America__New_York, "2026-03-08", new_york), ["08T06:30"]);
        let cairo = window(Weekday::Fri, "00:00:00", "02:00:00", 60);
        assert_eq!(starts(Tz::Africa__Cairo, "2026-04-24", cairo), ["23T22:00"]);
        // A week later the same windows are whole, an hour earlier in UTC.
        assert_eq!(starts(Tz::Africa__Cairo, "2026-05-01", cairo), ["30T21:00", "30T22:00"]);
    }

    #[test]
    fn the_hour_that_autumn_repeats_has_its_slots_once_and_early() {
        // Berlin: 25 October 2026, 02:00 to 03:00 come twice; New York: 1 November, 01:00 to 02:00; Cairo: 29 October,
        // 23:00 to 24:00.
        let berlin = window(Weekday::Sun, "02:00:00", "04:00:00", 60);
        assert_eq!(starts(Tz::Europe__Berlin, "2026-10-25", berlin), ["25T00:00", "25T02:00"]);
        let new_york = window(Weekday::Sun, "00:30:00", "02:30:00", 60);
        assert_eq!(starts(Tz::America__New_York, "2026-11-01", new_york), ["01T04:30", "01T05:30"]);
        let cairo = window(Weekday::Thu, "22:00:00", "23:30:00", 30);
        assert_eq!(starts(Tz::Africa__Cairo, "2026-10-29", cairo), ["29T19:00", "29T19:30", "29T20:00"]);
    }

    #[test]
    fn a_session_lasts_its_minutes_whatever_the_clocks_do() {
        let berlin = window(Weekday::Sun, "01:30:00", "04:30:00", 90);
        let day = (at("2026-03-28T12:00:00Z"), at("2026-03-29T12:00:00Z"));
        let slots = slots_in(&[berlin], Tz::Europe__Berlin, day);
        assert!(slots.iter().all(|slot| slot.end - slot.start == TimeDelta::minutes(90)));
        let starts: Vec<_> = slots.iter().map(|slot| slot.start).collect();
        // 01:30 is followed by 03:00, an hour and a half later by the clock on the wall and half an hour in truth.
        assert_eq!(starts, [at("2026-03-29T00:30:00Z"), at("2026-03-29T01:00:00Z")]);
        let [one, other] = [slots[0], slots[1]];
        assert!(overlap((one.start, one.end), (other.start, other.end)), "only one of the two can be booked");
    }

    #[test]
    fn one_instant_is_one_slot_and_a_span_ends_before_its_end() {
        let first = window(Weekday::Mon, "10:00:00", "12:00:00", 60);
        let second = Window { id: 2, ..window(Weekday::Mon, "11:00:00", "12:00:00", 60) };
        let span = (at("2026-02-02T10:00:00Z"), at("2026-02-02T11:00:00Z"));
        let found = slots_in(&[first, second], Tz::UTC, span);
        assert_eq!(found.len(), 1);
        let whole = slots_in(&[first, second], Tz::UTC, (span.0, span.1 + TimeDelta::seconds(1)));
        let expected = SlotAt {
            start: span.1,
            end: span.1 + TimeDelta::hours(1),
            availability_id: 1,
            price: Money::ZERO,
        };
        assert_eq!(whole[1], expected);
        assert_eq!(whole.len(), 2);
        assert!(!overlap(span, (span.1, span.1 + TimeDelta::hours(1))), "neighbours");
    }
}
