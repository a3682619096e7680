//! What a window may say (domain.md §5.7).

use std::fmt::Display;

use base::{Money, Problem, Violations};
use chrono::{NaiveTime, TimeDelta};
use protocol::consultations::CreateAvailability;
use store::consultations::{AvailabilityRow, NewAvailability};

/// Minutes of a session.
const SHORTEST: u16 = 15;
const LONGEST: u16 = 240;

/// Reads a window; what is wrong with it is told with `prefix` before its fields' names.
pub(super) fn check_window(
    input: &CreateAvailability,
    prefix: impl Display,
    violations: &mut Violations,
) -> Option<NewAvailability> {
    let mut add = |field: &str, problem| violations.add(format!("{prefix}{field}"), problem);
    let (start, end) = (clock(&input.start_time), clock(&input.end_time));
    if start.is_none() {
        add("start_time", Problem::Format("a time such as 16:00"));
    }
    if end.is_none() {
        add("end_time", Problem::Format("a time such as 18:00"));
    }
    let length = input.session_duration;
    if length < SHORTEST {
        add("session_duration", Problem::TooSmall(SHORTEST.to_string()));
    } else if length > LONGEST {
        add("session_duration", Problem::TooGreat(LONGEST.to_string()));
    }
    if input.price_per_session < Money::ZERO {
        add("price_per_session", Problem::TooSmall("0".to_owned()));
    }
    if input.price_per_session > base::money::MAX {
        add("price_per_session", Problem::TooGreat(base::money::MAX.to_string()));
    }
    let (start_time, end_time) = (start?, end?);
    if end_time <= start_time {
        add("end_time", Problem::NotAllowed("it must be after start_time; over midnight make two windows"));
    } else if (SHORTEST..=LONGEST).contains(&length)
        && end_time - start_time < TimeDelta::minutes(i64::from(length))
    {
        add("session_duration", Problem::NotAllowed("the window is shorter than a session"));
    }
    Some(NewAvailability {
        day_of_week: input.day_of_week.as_str(),
        start_time,
        end_time,
        session_duration: length,
        price_per_session: input.price_per_session,
        is_active: input.is_active,
    })
}

/// A time of day as clients write it.
fn clock(text: &str) -> Option<NaiveTime> {
    let right = matches!(text.len(), 5 | 8);
    let read = |form| NaiveTime::parse_from_str(text, form).ok();
    // A leap second has no place in a plan.
    right.then(|| read("%H:%M:%S").or_else(|| read("%H:%M"))).flatten().filter(|_| !text.ends_with(":60"))
}

/// Demands that a window has nothing in common with the others of its day.
pub(super) fn require_apart<'a>(
    window: &NewAvailability,
    others: impl IntoIterator<Item = &'a AvailabilityRow>,
) -> Result<(), Violations> {
    let meets = others.into_iter().any(|other| {
        other.day_of_week == window.day_of_week
            && other.start_time < window.end_time
            && window.start_time < other.end_time
    });
    if meets { Err(Violations::one("start_time", OVERLAPS)) } else { Ok(()) }
}

/// As [`require_apart`], for the windows of a whole week.
pub(super) fn check_week(windows: &[NewAvailability], violations: &mut Violations) {
    for (ordinal, window) in windows.iter().enumerate() {
        let meets = windows.iter().take(ordinal).any(|other| {
            other.day_of_week == window.day_of_week
                && other.start_time < window.end_time
                && window.start_time < other.end_time
        });
        if meets {
            violations.add(format!("availabilities.{ordinal}.start_time"), OVERLAPS);
        }
    }
}

const OVERLAPS: Problem = Problem::NotAllowed("it overlaps another window of that day");

#[cfg(test)]
mod tests {
    use base::Violations;
    use protocol::consultations::CreateAvailability;

    use super::{check_week, check_window};

    fn window(change: &str) -> CreateAvailability {
        let mut value = serde_json::json!({
            "day_of_week": "sun", "start_time": "16:00", "end_time": "18:00:00", "session_duration": 60,
        });
        let change: serde_json::Value = serde_json::from_str(change).unwrap();
        value.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_window_ends_after_it_begins_and_holds_a_session() {
        for (change, field) in [
            ("{}", ""),
            (r#"{"session_duration":120}"#, ""),
            (r#"{"session_duration":121}"#, "session duration"),
            (r#"{"session_duration":14}"#, "session duration"),
            (r#"{"session_duration":241,"start_time":"08:00"}"#, "session duration"),
            (r#"{"end_time":"16:00"}"#, "end time"),
            (r#"{"start_time":"23:00","end_time":"01:00"}"#, "end time"),
            (r#"{"end_time":"24:00"}"#, "end time"),
            (r#"{"start_time":"4 pm"}"#, "start time"),
            (r#"{"start_time":"16:00:60"}"#, "start time"),
            (r#"{"price_per_session":"-1.00"}"#, "price per session"),
        ] {
            let mut violations = Violations::none();
            check_window(&window(change), "", &mut violations);
            let said = violations.to_string();
            assert_eq!(said.is_empty(), field.is_empty(), "{change}: {said}");
            assert!(said.contains(field), "{change}: {said}");
        }
    }

    #[test]
    fn windows_of_one_day_are_apart_and_neighbours_may_touch() {
        let week = |changes: &[&str]| {
            let mut violations = Violations::none();
            let windows: Vec<_> = changes
                .iter()
                .map(|change| check_window(&window(change), "", &mut violations).unwrap())
                .collect();
            check_week(&windows, &mut violations);
            violations.sentences(base::Lang::En).into_keys().collect::<Vec<_>>()
        };
        assert_eq!(week(&["{}", r#"{"start_time":"18:00","end_time":"19:00"}"#]), [""; 0]);
        assert_eq!(week(&["{}", r#"{"day_of_week":"mon"}"#]), [""; 0]);
        assert_eq!(
            week(&["{}", r#"{"start_time":"17:59","end_time":"19:00"}"#]),
            ["availabilities.1.start_time"]
        );
    }
}
