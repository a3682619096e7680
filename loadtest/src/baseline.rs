//! `--baseline`: the fan-out that a room just did, done again by the bare server with the bytes of the same frame.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use protocol::codec::Encoding;

use crate::activity::Gauges;
use crate::bare;
use crate::cli::RunOptions;
use crate::scenario::Scenario;
use crate::stats::report::{Figure, Report};
use crate::term::Progress;

/// The fan-out to repeat.
pub(crate) struct Baseline {
    subscribers: u32,
    rate: f64,
    seconds: u32,
    gauges: Option<Arc<Gauges>>,
}

/// The bare server need not run longer than this for a good figure.
const LONGEST: u32 = 10;

impl Baseline {
    /// What is to be repeated; `None` where nobody asked for it.
    ///
    /// # Errors
    /// The scenario is more than one room.
    pub(crate) fn of(scenario: &Scenario, options: &RunOptions) -> Result<Option<Self>> {
        if !options.baseline {
            return Ok(None);
        }
        let (subscribers, rate) = match &*scenario.plans {
            [one] => one.fan_out(),
            _ => None,
        }
        .context("--baseline is for scenarios of one room: the bare server has no others")?;
        if Encoding::from(options.common.encoding) != Encoding::Json {
            bail!("--baseline needs --encoding json, for the bare server writes the bytes of such frames");
        }
        Ok(Some(Self { subscribers, rate, seconds: scenario.seconds.min(LONGEST), gauges: None }))
    }

    /// Whose frame is used.
    pub(crate) fn watch(&mut self, gauges: Arc<Gauges>) {
        self.gauges = Some(gauges);
    }

    /// Has the bare server do the work; adds its figures to the room's.
    ///
    /// # Errors
    /// The room was silent, or the bare server failed.
    pub(crate) async fn compare(self, report: &mut Report) -> Result<()> {
        let sample = self.gauges.as_ref().and_then(|gauges| gauges.sample.get());
        let frame: Bytes = sample.context("nothing was heard that the bare server could repeat")?.clone();
        let mut progress = Progress::begin("bare server", 1);
        progress.show(0, "the same fan-out without the room");
        let (subscribers, rate, seconds) = (self.subscribers, self.rate, self.seconds);
        let bare = tokio::task::spawn_blocking(move || bare::same_work(subscribers, rate, seconds, &frame))
            .await
            .context("the bare server's test ended unexpectedly")??;
        let round = &bare.round;
        progress.done(&format!("{:.1} µs a delivery", round.microseconds_a_delivery));
        let hubs = crate::slo::hub_microseconds_a_delivery(report);
        let mut figures = vec![
            ("bare server, CPU a delivery", round.microseconds_a_delivery, "µs"),
            ("bare server, delivery p50", round.p50_ms, "ms"),
            ("bare server, delivery p99", round.p99_ms, "ms"),
            ("bare server, resident a connection", bare.bytes_a_connection / 1024.0, "KB"),
        ];
        if let Some(hubs) = hubs {
            figures.push(("hubs, CPU a delivery", hubs, "µs"));
            figures.push((
                "hubs, times the bare server",
                hubs / round.microseconds_a_delivery.max(0.001),
                "",
            ));
        }
        if let Some(activity) = report.activities.first_mut() {
            activity.figures.extend(figures.into_iter().map(|(name, value, unit)| Figure {
                name: name.to_owned(),
                value,
                unit: unit.to_owned(),
            }));
        }
        Ok(())
    }
}
