//! The load tester: drives many sockets like apps do and keeps exact accounts of what each of them heard.

mod cli;
mod decode;
mod ledger;
mod listener;
mod member;
mod outbox;
#[cfg(test)]
mod proving_ground;
mod scenario;
mod session;
mod stack;
mod stats;
mod term;
mod wire;
mod world;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cli::{Cli, Scenario};
use crate::session::NO_LIMITS;
use crate::stack::{Stack, Target};
use crate::stats::report::Report;
use crate::term::{complain, say};

/// The test could not be run.
const CANNOT_RUN: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
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
        outcome = Box::pin(run(cli, &mut stack)) => outcome,
        () = interrupted_for_good() => Err(anyhow::anyhow!("interrupted")),
    };
    if let Some(stack) = stack {
        stack.stop().await;
    }
    match outcome {
        Ok(report) if report.faults.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("loadtest: {error:#}"));
            ExitCode::from(CANNOT_RUN)
        }
    }
}

async fn run(cli: &Cli, stack: &mut Option<Stack>) -> Result<Report> {
    let common = match &cli.scenario {
        Scenario::Chat(options) => &options.common,
        Scenario::Room(options) => &options.common,
    };
    let files = raise_file_limit();
    let sockets = match &cli.scenario {
        Scenario::Chat(options) => options.users,
        Scenario::Room(options) => options.subscribers + options.publishers,
    };
    // Some for the runtime, the log and the API's connections.
    if files.is_some_and(|files| files < u64::from(sockets) + 100) {
        anyhow::bail!(
            "{sockets} sockets need more open files than this system allows: raise `ulimit -n`, or use fewer"
        );
    }
    let target: Target = stack::find_or_start(common, stack).await?;
    let prepared = match &cli.scenario {
        Scenario::Chat(options) => scenario::chat::prepare(options, &target).await?,
        Scenario::Room(options) => scenario::room::prepare(options, &target).await?,
    };
    let report = Box::pin(scenario::run(prepared, common, &target)).await?;
    tell(&report);
    if let Some(file) = &common.json {
        let json = serde_json::to_vec_pretty(&report)?;
        std::fs::write(file, json).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(report)
}

fn tell(report: &Report) {
    say("");
    say(report.table().trim_end());
    say("");
    if report.limited {
        say(&format!("  Note: {NO_LIMITS}."));
    }
    if let Some(sentence) = report.bottleneck() {
        say(&format!("  Note: {sentence}."));
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

/// A first Ctrl-C while messages are under way ends the schedule (see [`scenario`]); the second one, or one at another
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
            if scenario::is_under_way() {
                interrupt.recv().await;
            }
        } => {}
    }
}
