//! The report as the table that the program prints.

use std::fmt::{Result, Write};

use super::Percentiles;
use super::report::{ActivityReport, Report};
use crate::term::grouped;

/// Names of latencies as the table has them, in its order.
const LATENCIES: [(&str, &str); 8] = [
    ("delivery", "delivery"),
    ("acknowledgement", "acknowledgement"),
    ("request", "request"),
    ("presence", "presence"),
    ("recovery", "recovered delivery"),
    ("connect", "back: connected"),
    ("resume", "back: up to date"),
    ("behind_schedule", "behind schedule"),
];

impl Report {
    /// The table: every activity, then the whole.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _infallible = self.write_table(&mut text);
        text
    }

    fn write_table(&self, out: &mut String) -> Result {
        match &*self.activities {
            [one] => {
                row(out, &one.kind, &one.description)?;
                figures(out, one)?;
            }
            several => {
                for activity in several {
                    write_activity(out, activity)?;
                }
                row(out, "all together", &self.scenario)?;
            }
        }
        row(out, "duration", &format!("{:.1} s, and {:.1} s to settle", self.seconds, self.settle_seconds))?;
        row(
            out,
            "connections",
            &format!("{}   on {} of {}", grouped(self.connections), hubs(self.hubs_tested), self.target),
        )?;
        if self.sent > 0 {
            row(out, "sent", &format!("{}   {:.1}/s", grouped(self.sent), self.sent_per_second))?;
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
            row(out, "acknowledged", &acknowledged)?;
        }
        let rate = format!("{}   {:.1}/s", grouped(self.deliveries), self.deliveries_per_second);
        row(out, "deliveries", &rate)?;
        latencies(out, &self.latencies)?;
        if let [one] = &*self.activities {
            own_latencies(out, one)?;
        }
        row(out, "lost", &grouped(self.lost))?;
        let repeats = grouped(self.repeats);
        row(
            out,
            "duplicated",
            &format!("{}   {repeats} repeated events that apps drop by id", grouped(self.duplicated)),
        )?;
        row(out, "out of order", &grouped(self.out_of_order))?;
        row(out, "skipped offsets", &grouped(self.gaps))?;
        let [reconnects, recovered, not] = [self.reconnects, self.recovered, self.not_recovered].map(grouped);
        row(out, "reconnects", &format!("{reconnects}   recovered {recovered}, not recovered {not}"))?;
        if self.errors.is_empty() {
            row(out, "errors", "none")?;
        }
        for (index, (name, count)) in self.errors.iter().enumerate() {
            let title = if index == 0 { "errors" } else { "" };
            row(out, title, &format!("{:>7} × {name}", grouped(*count)))?;
        }
        self.write_processes(out)?;
        for kept in &self.slo {
            let verdict = if kept.kept { "kept" } else { "MISSED" };
            let line = format!("{verdict:<7} {}   limit {} ({})", kept.value, kept.limit, kept.source);
            row(out, &kept.name, &line)?;
        }
        Ok(())
    }

    fn write_processes(&self, out: &mut String) -> Result {
        for process in &self.processes {
            let mut line = format!(
                "{:.2} cores, {} MiB (before: {})",
                process.cores,
                process.resident >> 20,
                process.resident_before >> 20
            );
            if let Some(cost) = process.microseconds_a_delivery {
                write!(line, ", {cost:.1} µs a delivery")?;
            }
            row(out, &process.role, &line)?;
        }
        if let Some(busy) = self.machine_busy {
            row(out, "machine", &format!("{:.0} % of {:.0} cores busy", busy * 100.0, self.cores))?;
        }
        if let Some(cost) = crate::slo::hub_microseconds_a_delivery(self) {
            row(
                out,
                "hub CPU a delivery",
                &format!("{cost:.1} µs (all hub work of the load divided by deliveries)"),
            )?;
        }
        Ok(())
    }
}

fn row(out: &mut String, name: &str, value: &str) -> Result {
    writeln!(out, "  {name:<22} {value}")
}

fn hubs(count: u64) -> String {
    if count == 1 { "1 hub".to_owned() } else { format!("{count} hubs") }
}

/// One of several activities: what it did, and what makes it differ from the whole.
fn write_activity(out: &mut String, activity: &ActivityReport) -> Result {
    row(out, &activity.kind, &activity.description)?;
    let mut line = format!("{} sockets", grouped(activity.connections));
    for (count, name) in [
        (activity.sent, "sent"),
        (activity.acknowledged, "acknowledged"),
        (activity.refused, "refused"),
        (activity.deliveries, "delivered"),
        (activity.lost, "lost"),
        (activity.duplicated, "duplicated"),
        (activity.out_of_order, "out of order"),
        (activity.gaps, "skipped offsets"),
        (activity.reconnects, "reconnects"),
    ] {
        if count > 0 {
            write!(line, ", {} {name}", grouped(count))?;
        }
    }
    row(out, "", &line)?;
    figures(out, activity)?;
    latencies(out, &activity.latencies)?;
    own_latencies(out, activity)?;
    writeln!(out)
}

fn figures(out: &mut String, activity: &ActivityReport) -> Result {
    for figure in &activity.figures {
        // Whole numbers as such.
        let value = if figure.unit.is_empty() && figure.value.fract() == 0.0 {
            format!("{:.0}", figure.value)
        } else {
            format!("{:.2} {}", figure.value, figure.unit)
        };
        writeln!(out, "    {:<40} {}", figure.name, value.trim_end())?;
    }
    Ok(())
}

/// The latencies that only this activity has, by their names.
fn own_latencies(out: &mut String, activity: &ActivityReport) -> Result {
    let is_own = |name: &str| LATENCIES.iter().all(|(known, _)| *known != name);
    for (name, figures) in activity.latencies.iter().filter(|(name, _)| is_own(name)) {
        let Percentiles { p50, p90, p99, p999, max, .. } = figures;
        row(out, "", &format!("{p50:>9.2} {p90:>9.2} {p99:>9.2} {p999:>9.2} {max:>9.2}   {name}"))?;
    }
    Ok(())
}

fn latencies(out: &mut String, latencies: &std::collections::BTreeMap<String, Percentiles>) -> Result {
    if latencies.is_empty() {
        return Ok(());
    }
    let head = format!("{:>9} {:>9} {:>9} {:>9} {:>9}", "p50", "p90", "p99", "p99.9", "max");
    row(out, "latency in ms", &head)?;
    for (name, title) in LATENCIES {
        if let Some(Percentiles { p50, p90, p99, p999, max, .. }) = latencies.get(name) {
            let line = format!("{p50:>9.2} {p90:>9.2} {p99:>9.2} {p999:>9.2} {max:>9.2}");
            row(out, &format!("  {title}"), &line)?;
        }
    }
    Ok(())
}
