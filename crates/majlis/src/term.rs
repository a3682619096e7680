//! What the program prints: lines on the terminal, and a spinner while something takes its time.

use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// A line on standard output. A closed pipe is no reason to fail.
pub(crate) fn say(line: &str) {
    let _closed = writeln!(std::io::stdout().lock(), "{line}");
}

/// A line on standard error.
pub(crate) fn complain(line: &str) {
    let _closed = writeln!(std::io::stderr().lock(), "{line}");
}

/// One step of a longer work: a spinner on a terminal, one line when it is done.
pub(crate) struct Step {
    bar: ProgressBar,
    title: String,
    began: Instant,
}

impl Step {
    /// Begins a step.
    pub(crate) fn begin(title: impl Into<String>) -> Self {
        let title = title.into();
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        bar.set_message(title.clone());
        Self { bar, title, began: Instant::now() }
    }

    /// Shows how far the step is.
    pub(crate) fn progress(&self, detail: &str) {
        self.bar.set_message(format!("{} {detail}", self.title));
    }

    /// Ends the step with a word about the outcome.
    pub(crate) fn done(self, outcome: &str) {
        self.bar.finish_and_clear();
        let seconds = self.began.elapsed().as_secs_f32();
        say(&format!("  ✓ {:<22} {outcome} ({seconds:.1} s)", self.title));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
