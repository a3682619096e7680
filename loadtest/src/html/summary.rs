//! The top of the page: the verdict, what was run, and the figures most readers come for.

use std::fmt::Write;

use super::text::{clock, escape, number, quantity};
use crate::slo::{hub_bytes_a_connection, hub_microseconds_a_delivery};
use crate::stats::float;
use crate::stats::report::Report;

/// What the page is called.
pub(super) fn title(report: &Report) -> &str {
    if report.title.trim().is_empty() { &report.scenario } else { &report.title }
}

/// Writes it.
pub(super) fn write(out: &mut String, report: &Report) -> std::fmt::Result {
    write!(
        out,
        "<p class=\"brand\">Majlis load test · {}</p>\n<h1>{}</h1>\n",
        escape(&report.scenario),
        escape(title(report))
    )?;
    write_verdict(out, report)?;
    write_run(out, report)?;
    write_tiles(out, report)
}

fn write_verdict(out: &mut String, report: &Report) -> std::fmt::Result {
    if report.faults.is_empty() {
        let heard = if report.deliveries > 0 {
            "Everything that was acknowledged was heard once and in order by everyone."
        } else {
            "Nothing was lost, duplicated or out of order."
        };
        let limits = match report.slo.len() {
            0 => String::new(),
            1 => " The one limit was kept.".to_owned(),
            many => format!(" All {many} limits were kept."),
        };
        writeln!(out, "<div class=\"verdict ok\"><strong>OK</strong><p>{heard}{limits}</p></div>")?;
    } else {
        write!(out, "<div class=\"verdict failed\"><strong>FAILED</strong><ul>")?;
        for fault in &report.faults {
            write!(out, "<li>{}</li>", escape(fault))?;
        }
        writeln!(out, "</ul></div>")?;
    }
    if report.build == "debug" {
        writeln!(
            out,
            "<p class=\"note\">Note: this was a debug build: its times and its CPU are several times those of a release \
             build. Use <code>--release</code>.</p>"
        )?;
    }
    for note in &report.notes {
        writeln!(out, "<p class=\"note\">Note: {}.</p>", escape(note.trim_end_matches('.')))?;
    }
    Ok(())
}

fn write_run(out: &mut String, report: &Report) -> std::fmt::Result {
    let hubs = match report.hubs_tested {
        0 => String::new(),
        1 => ", 1 hub".to_owned(),
        many => format!(", {many} hubs"),
    };
    let command = format!("<code>{}</code>", escape(&report.command));
    let took = format!("{} of load, {} to settle", clock(report.seconds), clock(report.settle_seconds));
    let rows = [
        ("Command", &report.command, command),
        ("Tested", &report.target, format!("{}{hubs}", escape(&report.target))),
        ("Began", &report.began_at, escape(&moment(&report.began_at)).into_owned()),
        ("Took", &report.scenario, took),
        ("Version", &report.version, format!("{}, {} build", escape(&report.version), escape(report.build))),
        ("Machine", &report.version, format!("{} cores", number(report.cores))),
    ];
    write!(out, "<dl class=\"run\">")?;
    for (name, _, value) in rows.iter().filter(|(_, known, _)| !known.is_empty()) {
        write!(out, "<dt>{name}</dt><dd>{value}</dd>")?;
    }
    writeln!(out, "</dl>")
}

/// `2026-11-23T18:00:00.123Z` as people write it; anything else as it is.
fn moment(rfc3339: &str) -> String {
    let whole = rfc3339.strip_suffix('Z').and_then(|time| time.split('.').next());
    whole.map_or_else(|| rfc3339.to_owned(), |time| format!("{} UTC", time.replace('T', " ")))
}

fn write_tiles(out: &mut String, report: &Report) -> std::fmt::Result {
    write!(out, "<ul class=\"tiles\">")?;
    let mut tile = |value: &str, words: &str, bad: bool| {
        let class = if bad { " class=\"bad\"" } else { "" };
        write!(out, "<li{class}><b>{}</b><span>{}</span></li>", escape(value), escape(words))
    };
    if report.deliveries > 0 {
        let words = format!("deliveries a second; {} in all", number(float(report.deliveries)));
        tile(&number(report.deliveries_per_second), &words, false)?;
    }
    for (kind, words) in [
        ("delivery", "from sending to hearing, p99"),
        ("acknowledgement", "from sending to its acknowledgement, p99"),
        ("presence", "until others see a coming or going, p99"),
        ("request", "an API request, p99"),
        ("resume", "until a dropped socket is up to date, p99"),
    ] {
        if let Some(figures) = report.latencies.get(kind).filter(|figures| figures.count > 0) {
            let words = format!("{words}; p50 {}", quantity(figures.p50, "ms"));
            tile(&quantity(figures.p99, "ms"), &words, false)?;
        }
    }
    if report.sent > 0 {
        let words = format!("messages sent a second; {} in all", number(float(report.sent)));
        tile(&number(report.sent_per_second), &words, false)?;
    }
    tile(&number(float(report.connections)), "connections", false)?;
    let wrong = report.lost + report.duplicated + report.out_of_order + report.gaps;
    tile(&number(float(wrong)), "lost, duplicated, out of order or skipped", wrong > 0)?;
    let errors = report.errors.values().sum::<u64>();
    tile(&number(float(errors)), "errors of any kind", errors > 0)?;
    if let Some(cost) = hub_microseconds_a_delivery(report) {
        tile(&quantity(cost, "µs"), "hub CPU a delivery, all hubs", false)?;
    }
    // With few sockets it is the allocator's noise.
    if let Some(bytes) = hub_bytes_a_connection(report).filter(|_| report.connections >= 500) {
        tile(&quantity(bytes, "B"), "hub memory a connection", false)?;
    }
    writeln!(out, "</ul>")
}
