//! What the hub counts (realtime.md §8). Series that are touched for every event are looked up once.

use std::time::Duration;

use base::Time;
use metrics::{Counter, Gauge, Histogram, Unit, counter, gauge, histogram};

use crate::hub::channel::Delivered;
use crate::hub::lag::LagWindow;
use crate::hub::report::LAG_TURNS;

/// Handles on the busy series.
pub(crate) struct Metrics {
    connections: Gauge,
    subscriptions: Gauge,
    channels: Gauge,
    queue_bytes: Gauge,
    deliveries: Counter,
    dropped: Counter,
    conflated: Counter,
    lag: Histogram,
    /// The lag of the last minute.
    pub(crate) lag_window: LagWindow,
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
        metrics::describe_gauge!("realtime_channels", "Channels subscribed in Redis or about to be given up");
        metrics::describe_gauge!("realtime_queue_bytes", Unit::Bytes, "Bytes that wait for sockets");
        metrics::describe_counter!("realtime_deliveries_total", "Events put into queues of sockets");
        metrics::describe_counter!("realtime_dropped_signals_total", "Signals that slow sockets did without");
        metrics::describe_counter!(
            "realtime_conflated_signals_total",
            "Signals that took the place of older ones in the queues of slow sockets"
        );
        metrics::describe_counter!("realtime_closes_total", "Ends of sockets, by code");
        metrics::describe_counter!("realtime_gaps_found_total", "Gaps found in what was heard");
        metrics::describe_counter!(
            "realtime_gaps_total",
            "Gaps dealt with, by result: healed from the stream; lost or unavailable, where clients recover"
        );
        metrics::describe_counter!("realtime_recoveries_total", "Recoveries asked for, by result");
        metrics::describe_counter!("realtime_recovered_events_total", "Events given in recoveries");
        metrics::describe_counter!(
            "realtime_presence_postponed_total",
            "Batches of presence edges that were left for a later turn"
        );
        metrics::describe_counter!(
            "realtime_gifts_held_total",
            "Gift animations that were held back to be merged"
        );
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
            channels: gauge!("realtime_channels"),
            queue_bytes: gauge!("realtime_queue_bytes"),
            deliveries: counter!("realtime_deliveries_total"),
            dropped: counter!("realtime_dropped_signals_total"),
            conflated: counter!("realtime_conflated_signals_total"),
            lag: histogram!("realtime_publish_to_socket_seconds"),
            lag_window: LagWindow::new(LAG_TURNS),
        }
    }

    pub(crate) fn delivered(&self, delivered: &Delivered) {
        for (counter, number) in [
            (&self.deliveries, delivered.deliveries),
            (&self.dropped, delivered.dropped),
            (&self.conflated, delivered.conflated),
        ] {
            if number > 0 {
                counter.increment(number);
            }
        }
        for at_ms in &delivered.sent_at_ms {
            self.sent(*at_ms);
        }
    }

    /// A socket took an event that happened at `at_ms`.
    pub(crate) fn sent(&self, at_ms: i64) {
        let lag = u64::try_from(Time::now().unix_millis().saturating_sub(at_ms)).unwrap_or(0);
        self.lag.record(Duration::from_millis(lag));
        self.lag_window.record(lag);
    }

    pub(crate) fn recovered(&self, recovered: bool, events: usize) {
        counter!("realtime_recoveries_total", "result" => if recovered { "yes" } else { "no" }).increment(1);
        counter!("realtime_recovered_events_total").increment(u64::try_from(events).unwrap_or(0));
    }

    /// The sizes of the moment.
    pub(crate) fn sizes(&self, sizes: Sizes) {
        let number = |size: usize| u32::try_from(size).map_or(f64::MAX, f64::from);
        self.connections.set(number(sizes.connections));
        self.subscriptions.set(number(sizes.subscriptions));
        self.channels.set(number(sizes.channels));
        self.queue_bytes.set(number(sizes.queue_bytes));
    }
}

/// How much there is of everything on this node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Open sockets.
    pub(crate) connections: usize,
    /// Subscriptions of sockets.
    pub(crate) subscriptions: usize,
    /// Channels subscribed in Redis or about to be given up.
    pub(crate) channels: usize,
    /// Bytes that wait for sockets.
    pub(crate) queue_bytes: usize,
}

/// A socket ended: our code, or `client` or `lost`.
pub(crate) fn closed(code: String) {
    counter!("realtime_closes_total", "code" => code).increment(1);
}

/// A gap was found.
pub(crate) fn gap_found() {
    counter!("realtime_gaps_found_total").increment(1);
}

/// What became of a gap.
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
