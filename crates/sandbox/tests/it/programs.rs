//! Finding and fetching the server programs.

use std::sync::Mutex;

use anyhow::Result;
use sandbox::{MySqlServer, Programs, RedisServer, Search};

use crate::client::{MySqlClient, redis};
use crate::{durable_mysql, throwaway_redis};

#[tokio::test]
async fn missing_programs_say_what_to_install() -> Result<()> {
    let empty = tempfile::tempdir()?;
    let programs = Programs::find(&Search { path: vec![empty.path().to_owned()], ..Search::default() });
    let error =
        MySqlServer::start(&programs, durable_mysql(empty.path())).await.err().map(|it| it.to_string());
    assert!(
        error
            .as_deref()
            .is_some_and(|it| it.contains("apt install mariadb-server") && it.contains("MAJLIS_MYSQLD"))
    );
    let error = RedisServer::start(&programs, throwaway_redis()).await.err().map(|it| it.to_string());
    assert!(
        error
            .as_deref()
            .is_some_and(|it| it.contains("apt install redis-server") && it.contains("MAJLIS_REDIS"))
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "downloads packages with apt (about 20 MB)"]
async fn fetched_programs_serve() -> Result<()> {
    let place = tempfile::tempdir()?;
    let search = Search { fetched: Some(place.path().join("servers")), ..Search::default() };
    let told = Mutex::new(Vec::new());
    let programs = Programs::find_or_fetch(&search, &|step| {
        if let Ok(mut told) = told.lock() {
            told.push(step.to_owned());
        }
    })
    .await?;
    println!("{told:?}");
    assert!(
        programs.mysql()?.path().starts_with(place.path())
            && programs.redis()?.path().starts_with(place.path())
    );
    let server = MySqlServer::start(&programs, durable_mysql(&place.path().join("mysql"))).await?;
    assert_eq!(MySqlClient::connect(server.socket())?.query("SELECT 1")?.as_deref(), Some("1"));
    server.stop().await?;
    let server = RedisServer::start(&programs, throwaway_redis()).await?;
    assert!(redis(server.port(), "PING")?.starts_with("+PONG"));
    server.stop().await
}
