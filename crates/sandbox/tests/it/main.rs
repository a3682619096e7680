//! Real servers, started and stopped. `MAJLIS_MYSQLD` chooses the engine, as everywhere.

mod client;
mod cluster;
mod data;
mod owner;
mod programs;
mod shared;
mod start_stop;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use sandbox::{Durability, MySqlOptions, Programs, RedisOptions, Search};

/// The programs that this machine has.
pub(crate) fn programs() -> Programs {
    Programs::find(&Search::from_env(None))
}

pub(crate) fn durable_mysql(dir: &Path) -> MySqlOptions {
    MySqlOptions { durability: Durability::Durable { data_dir: dir.to_owned() }, max_connections: 20 }
}

pub(crate) fn durable_redis(dir: &Path) -> RedisOptions {
    RedisOptions { durability: Durability::Durable { data_dir: dir.to_owned() }, port: None }
}

pub(crate) fn throwaway_mysql() -> MySqlOptions {
    MySqlOptions { durability: Durability::Throwaway, max_connections: 20 }
}

pub(crate) fn throwaway_redis() -> RedisOptions {
    RedisOptions { durability: Durability::Throwaway, port: None }
}

/// The fields of `/proc/PID/stat` after the program's name: state, parent, process group …
/// None when there is no such process. Read from /proc, for `ps` is not on every machine.
pub(crate) fn stat(pid: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// Whether a process is there and no zombie.
pub(crate) fn lives(pid: u32) -> bool {
    stat(pid).is_some_and(|fields| fields.first().is_some_and(|state| state != "Z" && state != "X"))
}

/// Polls until `holds`, at most `limit`; how long it took.
pub(crate) async fn eventually(limit: Duration, holds: impl Fn() -> bool) -> Result<Duration> {
    let since = Instant::now();
    while !holds() {
        anyhow::ensure!(since.elapsed() < limit, "not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(since.elapsed())
}

/// Sends a signal as `kill` does; a target such as `-5` is a process group.
pub(crate) fn signal(name: &str, target: &str) -> Result<()> {
    let status = std::process::Command::new("/bin/sh")
        .args(["-c", "kill -s \"$1\" -- \"$2\"", "sh", name, target])
        .status()?;
    anyhow::ensure!(status.success(), "kill {name} {target}: {status}");
    Ok(())
}
