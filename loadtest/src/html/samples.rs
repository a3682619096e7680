//! Reports as a page may meet them: an ordinary one, and those at the edges.

use std::collections::BTreeMap;

use crate::stats::Percentiles;
use crate::stats::report::{ActivityReport, Figure, Kept, Line, ProcessLoad, Report, Series};

/// Every one, by name.
pub(crate) fn all() -> Vec<(&'static str, Report)> {
    vec![
        ("ordinary", ordinary()),
        ("failed", failed()),
        ("empty", Report::default()),
        ("one sample", one_sample()),
        ("zeros", zeros()),
        ("outlier", outlier()),
        ("numbers that are none", no_numbers()),
        ("remote", Report { processes: Vec::new(), machine_busy: None, ..ordinary() }),
        ("crowded", crowded()),
    ]
}

fn percentiles(count: u64, p50: f64) -> Percentiles {
    Percentiles { count, p50, p90: p50 * 1.8, p99: p50 * 3.7, p999: p50 * 7.9, max: p50 * 14.2 }
}

/// Something that goes up and down and looks measured, 0 to 1.
fn wave(at: u32, phase: f64) -> f64 {
    let at = f64::from(at);
    0.5 + 0.3 * (at * 0.7 + phase).sin() + 0.2 * (at * 2.3 + phase * 3.0).cos()
}

fn line(group: &'static str, name: &str, unit: &'static str, value: impl Fn(u32) -> Option<f64>) -> Line {
    Line { group, name: name.to_owned(), unit, values: (0..66).map(value).collect() }
}

fn curve(p50: f64) -> Vec<(f64, f64)> {
    let percentiles = [0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99, 100.0_f64];
    let slow = |percentile: f64| (-(1.0 - percentile.min(99.999) / 100.0).ln()).powf(1.2);
    percentiles.into_iter().map(|percentile| (percentile, p50 * (0.3 + slow(percentile)))).collect()
}

fn series() -> Series {
    // Six seconds of ramp, then a minute.
    let loaded = |at: u32| (at >= 6).then_some(at);
    let rate = |base: f64, phase: f64| move |at| loaded(at).map(|at| base * (0.9 + 0.2 * wave(at, phase)));
    let latency = |base: f64, phase: f64| {
        // A gap: for three seconds nothing was delivered.
        move |at| {
            loaded(at).filter(|at| !(40..43).contains(at)).map(|at| base * (0.7 + 0.8 * wave(at, phase)))
        }
    };
    let process = |cores: f64, phase: f64| {
        move |at| Some(if at < 6 { cores * 0.1 } else { cores * (0.9 + 0.2 * wave(at, phase)) })
    };
    let memory = |mib: f64, growth: f64| move |at: u32| Some(mib + growth * (f64::from(at) / 10.0).min(1.0));
    let mut lines = vec![
        line("latency", "delivery p50", "ms", latency(3.1, 0.0)),
        line("latency", "delivery p99", "ms", latency(11.0, 1.0)),
        line("latency", "acknowledgement p50", "ms", latency(4.2, 2.0)),
        line("latency", "acknowledgement p99", "ms", latency(16.0, 3.0)),
        line("throughput", "delivered", "/s", rate(41_000.0, 0.4)),
        line("throughput", "sent", "/s", rate(1000.0, 0.1)),
        line("throughput", "acknowledged", "/s", rate(998.0, 0.2)),
        line("connections", "open", "", |at| Some(f64::from(at.min(6)) * 833.3)),
        line("errors", "errors", "/s", |at| loaded(at).map(|at| if at == 41 { 3.0 } else { 0.0 })),
    ];
    for (role, cores, mib, growth) in [
        ("hub 1", 0.42, 31.0, 38.0),
        ("hub 2", 0.39, 31.0, 37.0),
        ("api", 0.03, 40.0, 1.0),
        ("database", 0.31, 220.0, 35.0),
        ("redis", 0.22, 14.0, 9.0),
        ("tester", 0.51, 60.0, 80.0),
    ] {
        lines.push(line("cpu", role, "cores", process(cores, mib)));
        lines.push(line("memory", role, "MiB", memory(mib, growth)));
    }
    Series { seconds: (0..66_u32).map(|at| f64::from(at) - 6.0).collect(), lines }
}

/// An evening that went well.
pub(crate) fn ordinary() -> Report {
    let process = |role: &str, pid, cores, before: u64, resident: u64, cost| ProcessLoad {
        role: role.to_owned(),
        pid,
        cores,
        resident: resident << 20,
        resident_before: before << 20,
        microseconds_a_delivery: cost,
    };
    let chat = ActivityReport {
        kind: "chat".to_owned(),
        description: "1,200 people in pairs, 200 messages a second".to_owned(),
        connections: 1200,
        sent: 12_000,
        acknowledged: 12_000,
        deliveries: 24_000,
        latencies: BTreeMap::from([
            ("delivery".to_owned(), percentiles(24_000, 2.9)),
            ("acknowledgement".to_owned(), percentiles(12_000, 4.1)),
        ]),
        ..ActivityReport::default()
    };
    let rest = ActivityReport {
        kind: "rest".to_owned(),
        description: "list pages, 150 requests a second".to_owned(),
        figures: vec![
            Figure { name: "requests a second".to_owned(), value: 149.7, unit: "/s".to_owned() },
            Figure { name: "requests".to_owned(), value: 8982.0, unit: String::new() },
        ],
        latencies: BTreeMap::from([("request".to_owned(), percentiles(8982, 1.7))]),
        errors: BTreeMap::from([("429 too many requests".to_owned(), 3)]),
        ..ActivityReport::default()
    };
    Report {
        scenario: "evening".to_owned(),
        title: "An evening: <chat> & \"rooms\" of 5,000 people".to_owned(),
        command: "loadtest evening --users 5000 --slo p99=50ms,lost=0 --html evening.html".to_owned(),
        began_at: "2026-11-23T18:00:00Z".to_owned(),
        version: "0.1.0".to_owned(),
        build: "release",
        cores: 2.0,
        target: "http://127.0.0.1:41231, started for the test".to_owned(),
        hubs_tested: 2,
        seconds: 60.0,
        settle_seconds: 0.31,
        connections: 5000,
        sent: 60_000,
        acknowledged: 60_000,
        sent_per_second: 1000.0,
        deliveries: 2_463_210,
        deliveries_per_second: 41_053.5,
        repeats: 4,
        latencies: BTreeMap::from([
            ("acknowledgement".to_owned(), percentiles(60_000, 4.2)),
            ("behind_schedule".to_owned(), percentiles(60_000, 0.8)),
            ("delivery".to_owned(), percentiles(2_463_210, 3.1)),
            ("request".to_owned(), percentiles(8982, 1.7)),
        ]),
        distributions: BTreeMap::from([
            ("acknowledgement".to_owned(), curve(4.2)),
            ("behind_schedule".to_owned(), curve(0.8)),
            ("delivery".to_owned(), curve(3.1)),
            ("request".to_owned(), curve(1.7)),
        ]),
        errors: BTreeMap::from([("429 too many requests".to_owned(), 3)]),
        activities: vec![chat, rest],
        processes: vec![
            process("hub 1", 4001, 0.42, 31, 69, Some(10.2)),
            process("hub 2", 4002, 0.39, 31, 68, Some(9.5)),
            process("api", 4000, 0.03, 40, 41, Some(0.7)),
            process("database", 3998, 0.31, 220, 255, Some(7.6)),
            process("redis", 3999, 0.22, 14, 23, Some(5.4)),
            process("tester", 4100, 0.51, 60, 140, None),
        ],
        machine_busy: Some(0.97),
        series: series(),
        slo: vec![
            kept("p99", "<= 50 ms", "11.5 ms", true),
            kept("lost", "<= 0", "0", true),
            kept("kb_per_connection", "<= 18 KB", "15.4 KB", true),
        ],
        notes: vec![
            "the machine was 97 % busy, tester and servers together: the latencies are those of a full machine"
                .to_owned(),
        ],
        ..Report::default()
    }
}

fn kept(name: &str, limit: &str, value: &str, kept: bool) -> Kept {
    Kept {
        name: name.to_owned(),
        limit: limit.to_owned(),
        value: value.to_owned(),
        kept,
        source: "--slo".to_owned(),
    }
}

/// The same, with everything that can go wrong.
fn failed() -> Report {
    let mut report = ordinary();
    report.build = "debug";
    report.lost = 17;
    report.out_of_order = 2;
    report.unacknowledged = 5;
    report.slo.push(kept("ack_p99", "<= 10 ms", "15.5 ms", false));
    report.slo.push(kept(
        "resume_p99",
        "<= 5,000 ms",
        "not measured: the run has no resume latencies",
        false,
    ));
    let faults =
        ["17 lost", "2 out of order", "5 never acknowledged", "missed ack_p99 <= 10 ms: 15.5 ms (--slo)"];
    report.faults = faults.map(str::to_owned).to_vec();
    report.errors.insert("closed with 3008 slow: <script>alert(1)</script>".to_owned(), 2);
    if let Some(chat) = report.activities.first_mut() {
        chat.faults.push("17 lost & 2 out of order".to_owned());
    }
    report
}

fn one_sample() -> Report {
    Report {
        scenario: "idle".to_owned(),
        connections: 1,
        deliveries: 1,
        latencies: BTreeMap::from([("delivery".to_owned(), percentiles(1, 2.0))]),
        distributions: BTreeMap::from([("delivery".to_owned(), vec![(100.0, 2.0)])]),
        series: Series {
            seconds: vec![0.0],
            lines: vec![
                Line {
                    group: "latency",
                    name: "delivery p99".to_owned(),
                    unit: "ms",
                    values: vec![Some(2.0)],
                },
                Line { group: "cpu", name: "hub 1".to_owned(), unit: "cores", values: vec![Some(0.0)] },
                Line { group: "memory", name: "hub 1".to_owned(), unit: "bytes", values: vec![Some(7e7)] },
            ],
        },
        ..Report::default()
    }
}

fn zeros() -> Report {
    let mut report = Report { scenario: "room".to_owned(), connections: 10, ..ordinary() };
    for line in &mut report.series.lines {
        line.values.fill(Some(0.0));
    }
    for points in report.distributions.values_mut() {
        points.iter_mut().for_each(|(_, value)| *value = 0.0);
    }
    report
}

fn outlier() -> Report {
    let mut report = ordinary();
    for line in report.series.lines.iter_mut().filter(|line| line.group == "latency") {
        line.values[30] = Some(48_000.0);
    }
    if let Some((_, slowest)) =
        report.distributions.values_mut().filter_map(|points| points.last_mut()).next()
    {
        *slowest = 48_000.0;
    }
    report
}

fn no_numbers() -> Report {
    let mut report = ordinary();
    report.seconds = f64::NAN;
    report.deliveries_per_second = f64::INFINITY;
    report.machine_busy = Some(f64::NAN);
    report.processes[0].cores = f64::NAN;
    report.processes[0].microseconds_a_delivery = Some(f64::INFINITY);
    report.series.seconds[3] = f64::NAN;
    for line in &mut report.series.lines {
        line.values[10] = Some(f64::NAN);
        line.values[20] = Some(f64::NEG_INFINITY);
        line.values.truncate(50);
    }
    if let Some(points) = report.distributions.get_mut("delivery") {
        points.push((f64::NAN, f64::NAN));
        points.insert(0, (0.0, f64::INFINITY));
    }
    report
}

/// Sixteen hubs, ten minutes, long names.
fn crowded() -> Report {
    let mut report = ordinary();
    report.command =
        format!("loadtest evening {}", "--hub ws://10.0.0.6:7401/connection/websocket ".repeat(8));
    report.series.seconds = (0..600_u32).map(f64::from).collect();
    report.series.lines = (1..=16)
        .map(|hub| Line {
            group: "cpu",
            name: format!("hub {hub}"),
            unit: "cores",
            values: (0..600).map(|at| Some(f64::from(hub) * 0.05 + wave(at, f64::from(hub)) * 0.1)).collect(),
        })
        .collect();
    report.errors =
        (0..40).map(|code| (format!("error {code} with many words about what went wrong"), code)).collect();
    report
}
