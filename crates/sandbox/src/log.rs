//! The log file of a server: what to show of it when the server fails.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A kept log is begun anew when it has grown beyond this, in bytes.
const MAX_KEPT: u64 = 8 * 1024 * 1024;
/// How much of the end of a log is looked at, in bytes.
const TAIL: u64 = 32 * 1024;
/// How many lines of it are shown.
const SHOWN_LINES: usize = 4;
/// How many of them are the first errors: the cause comes first, what follows from it last.
const SHOWN_CAUSES: usize = 2;

/// A server's log, from where this start of the server began to write. The open file is kept, for the
/// directory of a throw-away server is gone by the time that one asks what went wrong.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    from: u64,
}

impl Log {
    /// Opens (creates) the log at `path`.
    pub(crate) fn open(path: PathBuf) -> Result<Self> {
        if fs::metadata(&path).is_ok_and(|it| it.len() > MAX_KEPT) {
            fs::remove_file(&path)
                .with_context(|| format!("cannot remove the old log {}", path.display()))?;
        }
        let file = File::options()
            .create(true)
            .append(true)
            .read(true)
            .open(&path)
            .with_context(|| format!("cannot write the log {}", path.display()))?;
        let from = file.metadata()?.len();
        Ok(Self { path, file, from })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What the server said in this start.
    fn text(&self) -> io::Result<String> {
        let end = self.file.metadata()?.len();
        let start = self.from.max(end.saturating_sub(TAIL));
        let mut bytes = vec![0; usize::try_from(end.saturating_sub(start)).unwrap_or(0)];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether the server said `phrase` in this start.
    pub(crate) fn says(&self, phrase: &str) -> bool {
        self.text().is_ok_and(|text| text.contains(phrase))
    }

    /// The lines that tell what went wrong, on one line: the first and the last errors, else the last lines.
    pub(crate) fn complaint(&self) -> String {
        let text = self.text().unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let errors: Vec<&str> = lines.iter().copied().filter(|line| is_error(line)).collect();
        let (said, causes) = if errors.is_empty() { (lines, 0) } else { (errors, SHOWN_CAUSES) };
        if said.is_empty() {
            return "it wrote nothing to its log".to_owned();
        }
        let last = said.len().saturating_sub(SHOWN_LINES.saturating_sub(causes)).max(causes);
        let shown: Vec<&str> = said.iter().take(causes).chain(said.iter().skip(last)).copied().collect();
        format!("its log says: {}", shown.join(" | "))
    }
}

fn is_error(line: &str) -> bool {
    // MySQL and MariaDB write "[ERROR]", the dynamic linker and Redis "error" or "Fatal".
    ["[ERROR]", "[FATAL]", "error", "Fatal"].iter().any(|mark| line.contains(mark))
        && !line.contains("[Note]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_errors_are_shown_of_this_start_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("error.log");
        fs::write(&path, "[ERROR] of an earlier start\n").unwrap();
        let log = Log::open(path.clone()).unwrap();
        assert_eq!(log.complaint(), "it wrote nothing to its log");
        let add = |text: &str| fs::write(&path, fs::read_to_string(&path).unwrap() + text).unwrap();
        add("one\ntwo\n");
        assert_eq!(log.complaint(), "its log says: one | two");
        add("[ERROR] a\n[Note] no error\n[ERROR] b\n[ERROR] c\n[ERROR] d\n[ERROR] e\n");
        assert_eq!(log.complaint(), "its log says: [ERROR] a | [ERROR] b | [ERROR] d | [ERROR] e");
    }
}
