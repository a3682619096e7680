//! What the hub counts (realtime.md §8). Series that are touched for every event are looked up once.

use std::time::Duration;

use base::Time;
use metrics::{Counter, Gauge, Histogram, Unit, counter, gauge, histogram};

/// Handles on the busy series.
pub(crate) struct Metrics {
    connections: Gauge,
    subscriptions: Gauge,
    queue_bytes: Gauge,
    deliveries: Counter,
    dropped: Counter,
    lag: Histogram,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// To be made after the recorder was installed.
    pub(crate) fn new() -> Self {
        metrics::describe_gauge!("realtime_connections", "Open sockets");
        metrics::describe_gauge!("realtime_subscriptions", "Subscriptions of this node's sockets");
        metrics::describe_gauge!("realtime_queue_bytes", Unit::Bytes, "Bytes that wait for sockets");
        metrics::describe_counter!("realtime_deliveries_total", "Events put into queues of sockets");
        metrics::describe_counter!("realtime_dropped_signals_total", "Signals that slow sockets did without");
        metrics::describe_counter!("realtime_closes_total", "Ends of sockets, by code");
        metrics::describe_counter!("realtime_gaps_total", "Gaps in what was heard, by what became of them");
        metrics::describe_counter!("realtime_recoveries_total", "Recoveries asked for, by result");
        metrics::describe_counter!("realtime_handshakes_total", "Upgrade requests, by status");
        metrics::describe_histogram!(
            "realtime_publish_to_socket_seconds",
            Unit::Seconds,
            "From an event's `at` until a socket took it (one delivery in 64)"
        );
        metrics::describe_histogram!("realtime_rpc_seconds", Unit::Seconds, "Commands, by method and code");
        Self {
            connections: gauge!("realtime_connections"),
            subscriptions: gauge!("realtime_subscriptions"),
            queue_bytes: gauge!("realtime_queue_bytes"),
            deliveries: counter!("realtime_deliveries_total"),
            dropped: counter!("realtime_dropped_signals_total"),
            lag: histogram!("realtime_publish_to_socket_seconds"),
        }
    }

    pub(crate) fn delivered(&self, deliveries: u64, dropped: u64) {
        if deliveries > 0 {
            self.deliveries.increment(deliveries);
        }
        if dropped > 0 {
            self.dropped.increment(dropped);
        }
    }

    /// A socket took an event that happened at `at_ms`.
    pub(crate) fn sent(&self, at_ms: i64) {
        let lag = Time::now().unix_millis().saturating_sub(at_ms).max(0);
        self.lag.record(Duration::from_millis(u64::try_from(lag).unwrap_or(0)));
    }

    pub(crate) fn recovered(&self, recovered: bool, events: usize) {
        counter!("realtime_recoveries_total", "result" => if recovered { "yes" } else { "no" }).increment(1);
        counter!("realtime_recovered_events_total").increment(u64::try_from(events).unwrap_or(0));
    }

    /// The sizes of the moment.
    pub(crate) fn sizes(&self, connections: usize, subscriptions: usize, queue_bytes: usize) {
        let number = |size: usize| u32::try_from(size).map_or(f64::MAX, f64::from);
        self.connections.set(number(connections));
        self.subscriptions.set(number(subscriptions));
        self.queue_bytes.set(number(queue_bytes));
    }
}

/// A socket ended: our code, or `client` or `lost`.
pub(crate) fn closed(code: String) {
    counter!("realtime_closes_total", "code" => code).increment(1);
}

/// A gap was found, and what became of it.
pub(crate) fn gap(result: &'static str) {
    counter!("realtime_gaps_total", "result" => result).increment(1);
}

/// An upgrade request was answered.
pub(crate) fn handshake(status: u16) {
    counter!("realtime_handshakes_total", "status" => status.to_string()).increment(1);
}

/// A command was answered, with 0 for success.
pub(crate) fn command(method: &'static str, code: u32, took: Duration) {
    histogram!("realtime_rpc_seconds", "method" => method, "code" => code.to_string()).record(took);
}
