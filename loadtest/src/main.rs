//! The load tester: drives many sockets like apps do and keeps exact accounts of what each of them heard.

mod activity;
mod bare;
mod baseline;
mod cli;
mod decode;
mod engine;
mod html;
mod ledger;
mod listener;
mod measure;
mod member;
mod outbox;
#[cfg(test)]
mod proving_ground;
mod scenario;
mod session;
mod slo;
mod stack;
mod stage;
mod stats;
mod term;
mod wire;
mod world;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::baseline::Baseline;
use crate::cli::{Cli, Command, RunOptions};
use crate::engine::Course;
use crate::scenario::Scenario;
use crate::slo::Limits;
use crate::stack::{Stack, Target};
use crate::stage::{Manner, Stage};
use crate::stats::report::Report;
use crate::term::{complain, say};

/// The test could not be run.
const CANNOT_RUN: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Measure(measurement) = &cli.command {
        return measure::run(measurement, &command_line());
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("loadtest: {error}"));
            return ExitCode::from(CANNOT_RUN);
        }
    };
    runtime.block_on(test(&cli))
}

/// Tests, then ends what was started for it however the test went.
async fn test(cli: &Cli) -> ExitCode {
    let mut stack: Option<Stack> = None;
    let outcome = tokio::select! {
        outcome = Box::pin(obey(cli, &mut stack)) => outcome,
        () = interrupted_for_good() => Err(anyhow::anyhow!("interrupted")),
    };
    if let Some(stack) = stack {
        stack.stop().await;
    }
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("loadtest: {error:#}"));
            ExitCode::from(CANNOT_RUN)
        }
    }
}

/// Gives whether all was well.
async fn obey(cli: &Cli, stack: &mut Option<Stack>) -> Result<bool> {
    if let Some((name, options)) = cli.command.scenario() {
        return run(Scenario::built_in(name, options)?, options, stack).await;
    }
    match &cli.command {
        Command::Run(options) => {
            let name = options.file.display().to_string();
            let text =
                std::fs::read_to_string(&options.file).with_context(|| format!("{name} cannot be read"))?;
            run(Scenario::read(&name, &text, &options.run)?, &options.run, stack).await
        }
        _ => {
            for (name, title) in scenario::list()? {
                say(&format!("  {name:<12} {title}"));
            }
            Ok(true)
        }
    }
}

async fn run(scenario: Scenario, options: &RunOptions, stack: &mut Option<Stack>) -> Result<bool> {
    let limits = limits(&scenario, options)?;
    let mut baseline = Baseline::of(&scenario, options)?;
    let files = raise_file_limit();
    let sockets = scenario.sockets();
    engine::check_own_limit(sockets, files)?;
    let common = &options.common;
    let target: Arc<Target> = Arc::new(stack::find_or_start(common, scenario.hubs, stack).await?);
    engine::check_hub_limits(sockets, &target)?;
    let began_at = base::Time::now();
    let stage = stage_for(&scenario, options, &target).await?;
    let mut activities = Vec::with_capacity(scenario.plans.len());
    for plan in &scenario.plans {
        activities.push(plan.prepare(&stage).await.with_context(|| plan.kind().to_owned())?);
    }
    let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
    let course = Course {
        ramp: seconds(scenario.ramp),
        seconds: seconds(scenario.seconds),
        settle: seconds(common.settle),
        kill_hub: common.kill_hub.map(seconds),
    };
    if let (Some(baseline), Some(activity)) = (&mut baseline, activities.first()) {
        baseline.watch(activity.gauges());
    }
    let mut report = Box::pin(engine::run(activities, &course, &target)).await?;
    if let Some(baseline) = baseline {
        baseline.compare(&mut report).await?;
    }
    report.scenario = scenario.name;
    report.title = scenario.title;
    report.command = command_line();
    report.began_at = base::Time::to_string(&began_at);
    report.version = env!("CARGO_PKG_VERSION").to_owned();
    report.build = if cfg!(debug_assertions) { "debug" } else { "release" };
    report.target = target.api.clone();
    for limits in &limits {
        slo::judge(limits, &mut report);
    }
    tell(&report);
    if let Some(file) = &common.json {
        write(file, &serde_json::to_vec_pretty(&report)?)?;
    }
    if let Some(file) = &common.html {
        write(file, html::page(&report).as_bytes())?;
    }
    Ok(report.faults.is_empty())
}

/// The limits of `--slo`, then those of `--budget`.
fn limits(scenario: &Scenario, options: &RunOptions) -> Result<Vec<Limits>> {
    let mut limits = Vec::new();
    if let Some(list) = &options.common.slo {
        limits.push(Limits::parse(list)?);
    }
    if let Some(name) = &options.common.budget {
        limits.extend(slo::budget(if name.is_empty() { &scenario.name } else { name })?);
    }
    Ok(limits)
}

/// Signs in as many accounts as the activities need.
async fn stage_for(scenario: &Scenario, options: &RunOptions, target: &Arc<Target>) -> Result<Stage> {
    let common = &options.common;
    let logins = &target.logins;
    let own: u32 = scenario.plans.iter().map(|plan| plan.own_accounts()).sum();
    let own = usize::try_from(own)?;
    let wanted = usize::try_from(common.accounts)?;
    // Clients without a socket share accounts too.
    let all_hold_sockets = scenario.plans.iter().all(|plan| plan.sockets() > 0);
    let wanted = match usize::try_from(scenario.sockets().max(2)) {
        Ok(sockets) if all_hold_sockets => wanted.min(sockets),
        _ => wanted,
    };
    let count = (wanted + own).min(logins.len());
    let signing_in = logins.get(..count).context("there are too few accounts")?;
    let accounts = session::sign_in(&target.api, signing_in).await?;
    let manner = Manner {
        encoding: common.encoding.into(),
        in_flight: usize::from(common.in_flight),
        body_length: usize::from(common.body_bytes),
    };
    let mut stage = Stage::new(Arc::clone(target), accounts, own, manner, scenario.seconds, options.room)?;
    stage.alone = scenario.plans.len() == 1 && common.kill_hub.is_none();
    Ok(stage)
}

/// The command as it was given, without the path of the program and without passwords: reports are passed around.
fn command_line() -> String {
    without_passwords(std::env::args().skip(1))
}

fn without_passwords(arguments: impl Iterator<Item = String>) -> String {
    let mut words = vec!["loadtest".to_owned()];
    for word in arguments {
        let login = word.starts_with("--login=") || words.last().is_some_and(|last| last == "--login");
        words.push(match word.split_once(':').filter(|_| login) {
            Some((account, _)) => format!("{account}:…"),
            None => word,
        });
    }
    words.join(" ")
}

fn write(file: &Path, content: &[u8]) -> Result<()> {
    std::fs::write(file, content).with_context(|| format!("{} cannot be written", file.display()))?;
    complain(&format!("  {:<14} {}", "written", file.display()));
    Ok(())
}

fn tell(report: &Report) {
    say("");
    say(report.table().trim_end());
    say("");
    for note in &report.notes {
        say(&format!("  Note: {note}."));
    }
    if report.faults.is_empty() {
        say("  OK: everything that was acknowledged was heard once and in order by everyone.");
    } else {
        say(&format!("  FAILED: {}.", report.faults.join(", ")));
    }
}

/// Every socket is an open file; gives how many there may be.
fn raise_file_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    if raised.is_ok() { limit.maximum } else { limit.current }
}

/// A first Ctrl-C while the load is under way ends the load (see [`engine`]); the second one, or one at another
/// time than that, ends everything; so does SIGTERM.
async fn interrupted_for_good() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        () = async {
            interrupt.recv().await;
            if engine::is_under_way() {
                interrupt.recv().await;
            }
        } => {}
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn reports_hold_no_passwords() {
        let given =
            "chat --login a@example.org:secret --login=b@example.org:secret --api http://127.0.0.1:7400";
        assert_eq!(
            super::without_passwords(given.split(' ').map(str::to_owned)),
            "loadtest chat --login a@example.org:… --login=b@example.org:… --api http://127.0.0.1:7400"
        );
    }
}
