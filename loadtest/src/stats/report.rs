//! The figures of a finished run: as a table, as JSON, and as a verdict.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::{Percentiles, float};
use crate::term::grouped;

/// All figures of a run. Latencies are in milliseconds, memory in bytes.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// `chat` or `room`.
    pub(crate) scenario: &'static str,
    /// The run in words.
    pub(crate) description: String,
    /// How long messages were sent.
    pub(crate) seconds: f64,
    /// How long was waited for the last ones.
    pub(crate) settle_seconds: f64,
    pub(crate) connections: u64,
    pub(crate) sent: u64,
    pub(crate) sent_per_second: f64,
    pub(crate) sent_again: u64,
    pub(crate) acknowledged: u64,
    pub(crate) unacknowledged: u64,
    pub(crate) refused: u64,
    /// Put off by the server's limits until the end.
    pub(crate) held_back: u64,
    /// Due messages that no sender got to.
    pub(crate) not_sent: u64,
    /// Messages that became known to clients.
    pub(crate) deliveries: u64,
    /// Until the last delivery.
    pub(crate) deliveries_per_second: f64,
    pub(crate) acknowledgement_ms: Percentiles,
    pub(crate) delivery_ms: Percentiles,
    pub(crate) recovery_ms: Percentiles,
    pub(crate) behind_schedule_ms: Percentiles,
    /// Acknowledged and not known to a client that should.
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    /// Events heard again at a new offset, which apps drop by id.
    pub(crate) repeats: u64,
    pub(crate) out_of_order: u64,
    /// Offsets that a client never saw.
    pub(crate) gaps: u64,
    pub(crate) reconnects: u64,
    pub(crate) recovered: u64,
    pub(crate) not_recovered: u64,
    /// Sockets that the server closed for good.
    pub(crate) ended: u64,
    pub(crate) errors: BTreeMap<String, u64>,
    /// The server's limits were met.
    pub(crate) limited: bool,
    pub(crate) tester: Load,
    /// Share of the whole machine that was busy, 0 to 1.
    pub(crate) machine_busy: Option<f64>,
    pub(crate) hubs: Vec<HubLoad>,
    /// All hubs are on this machine and lived through the run.
    pub(crate) hubs_complete: bool,
    /// What stands in the way of trusting the run; empty: all was heard once and in order.
    pub(crate) faults: Vec<String>,
}

/// The tester itself.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Load {
    /// Cores that it kept busy.
    pub(crate) cores: f64,
    /// Cores that there are.
    pub(crate) of: f64,
}

/// One hub process, where it is on this machine and lived through the run.
#[derive(Debug, Serialize)]
pub(crate) struct HubLoad {
    pub(crate) pid: u32,
    /// Cores that it kept busy while messages were sent.
    pub(crate) cores: f64,
    pub(crate) resident: u64,
}

impl Report {
    /// Fills in `faults`: what makes the exit code 1.
    pub(crate) fn judge(&mut self) {
        let counts = [
            (self.lost, "lost"),
            (self.duplicated, "duplicated"),
            (self.out_of_order, "out of order"),
            (self.gaps, "skipped offsets"),
            (self.unacknowledged, "never acknowledged"),
            (self.ended, "sockets closed for good by the server"),
        ];
        self.faults = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{} {name}", grouped(*count)))
            .collect();
        if self.deliveries == 0 {
            self.faults.push("nothing was delivered".to_owned());
        }
    }

    /// The tester or the machine was too small for the figures to be the server's alone.
    pub(crate) fn bottleneck(&self) -> Option<String> {
        if self.tester.of > 0.0 && self.tester.cores > 0.9 * self.tester.of {
            return Some(format!(
                "the tester itself was the bottleneck: it kept {:.2} of {:.0} cores busy",
                self.tester.cores, self.tester.of
            ));
        }
        if let Some(busy) = self.machine_busy.filter(|busy| *busy > 0.95) {
            return Some(format!(
                "the machine was {:.0} % busy, tester and servers together: the latencies are those of a full machine",
                busy * 100.0
            ));
        }
        // Senders whose hub died, or who are held back, are late for another reason.
        if self.behind_schedule_ms.p99 > 100.0 && self.reconnects == 0 && !self.limited {
            return Some(format!(
                "messages went out late (p99 {:.0} ms): more senders or a lower rate would keep the schedule",
                self.behind_schedule_ms.p99
            ));
        }
        None
    }

    /// The table.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _infallible = self.write_table(&mut text);
        text
    }

    fn write_table(&self, out: &mut String) -> std::fmt::Result {
        let mut row = |name: &str, value: String| writeln!(out, "  {name:<22} {value}");
        row(self.scenario, self.description.clone())?;
        row("duration", format!("{:.1} s, and {:.1} s to settle", self.seconds, self.settle_seconds))?;
        row("connections", grouped(self.connections))?;
        row("sent", format!("{}   {:.1}/s", grouped(self.sent), self.sent_per_second))?;
        let mut acknowledged = grouped(self.acknowledged);
        for (count, name) in [
            (self.unacknowledged, "never answered"),
            (self.refused, "refused"),
            (self.sent_again, "sent again"),
            (self.held_back, "held back by the server's limits"),
            (self.not_sent, "due but not sent"),
        ] {
            if count > 0 {
                write!(acknowledged, "   {} {name}", grouped(count))?;
            }
        }
        row("acknowledged", acknowledged)?;
        row("deliveries", format!("{}   {:.1}/s", grouped(self.deliveries), self.deliveries_per_second))?;
        row("latency in ms", format!("{:>9} {:>9} {:>9} {:>9} {:>9}", "p50", "p90", "p99", "p99.9", "max"))?;
        for (name, figures) in [
            ("  acknowledgement", self.acknowledgement_ms),
            ("  delivery", self.delivery_ms),
            ("  recovered delivery", self.recovery_ms),
            ("  behind schedule", self.behind_schedule_ms),
        ] {
            if figures.count > 0 {
                let Percentiles { p50, p90, p99, p999, max, .. } = figures;
                row(name, format!("{p50:>9.2} {p90:>9.2} {p99:>9.2} {p999:>9.2} {max:>9.2}"))?;
            }
        }
        row("lost", grouped(self.lost))?;
        row(
            "duplicated",
            format!(
                "{}   {} repeated events that apps drop by id",
                grouped(self.duplicated),
                grouped(self.repeats)
            ),
        )?;
        row("out of order", grouped(self.out_of_order))?;
        row("skipped offsets", grouped(self.gaps))?;
        row(
            "reconnects",
            format!(
                "{}   recovered {}, not recovered {}",
                grouped(self.reconnects),
                grouped(self.recovered),
                grouped(self.not_recovered)
            ),
        )?;
        if self.errors.is_empty() {
            row("errors", "none".to_owned())?;
        }
        for (index, (name, count)) in self.errors.iter().enumerate() {
            row(if index == 0 { "errors" } else { "" }, format!("{:>7} × {name}", grouped(*count)))?;
        }
        let busy =
            self.machine_busy.map_or(String::new(), |busy| format!("; machine {:.0} % busy", busy * 100.0));
        row("tester", format!("{:.2} of {:.0} cores{busy}", self.tester.cores, self.tester.of))?;
        for hub in &self.hubs {
            row(
                &format!("hub, pid {}", hub.pid),
                format!("{:.2} cores, {} MiB", hub.cores, hub.resident >> 20),
            )?;
        }
        if let Some(per_delivery) = self.hub_microseconds_per_delivery() {
            row(
                "hub CPU a delivery",
                format!("{per_delivery:.1} µs (all hub work of the run divided by deliveries)"),
            )?;
        }
        Ok(())
    }

    fn hub_microseconds_per_delivery(&self) -> Option<f64> {
        (self.hubs_complete && self.deliveries > 0).then(|| {
            let cores: f64 = self.hubs.iter().map(|hub| hub.cores).sum();
            cores * (self.seconds + self.settle_seconds) * 1e6 / float(self.deliveries)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{HubLoad, Load, Report};
    use crate::stats::Percentiles;

    fn good() -> Report {
        Report {
            scenario: "chat",
            seconds: 10.0,
            sent: 1000,
            acknowledged: 1000,
            deliveries: 2000,
            deliveries_per_second: 200.0,
            delivery_ms: Percentiles { count: 2000, p50: 1.5, p90: 2.0, p99: 3.25, p999: 4.0, max: 5.0 },
            repeats: 3,
            hubs: vec![HubLoad { pid: 7, cores: 0.02, resident: 50 << 20 }],
            hubs_complete: true,
            tester: Load { cores: 0.1, of: 2.0 },
            ..Report::default()
        }
    }

    #[test]
    fn only_faults_make_a_run_fail() {
        let mut report = good();
        report.judge();
        assert_eq!(report.faults, Vec::<String>::new(), "repeats are no fault");
        let faults: [fn(&mut Report); 7] = [
            |report| report.lost = 1,
            |report| report.duplicated = 1,
            |report| report.out_of_order = 1,
            |report| report.gaps = 1,
            |report| report.unacknowledged = 1,
            |report| report.ended = 1,
            |report| report.deliveries = 0,
        ];
        for (index, fault) in faults.iter().enumerate() {
            let mut report = good();
            fault(&mut report);
            report.judge();
            assert_eq!(report.faults.len(), 1, "fault {index}");
        }
    }

    #[test]
    fn the_table_and_the_json_say_the_same() {
        let mut report = good();
        report.errors.insert("closed with 3008 slow".to_owned(), 2);
        let table = report.table();
        for expected in ["1,000", "200.0/s", "3.25", "3 repeated", "2 × closed with 3008 slow", "100.0 µs"]
        {
            assert!(table.contains(expected), "{expected} is not in\n{table}");
        }
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["delivery_ms"]["p99"], 3.25);
        assert_eq!(json["deliveries"], 2000);
    }

    #[test]
    fn a_tester_at_its_limit_says_so() {
        let mut report = good();
        assert_eq!(report.bottleneck(), None);
        report.behind_schedule_ms.p99 = 500.0;
        assert!(report.bottleneck().unwrap().contains("late"));
        report.machine_busy = Some(0.99);
        assert!(report.bottleneck().unwrap().contains("machine"));
        report.tester.cores = 1.9;
        assert!(report.bottleneck().unwrap().contains("tester itself"));
    }
}
