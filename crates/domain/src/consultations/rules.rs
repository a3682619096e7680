//! What administrators decide about consultations (`settings`, names that begin with `consult.`). What is missing there, or
//! cannot be read, has the specification's value.

use std::collections::HashMap;
use std::str::FromStr;

use chrono::TimeDelta;
use store::{Conn, StoreError};

/// The settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConsultRules {
    /// `consult.require_confirmation`: the speaker has to confirm.
    pub require_confirmation: bool,
    /// `consult.confirm_minutes`: how long the speaker has for that; never beyond the session's beginning.
    pub confirm_within: TimeDelta,
    /// `consult.settle`: the speaker is paid when the session is completed (`on_complete`), not when it is booked.
    pub settle_on_complete: bool,
    /// `consult.min_notice_minutes`: nothing is booked later than so long before.
    pub min_notice: TimeDelta,
    /// `consult.horizon_days`: nothing is booked longer ahead.
    pub horizon: TimeDelta,
    /// `consult.buffer_minutes`: free time of the speaker before and after every session.
    pub buffer: TimeDelta,
    /// `consult.refund_percent_24h`: what a student has back who cancels a day before or earlier, …
    pub refund_early: u32,
    /// `consult.refund_percent_2h`: … two hours before or earlier, …
    pub refund_late: u32,
    /// `consult.refund_percent_last`: … and later.
    pub refund_last: u32,
}

impl Default for ConsultRules {
    fn default() -> Self {
        Self {
            require_confirmation: false,
            confirm_within: TimeDelta::hours(24),
            settle_on_complete: true,
            min_notice: TimeDelta::hours(2),
            horizon: TimeDelta::days(60),
            buffer: TimeDelta::zero(),
            refund_early: 100,
            refund_late: 50,
            refund_last: 0,
        }
    }
}

impl ConsultRules {
    /// The settings as they are now.
    pub(super) async fn read(conn: &mut Conn) -> Result<Self, StoreError> {
        Ok(Self::of(store::consultations::list_consultation_settings(conn).await?))
    }

    fn of(rows: Vec<(String, Option<String>)>) -> Self {
        let rows: HashMap<String, String> =
            rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let text = |name: &str| rows.get(&format!("consult.{name}")).map(String::as_str);
        let standard = Self::default();
        let minutes = |name, least, most, otherwise| {
            number::<i64>(text(name), least, most).map_or(otherwise, TimeDelta::minutes)
        };
        let percent = |name, otherwise| number(text(name), 0, 100).unwrap_or(otherwise);
        Self {
            require_confirmation: matches!(text("require_confirmation"), Some("1" | "true")),
            confirm_within: minutes("confirm_minutes", 15, 7 * 24 * 60, standard.confirm_within),
            settle_on_complete: text("settle") != Some("on_booking"),
            min_notice: minutes("min_notice_minutes", 0, 30 * 24 * 60, standard.min_notice),
            horizon: number::<i64>(text("horizon_days"), 1, 365).map_or(standard.horizon, TimeDelta::days),
            buffer: minutes("buffer_minutes", 0, 240, standard.buffer),
            refund_early: percent("refund_percent_24h", standard.refund_early),
            refund_late: percent("refund_percent_2h", standard.refund_late),
            refund_last: percent("refund_percent_last", standard.refund_last),
        }
    }

    /// What a student has back, percent, who cancels so long before the beginning.
    pub(super) fn refund_percent(&self, ahead: TimeDelta) -> u32 {
        if ahead >= TimeDelta::hours(24) {
            self.refund_early
        } else if ahead >= TimeDelta::hours(2) {
            self.refund_late
        } else {
            self.refund_last
        }
    }
}

fn number<T: FromStr + PartialOrd>(text: Option<&str>, least: T, most: T) -> Option<T> {
    text?.trim().parse().ok().filter(|number| *number >= least && *number <= most)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::ConsultRules;

    #[test]
    fn settings_count_where_they_can_be_read() {
        assert_eq!(ConsultRules::of(Vec::new()), ConsultRules::default());
        let set = |name: &str, value: &str| {
            ConsultRules::of(vec![(format!("consult.{name}"), Some(value.to_owned()))])
        };
        assert!(set("require_confirmation", "1").require_confirmation);
        assert!(!set("settle", "on_booking").settle_on_complete);
        assert!(set("settle", "sometimes").settle_on_complete);
        assert_eq!(set("horizon_days", "7").horizon, TimeDelta::days(7));
        for nonsense in ["-1", "101", "half", ""] {
            assert_eq!(set("refund_percent_2h", nonsense), ConsultRules::default(), "{nonsense}");
        }
    }

    #[test]
    fn who_cancels_later_has_less_back() {
        let rules = ConsultRules::default();
        let percents = [24 * 60, 24 * 60 - 1, 2 * 60, 2 * 60 - 1, -30]
            .map(|minutes| rules.refund_percent(TimeDelta::minutes(minutes)));
        assert_eq!(percents, [100, 50, 50, 0, 0]);
    }
}
