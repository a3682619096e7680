//! Starting, stopping, restarting, ending unexpectedly.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sandbox::{Kind, MySqlServer, RedisServer};

use crate::client::{MySqlClient, redis};
use crate::{
    durable_mysql, durable_redis, eventually, lives, programs, signal, stat, throwaway_mysql, throwaway_redis,
};

#[tokio::test(flavor = "multi_thread")]
async fn durable_mysql_keeps_its_data() -> Result<()> {
    let dir = tempfile::tempdir()?;
    // Long enough that the socket must go elsewhere.
    let data_dir = dir.path().join("long ".repeat(25)).join("mysql");
    let server = MySqlServer::start(&programs(), durable_mysql(&data_dir)).await?;
    let socket_dir = server.socket().parent().context("no parent")?.to_owned();
    assert!(server.socket().as_os_str().len() <= 107);
    assert_eq!(std::fs::metadata(&socket_dir)?.permissions().mode() & 0o777, 0o700);
    assert_eq!(std::fs::metadata(&data_dir)?.permissions().mode() & 0o777, 0o700);
    assert!(server.url("x").starts_with("mysql://root@localhost/x?socket=/"));
    let mut client = MySqlClient::connect(server.socket())?;
    let version = client.query("SELECT VERSION()")?.context("no version")?;
    assert!(version.starts_with(server.version()), "{version}");
    assert_eq!(version.contains("MariaDB"), server.is_mariadb());
    assert_eq!(programs().mysql()?.kind() == Kind::MariaDb, server.is_mariadb());
    for (variable, value) in [
        ("innodb_flush_log_at_trx_commit", "1"),
        ("character_set_server", "utf8mb4"),
        ("collation_server", "utf8mb4_unicode_ci"),
        ("time_zone", "+00:00"),
        ("max_connections", "20"),
        ("skip_networking", "1"),
        ("log_bin", "0"),
    ] {
        assert_eq!(client.query(&format!("SELECT @@{variable}"))?.as_deref(), Some(value), "{variable}");
    }
    client.query("CREATE DATABASE kept")?;
    client.query("CREATE TABLE kept.t (name VARCHAR(20)) ENGINE=InnoDB")?;
    client.query("INSERT INTO kept.t VALUES ('مجلس')")?;
    drop(client);
    let pid = server.pid();
    assert!(lives(pid));
    server.stop().await?;
    assert!(!lives(pid));
    assert!(!socket_dir.exists());

    let mut server = MySqlServer::start(&programs(), durable_mysql(&data_dir)).await?;
    let mut client = MySqlClient::connect(server.socket())?;
    assert_eq!(client.query("SELECT name FROM kept.t")?.as_deref(), Some("مجلس"));
    // Killed: said so, and what was committed is there.
    client.query("INSERT INTO kept.t VALUES ('second')")?;
    signal("KILL", &server.pid().to_string())?;
    let said = tokio::time::timeout(Duration::from_secs(5), server.exited()).await?;
    assert!(said.contains("ended with signal 9"), "{said}");
    drop(server);
    let server = MySqlServer::start(&programs(), durable_mysql(&data_dir)).await?;
    let mut client = MySqlClient::connect(server.socket())?;
    assert_eq!(client.query("SELECT COUNT(*) FROM kept.t")?.as_deref(), Some("2"));
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn durable_redis_keeps_its_data() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let server = RedisServer::start(&programs(), durable_redis(dir.path())).await?;
    assert_eq!(server.url(), format!("redis://127.0.0.1:{}/", server.port()));
    assert!(redis(server.port(), "SET kept yes")?.starts_with("+OK"));
    assert!(redis(server.port(), "CONFIG GET appendfsync")?.contains("everysec"));
    let pid = server.pid();
    server.stop().await?;
    assert!(!lives(pid));
    let mut server = RedisServer::start(&programs(), durable_redis(dir.path())).await?;
    assert!(redis(server.port(), "GET kept")?.contains("yes"));
    signal("KILL", &server.pid().to_string())?;
    let said = tokio::time::timeout(Duration::from_secs(5), server.exited()).await?;
    assert!(said.contains("ended with signal 9"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn throwaway_servers_leave_nothing() -> Result<()> {
    let programs = programs();
    let mysql = MySqlServer::start(&programs, throwaway_mysql()).await?;
    let redis_server = RedisServer::start(&programs, throwaway_redis()).await?;
    let homes =
        [mysql.log_path().parent(), redis_server.log_path().parent()].map(|it| it.map(ToOwned::to_owned));
    let pids = [mysql.pid(), redis_server.pid()];
    let mut client = MySqlClient::connect(mysql.socket())?;
    assert_eq!(client.query("SELECT @@innodb_flush_log_at_trx_commit")?.as_deref(), Some("0"));
    assert!(redis(redis_server.port(), "CONFIG GET appendonly")?.contains("no"));
    mysql.stop().await?;
    // Dropped, not stopped.
    drop(redis_server);
    eventually(Duration::from_secs(5), || {
        pids.iter().all(|pid| !lives(*pid)) && homes.iter().flatten().all(|home| !home.exists())
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_of_the_killed_are_swept() -> Result<()> {
    let mut server = RedisServer::start(&programs(), throwaway_redis()).await?;
    let home = server.log_path().parent().context("no home")?.to_owned();
    let group = stat(server.pid()).and_then(|fields| fields.get(2).cloned()).context("no process group")?;
    // The guardian and its watcher too: nobody is left to remove anything.
    signal("KILL", &format!("-{group}"))?;
    server.exited().await;
    assert!(home.exists());
    let next = RedisServer::start(&programs(), throwaway_redis()).await?;
    assert!(!home.exists());
    next.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_said() -> Result<()> {
    let holder = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = holder.local_addr()?.port();
    let mut options = throwaway_redis();
    options.port = Some(port);
    let error = RedisServer::start(&programs(), options).await.err().context("it started")?;
    assert_eq!(
        error.to_string(),
        format!("port {port} is taken by another program: end that one or choose another port for Redis")
    );
    Ok(())
}
