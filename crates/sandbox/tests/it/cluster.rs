//! The small cluster: it serves, survives the loss of a master, and leaves nothing behind.

use std::time::{Duration, Instant};

use anyhow::Result;
use sandbox::RedisCluster;

use crate::client::redis;
use crate::{eventually, lives, programs};

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_takes_over_from_a_killed_master_and_nothing_is_left_behind() -> Result<()> {
    let since = Instant::now();
    let mut cluster = RedisCluster::start(&programs()).await?;
    println!("six nodes agreed after {:?}", since.elapsed());
    let pids = cluster.pids();
    assert_eq!((pids.len(), cluster.urls().split(',').count()), (6, 6));
    // The key hashes to slot 12182: the third master's.
    let (master, replica) = (cluster.ports()[2], cluster.ports()[5]);
    assert!(redis(master, "SET foo before")?.starts_with("+OK"));
    assert!(redis(cluster.ports()[0], "GET foo")?.starts_with("-MOVED 12182 127.0.0.1:"));
    assert!(redis(replica, "GET foo")?.starts_with("-MOVED 12182 "));

    cluster.kill_master(2).await?;
    assert!(cluster.kill_master(2).await.is_err() && cluster.kill_master(3).await.is_err());
    let since = Instant::now();
    cluster.until_well().await?;
    println!("well again after {:?}", since.elapsed());
    assert!(redis(replica, "SET foo after")?.starts_with("+OK"));
    assert_eq!(cluster.pids().len(), 5);

    drop(cluster);
    eventually(Duration::from_secs(10), || pids.iter().all(|pid| !lives(*pid))).await?;
    Ok(())
}
