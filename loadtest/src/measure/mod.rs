//! Comparisons in one run: a server of ours beside the least that does the same work, on the same machine, in turns.
//!
//! Each prints a table and one line a target, and writes its figures with `--json`. The exit code is 1 where a limit
//! (`--at-most`, `--at-least`) is missed. The bare sides are in [`crate::bare`] and are no part of Majlis.

mod durable;
mod fanout;
mod figures;
mod options;
mod ours;
mod reads;
mod scaleout;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

use figures::{Table, Verdict, median};
pub(crate) use options::Measurement;

use crate::stack::Stack;
use crate::term::{complain, say};

/// The measurement could not be made.
const CANNOT_RUN: u8 = 2;

/// Makes a measurement; what was started for it has ended when this returns.
pub(crate) fn run(measurement: &Measurement, command: &str) -> ExitCode {
    let outcome = match measurement {
        // A single thread, and nothing of the tester in it.
        Measurement::BareServer(options) => options.serve().map(|()| true),
        asking => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("the tester cannot start its threads")
            .and_then(|runtime| runtime.block_on(interruptible(asking, command))),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("loadtest: {error:#}"));
            ExitCode::from(CANNOT_RUN)
        }
    }
}

async fn interruptible(measurement: &Measurement, command: &str) -> Result<bool> {
    let mut stack = None;
    let outcome = tokio::select! {
        outcome = Box::pin(measure(measurement, command, &mut stack)) => outcome,
        () = interrupted() => Err(anyhow::anyhow!("interrupted")),
    };
    if let Some(stack) = stack {
        stack.stop().await;
    }
    outcome
}

async fn measure(measurement: &Measurement, command: &str, stack: &mut Option<Stack>) -> Result<bool> {
    match measurement {
        Measurement::Fanout(options) => {
            finish(fanout::run(options, stack).await?, command, options.common.json.as_deref())
        }
        Measurement::Scaleout(options) => {
            finish(scaleout::run(options, stack).await?, command, options.common.json.as_deref())
        }
        Measurement::Durable(options) => {
            finish(durable::run(options, stack).await?, command, options.common.json.as_deref())
        }
        Measurement::Reads(options) => {
            finish(reads::run(options, stack).await?, command, options.common.json.as_deref())
        }
        Measurement::BareServer(_) => Ok(true),
        Measurement::BareReads(options) => options.serve().await.map(|()| true),
    }
}

/// What a measurement gave.
pub(crate) struct Outcome {
    /// For people.
    pub(crate) tables: Vec<Table>,
    /// One line a target.
    pub(crate) verdicts: Vec<Verdict>,
    /// What the reader should know about this run.
    pub(crate) notes: Vec<String>,
    /// For machines.
    pub(crate) figures: serde_json::Value,
}

#[derive(Serialize)]
struct Written<'a> {
    command: &'a str,
    began_at: String,
    version: &'static str,
    build: &'static str,
    verdicts: &'a [Verdict],
    notes: &'a [String],
    figures: &'a serde_json::Value,
}

/// Tells it; true where every limit is kept.
fn finish(outcome: Outcome, command: &str, json: Option<&Path>) -> Result<bool> {
    for table in &outcome.tables {
        say("");
        say(table.to_string().trim_end());
    }
    say("");
    let mut notes = outcome.notes;
    if cfg!(debug_assertions) {
        notes.push("this tester is a debug build: its figures say nothing".to_owned());
    }
    for note in &notes {
        say(&format!("  Note: {note}."));
    }
    for verdict in &outcome.verdicts {
        say(&verdict.to_string());
    }
    if let Some(file) = json {
        let written = Written {
            command,
            began_at: base::Time::now().to_string(),
            version: env!("CARGO_PKG_VERSION"),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            verdicts: &outcome.verdicts,
            notes: &notes,
            figures: &outcome.figures,
        };
        let text = serde_json::to_vec_pretty(&written)?;
        std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(outcome.verdicts.iter().all(Verdict::kept))
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
