//! The tables.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::text::{NONE, escape, number, quantity};
use crate::stats::report::{ActivityReport, ProcessLoad, Report};
use crate::stats::{Percentiles, float};

/// Writes all of them.
pub(super) fn write(out: &mut String, report: &Report) -> std::fmt::Result {
    write_limits(out, report)?;
    write_latencies(out, report)?;
    write_accounts(out, report)?;
    write_activities(out, report)?;
    write_processes(out, report)?;
    write_errors(out, &report.errors)
}

fn write_limits(out: &mut String, report: &Report) -> std::fmt::Result {
    if report.slo.is_empty() {
        return Ok(());
    }
    write!(
        out,
        "<h2>Limits</h2>\n<div class=\"scroll\"><table><tr><th>figure</th><th>limit</th><th>value</th>\
         <th class=\"words\">outcome</th></tr>"
    )?;
    for line in &report.slo {
        let (class, outcome) = if line.kept { ("kept", "✓ kept") } else { ("missed", "✗ missed") };
        write!(
            out,
            "<tr><td class=\"words\">{}<small>{}</small></td><td>{}</td><td class=\"long\">{}</td>\
             <td class=\"words {class}\">{outcome}</td></tr>",
            escape(&line.name),
            escape(&line.source),
            escape(&line.limit),
            escape(&line.value),
        )?;
    }
    writeln!(out, "</table></div>")
}

fn write_latencies(out: &mut String, report: &Report) -> std::fmt::Result {
    if report.latencies.values().all(|figures| figures.count == 0) {
        return Ok(());
    }
    writeln!(out, "<h2>Latencies</h2>\n<div class=\"scroll\">")?;
    write_percentiles(out, &report.latencies)?;
    writeln!(out, "</div>")
}

fn write_percentiles(out: &mut String, latencies: &BTreeMap<String, Percentiles>) -> std::fmt::Result {
    write!(
        out,
        "<table><tr><th>in ms</th><th>count</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>max</th></tr>"
    )?;
    for (name, figures) in latencies.iter().filter(|(_, figures)| figures.count > 0) {
        write!(out, "<tr><td>{}</td><td>{}</td>", escape(&spoken(name)), number(float(figures.count)))?;
        for value in [figures.p50, figures.p90, figures.p99, figures.p999, figures.max] {
            write!(out, "<td>{}</td>", number(value))?;
        }
        write!(out, "</tr>")?;
    }
    write!(out, "</table>")
}

/// `behind_schedule` as people say it; a path stays as it is.
fn spoken(name: &str) -> String {
    if name.contains('/') { name.to_owned() } else { name.replace('_', " ") }
}

fn write_accounts(out: &mut String, report: &Report) -> std::fmt::Result {
    let sent = [
        ("sent", report.sent, false, "messages that left a sender"),
        ("acknowledged", report.acknowledged, false, "the server said: stored"),
        ("never acknowledged", report.unacknowledged, true, "no answer until the end"),
        ("refused", report.refused, false, "the server said no, for good"),
        ("held back", report.held_back, false, "put off by the server’s limits until the end"),
        ("due but not sent", report.not_sent, false, "no sender got to it: too few or too slow"),
        ("sent again", report.sent_again, false, "with the same key, after a broken connection"),
        ("closed for good", report.ended, true, "sockets that the server ended and told not to return"),
    ];
    let heard = [
        ("deliveries", report.deliveries, false, "events that became known to a client"),
        ("lost", report.lost, true, "acknowledged, and somebody who should have heard it never did"),
        ("duplicated", report.duplicated, true, "heard twice, or written twice under one key"),
        ("out of order", report.out_of_order, true, "heard after a later one of the same channel"),
        ("skipped offsets", report.gaps, true, "offsets of a channel that a client never saw"),
        ("repeated", report.repeats, false, "the same event at a new offset, which apps drop by its id"),
        ("reconnects", report.reconnects, false, "connections after the first of a socket"),
        ("recovered", report.recovered, false, "subscriptions that got all they missed out of Redis"),
        ("not recovered", report.not_recovered, false, "subscriptions that had to ask MySQL"),
    ];
    writeln!(out, "<h2>Accounts</h2>\n<div class=\"pair\">")?;
    for rows in [&sent[..], &heard[..]] {
        write!(out, "<div class=\"scroll\"><table>")?;
        for (name, count, fatal, meaning) in rows {
            let class = if *fatal && *count > 0 { " class=\"bad\"" } else { "" };
            write!(
                out,
                "<tr><td class=\"words\">{name}<small>{meaning}</small></td><td{class}>{}</td></tr>",
                number(float(*count))
            )?;
        }
        writeln!(out, "</table></div>")?;
    }
    writeln!(out, "</div>")
}

fn write_activities(out: &mut String, report: &Report) -> std::fmt::Result {
    if report.activities.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Activities</h2>\n<div class=\"cards\">")?;
    for activity in &report.activities {
        write_activity(out, activity)?;
    }
    writeln!(out, "</div>")
}

fn write_activity(out: &mut String, activity: &ActivityReport) -> std::fmt::Result {
    write!(
        out,
        "<div class=\"card\"><h3>{}</h3><p>{}</p>",
        escape(&activity.kind),
        escape(&activity.description)
    )?;
    for fault in &activity.faults {
        write!(out, "<p class=\"faults\">{}</p>", escape(fault))?;
    }
    let counted = [
        ("sent", activity.sent),
        ("acknowledged", activity.acknowledged),
        ("deliveries", activity.deliveries),
        ("lost", activity.lost),
        ("duplicated", activity.duplicated),
        ("out of order", activity.out_of_order),
        ("reconnects", activity.reconnects),
    ];
    let counted = counted.into_iter().filter(|(_, count)| *count > 0);
    let counted = counted.map(|(name, count)| (name.to_owned(), number(float(count))));
    let figures = activity
        .figures
        .iter()
        .map(|figure| (figure.name.replace('_', " "), quantity(figure.value, &figure.unit)));
    let rows: Vec<(String, String)> = counted.chain(figures).collect();
    if !rows.is_empty() {
        write!(out, "<div class=\"scroll\"><table>")?;
        for (name, value) in rows {
            write!(out, "<tr><td class=\"words\">{}</td><td>{}</td></tr>", escape(&name), escape(&value))?;
        }
        write!(out, "</table></div>")?;
    }
    if activity.latencies.values().any(|figures| figures.count > 0) {
        write!(out, "<div class=\"scroll\">")?;
        write_percentiles(out, &activity.latencies)?;
        write!(out, "</div>")?;
    }
    for (name, count) in &activity.errors {
        write!(out, "<p>{} × {}</p>", number(float(*count)), escape(name))?;
    }
    writeln!(out, "</div>")
}

fn write_processes(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "<h2>Processes</h2>")?;
    if report.processes.is_empty() {
        writeln!(
            out,
            "<p>No process of the installation runs on this machine, so only its answers were measured.</p>"
        )?;
    } else {
        write!(
            out,
            "<div class=\"scroll\"><table><tr><th>process</th><th>pid</th><th>cores</th><th>µs a delivery</th>\
             <th>memory before</th><th>memory at the end</th><th>growth</th></tr>"
        )?;
        for process in &report.processes {
            write_process(out, process)?;
        }
        writeln!(out, "</table></div>")?;
    }
    if let Some(busy) = report.machine_busy.filter(|busy| busy.is_finite()) {
        writeln!(
            out,
            "<p>The machine was {:.0} % busy, tester and servers together.</p>",
            (busy * 100.0).clamp(0.0, 100.0)
        )?;
    }
    Ok(())
}

fn write_process(out: &mut String, process: &ProcessLoad) -> std::fmt::Result {
    let cost = process.microseconds_a_delivery.map_or_else(|| NONE.to_owned(), number);
    let memory = |bytes: u64| if bytes == 0 { NONE.to_owned() } else { quantity(float(bytes), "B") };
    let growth = if process.resident == 0 || process.resident_before == 0 {
        NONE.to_owned()
    } else {
        quantity(float(process.resident) - float(process.resident_before), "B")
    };
    write!(
        out,
        "<tr><td>{}</td><td>{}</td><td>{:.2}</td><td>{cost}</td><td>{}</td><td>{}</td><td>{growth}</td></tr>",
        escape(&process.role),
        process.pid,
        if process.cores.is_finite() { process.cores } else { 0.0 },
        memory(process.resident_before),
        memory(process.resident)
    )
}

fn write_errors(out: &mut String, errors: &BTreeMap<String, u64>) -> std::fmt::Result {
    writeln!(out, "<h2>Errors</h2>")?;
    if errors.is_empty() {
        return writeln!(out, "<p>None.</p>");
    }
    let mut sorted: Vec<(&String, u64)> = errors.iter().map(|(name, count)| (name, *count)).collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    write!(out, "<div class=\"scroll\"><table><tr><th class=\"words\">error</th><th>count</th></tr>")?;
    for (name, count) in sorted {
        write!(out, "<tr><td class=\"words\">{}</td><td>{}</td></tr>", escape(name), number(float(count)))?;
    }
    writeln!(out, "</table></div>")
}
