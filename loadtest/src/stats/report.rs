//! The figures of a finished run: what the JSON file and the HTML page hold, and the verdict.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Kind, Percentiles};
use crate::term::grouped;

/// All figures of a run. Latencies are in milliseconds, memory in bytes, times in seconds.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// It in words.
    pub(crate) title: String,
    /// The command line.
    pub(crate) command: String,
    /// RFC 3339, UTC.
    pub(crate) began_at: String,
    /// Of the tester.
    pub(crate) version: String,
    /// `release` or `debug`.
    pub(crate) build: &'static str,
    /// Cores of the machine.
    pub(crate) cores: f64,
    /// What was tested.
    pub(crate) target: String,
    pub(crate) hubs_tested: u64,
    /// How long the load went on.
    pub(crate) seconds: f64,
    /// How long was waited for the last answers.
    pub(crate) settle_seconds: f64,
    pub(crate) connections: u64,
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    pub(crate) unacknowledged: u64,
    pub(crate) refused: u64,
    /// Put off by the server's limits until the end.
    pub(crate) held_back: u64,
    /// Due messages that no sender got to.
    pub(crate) not_sent: u64,
    pub(crate) sent_again: u64,
    pub(crate) sent_per_second: f64,
    /// Messages that became known to clients.
    pub(crate) deliveries: u64,
    /// Until the last delivery.
    pub(crate) deliveries_per_second: f64,
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
    /// By the names of [`super::Kind`], over all activities; only what was measured.
    pub(crate) latencies: BTreeMap<String, Percentiles>,
    /// The same as curves: (percentile 0 to 100, milliseconds).
    pub(crate) distributions: BTreeMap<String, Vec<(f64, f64)>>,
    pub(crate) errors: BTreeMap<String, u64>,
    /// The server's limits were met.
    pub(crate) limited: bool,
    pub(crate) activities: Vec<ActivityReport>,
    pub(crate) processes: Vec<ProcessLoad>,
    /// Share of the whole machine that was busy during the load, 0 to 1.
    pub(crate) machine_busy: Option<f64>,
    pub(crate) series: Series,
    /// What was promised, and whether it was kept.
    pub(crate) slo: Vec<Kept>,
    /// What stands in the way of trusting the run, and what was promised and not kept; empty: exit code 0.
    pub(crate) faults: Vec<String>,
    /// What the reader of the figures should know.
    pub(crate) notes: Vec<String>,
}

/// One activity's part. The counts mean the same as the report's.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ActivityReport {
    /// `chat`, `room` …
    pub(crate) kind: String,
    /// It in words.
    pub(crate) description: String,
    pub(crate) connections: u64,
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    pub(crate) unacknowledged: u64,
    pub(crate) refused: u64,
    pub(crate) held_back: u64,
    pub(crate) not_sent: u64,
    pub(crate) sent_again: u64,
    pub(crate) deliveries: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) repeats: u64,
    pub(crate) out_of_order: u64,
    pub(crate) gaps: u64,
    pub(crate) reconnects: u64,
    pub(crate) recovered: u64,
    pub(crate) not_recovered: u64,
    pub(crate) ended: u64,
    /// What only this kind measures.
    pub(crate) figures: Vec<Figure>,
    pub(crate) latencies: BTreeMap<String, Percentiles>,
    pub(crate) errors: BTreeMap<String, u64>,
    /// The server's limits were met.
    pub(crate) limited: bool,
    /// Its own faults, besides those that the counts make (see [`Report::judge`]).
    pub(crate) faults: Vec<String>,
}

/// A figure with its name and unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    /// `KB`, `ms`, `/s`; empty for a plain number.
    pub(crate) unit: String,
}

/// One process of the installation, or the tester.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ProcessLoad {
    /// `hub 1`, `api`, `database`, `redis`, `tester`.
    pub(crate) role: String,
    pub(crate) pid: u32,
    /// Cores that it kept busy during the load.
    pub(crate) cores: f64,
    /// At the end of the load.
    pub(crate) resident: u64,
    /// Before the sockets were opened.
    pub(crate) resident_before: u64,
    /// Its processor time during the load, divided by all deliveries of the load.
    pub(crate) microseconds_a_delivery: Option<f64>,
}

/// Figures over time.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Series {
    /// The moments, in seconds since the load began; the ramp lies before 0.
    pub(crate) seconds: Vec<f64>,
    pub(crate) lines: Vec<Line>,
}

/// One figure over time; as many values as the series has moments.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    /// `latency`, `throughput`, `connections`, `errors`, `cpu` or `memory`: what is drawn together.
    pub(crate) group: &'static str,
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) values: Vec<Option<f64>>,
}

/// A limit of `--slo` or of budgets.toml, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Kept {
    /// `p99`, `lost` …
    pub(crate) name: String,
    /// `<= 50 ms`
    pub(crate) limit: String,
    /// What was measured.
    pub(crate) value: String,
    pub(crate) kept: bool,
    /// `--slo` or `budgets.toml`.
    pub(crate) source: String,
}

impl Report {
    /// Adds to `faults` what the counts and the activities say: losses, duplicates, reorderings are always fatal.
    pub(crate) fn judge(&mut self) {
        let counts = [
            (self.lost, "lost"),
            (self.duplicated, "duplicated"),
            (self.out_of_order, "out of order"),
            (self.gaps, "skipped offsets"),
            (self.unacknowledged, "never acknowledged"),
            (self.ended, "sockets closed for good by the server"),
        ];
        let counted = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{} {name}", grouped(*count)));
        self.faults.extend(counted);
        for activity in &self.activities {
            let own = activity.faults.iter().map(|fault| format!("{}: {fault}", activity.kind));
            self.faults.extend(own);
        }
    }
    /// The tester or the machine was too small for the figures to be the server's alone.
    pub(crate) fn bottleneck(&self) -> Option<String> {
        let tester = self.processes.iter().find(|process| process.role == "tester");
        if let Some(tester) = tester.filter(|tester| tester.cores > 0.9 * self.cores) {
            return Some(format!(
                "the tester itself was the bottleneck: it kept {:.2} of {:.0} cores busy",
                tester.cores, self.cores
            ));
        }
        if let Some(busy) = self.machine_busy.filter(|busy| *busy > 0.95) {
            let own = tester.map_or(String::new(), |tester| format!(" ({:.2} cores of it)", tester.cores));
            return Some(format!(
                "the machine was {:.0} % busy, tester{own} and servers together: the latencies are those of a full machine",
                busy * 100.0
            ));
        }
        // Senders whose hub died, or who are held back, are late for another reason.
        let late = self.latencies.get(Kind::Behind.name()).map_or(0.0, |behind| behind.p99);
        if late > 100.0 && self.reconnects == 0 && !self.limited {
            return Some(format!(
                "messages went out late (p99 {late:.0} ms): more senders or a lower rate would keep the schedule"
            ));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{ActivityReport, Figure, ProcessLoad, Report};
    use crate::stats::Percentiles;

    fn good() -> Report {
        let delivery = Percentiles { count: 2000, p50: 1.5, p90: 2.0, p99: 3.25, p999: 4.0, max: 5.0 };
        let hub = ProcessLoad {
            role: "hub 1".to_owned(),
            pid: 7,
            cores: 0.02,
            resident: 50 << 20,
            resident_before: 40 << 20,
            microseconds_a_delivery: Some(100.0),
        };
        let tester = ProcessLoad { role: "tester".to_owned(), cores: 0.1, ..ProcessLoad::default() };
        Report {
            scenario: "chat".to_owned(),
            cores: 2.0,
            hubs_tested: 1,
            seconds: 10.0,
            sent: 1000,
            acknowledged: 1000,
            deliveries: 2000,
            deliveries_per_second: 200.0,
            latencies: [("delivery".to_owned(), delivery)].into(),
            repeats: 3,
            processes: vec![hub, tester],
            activities: vec![ActivityReport { kind: "chat".to_owned(), ..ActivityReport::default() }],
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
            |report| report.activities[0].faults.push("nothing was delivered".to_owned()),
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
        let figure = Figure { name: "pings answered".to_owned(), value: 12.0, unit: String::new() };
        report.activities[0].figures.push(figure);
        let expected = [
            "1,000",
            "200.0/s",
            "3.25",
            "3 repeated",
            "2 × closed with 3008 slow",
            "100.0 µs",
            "pings answered",
        ];
        let table = report.table();
        for expected in expected {
            assert!(table.contains(expected), "{expected} is not in\n{table}");
        }
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["latencies"]["delivery"]["p99"], 3.25);
        assert_eq!(json["deliveries"], 2000);
        report.activities.push(ActivityReport { kind: "room".to_owned(), ..ActivityReport::default() });
        let table = report.table();
        for expected in ["  chat ", "  room ", "all together"] {
            assert!(table.contains(expected), "{expected} is not in\n{table}");
        }
    }

    #[test]
    fn a_tester_at_its_limit_says_so() {
        let mut report = good();
        assert_eq!(report.bottleneck(), None);
        let late = Percentiles { p99: 500.0, ..Percentiles::default() };
        report.latencies.insert("behind_schedule".to_owned(), late);
        assert!(report.bottleneck().unwrap().contains("late"));
        report.machine_busy = Some(0.99);
        assert!(report.bottleneck().unwrap().contains("machine"));
        report.processes[1].cores = 1.9;
        assert!(report.bottleneck().unwrap().contains("tester itself"));
    }
}
