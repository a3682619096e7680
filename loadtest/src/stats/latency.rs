//! Latencies in microseconds, recorded by many tasks without standing in one another's way.

use std::collections::BTreeMap;
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
    /// From a request's sending to its whole answer.
    Request,
    /// From the loss of a connection to the answer to `connect` on the next one.
    Connect,
    /// From the loss of a connection until all that was missed is known.
    Resume,
    /// From what makes somebody come or go to a watcher's hearing of it.
    Presence,
}

impl Kind {
    /// All of them, in the order of [`Self::place`].
    pub(crate) const ALL: [Self; 8] = [
        Self::Acknowledgement,
        Self::Delivery,
        Self::Recovery,
        Self::Behind,
        Self::Request,
        Self::Connect,
        Self::Resume,
        Self::Presence,
    ];

    const fn place(self) -> usize {
        match self {
            Self::Acknowledgement => 0,
            Self::Delivery => 1,
            Self::Recovery => 2,
            Self::Behind => 3,
            Self::Request => 4,
            Self::Connect => 5,
            Self::Resume => 6,
            Self::Presence => 7,
        }
    }

    /// Its name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Acknowledgement => "acknowledgement",
            Self::Delivery => "delivery",
            Self::Recovery => "recovery",
            Self::Behind => "behind_schedule",
            Self::Request => "request",
            Self::Connect => "connect",
            Self::Resume => "resume",
            Self::Presence => "presence",
        }
    }
}

/// Every kind's histogram, in shards that are made when they are needed.
pub(crate) struct Latencies {
    shards: Vec<[Shard; Kind::ALL.len()]>,
}

type Shard = Mutex<Option<Histogram<u64>>>;

const SHARDS: u32 = 8;
/// Ten minutes; what takes longer counts as that.
const LONGEST: u64 = 600_000_000;

/// An empty histogram of microseconds with three significant digits, which grows with what it is given.
fn histogram() -> Option<Histogram<u64>> {
    let mut histogram = Histogram::new(3).ok()?;
    histogram.auto(true);
    Some(histogram)
}

impl Latencies {
    /// Nothing measured yet.
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Default::default()).collect() }
    }

    /// Records a latency; `socket` chooses the shard.
    pub(crate) fn record(&self, kind: Kind, socket: u32, microseconds: u64) {
        let shard = usize::try_from(socket % SHARDS).unwrap_or_default();
        if let Some(shard) = self.shards.get(shard).and_then(|shard| shard.get(kind.place()))
            && let Ok(mut shard) = shard.lock()
            && let Some(histogram) = ensure(&mut shard)
        {
            // In bounds, and it grows: it cannot fail.
            let _recorded = histogram.record(microseconds.clamp(1, LONGEST));
        }
    }

    /// Adds all that was measured of a kind so far.
    pub(crate) fn add_to(&self, kind: Kind, all: &mut Distribution) {
        for shard in self.shards.iter().filter_map(|shard| shard.get(kind.place())) {
            if let Ok(shard) = shard.lock()
                && let (Some(all), Some(histogram)) = (ensure(&mut all.0), &*shard)
            {
                let _it_grows = all.add(histogram);
            }
        }
    }

    /// The figures of a kind so far.
    pub(crate) fn percentiles(&self, kind: Kind) -> Percentiles {
        let mut all = Distribution::default();
        self.add_to(kind, &mut all);
        all.percentiles()
    }

    /// The figures of every kind that was measured, by name.
    pub(crate) fn all(&self) -> BTreeMap<String, Percentiles> {
        Kind::ALL
            .into_iter()
            .map(|kind| (kind.name().to_owned(), self.percentiles(kind)))
            .filter(|(_, figures)| figures.count > 0)
            .collect()
    }
}

fn ensure(histogram_place: &mut Option<Histogram<u64>>) -> Option<&mut Histogram<u64>> {
    if histogram_place.is_none() {
        *histogram_place = histogram();
    }
    histogram_place.as_mut()
}

/// Latencies of one kind, taken together.
#[derive(Clone, Default)]
pub(crate) struct Distribution(Option<Histogram<u64>>);

impl Distribution {
    /// How many were measured.
    pub(crate) fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// The figures.
    pub(crate) fn percentiles(&self) -> Percentiles {
        self.0.as_ref().map(Percentiles::of).unwrap_or_default()
    }

    /// What came since `earlier`, which holds nothing that this one does not.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let mut difference = self.clone();
        if let (Some(now), Some(before)) = (&mut difference.0, &earlier.0)
            && now.subtract(before).is_err()
        {
            return Self::default();
        }
        difference
    }

    /// The curve: (percentile 0 to 100, milliseconds).
    pub(crate) fn curve(&self) -> Vec<(f64, f64)> {
        let Some(histogram) = self.0.as_ref().filter(|histogram| !histogram.is_empty()) else {
            return Vec::new();
        };
        let low = (0..18_u32).map(|step| f64::from(step) * 5.0);
        let high = (90..99_u32).map(f64::from);
        let tail = (0..10_u32).map(|step| 99.0 + f64::from(step) / 10.0);
        let end = (1..10_u32).map(|step| 99.9 + f64::from(step) / 100.0);
        low.chain(high)
            .chain(tail)
            .chain(end)
            .chain([100.0])
            .map(|percentile| {
                (percentile, super::float(histogram.value_at_quantile(percentile / 100.0)) / 1000.0)
            })
            .collect()
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
        let latencies = Latencies::new();
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
        let latencies = Latencies::new();
        latencies.record(Kind::Behind, 0, 0);
        latencies.record(Kind::Behind, 0, u64::MAX);
        let figures = latencies.percentiles(Kind::Behind);
        assert_eq!(figures.count, 2);
        assert!(figures.max >= 600_000.0);
    }
}
