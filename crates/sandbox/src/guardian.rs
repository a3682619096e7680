//! A server under its guardian: the shell script which ends it when we are gone.

use std::ffi::OsString;
use std::fs::File;
use std::io::PipeWriter;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::log::Log;

const SCRIPT: &str = include_str!("guardian.sh");

/// What to run, and how it ends.
pub(crate) struct Charge {
    /// For messages: "MariaDB 10.11.6".
    pub(crate) name: String,
    /// The program with its arguments.
    pub(crate) command: Vec<OsString>,
    /// Seconds between TERM and KILL; 0 kills at once.
    pub(crate) grace_seconds: u32,
    /// Removed after the server has ended (at most two).
    pub(crate) remove: Vec<PathBuf>,
    /// Where its output goes.
    pub(crate) log: Log,
    /// What it reads on stdin; none for an empty input.
    pub(crate) input: Option<PathBuf>,
    /// The locked file of its directory, which stays locked until the server has ended.
    pub(crate) lock: File,
}

/// A running server. Dropping it stops the server without waiting.
#[derive(Debug)]
pub(crate) struct Guardian {
    name: String,
    child: Child,
    /// The write end of the guardian's stdin. std opens it close-on-exec, so no other child of ours holds
    /// it; the kernel closes it when we die.
    lifeline: PipeWriter,
    pid: u32,
    grace_seconds: u32,
    log: Log,
}

impl Guardian {
    /// Starts the server; returns as soon as its process exists.
    ///
    /// # Errors
    /// When the shell or the program cannot be started.
    pub(crate) async fn spawn(charge: Charge) -> Result<Self> {
        let Charge { name, command, grace_seconds, remove, log, input, lock } = charge;
        let (reader, lifeline) = std::io::pipe().context("cannot make a pipe")?;
        let mut remove = remove.into_iter();
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", SCRIPT, "guardian"])
            .arg(grace_seconds.to_string())
            .arg(remove.next().unwrap_or_default())
            .arg(remove.next().unwrap_or_default())
            .arg(log.path())
            .arg(input.unwrap_or_else(|| PathBuf::from("/dev/null")))
            .args(command)
            .stdin(Stdio::from(reader))
            .stdout(Stdio::piped())
            .stderr(Stdio::from(lock))
            .current_dir("/")
            // Its own group: Ctrl-C in the terminal reaches only us, and we decide the order of stopping.
            .process_group(0);
        let mut child = shell.spawn().context("cannot start /bin/sh")?;
        // The command holds our copies of the pipe's read end and of the lock.
        drop(shell);
        let stdout = child.stdout.take().context("the guardian has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await.context("cannot read from the guardian")?;
        let Ok(pid) = line.trim().parse() else {
            bail!("{name} could not be started: {}", log.complaint());
        };
        Ok(Self { name, child, lifeline, pid, grace_seconds, log })
    }

    /// The server's own process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Resolves when the server has ended by itself; true if it ended well. Cancel-safe.
    pub(crate) async fn ended(&mut self) -> Result<bool> {
        Ok(self.child.wait().await.context("cannot wait for the guardian")?.success())
    }

    /// Resolves when the server has ended, with a sentence that says so. Cancel-safe.
    pub(crate) async fn exited(&mut self) -> String {
        let status = match self.child.wait().await {
            Ok(status) => match status.code() {
                // What a shell reports of a program that a signal ended.
                Some(code @ 129..=192) => format!("signal {}", code.saturating_sub(128)),
                Some(code) => format!("status {code}"),
                None => status.to_string(),
            },
            Err(error) => error.to_string(),
        };
        format!("{} (process {}) ended with {status}; {}", self.name, self.pid, self.log.complaint())
    }

    /// Ends the server and waits for it to be gone.
    ///
    /// # Errors
    /// When it is still there some seconds after it was killed.
    pub(crate) async fn stop(self) -> Result<()> {
        let Self { name, mut child, lifeline, pid, grace_seconds, .. } = self;
        drop(lifeline);
        let limit = Duration::from_secs(u64::from(grace_seconds).saturating_add(5));
        match tokio::time::timeout(limit, child.wait()).await {
            Ok(ended) => {
                ended.with_context(|| format!("cannot wait for {name}"))?;
                Ok(())
            }
            Err(_) => bail!("{name} (process {pid}) did not end within {} s", limit.as_secs()),
        }
    }
}
