//! Servers end with their owner, however that ends.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use sandbox::{MySqlServer, RedisServer};

use crate::{durable_mysql, durable_redis, eventually, lives, programs, throwaway_mysql, throwaway_redis};

/// Not a test: the owner that the test below starts (in a directory made for it) and kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by servers_end_with_a_killed_owner"]
async fn owner() -> Result<()> {
    let here = std::env::current_dir()?;
    let programs = programs();
    let kept = MySqlServer::start(&programs, durable_mysql(&here.join("mysql"))).await?;
    let kept_redis = RedisServer::start(&programs, durable_redis(&here.join("redis"))).await?;
    let thrown = MySqlServer::start(&programs, throwaway_mysql()).await?;
    let thrown_redis = RedisServer::start(&programs, throwaway_redis()).await?;
    for pid in [kept.pid(), kept_redis.pid(), thrown.pid(), thrown_redis.pid()] {
        println!("\npid {pid}");
    }
    for log in [thrown.log_path(), thrown_redis.log_path()] {
        println!("\nhome {}", log.parent().context("no home")?.display());
    }
    println!("\nready");
    tokio::time::sleep(Duration::from_secs(60)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_end_with_a_killed_owner() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut owner = Command::new(std::env::current_exe()?)
        .args(["--exact", "owner::owner", "--ignored", "--nocapture"])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut pids: Vec<u32> = Vec::new();
    let mut homes: Vec<PathBuf> = Vec::new();
    let mut ready = false;
    for line in BufReader::new(owner.stdout.take().context("no output")?).lines() {
        let line = line?;
        if let Some(pid) = line.strip_prefix("pid ") {
            pids.push(pid.parse()?);
        } else if let Some(home) = line.strip_prefix("home ") {
            homes.push(home.into());
        } else if line == "ready" {
            ready = true;
            break;
        }
    }
    assert!(ready && pids.len() == 4 && homes.len() == 2, "{pids:?} {homes:?}");
    assert!(pids.iter().all(|pid| lives(*pid)) && homes.iter().all(|home| home.exists()));
    // Child::kill sends SIGKILL.
    owner.kill()?;
    owner.wait()?;
    let took = eventually(Duration::from_secs(15), || {
        pids.iter().all(|pid| !lives(*pid)) && homes.iter().all(|home| !home.exists())
    })
    .await?;
    println!("four servers ended {took:?} after their owner was killed");
    // The durable ones were told to shut down, not killed: their data serve again at once.
    let again = MySqlServer::start(&programs(), durable_mysql(&dir.path().join("mysql"))).await?;
    again.stop().await
}
