//! Axes: from figures to places between 0 and 1, with round ticks.

use super::text::{byte_scale, clock, minutes, number};

/// One axis.
pub(super) struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    /// What the figures are shown in, for the plot's heading.
    pub(super) unit: String,
    pub(super) ticks: Vec<Tick>,
}

/// A line across the plot with its label.
pub(super) struct Tick {
    /// 0: the axis' beginning; 1: its end.
    pub(super) at: f64,
    pub(super) label: String,
    /// May be left out where there is little room.
    pub(super) minor: bool,
}

/// Ticks that an axis should have, about.
const TICKS: f64 = 5.0;
/// A linear axis would press nearly everything flat when its largest value is so many times the middle one.
const OUTLIER: f64 = 25.0;

impl Axis {
    /// An axis from 0 for such values; logarithmic where `may_be_logarithmic` and some values tower above the others.
    pub(super) fn of_values(values: &[f64], unit: &str, may_be_logarithmic: bool) -> Self {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let high = sorted.last().copied().unwrap_or_default();
        let positive = sorted.iter().copied().find(|value| *value > 0.0);
        let middle = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        match positive {
            Some(low) if may_be_logarithmic && high > OUTLIER * middle.max(low) => {
                Self::logarithmic(low, high, unit)
            }
            _ => Self::linear(high, unit),
        }
    }

    fn linear(high: f64, unit: &str) -> Self {
        let bytes = matches!(unit, "B" | "bytes");
        let (scale, unit) = if bytes { byte_scale(high) } else { (1.0, unit) };
        let step = round_step((high / scale).max(f64::MIN_POSITIVE) / TICKS);
        // Counts have no halves.
        let step = if high <= 0.0 || !step.is_finite() {
            1.0
        } else if unit.is_empty() {
            step.max(1.0)
        } else {
            step
        };
        let steps = (high / scale / step - 1e-9).ceil().max(1.0);
        let top = step * steps;
        let mut ticks = Vec::new();
        let mut value = 0.0;
        while value <= top + step / 2.0 && ticks.len() < 20 {
            let minor = ticks.len() % 2 == 1;
            ticks.push(Tick { at: value / top, label: number(value), minor });
            value += step;
        }
        Self { low: 0.0, high: top * scale, logarithmic: false, unit: unit.to_owned(), ticks }
    }

    fn logarithmic(low: f64, high: f64, unit: &str) -> Self {
        let first = low.log10().floor();
        let last = high.log10().ceil().max(first + 1.0);
        let mut axis = Self {
            low: 10_f64.powf(first),
            high: 10_f64.powf(last),
            logarithmic: true,
            unit: unit.to_owned(),
            ticks: Vec::new(),
        };
        let few = last - first <= 2.0;
        let mut decade = first;
        while decade <= last {
            for factor in if few { &[1.0, 2.0, 5.0][..] } else { &[1.0][..] } {
                let value = 10_f64.powf(decade) * factor;
                if value <= axis.high * 1.0001 {
                    let at = axis.place(value);
                    axis.ticks.push(Tick { at, label: number(value), minor: *factor > 1.0 });
                }
            }
            decade += 1.0;
        }
        axis
    }

    /// Seconds of the run; what lies before 0 is the opening of the sockets.
    pub(super) fn of_time(first: f64, last: f64) -> Self {
        let low = if first.is_finite() { first.min(0.0) } else { 0.0 };
        let high = if last.is_finite() && last > low { last.max(0.0) } else { low + 1.0 };
        let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0];
        let span = high - low;
        let step = steps.into_iter().find(|step| span / step <= 8.0).unwrap_or(span / 6.0);
        let mut axis = Self { low, high, logarithmic: false, unit: String::new(), ticks: Vec::new() };
        // Zero is one of the ticks, and the ones beside it may be left out.
        let mut number = (low / step).ceil();
        while number * step <= high + step * 0.001 && axis.ticks.len() < 20 {
            // Without the sign that a zero may have; and one way of writing along one axis.
            let value = number * step + 0.0;
            let label = if high >= 120.0 { minutes(value) } else { clock(value) };
            axis.ticks.push(Tick { at: axis.place(value), label, minor: number % 2.0 != 0.0 });
            number += 1.0;
        }
        axis
    }

    /// Percentiles up to the last one below 100, each nine as wide as the one before; 100 itself is at the end.
    pub(super) fn of_percentiles(last: f64) -> Self {
        let nines = (nines_of(last) + END).max(1.0 + END);
        let mut axis =
            Self { low: 0.0, high: nines, logarithmic: false, unit: String::new(), ticks: Vec::new() };
        let marks = [50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 99.9999];
        for mark in marks.into_iter().filter(|mark| nines_of(*mark) <= nines - END + 1e-9) {
            let minor = mark < 60.0;
            axis.ticks.push(Tick { at: nines_of(mark) / nines, label: format!("p{mark}"), minor });
        }
        axis.ticks.push(Tick { at: 1.0, label: "max".to_owned(), minor: false });
        axis
    }

    /// Where a percentile lies on an axis of percentiles, 0 to 1.
    pub(super) fn place_percentile(&self, percentile: f64) -> f64 {
        if percentile >= 100.0 { 1.0 } else { self.place(nines_of(percentile)) }
    }

    /// Where a value lies, 0 to 1.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = if self.logarithmic {
            let low = self.low.log10();
            (value.max(self.low).log10() - low) / (self.high.log10() - low)
        } else {
            (value - self.low) / (self.high - self.low)
        };
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Do equal steps mean equal factors?
    pub(super) const fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }
}

/// The room for the largest value behind the last percentile, in nines.
const END: f64 = 0.6;

/// 0 for the lowest, 1 for the 90th percentile, 2 for the 99th, 3 for the 99.9th …
fn nines_of(percentile: f64) -> f64 {
    let share = 1.0 - percentile.clamp(0.0, 99.999_999) / 100.0;
    -share.log10()
}

/// 1, 2 or 5 times a power of ten: the smallest that is not below.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least * 0.999_999);
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::Axis;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_every_value() {
        let cases: [(&[f64], &str, &[&str]); 7] = [
            (&[3.0, 93.0], "ms", &["0", "20", "40", "60", "80", "100"]),
            (&[100.0], "ms", &["0", "20", "40", "60", "80", "100"]),
            (&[0.013], "ms", &["0", "0.005", "0.01", "0.015"]),
            (&[2.0], "", &["0", "1", "2"]),
            (&[0.0, 0.0], "cores", &["0", "1"]),
            (&[], "ms", &["0", "1"]),
            (&[f64::NAN, 3.0 * 1_048_576.0], "B", &["0", "1", "2", "3"]),
        ];
        for (values, unit, expected) in cases {
            let axis = Axis::of_values(values, unit, true);
            assert_eq!(labels(&axis), expected, "{values:?}");
            assert!(values.iter().all(|value| (0.0..=1.0).contains(&axis.place(*value))));
        }
    }

    #[test]
    fn one_outlier_does_not_press_the_others_flat() {
        let axis = Axis::of_values(&[2.0, 2.5, 3.0, 900.0], "ms", true);
        assert!(axis.is_logarithmic());
        assert_eq!(labels(&axis), ["1", "10", "100", "1,000"]);
        assert!(axis.place(3.0) > 0.1 && axis.place(0.0) < f64::EPSILON);
        assert!(!Axis::of_values(&[2.0, 2.5, 3.0, 900.0], "ms", false).is_logarithmic());
        assert!(!Axis::of_values(&[0.0, 0.0, 5.0], "ms", true).is_logarithmic());
    }

    #[test]
    fn a_runs_time_is_told_in_one_way() {
        assert_eq!(labels(&Axis::of_time(0.0, 30.0)), ["0 s", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s"]);
        assert_eq!(
            labels(&Axis::of_time(0.0, 180.0)),
            ["0:00", "0:30", "1:00", "1:30", "2:00", "2:30", "3:00"]
        );
        assert_eq!(labels(&Axis::of_time(0.0, 0.0)).first(), Some(&"0 s"));
        assert_eq!(labels(&Axis::of_time(-7.0, 20.0)), ["-5 s", "0 s", "5 s", "10 s", "15 s", "20 s"]);
        assert_eq!(labels(&Axis::of_time(-40.0, 130.0)), ["-0:30", "0:00", "0:30", "1:00", "1:30", "2:00"]);
        assert_eq!(labels(&Axis::of_time(f64::NAN, f64::NAN)).first(), Some(&"0 s"));
    }

    #[test]
    fn every_nine_is_as_wide_as_the_one_before() {
        let axis = Axis::of_percentiles(99.9);
        assert_eq!(labels(&axis), ["p50", "p90", "p99", "p99.9", "max"]);
        let width = |from: f64, to: f64| axis.place_percentile(to) - axis.place_percentile(from);
        assert!((width(90.0, 99.0) - width(99.0, 99.9)).abs() < 1e-9);
        assert!((axis.place_percentile(100.0) - 1.0).abs() < 1e-9);
        assert!(labels(&Axis::of_percentiles(0.0)).contains(&"p90"));
    }
}
