//! What a test prints.

use std::fmt::Display;
use std::time::Duration;

/// A table of one test's figures.
pub(super) struct Figures(String);

impl Figures {
    pub(super) fn of(title: &str) -> Self {
        Self(format!("\n{title}\n"))
    }

    pub(super) fn row(&mut self, name: &str, value: impl Display) {
        self.0.push_str(&format!("  {name:<52} {value:>12}\n"));
    }

    pub(super) fn print(self) {
        println!("{}", self.0);
    }
}

/// Seconds with two decimals.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// The time below which so many of a hundred lie; nothing of nothing.
pub(super) fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let place = (times.len() * percent).div_ceil(100).clamp(1, times.len().max(1)) - 1;
    times.get(place).copied().unwrap_or_default()
}

#[test]
fn percentiles_are_those_of_the_list() {
    let mut times: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
    assert_eq!(percentile(&mut times, 50), Duration::from_millis(100));
    assert_eq!(percentile(&mut times, 99), Duration::from_millis(198));
    assert_eq!(percentile(&mut times, 100), Duration::from_millis(200));
    assert_eq!(percentile(&mut [], 50), Duration::ZERO);
}
