//! Processes by number: exact processor time, memory, children, and which core they may use; from Linux's `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::stats::process::usage_of;

/// Processor time of a process at one moment, user and system, by thread: to the nanosecond where the system keeps it so
/// (`schedstat`), else in clock ticks and as one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Busy(BTreeMap<u32, Duration>);

impl Busy {
    /// Processor time since an earlier moment. What a thread did that has ended since is left out; those that began are in.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let of = |thread: &u32| earlier.0.get(thread).copied().unwrap_or_default();
        self.0.iter().map(|(thread, now)| now.saturating_sub(of(thread))).sum()
    }
}

/// Processor time of a process until now.
///
/// # Errors
/// There is no such process.
pub(crate) fn busy(pid: u32) -> Result<Busy> {
    if let Some(threads) = exactly(pid) {
        return Ok(Busy(threads));
    }
    let usage = usage_of(pid).with_context(|| format!("process {pid} is gone"))?;
    Ok(Busy(BTreeMap::from([(pid, usage.busy)])))
}

/// `None`: the process is gone, or the system does not keep it.
fn exactly(pid: u32) -> Option<BTreeMap<u32, Duration>> {
    let mut found = BTreeMap::new();
    for thread in threads(pid)? {
        // A thread may end while we look.
        if let Ok(text) = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")) {
            found.insert(thread, Duration::from_nanos(text.split(' ').next()?.parse().ok()?));
        }
    }
    found.values().any(|time| *time > Duration::ZERO).then_some(found)
}

/// Resident memory in bytes.
///
/// # Errors
/// There is no such process.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    usage_of(pid).map(|usage| usage.resident).with_context(|| format!("process {pid} is gone"))
}

fn threads(pid: u32) -> Option<Vec<u32>> {
    let folder = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    Some(folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

/// A process and all that it started, at any depth.
pub(crate) fn family(ancestor: u32) -> Vec<u32> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let parent =
            stat.rsplit_once(") ").and_then(|(_, fields)| fields.split(' ').nth(1)?.parse::<u32>().ok());
        if let Some(parent) = parent {
            parents.insert(pid, parent);
        }
    }
    let mut family = vec![ancestor];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(parents.iter().filter(|(_, its)| **its == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    family
}

/// Two cores that we may use: one for what is measured, one for everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cores {
    /// For what is measured.
    pub(crate) measured: usize,
    /// For everything else.
    pub(crate) others: usize,
}

impl Cores {
    /// `None` where there is only one.
    pub(crate) fn find() -> Option<Self> {
        let ours = sched_getaffinity(None).ok()?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| ours.is_set(*core));
        Some(Self { measured: cores.next()?, others: cores.next()? })
    }
}

/// Lets every thread of a process run on this core alone. Threads that it starts later follow.
///
/// # Errors
/// The process is gone, or not ours.
pub(crate) fn pin(pid: u32, core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    for thread in threads(pid).with_context(|| format!("process {pid} is gone"))? {
        let thread = i32::try_from(thread).ok().and_then(Pid::from_raw);
        match sched_setaffinity(thread, &set) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => {
                return Err(error).with_context(|| format!("process {pid} cannot be kept to core {core}"));
            }
        }
    }
    Ok(())
}

/// A server of ours in a process of its own, which ends when this value goes, or we do.
pub(crate) struct Served {
    child: Child,
    leash: Option<ChildStdin>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Served {
    /// Starts this program with other arguments; its first line is the address.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn start(arguments: &[String], variables: &[(&str, &str)]) -> Result<Self> {
        let program = std::env::current_exe().context("the tester's own place is not known")?;
        let mut child = Command::new(program)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the bare server cannot be started")?;
        let leash = child.stdin.take();
        let output = child.stdout.take().context("the bare server has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse();
        let served = |address| Self { child, leash, address };
        match address {
            Ok(address) => Ok(served(address)),
            Err(error) => {
                drop(served(SocketAddr::from(([127, 0, 0, 1], 0))));
                Err(error).context("the bare server did not start")
            }
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.leash.take());
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _gone = self.child.kill().and_then(|()| self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{busy, family, resident};

    #[test]
    fn what_this_process_did_is_told() {
        let pid = std::process::id();
        let before = busy(pid).unwrap();
        let began = Instant::now();
        // However little of the machine we get, it is counted in the end.
        while busy(pid).unwrap().since(&before) < Duration::from_millis(5) {
            assert!(began.elapsed() < Duration::from_secs(20));
        }
        assert!(resident(pid).unwrap() > 1 << 20);
        assert!(busy(u32::MAX).is_err() && resident(u32::MAX).is_err());
    }

    #[test]
    fn children_belong_to_the_family() {
        let mut child = std::process::Command::new("sleep").arg("5").spawn().unwrap();
        assert!(family(std::process::id()).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
