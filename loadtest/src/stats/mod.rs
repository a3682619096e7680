//! What is counted while a run goes on: shared, cheap, and read by the progress bar.

mod latency;
pub(crate) mod process;
pub(crate) mod report;
pub(crate) mod sampler;
mod table;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

pub(crate) use latency::{Distribution, Kind, Latencies, Percentiles};

/// A number that many tasks raise.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub(crate) fn up(&self) {
        self.add(1);
    }

    /// One fewer.
    pub(crate) fn down(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    /// So many more.
    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Relaxed);
    }

    /// Exactly this much.
    pub(crate) fn set(&self, number: u64) {
        self.0.store(number, Relaxed);
    }

    /// At least this much.
    pub(crate) fn raise_to(&self, number: u64) {
        self.0.fetch_max(number, Relaxed);
    }

    /// The number now.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The counts of a run.
#[derive(Default)]
pub(crate) struct Counters {
    /// Sockets that have been ready at least once.
    pub(crate) ready: Counter,
    /// Sockets that are ready now.
    pub(crate) online: Counter,
    /// Messages sent for the first time.
    pub(crate) sent: Counter,
    /// Messages sent again with the same key.
    pub(crate) sent_again: Counter,
    /// Messages acknowledged.
    pub(crate) acknowledged: Counter,
    /// Messages refused for good.
    pub(crate) refused: Counter,
    /// Due messages that no sender had room for.
    pub(crate) not_offered: Counter,
    /// Messages acknowledged under two ids.
    pub(crate) written_twice: Counter,
    /// Messages that became known to a client.
    pub(crate) deliveries: Counter,
    /// Microseconds from the gauges' making to the last of them: see [`crate::activity::Gauges::note_delivery`].
    pub(crate) last_delivery: Counter,
    /// Connections made after the first of a socket.
    pub(crate) reconnects: Counter,
    /// Times that a socket came back and knew all that it had missed.
    pub(crate) resumed: Counter,
    /// Subscriptions that recovered all they missed.
    pub(crate) recovered: Counter,
    /// Subscriptions that had to ask MySQL.
    pub(crate) not_recovered: Counter,
    /// Sockets that the server closed for good.
    pub(crate) ended: Counter,
    /// The server's pings that were answered.
    pub(crate) pings: Counter,
    /// While an activity settles: answers and deliveries that are still to come.
    pub(crate) missing: Counter,
    /// The server's limits were met.
    pub(crate) limited: AtomicBool,
    errors: Mutex<BTreeMap<String, u64>>,
}

impl Counters {
    /// Counts an error by its name.
    pub(crate) fn error(&self, name: &str) {
        if let Ok(mut errors) = self.errors.lock() {
            // Bounded: names come from codes, but a server may say anything.
            if errors.len() < 100 || errors.contains_key(name) {
                *errors.entry(name.to_owned()).or_default() += 1;
            }
        }
    }

    /// How many errors there were.
    pub(crate) fn error_count(&self) -> u64 {
        self.errors.lock().map(|errors| errors.values().sum()).unwrap_or_default()
    }

    /// The errors so far.
    pub(crate) fn errors(&self) -> BTreeMap<String, u64> {
        self.errors.lock().map(|errors| errors.clone()).unwrap_or_default()
    }

    /// Notes that a limit of the server was met.
    pub(crate) fn met_limit(&self) {
        self.limited.store(true, Relaxed);
    }
}

/// A count as a floating-point number; exact below 2⁵³.
pub(crate) fn float(number: u64) -> f64 {
    let high = u32::try_from(number >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

#[cfg(test)]
mod tests {
    use super::{Counters, float};

    #[test]
    fn numbers_stay_what_they_are() {
        for (number, expected) in
            [(0, 0.0), (1, 1.0), (4_294_967_296, 4_294_967_296.0), (123_456_789_012, 123_456_789_012.0)]
        {
            assert!((float(number) - expected).abs() < f64::EPSILON, "{number}");
        }
    }

    #[test]
    fn errors_are_counted_by_name_and_bounded() {
        let counters = Counters::default();
        for number in 0..200 {
            counters.error(&format!("error {}", number % 150));
        }
        assert_eq!(counters.errors().len(), 100);
        assert_eq!(counters.errors()["error 0"], 2);
    }
}
