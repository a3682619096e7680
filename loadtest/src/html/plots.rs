//! Which plots the page has.

use std::fmt::Write;

use super::axis::Axis;
use super::plot::{Across, Plot, Trace};
use super::text::{clock, escape};
use crate::stats::report::{Line, Report};

/// What is drawn over time: group, title, hint, and whether an outlier may make the axis logarithmic.
const OVER_TIME: [(&str, &str, &str, bool); 7] = [
    (
        "latency",
        "Latency over time",
        "Of what happened in each second. A rising line is a queue that grows.",
        true,
    ),
    (
        THROUGHPUT,
        "Sent and answered",
        "In each second. Lines that part are a server that falls behind.",
        false,
    ),
    (DELIVERIES, "Deliveries", "Events that clients heard in each second.", false),
    ("connections", "Connections", "Sockets that were ready at that moment.", false),
    ("errors", "Errors", "In each second; a flat line at 0 is what you want.", false),
    ("cpu", "CPU", "Cores that each process kept busy.", false),
    ("memory", "Memory", "Resident memory of each process. A line that never flattens is a leak.", false),
];

const THROUGHPUT: &str = "throughput";
/// Part of the report's throughput, with a plot of its own: a message has many, and its own rate would be a line at the
/// bottom.
const DELIVERIES: &str = "deliveries";

/// Writes the section.
pub(super) fn write(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(
        out,
        "<h2>Plots</h2>\n<p class=\"brand\">The figure behind each name is the line’s highest value. Before 0 s the sockets \
         are opened; gaps are seconds in which there was nothing to measure.</p>\n<div class=\"plots\">"
    )?;
    let mut unmeasured = Vec::new();
    for (place, (group, title, hint, may_be_logarithmic)) in OVER_TIME.into_iter().enumerate() {
        let lines: Vec<&Line> = report.series.lines.iter().filter(|line| plot_of(line) == group).collect();
        let mut drawn = false;
        for unit in units_of(&lines) {
            let same = lines.iter().copied().filter(|line| line.unit == unit);
            drawn |= over_time(report, same, Words { title, hint, unit, may_be_logarithmic }).write(out)?;
        }
        if !drawn {
            unmeasured.push(title);
        }
        // The two plots of latency stand beside each other.
        if place == 0 {
            let plot = by_percentile(report);
            if !plot.write(out)? {
                unmeasured.push(plot.title);
            }
        }
    }
    writeln!(out, "</div>")?;
    if unmeasured.is_empty() {
        return Ok(());
    }
    writeln!(out, "<p class=\"brand\">Nothing to draw in this run: {}.</p>", escape(&unmeasured.join(", ")))
}

/// The plot that a line belongs to.
fn plot_of(line: &Line) -> &str {
    if line.group == THROUGHPUT && line.name == "delivered" { DELIVERIES } else { line.group }
}

/// The latencies that most readers come for.
const FIRST: [&str; 2] = ["delivery", "acknowledgement"];

struct Words {
    title: &'static str,
    hint: &'static str,
    unit: &'static str,
    may_be_logarithmic: bool,
}

/// The units of these lines, each once, in their order.
fn units_of(lines: &[&Line]) -> Vec<&'static str> {
    let mut units = Vec::new();
    for line in lines {
        if !units.contains(&line.unit) {
            units.push(line.unit);
        }
    }
    units
}

fn over_time<'a>(report: &Report, lines: impl Iterator<Item = &'a Line>, words: Words) -> Plot<'static> {
    let Words { title, hint, unit, may_be_logarithmic } = words;
    let seconds = || report.series.seconds.iter().copied().enumerate().filter(|(_, at)| at.is_finite());
    let of = |choose: fn(f64, f64) -> f64| seconds().map(|(_, at)| at).fold(0.0, choose);
    let axis = Axis::of_time(of(f64::min), of(f64::max));
    let across = Across {
        places: seconds().map(|(_, at)| axis.place(at)).collect(),
        labels: seconds().map(|(_, at)| clock(at)).collect(),
        before: axis.place(0.0),
        axis,
    };
    let values =
        |line: &Line| seconds().map(|(index, _)| line.values.get(index).copied().flatten()).collect();
    let lines = lines.map(|line| Trace { name: line.name.clone(), values: values(line) }).collect();
    Plot { title, hint, unit, may_be_logarithmic, across, lines }
}

/// Each latency by percentile, on a common axis of all percentiles that any of them tells.
fn by_percentile(report: &Report) -> Plot<'static> {
    let told = report.distributions.values().flatten().map(|(percentile, _)| *percentile);
    let mut percentiles: Vec<f64> = told.filter(|percentile| (0.0..=100.0).contains(percentile)).collect();
    percentiles.sort_by(f64::total_cmp);
    percentiles.dedup();
    let last = percentiles.iter().copied().rfind(|percentile| *percentile < 100.0).unwrap_or_default();
    let axis = Axis::of_percentiles(last);
    let across = Across {
        places: percentiles.iter().map(|percentile| axis.place_percentile(*percentile)).collect(),
        labels: percentiles.iter().map(|percentile| label_of(*percentile)).collect(),
        before: 0.0,
        axis,
    };
    // In the colours that they have over time.
    let place = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    let mut lines: Vec<_> = report.distributions.iter().filter(|(_, points)| !points.is_empty()).collect();
    lines.sort_by_key(|(name, _)| place(name));
    let lines = lines
        .into_iter()
        .map(|(name, points)| Trace {
            name: name.replace('_', " "),
            values: percentiles.iter().map(|percentile| value_at(points, *percentile)).collect(),
        })
        .collect();
    Plot {
        title: "Latency by percentile",
        hint: "Whole run: that share of all was at most so slow. A steep end is a few that waited.",
        unit: "ms",
        may_be_logarithmic: true,
        across,
        lines,
    }
}

fn label_of(percentile: f64) -> String {
    if percentile >= 100.0 {
        return "slowest".to_owned();
    }
    let text = format!("{percentile:.4}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A distribution is a stair: the value of the first step that reaches the percentile.
fn value_at(points: &[(f64, f64)], percentile: f64) -> Option<f64> {
    points.iter().find(|(reaches, _)| *reaches >= percentile).map(|(_, value)| *value)
}
