//! Processor time and memory of processes, as Linux tells them in `/proc`.

use std::fs;
use std::time::{Duration, Instant};

/// Processor time and memory of one process at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Processor time since the process began.
    pub(crate) busy: Duration,
    /// Resident memory in bytes.
    pub(crate) resident: u64,
}

/// The usage of a process; `None` where it is gone or the system does not tell.
pub(crate) fn usage_of(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Usage { busy: parse_stat(&stat)?, resident: parse_resident(&status)? })
}

/// `utime` and `stime`, the 14th and 15th fields; the name before them may hold spaces.
fn parse_stat(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(ticks(user + system))
}

fn parse_resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn ticks(count: u64) -> Duration {
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_millis(count * 1000 / per_second)
}

/// How many files a process may have open; `None` where it is gone or the system does not tell.
pub(crate) fn file_limit_of(pid: u32) -> Option<u64> {
    parse_file_limit(&fs::read_to_string(format!("/proc/{pid}/limits")).ok()?)
}

/// `Max open files  SOFT  HARD  files`: the soft one holds, `unlimited` is none.
fn parse_file_limit(limits: &str) -> Option<u64> {
    limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// How busy the whole machine was since a moment.
pub(crate) struct Machine {
    since: Instant,
    idle: Duration,
    cores: u64,
}

impl Machine {
    /// Begins to watch.
    pub(crate) fn watch() -> Option<Self> {
        let (idle, cores) = idle_time(&fs::read_to_string("/proc/stat").ok()?)?;
        Some(Self { since: Instant::now(), idle, cores })
    }

    /// The busy share since then, 0 to 1.
    pub(crate) fn busy(&self) -> Option<f64> {
        let (idle, _) = idle_time(&fs::read_to_string("/proc/stat").ok()?)?;
        let whole = self.since.elapsed().as_secs_f64() * super::float(self.cores);
        (whole > 0.0).then(|| (1.0 - idle.saturating_sub(self.idle).as_secs_f64() / whole).clamp(0.0, 1.0))
    }
}

/// Idle time of all cores together, and their number.
fn idle_time(stat: &str) -> Option<(Duration, u64)> {
    let mut lines = stat.lines().take_while(|line| line.starts_with("cpu"));
    let mut fields = lines.next()?.split_whitespace().skip(4);
    let idle: u64 = fields.next()?.parse().ok()?;
    let waiting: u64 = fields.next()?.parse().ok()?;
    Some((ticks(idle + waiting), lines.fold(0, |count, _| count + 1)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Machine, file_limit_of, idle_time, parse_file_limit, parse_resident, parse_stat, usage_of};

    #[test]
    fn the_fields_are_found() {
        let stat = "42 (a (strange) name) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 100 200 300";
        assert_eq!(parse_stat(stat), Some(Duration::from_secs(2)));
        assert_eq!(parse_resident("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!(
            idle_time("cpu  1 2 3 400 100 0\ncpu0 1\ncpu1 1\nintr 5\n"),
            Some((Duration::from_secs(5), 2))
        );
        assert_eq!(idle_time("intr 5"), None);
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
        assert_eq!(parse_file_limit(limits), Some(1024));
    }

    #[test]
    fn this_process_and_machine_are_told() {
        let usage = usage_of(std::process::id()).unwrap();
        assert!(usage.resident > 1 << 20);
        let machine = Machine::watch().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        assert!(machine.busy().is_some_and(|busy| (0.0..=1.0).contains(&busy)));
        assert!(usage_of(u32::MAX).is_none());
        assert!(file_limit_of(std::process::id()).is_some_and(|files| files > 10));
    }
}
