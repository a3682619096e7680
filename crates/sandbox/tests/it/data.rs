//! Data directories that cannot be used: one sentence which says what to do.

use std::fs;

use anyhow::{Context as _, Result};
use sandbox::{MySqlServer, RedisServer};

use crate::client::MySqlClient;
use crate::{durable_mysql, durable_redis, programs};

async fn refusal(dir: &std::path::Path) -> Result<String> {
    let error = MySqlServer::start(&programs(), durable_mysql(dir)).await.err().context("it started")?;
    let text = format!("{error:#}");
    assert!(!text.contains('\n'), "more than one line: {text}");
    Ok(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_mysql_data_is_said() -> Result<()> {
    let dir = tempfile::tempdir()?;
    MySqlServer::start(&programs(), durable_mysql(dir.path())).await?.stop().await?;
    let system = dir.path().join("data/ibdata1");
    let length = fs::metadata(&system)?.len();
    fs::write(&system, vec![0x5a; usize::try_from(length)?])?;
    let said = refusal(dir.path()).await?;
    println!("{said}");
    assert!(said.contains("could not start on the data in") && said.contains("--fresh"), "{said}");
    assert!(said.contains("its log says: "), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_data_directory_is_said() -> Result<()> {
    let dir = tempfile::tempdir()?;
    fs::create_dir(dir.path().join("data"))?;
    fs::write(dir.path().join("data/ibdata1"), b"")?;
    let said = refusal(dir.path()).await?;
    assert!(said.contains("is not a complete data directory") && said.contains("--fresh"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_the_other_engine_is_said() -> Result<()> {
    let dir = tempfile::tempdir()?;
    fs::create_dir(dir.path().join("data"))?;
    let programs = programs();
    let (mark, other) = match programs.mysql()?.kind() {
        sandbox::Kind::MariaDb => ("mysql.ibd", "MySQL"),
        _ => ("aria_log_control", "MariaDB"),
    };
    fs::write(dir.path().join("data").join(mark), b"")?;
    let said = refusal(dir.path()).await?;
    assert!(said.contains(&format!("was made by {other}")) && said.contains("--fresh"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_initialisation_is_begun_anew() -> Result<()> {
    let dir = tempfile::tempdir()?;
    fs::create_dir(dir.path().join("data.new"))?;
    fs::write(dir.path().join("data.new/ibdata1"), b"half")?;
    let server = MySqlServer::start(&programs(), durable_mysql(dir.path())).await?;
    assert_eq!(MySqlClient::connect(server.socket())?.query("SELECT 1")?.as_deref(), Some("1"));
    assert!(!dir.path().join("data.new").exists());
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn data_in_use_names_the_owner() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let server = MySqlServer::start(&programs(), durable_mysql(dir.path())).await?;
    let said = refusal(dir.path()).await?;
    let owner = format!("in use by another run (process {}): stop that one first", std::process::id());
    assert!(said.contains(&owner), "{said}");
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_redis_data_is_said() -> Result<()> {
    let dir = tempfile::tempdir()?;
    RedisServer::start(&programs(), durable_redis(dir.path())).await?.stop().await?;
    let log = dir.path().join("data/appendonlydir/appendonly.aof.manifest");
    fs::write(&log, b"garbage garbage garbage\n")?;
    let error =
        RedisServer::start(&programs(), durable_redis(dir.path())).await.err().context("it started")?;
    let said = format!("{error:#}");
    println!("{said}");
    assert!(said.contains("could not start on the data in") && said.contains("--fresh"), "{said}");
    assert!(said.contains("its log says: ") && !said.contains('\n'), "{said}");
    Ok(())
}
