use clap::{CommandFactory, Parser};

use super::{Bound, Limits, budget, judge, names};
use crate::cli::Cli;
use crate::html::samples::ordinary;
use crate::stats::report::Report;

fn outcome(limits: &str, mut report: Report) -> (Vec<(String, bool)>, Vec<String>) {
    report.slo.clear();
    judge(&Limits::parse(limits).unwrap(), &mut report);
    (report.slo.iter().map(|line| (line.value.clone(), line.kept)).collect(), report.faults)
}

#[test]
fn limits_are_kept_or_missed_in_any_unit() {
    for (limit, value, kept) in [
        ("p99=50ms", "11.5 ms", true),
        ("p99=11", "11.5 ms", false),
        ("p99<=0.0115s", "11.5 ms", true),
        ("p99=11400us", "11.5 ms", false),
        ("p99.9=100", "24.5 ms", true),
        ("max<=44", "44.0200 ms", false),
        ("ack_p50=4.2", "4.2 ms", true),
        ("behind_schedule_p90 = 1 ms", "1.44 ms", false),
        ("request_p99 <= 10ms", "6.29 ms", true),
        ("lost=0", "0", true),
        ("errors=0", "3", false),
        ("errors<=3", "3", true),
        ("deliveries_per_second>=40_000", "41,054/s", true),
        ("deliveries_per_second>=42000/s", "41,054/s", false),
        ("acknowledged_per_second>=1000", "1,000/s", true),
        ("cpu_us_a_delivery<=19.6", "19.7 µs", false),
        ("redis_us_a_delivery<=6us", "5.4 µs", true),
        ("kb_per_connection<=16", "15.4 KB", true),
        ("kb_per_connection<=15729B", "15.4 KB", true),
        ("hub_cores<=0.9", "0.81 cores", true),
        ("machine_busy<=90%", "97\u{202f}%", false),
        ("settle_seconds=1", "0.31 s", true),
        ("chat.p99=11ms", "10.7 ms", true),
        ("chat.p99.9=23ms", "22.9 ms", true),
        ("chat.ack_p99=11ms", "15.2 ms", false),
        ("chat.lost=0", "0", true),
        ("rest.errors=0", "3", false),
        ("rest.requests_a_second>=149", "150/s", true),
        ("rest.requests>=9000", "8,982", false),
    ] {
        let (lines, faults) = outcome(limit, ordinary());
        assert_eq!(lines, [(value.to_owned(), kept)], "{limit}");
        assert_eq!(faults.len(), usize::from(!kept), "{limit}");
    }
}

#[test]
fn what_was_not_measured_is_missed_and_says_why() {
    let remote = || Report { processes: Vec::new(), ..ordinary() };
    let silent = || Report { deliveries: 0, machine_busy: None, ..ordinary() };
    let mut killed = ordinary();
    killed.processes.remove(0);
    let mut unknown = ordinary();
    unknown.processes[0].resident_before = 0;
    let no_number = Report { deliveries_per_second: f64::NAN, ..ordinary() };
    for (limit, report, reason) in [
        ("resume_p99=5s", ordinary(), "no resume latencies"),
        ("p99=5s", Report::default(), "no delivery latencies"),
        ("kb_per_connection<=8", remote(), "not every such process"),
        ("kb_per_connection<=8", unknown, "not every such process"),
        ("cpu_us_a_delivery<=8", killed, "not every such process"),
        ("cpu_us_a_delivery<=8", silent(), "nothing was delivered"),
        ("redis_cores<=8", remote(), "not every such process"),
        ("machine_busy<=8", silent(), "machine does not tell"),
        ("gifts.p99=5", ordinary(), "no activity \"gifts\""),
        ("rest.answers=5", ordinary(), "rest tells requests_a_second, requests"),
        ("chat.request_p99=5", ordinary(), "no request latencies"),
        ("deliveries_per_second>=1", no_number, "not measured"),
        ("rest.requests=5ms", ordinary(), "in another unit"),
    ] {
        let (lines, faults) = outcome(limit, report);
        assert!(!lines[0].1 && lines[0].0.contains(reason), "{limit}: {lines:?}");
        assert!(faults[0].contains(reason), "{limit}: {faults:?}");
    }
}

#[test]
fn a_fault_names_figure_limit_and_source() {
    let (_, faults) = outcome("lost=0, p99=10ms", ordinary());
    assert_eq!(faults, ["missed p99 <= 10 ms: 11.5 ms (--slo)"]);
}

#[test]
fn what_is_no_limit_is_refused_in_words() {
    for (text, words) in [
        ("", "there is no limit"),
        (" , ", "there is no limit"),
        ("p99", "is no limit"),
        ("p98=5", "there is no figure \"p98\""),
        ("p98=5", "deliveries_per_second"),
        ("lst=0", "there is no figure \"lst\""),
        ("lost=none", "needs a number"),
        ("lost=-1", "needs a number"),
        ("p99=1.2.3", "needs a number"),
        ("p99=50KB", "does not measure"),
        ("lost=5ms", "does not measure"),
        ("kb_per_connection=5ms", "does not measure"),
    ] {
        let error = format!("{:#}", Limits::parse(text).unwrap_err());
        assert!(error.contains(words), "{text:?}: {error}");
    }
}

#[test]
fn every_name_that_is_told_is_known() {
    let told = names();
    let named = told.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    let mut count = 0;
    for name in named.map(|name| name.split('[').next().unwrap()).filter(|name| !name.starts_with("KIND")) {
        for name in if name == "p50" { vec!["p50", "p99.9", "max"] } else { vec![name] } {
            Limits::parse(&format!("{name}=1")).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            let (lines, _) = outcome(&format!("{name}=1"), ordinary());
            assert!(!lines[0].0.contains("no such figure"), "{name}: {lines:?}");
            count += 1;
        }
    }
    assert!(count > 35, "{count} names in\n{told}");
}

#[test]
fn the_worst_of_several_activities_of_a_kind_counts_and_counts_add_up() {
    let mut report = ordinary();
    let mut second = report.activities[0].clone();
    second.sent = 5;
    second.latencies.get_mut("delivery").unwrap().p99 = 80.0;
    report.activities.push(second);
    let (lines, _) = outcome("chat.p99<=50,chat.p99>=50,chat.sent<=12005", report);
    let expected = [("80 ms", false), ("10.7 ms", false), ("12,005", true)];
    assert_eq!(lines, expected.map(|(value, kept)| (value.to_owned(), kept)));
}

#[test]
fn the_scripts_of_comparisons_ask_for_what_the_budgets_say() {
    for name in ["fanout", "scaleout", "durable", "reads"] {
        let limits = budget(name).unwrap().unwrap().limits;
        let [limit] = limits.as_slice() else {
            panic!("{name} has one figure, its ratio to its own baseline")
        };
        let option = if limit.bound == Bound::AtMost { "--at-most" } else { "--at-least" };
        assert_eq!((limit.scope.as_deref(), limit.name.as_str()), (Some(name), "ratio"));
        let script = format!("{}/run-{name}.sh", env!("CARGO_MANIFEST_DIR"));
        let script = std::fs::read_to_string(script).unwrap();
        let asked = format!("{name} {option} {:.1} ", limit.value);
        assert!(script.contains(&asked), "run-{name}.sh does not say \"{asked}\"");
    }
}

#[test]
fn every_scenario_and_measurement_has_a_budget_that_is_understood() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let mut names: Vec<String> =
        ["fanout", "scaleout", "durable", "reads"].into_iter().map(str::to_owned).collect();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            names.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        }
    }
    assert!(names.len() > 4, "there are no scenarios in {folder}");
    for name in names {
        assert!(budget(&name).unwrap_or_else(|error| panic!("{error:#}")).is_some(), "{name}");
    }
}

#[test]
fn budgets_of_ones_own_are_read_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(
        &file,
        "machine = \"8 cores\"\n[budget.chat]\ncommand = \"loadtest chat\"\nlimits = [\"p99=5ms\", \"lost=0\"]\n",
    )
    .unwrap();
    let name = |budget: &str| format!("{}:{budget}", file.display());
    let limits = budget(&name("chat")).unwrap().unwrap();
    assert_eq!((limits.limits.len(), limits.source.as_str()), (2, file.to_str().unwrap()));
    let unknown = budget(&name("room")).unwrap_err().to_string();
    assert!(unknown.contains("no budget \"room\"; it has chat"), "{unknown}");
    std::fs::write(&file, "machine = \"8 cores\"\n[budget.chat]\ncommand = \"x\"\nlimits = [\"p98=5\"]\n")
        .unwrap();
    assert!(format!("{:#}", budget(&name("chat")).unwrap_err()).contains("no figure \"p98\""));
    assert!(budget("nowhere.toml:chat").unwrap_err().to_string().contains("cannot be read"));
    assert!(budget("dance").unwrap_err().to_string().contains("no budget \"dance\""));
    assert_eq!(budget("off").unwrap(), None);
}

#[test]
fn the_help_of_a_scenario_names_the_figures_and_the_last_of_two_options_counts() {
    let mut command = Cli::command();
    let help = command.find_subcommand_mut("chat").unwrap().render_long_help().to_string();
    assert!(help.contains("kb_per_connection") && help.contains("ack_p99"), "{help}");

    let arguments =
        "loadtest chat --users 5 --slo lost=0 --users 7 --set seconds=3 --set chat.rate=9 --slo lost=1";
    let cli = Cli::try_parse_from(arguments.split(' ')).unwrap();
    let (_, options) = cli.command.scenario().unwrap();
    assert_eq!(
        (options.users, options.set.len(), options.common.slo.as_deref()),
        (Some(7), 2, Some("lost=1"))
    );
}
