//! Latencies in microseconds, recorded by many tasks without standing in one another's way.

use std::sync::Mutex;

use hdrhistogram::Histogram;
use serde::Serialize;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From the sending of a message to its acknowledgement.
    Acknowledgement,
    /// From the sending of a message to a client's hearing it, live.
    Delivery,
    /// The same for what a client missed and was given after it came back.
    Recovery,
    /// From when the schedule had a message to its sending: the tester's and the senders' own delay.
    Behind,
}

impl Kind {
    const fn place(self) -> usize {
        match self {
            Self::Acknowledgement => 0,
            Self::Delivery => 1,
            Self::Recovery => 2,
            Self::Behind => 3,
        }
    }
}

/// Every kind's histogram, in shards.
pub(crate) struct Latencies {
    shards: Vec<[Mutex<Histogram<u64>>; 4]>,
}

const SHARDS: u32 = 8;
/// Ten minutes; what takes longer counts as that.
const LONGEST: u64 = 600_000_000;

impl Latencies {
    /// Empty histograms with three significant digits.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, LONGEST, 3).map(Mutex::new);
        let shards = (0..SHARDS)
            .map(|_| Ok([histogram()?, histogram()?, histogram()?, histogram()?]))
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self { shards })
    }

    /// Records a latency; `socket` chooses the shard.
    pub(crate) fn record(&self, kind: Kind, socket: u32, microseconds: u64) {
        let shard = usize::try_from(socket % SHARDS).unwrap_or_default();
        if let Some(histogram) = self.shards.get(shard).and_then(|shard| shard.get(kind.place()))
            && let Ok(mut histogram) = histogram.lock()
        {
            histogram.saturating_record(microseconds.max(1));
        }
    }

    /// The figures of a kind so far.
    pub(crate) fn percentiles(&self, kind: Kind) -> Percentiles {
        let mut all = match Histogram::new_with_bounds(1, LONGEST, 3) {
            Ok(all) => all,
            Err(_same_bounds_as_above) => return Percentiles::default(),
        };
        for histogram in self.shards.iter().filter_map(|shard| shard.get(kind.place())) {
            if let Ok(histogram) = histogram.lock() {
                let _same_bounds = all.add(&*histogram);
            }
        }
        Percentiles::of(&all)
    }
}

/// The figures of one kind, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    /// How many were measured.
    pub(crate) count: u64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    #[serde(rename = "p99.9")]
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        let at = |quantile| super::float(histogram.value_at_quantile(quantile)) / 1000.0;
        Self {
            count: histogram.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: super::float(histogram.max()) / 1000.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Latencies, Percentiles};

    #[test]
    fn shards_add_up_to_the_true_percentiles() {
        let latencies = Latencies::new().unwrap();
        for value in 1..=1000 {
            latencies.record(Kind::Delivery, value, u64::from(value) * 1000);
        }
        let figures = latencies.percentiles(Kind::Delivery);
        assert_eq!(figures.count, 1000);
        for (figure, expected) in [
            (figures.p50, 500.0),
            (figures.p90, 900.0),
            (figures.p99, 990.0),
            (figures.p999, 999.0),
            (figures.max, 1000.0),
        ] {
            assert!((figure - expected).abs() <= expected * 0.001, "{figure} is not {expected}");
        }
        assert_eq!(latencies.percentiles(Kind::Recovery), Percentiles::default());
    }

    #[test]
    fn what_is_out_of_bounds_is_kept_at_the_bound() {
        let latencies = Latencies::new().unwrap();
        latencies.record(Kind::Behind, 0, 0);
        latencies.record(Kind::Behind, 0, u64::MAX);
        let figures = latencies.percentiles(Kind::Behind);
        assert_eq!(figures.count, 2);
        assert!(figures.max >= 600_000.0);
    }
}
