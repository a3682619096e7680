//! What the program prints: lines, and bars on a terminal (plain lines every few seconds elsewhere).

use std::io::{IsTerminal, Write};
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

/// How often progress is told where there is no terminal to draw on.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// Prints lines above a bar.
pub(crate) struct Notes(ProgressBar);

impl Notes {
    /// Prints a line.
    pub(crate) fn say(&self, line: &str) {
        self.0.suspend(|| complain(line));
    }
}

/// Progress of one phase.
pub(crate) struct Progress {
    bar: ProgressBar,
    title: String,
    length: u64,
    /// When to tell next; `None` on a terminal.
    tell_at: Option<Instant>,
}

impl Progress {
    /// Begins a phase of `length` steps.
    pub(crate) fn begin(title: impl Into<String>, length: u64) -> Self {
        let title = title.into();
        let bar = ProgressBar::new(length);
        if let Ok(style) = ProgressStyle::with_template("  {prefix:<14} [{bar:30}] {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(title.clone());
        let tell_at = (!std::io::stderr().is_terminal()).then(|| Instant::now() + TOLD_EVERY);
        Self { bar, title, length, tell_at }
    }

    /// Shows where the phase stands.
    pub(crate) fn show(&mut self, position: u64, detail: &str) {
        self.bar.set_position(position.min(self.length));
        self.bar.set_message(detail.to_owned());
        if let Some(at) = self.tell_at
            && at <= Instant::now()
        {
            complain(&format!("  {:<14} {detail}", self.title));
            self.tell_at = Some(Instant::now() + TOLD_EVERY);
        }
    }

    /// For lines above the bar while somebody else draws it.
    pub(crate) fn notes(&self) -> Notes {
        Notes(self.bar.clone())
    }

    /// Ends the phase with a word about the outcome.
    pub(crate) fn done(self, outcome: &str) {
        self.bar.finish_and_clear();
        complain(&format!("  {:<14} {outcome}", self.title));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A number with commas between the thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_set_apart() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(super::grouped(number), text);
        }
    }
}
