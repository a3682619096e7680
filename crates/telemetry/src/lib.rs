//! What operators see of a process: its log, its metrics, its health. One line a request or command is written by
//! the doors; here is only where it goes.

mod admin;
mod nodes;
mod process;

use std::io::IsTerminal;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use admin::{Admin, AdminServer, Readiness, serve_admin};
pub use nodes::NodesPage;

/// What cannot be set up, as a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log's filter is not one.
    #[error("MAJLIS_LOG is not a filter of log lines such as \"info,realtime=debug\"")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Something else in this process writes the log already.
    #[error("the log was set up twice")]
    LogTwice(#[from] tracing_subscriber::util::TryInitError),
    /// Something else in this process counts already, or a bucket list is empty.
    #[error("the metrics could not be set up")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// Writes log lines to standard error: text for people, or one JSON object a line. `filter` is in `tracing`'s
/// syntax, such as `info,realtime=debug`. Once per process.
///
/// # Errors
/// [`TelemetryError::Filter`] and [`TelemetryError::LogTwice`].
pub fn init_log(filter: &str, json: bool) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(filter)?;
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        // Members of the event stand beside `message`, so that a search for `request_id` needs no path.
        let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
        registry.with(layer).try_init()?;
    } else {
        let colours = std::io::stderr().is_terminal();
        let layer = tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(std::io::stderr);
        registry.with(layer).try_init()?;
    }
    Ok(())
}

/// Seconds: from a fast cache read to the longest request that the doors allow.
const SECONDS: &[f64] =
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Bytes: powers of four from 256 B to 4 MiB.
const BYTES: &[f64] = &[256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0];

/// Everything that the `metrics` macros of this process count.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Takes over the `metrics` macros of this process. Histograms whose names end in `_seconds` or `_bytes` have
    /// buckets, so that several nodes can be added up. Once per process.
    ///
    /// # Errors
    /// [`TelemetryError::Metrics`].
    pub fn install() -> Result<Self, TelemetryError> {
        Ok(Self(Self::buckets()?.install_recorder()?))
    }

    /// Numbers of one's own and the recorder that counts them, which nobody has installed: for tests that run beside
    /// others in a process (`metrics::set_default_local_recorder`).
    ///
    /// # Errors
    /// [`TelemetryError::Metrics`].
    pub fn detached() -> Result<(Self, PrometheusRecorder), TelemetryError> {
        let recorder = Self::buckets()?.build_recorder();
        Ok((Self(recorder.handle()), recorder))
    }

    fn buckets() -> Result<PrometheusBuilder, TelemetryError> {
        Ok(PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
            .set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), BYTES)?)
    }

    /// The numbers so far, in Prometheus's text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Moves samples of histograms out of their buffers; needed now and then even when nobody scrapes.
    pub(crate) fn run_upkeep(&self) {
        self.0.run_upkeep();
    }
}
