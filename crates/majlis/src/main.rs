//! The `majlis` program: what `cargo run` starts.

mod cli;
mod data_dir;
mod nodes;
mod seed;
mod serve;
mod term;
mod tools;
mod up;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

/// A wave of reconnects needs some 30 KB a socket for moments. glibc keeps that as long as the process lives; this one gives
/// it back within some ten seconds, in the background, and costs less time (docs/performance.md).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let outcome = runtime.block_on(run(cli));
    // Blocking work that nobody waits for (a password being hashed) must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    match outcome {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command.unwrap_or_default() {
        Command::Up(options) => up::run(options).await,
        Command::Api => serve::api().await,
        Command::Hub => serve::hub().await,
        Command::Migrate(place) => tools::migrate(&place).await,
        Command::Seed(place) => tools::seed(&place).await,
        Command::Doctor(options) => tools::doctor(&options).await,
        Command::Recount(options) => tools::recount(&options).await,
        Command::Reconcile(place) => tools::reconcile(&place).await,
        Command::Token(options) => tools::token(&options).await,
        Command::Openapi => tools::openapi(),
        Command::Asyncapi => tools::asyncapi(),
        Command::RealtimeGuide => {
            term::say(protocol::asyncapi::guide().trim_end());
            Ok(ExitCode::SUCCESS)
        }
        Command::Variables => {
            term::say(&config::variables_table());
            Ok(ExitCode::SUCCESS)
        }
        Command::Watch(options) => watch::run(&options).await,
        Command::Nodes(place) => nodes::run(&place).await,
    }
}

/// One sentence, with the causes behind it, and exit code 1.
fn failed(error: &anyhow::Error) -> ExitCode {
    term::complain(&format!("majlis: {error:#}"));
    ExitCode::FAILURE
}
