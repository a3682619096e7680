//! The servers that the tests of one process share.

use std::time::Instant;

use anyhow::Result;
use sandbox::TestServers;

use crate::client::{MySqlClient, redis};

// Two tests, each on a runtime of its own that ends with it.
#[tokio::test]
async fn one_test_gets_them() -> Result<()> {
    let servers = TestServers::shared().await?;
    assert_eq!(MySqlClient::connect(servers.mysql().socket())?.query("SELECT 1")?.as_deref(), Some("1"));
    assert!(redis(servers.redis().port(), "PING")?.starts_with("+PONG"));
    Ok(())
}

#[tokio::test]
async fn another_test_gets_the_same() -> Result<()> {
    let servers = TestServers::shared().await?;
    let again = TestServers::shared().await?;
    assert_eq!((servers.mysql().pid(), servers.redis().pid()), (again.mysql().pid(), again.redis().pid()));
    assert_eq!(TestServers::shared_mysql().await?.pid(), servers.mysql().pid());
    Ok(())
}

#[tokio::test]
async fn a_schema_of_75_tables_is_made_quickly() -> Result<()> {
    let since = Instant::now();
    let servers = TestServers::shared().await?;
    println!("shared servers after {:?}", since.elapsed());
    let mut client = MySqlClient::connect(servers.mysql().socket())?;
    let mut times = Vec::new();
    for round in 0..4 {
        let since = Instant::now();
        client.query(&format!("CREATE DATABASE fresh{round}"))?;
        client.query(&format!("USE fresh{round}"))?;
        for table in 0..75_u32 {
            let parent = table / 2;
            client.query(&format!(
                "CREATE TABLE t{table} (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255) NULL, slug VARCHAR(255) NULL, \
                 amount DECIMAL(12,2) NOT NULL DEFAULT 0, body TEXT NULL, created_at TIMESTAMP NULL, parent_id BIGINT UNSIGNED NULL, \
                 other_id BIGINT UNSIGNED NULL, KEY k{table} (name), UNIQUE KEY u{table} (slug), \
                 CONSTRAINT p{table} FOREIGN KEY (parent_id) REFERENCES t{parent} (id) ON DELETE CASCADE, \
                 CONSTRAINT o{table} FOREIGN KEY (other_id) REFERENCES t{parent} (id) ON DELETE SET NULL)"
            ))?;
        }
        times.push(since.elapsed());
        let count = client.query(&format!(
            "SELECT COUNT(*) FROM information_schema.referential_constraints WHERE constraint_schema = 'fresh{round}'"
        ))?;
        assert_eq!(count.as_deref(), Some("150"));
    }
    println!("75 tables with 150 foreign keys: {times:?}");
    let fastest = times.iter().min().map_or(u128::MAX, std::time::Duration::as_millis);
    // Well under a second when the machine is idle; other test binaries may share it.
    assert!(fastest < 2_000, "{times:?}");
    Ok(())
}
