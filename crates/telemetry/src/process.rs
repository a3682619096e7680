//! What the kernel says about this process, in Prometheus's usual names. Where there is no `/proc`, nothing.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// Ticks a second of the times in `/proc/self/stat`: fixed for programs on every Linux (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;
/// `VmRSS` is in units of 1024 bytes.
const BYTES_PER_KB: f64 = 1024.0;

/// Name and version of the program, and when it began.
pub(crate) struct Identity {
    pub(crate) service: &'static str,
    pub(crate) version: &'static str,
    started: f64,
}

impl Identity {
    pub(crate) fn new(service: &'static str, version: &'static str) -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        Self { service, version, started }
    }

    /// Memory, open files, processor time and the build, as lines of Prometheus's text format.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        let info = format!("majlis_build_info{{service=\"{}\",version=\"{}\"}}", self.service, self.version);
        line(&mut text, "majlis_build_info", "gauge", "The program that runs here.", &info, 1.0);
        let mut simple = |name: &str, kind: &str, help: &str, value: Option<f64>| {
            if let Some(value) = value {
                line(&mut text, name, kind, help, name, value);
            }
        };
        simple("process_start_time_seconds", "gauge", "Start, in seconds since 1970.", Some(self.started));
        simple("process_resident_memory_bytes", "gauge", "Resident memory in bytes.", resident_bytes());
        simple("process_open_fds", "gauge", "Open file descriptors.", open_fds());
        simple("process_cpu_seconds_total", "counter", "User and system processor time.", cpu_seconds());
        text
    }
}

fn line(text: &mut String, name: &str, kind: &str, help: &str, series: &str, value: f64) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{series} {value}");
}

fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = value.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * BYTES_PER_KB)
}

fn open_fds() -> Option<f64> {
    // One of them is the directory being read.
    let count = std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    u32::try_from(count).ok().map(f64::from)
}

fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name, in parentheses, may hold spaces; fields are counted after it: state is the first.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::Identity;

    #[test]
    fn the_kernel_is_asked() {
        let text = Identity::new("api", "0.1.0").render();
        assert!(text.contains("majlis_build_info{service=\"api\",version=\"0.1.0\"} 1\n"), "{text}");
        if cfg!(target_os = "linux") {
            for name in ["process_resident_memory_bytes ", "process_open_fds ", "process_cpu_seconds_total "]
            {
                let line = text.lines().find(|line| line.starts_with(name)).unwrap();
                assert!(line.strip_prefix(name).unwrap().parse::<f64>().unwrap() >= 0.0, "{line}");
            }
        }
    }
}
