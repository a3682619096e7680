//! The figures of a run, by the names that limits give them.

use std::fmt::Write;

use crate::stats::report::{ActivityReport, Report};
use crate::stats::{Percentiles, float};

/// Figures of a run besides its latencies: name, unit, meaning.
const NAMES: [(&str, &str, &str); 32] = [
    ("lost", "", "acknowledged, and never heard by somebody who should have"),
    ("duplicated", "", "heard or written twice"),
    ("repeats", "", "heard again at a new offset (apps drop these by id)"),
    ("out_of_order", "", "heard after a later one"),
    ("gaps", "", "offsets that a client never saw"),
    ("unacknowledged", "", "sent and never answered"),
    ("refused", "", "refused by the server for good"),
    ("held_back", "", "put off by the server's limits until the end"),
    ("not_sent", "", "due, but no sender got to it"),
    ("sent_again", "", "sent again with the same key"),
    ("reconnects", "", "connections after the first of a socket"),
    ("recovered", "", "subscriptions that recovered out of Redis"),
    ("not_recovered", "", "subscriptions that had to ask MySQL"),
    ("ended", "", "sockets that the server closed for good"),
    ("errors", "", "errors of every kind together"),
    ("connections", "", "sockets held"),
    ("sent", "", "messages sent"),
    ("acknowledged", "", "messages acknowledged"),
    ("deliveries", "", "events heard"),
    ("sent_per_second", "/s", "over the load's time"),
    ("acknowledged_per_second", "/s", "over the load's time"),
    ("deliveries_per_second", "/s", "until the last delivery"),
    ("settle_seconds", "s", "until the last answer after the load's end"),
    ("cpu_us_a_delivery", "µs", "CPU of all hubs a delivery"),
    ("redis_us_a_delivery", "µs", "CPU of Redis a delivery"),
    ("database_us_a_delivery", "µs", "CPU of the database a delivery"),
    ("hub_cores", "cores", "kept busy by all hubs"),
    ("api_cores", "cores", "kept busy by the API"),
    ("database_cores", "cores", "kept busy by the database"),
    ("redis_cores", "cores", "kept busy by Redis"),
    ("tester_cores", "cores", "kept busy by the tester itself"),
    ("kb_per_connection", "KB", "growth of all hubs' resident memory a connection, in 1,024 bytes"),
];

/// Latencies as limits name them, and as the report does.
const LATENCIES: [(&str, &str); 11] = [
    ("", "delivery"),
    ("delivery_", "delivery"),
    ("ack_", "acknowledgement"),
    ("acknowledgement_", "acknowledgement"),
    ("recovery_", "recovery"),
    ("behind_", "behind_schedule"),
    ("behind_schedule_", "behind_schedule"),
    ("request_", "request"),
    ("connect_", "connect"),
    ("resume_", "resume"),
    ("presence_", "presence"),
];

/// Units of one kind, each with its size in the first one's.
const UNITS: [&[(&str, f64)]; 4] = [
    &[("ms", 1.0), ("us", 0.001), ("µs", 0.001), ("s", 1000.0), ("seconds", 1000.0)],
    &[
        ("B", 1.0),
        ("bytes", 1.0),
        ("KB", 1024.0),
        ("KiB", 1024.0),
        ("kB", 1024.0),
        ("MB", 1_048_576.0),
        ("MiB", 1_048_576.0),
        ("GB", 1_073_741_824.0),
        ("GiB", 1_073_741_824.0),
    ],
    &[("×", 1.0), ("x", 1.0), ("", 1.0)],
    &[("%", 1.0), ("", 1.0)],
];

/// Finds one of a latency's figures.
type Pick = fn(&Percentiles) -> f64;

/// The latency that a limit's name means, and how its value is found.
pub(super) fn percentile(name: &str) -> Option<(&'static str, Pick)> {
    LATENCIES.iter().find_map(|(prefix, latency)| {
        let pick: Pick = match name.strip_prefix(prefix)? {
            "p50" => |figures| figures.p50,
            "p90" => |figures| figures.p90,
            "p99" => |figures| figures.p99,
            "p99.9" | "p999" => |figures| figures.p999,
            "max" => |figures| figures.max,
            _ => return None,
        };
        Some((*latency, pick))
    })
}

/// The unit of one of the run's figures; `None`: there is no such figure.
pub(super) fn unit_of(name: &str) -> Option<&'static str> {
    if percentile(name).is_some() {
        return Some("ms");
    }
    if name == "machine_busy" {
        return Some("%");
    }
    NAMES.iter().find(|(known, ..)| *known == name).map(|(_, unit, _)| *unit)
}

/// A value in another unit of the same kind.
pub(super) fn convert(value: f64, from: &str, to: &str) -> Option<f64> {
    if from == to {
        return Some(value);
    }
    UNITS.iter().find_map(|family| {
        let size = |unit: &str| family.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size);
        Some(value * size(from)? / size(to)?)
    })
}

/// A figure's name as limits write it: `Requests a second` is `requests_a_second`.
pub(super) fn normal(name: &str) -> String {
    let mut text = String::new();
    for character in name.trim().chars().flat_map(char::to_lowercase) {
        if character.is_alphanumeric() {
            text.push(character);
        } else if !text.ends_with('_') {
            text.push('_');
        }
    }
    text.trim_matches('_').to_owned()
}

pub(super) fn count_of_activity(activity: &ActivityReport, name: &str) -> Option<u64> {
    Some(match name {
        "lost" => activity.lost,
        "duplicated" => activity.duplicated,
        "repeats" => activity.repeats,
        "out_of_order" => activity.out_of_order,
        "gaps" => activity.gaps,
        "unacknowledged" => activity.unacknowledged,
        "refused" => activity.refused,
        "held_back" => activity.held_back,
        "not_sent" => activity.not_sent,
        "sent_again" => activity.sent_again,
        "reconnects" => activity.reconnects,
        "recovered" => activity.recovered,
        "not_recovered" => activity.not_recovered,
        "ended" => activity.ended,
        "errors" => activity.errors.values().sum(),
        "connections" => activity.connections,
        "sent" => activity.sent,
        "acknowledged" => activity.acknowledged,
        "deliveries" => activity.deliveries,
        _ => return None,
    })
}

/// A figure of the whole run with its unit, or why it has none.
pub(super) fn figure(report: &Report, name: &str) -> std::result::Result<(f64, String), String> {
    let unit = unit_of(name).unwrap_or_default();
    if let Some((latency, pick)) = percentile(name) {
        let figures = report.latencies.get(latency).filter(|figures| figures.count > 0);
        return figures
            .map(|figures| (pick(figures), unit.to_owned()))
            .ok_or_else(|| format!("the run has no {} latencies", latency.replace('_', " ")));
    }
    let hidden = || "not every such process is on this machine and lived through the run".to_owned();
    let value = match name {
        "sent_per_second" => report.sent_per_second,
        "acknowledged_per_second" => float(report.acknowledged) / report.seconds.max(0.001),
        "deliveries_per_second" => report.deliveries_per_second,
        "settle_seconds" => report.settle_seconds,
        "machine_busy" => {
            report.machine_busy.ok_or_else(|| "the machine does not tell it".to_owned())? * 100.0
        }
        "kb_per_connection" => hub_bytes_a_connection(report).ok_or_else(hidden)? / 1024.0,
        "cpu_us_a_delivery" | "redis_us_a_delivery" | "database_us_a_delivery" if report.deliveries == 0 => {
            return Err("nothing was delivered".to_owned());
        }
        "cpu_us_a_delivery" => hub_microseconds_a_delivery(report).ok_or_else(hidden)?,
        "redis_us_a_delivery" => microseconds_of(report, "redis").ok_or_else(hidden)?,
        "database_us_a_delivery" => microseconds_of(report, "database").ok_or_else(hidden)?,
        "hub_cores" => cores_of(report, "hub").ok_or_else(hidden)?,
        "api_cores" => cores_of(report, "api").ok_or_else(hidden)?,
        "database_cores" => cores_of(report, "database").ok_or_else(hidden)?,
        "redis_cores" => cores_of(report, "redis").ok_or_else(hidden)?,
        "tester_cores" => cores_of(report, "tester").ok_or_else(hidden)?,
        count => float(count_of_run(report, count).ok_or_else(|| "there is no such figure".to_owned())?),
    };
    Ok((value, unit.to_owned()))
}

fn count_of_run(report: &Report, name: &str) -> Option<u64> {
    let whole = ActivityReport {
        lost: report.lost,
        duplicated: report.duplicated,
        repeats: report.repeats,
        out_of_order: report.out_of_order,
        gaps: report.gaps,
        unacknowledged: report.unacknowledged,
        refused: report.refused,
        held_back: report.held_back,
        not_sent: report.not_sent,
        sent_again: report.sent_again,
        reconnects: report.reconnects,
        recovered: report.recovered,
        not_recovered: report.not_recovered,
        ended: report.ended,
        errors: report.errors.clone(),
        connections: report.connections,
        sent: report.sent,
        acknowledged: report.acknowledged,
        deliveries: report.deliveries,
        ..ActivityReport::default()
    };
    count_of_activity(&whole, name)
}

/// Is it a process of this role? There are `hub 1`, `hub 2` …, and one of the others each.
fn plays(role: &str, wanted: &str) -> bool {
    role == wanted || role.strip_prefix(wanted).is_some_and(|rest| rest.starts_with(' '))
}

fn cores_of(report: &Report, role: &str) -> Option<f64> {
    let cores =
        report.processes.iter().filter(|process| plays(&process.role, role)).map(|process| process.cores);
    cores.reduce(|sum, cores| sum + cores)
}

fn microseconds_of(report: &Report, role: &str) -> Option<f64> {
    let mut processes = report.processes.iter().filter(|process| plays(&process.role, role)).peekable();
    processes.peek()?;
    processes.map(|process| process.microseconds_a_delivery).sum()
}

/// Are all hubs that were tested among the processes, alive to the end?
fn hubs_are_complete(report: &Report) -> bool {
    let hubs =
        report.processes.iter().filter(|process| plays(&process.role, "hub") && process.resident > 0).count();
    hubs > 0 && u64::try_from(hubs).is_ok_and(|hubs| hubs >= report.hubs_tested)
}

/// CPU of all hubs by the deliveries of the run, in µs; `None` where not all of them could be watched.
pub(crate) fn hub_microseconds_a_delivery(report: &Report) -> Option<f64> {
    if report.deliveries == 0 || !hubs_are_complete(report) {
        return None;
    }
    microseconds_of(report, "hub").filter(|cost| cost.is_finite())
}

/// Growth of all hubs' resident memory by the connections of the run, in bytes; `None` where not all could be watched.
pub(crate) fn hub_bytes_a_connection(report: &Report) -> Option<f64> {
    let mut hubs = report.processes.iter().filter(|process| plays(&process.role, "hub"));
    if report.connections == 0 || !hubs_are_complete(report) {
        return None;
    }
    let growth = hubs.try_fold(0.0, |sum, hub| {
        (hub.resident_before > 0).then(|| sum + float(hub.resident) - float(hub.resident_before))
    });
    growth.map(|growth| growth.max(0.0) / float(report.connections))
}

/// All figures that a limit may name, for `--help` and for the error about an unknown one.
pub(crate) fn names() -> String {
    let mut text = String::from(
        "Figures of limits (NAME=VALUE and NAME<=VALUE: at most; NAME>=VALUE: at least):\n  \
         p50 p90 p99 p99.9 max: of deliveries, in ms (units: us, ms, s); of other latencies with a prefix:\n    ",
    );
    let prefixes = LATENCIES.iter().filter(|(prefix, _)| !prefix.is_empty());
    let prefixes: Vec<String> = prefixes.map(|(prefix, _)| format!("{prefix}p99")).collect();
    text.push_str(&prefixes.join(" "));
    for (name, unit, meaning) in
        NAMES.into_iter().chain([("machine_busy", "%", "tester and servers together")])
    {
        let unit = if unit.is_empty() { String::new() } else { format!(" [{unit}]") };
        // Writing to a String cannot fail.
        let _infallible = write!(text, "\n  {:<33}{meaning}", format!("{name}{unit}"));
    }
    text.push_str(
        "\n  KIND.NAME                        of one activity alone: chat.p99, rest.errors, or a figure of its own",
    );
    text
}
