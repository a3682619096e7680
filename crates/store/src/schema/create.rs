//! Makes and drops whole databases: for `majlis up`, and for tests, which want a fresh one in well under a second.

use std::fmt::Write;
use std::sync::LazyLock;

use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use url::Url;

use super::fold::fold;
use crate::migrate::MIGRATIONS;

/// The whole schema in as few statements as may be; every test makes a database of it.
static FOLDED: LazyLock<String> = LazyLock::new(|| fold(super::SQL));

/// `server_url` with `name` as its database; an empty name means none.
///
/// # Errors
/// [`sqlx::Error::Configuration`] if it is no URL.
pub fn database_url(server_url: &str, name: &str) -> Result<String, sqlx::Error> {
    let mut url = Url::parse(server_url).map_err(|error| sqlx::Error::Configuration(error.into()))?;
    url.set_path(name);
    Ok(url.into())
}

/// Makes an empty database in the collation of Laravel's (utf8mb4_unicode_ci), whatever database `server_url` names.
///
/// # Errors
/// The server's, for instance when there is one of that name.
pub async fn create_database(server_url: &str, name: &str) -> Result<(), sqlx::Error> {
    let sql = format!("CREATE DATABASE {} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", quoted(name));
    run(&database_url(server_url, "")?, sql).await
}

/// Makes the database unless there is one of that name.
///
/// # Errors
/// The server's.
pub async fn ensure_database(server_url: &str, name: &str) -> Result<(), sqlx::Error> {
    let sql = format!(
        "CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        quoted(name)
    );
    run(&database_url(server_url, "")?, sql).await
}

/// Drops a database and all that is in it; no error if it is not there.
///
/// # Errors
/// The server's.
pub async fn drop_database(server_url: &str, name: &str) -> Result<(), sqlx::Error> {
    run(&database_url(server_url, "")?, format!("DROP DATABASE IF EXISTS {}", quoted(name))).await
}

/// Makes the whole schema in the **empty** database of `url`, in one round trip, as `migrate` would have left it.
///
/// `migrate` sends and notes statement after statement so that it can go on after a failure; this is for a database that can
/// just be dropped then.
///
/// # Errors
/// The server's.
pub async fn apply_schema(url: &str) -> Result<(), sqlx::Error> {
    // Nothing is in the tables that a key could be wrong about, so the check costs time only.
    let mut sql = format!("SET foreign_key_checks = 0;\n{}", *FOLDED);
    for migration in MIGRATIONS {
        // Names and checksums are our own files': no quote is in them.
        writeln!(
            sql,
            "INSERT INTO hub_schema_migrations (version, name, checksum) VALUES ({}, '{}', '{}');",
            migration.version,
            migration.name,
            migration.checksum()
        )
        .map_err(|error| sqlx::Error::Configuration(error.into()))?;
    }
    run(url, sql).await
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

async fn run(url: &str, sql: String) -> Result<(), sqlx::Error> {
    let mut conn = MySqlConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await?;
    // Acknowledged by now; MySQL may have hung up before the goodbye is through, which is no failure.
    drop(conn.close().await);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_all_but_its_database() {
        let socket = "mysql://root@localhost/some?socket=/tmp/x.sock";
        assert_eq!(database_url(socket, "other").unwrap(), "mysql://root@localhost/other?socket=/tmp/x.sock");
        assert_eq!(database_url(socket, "").unwrap(), "mysql://root@localhost?socket=/tmp/x.sock");
        assert_eq!(database_url("mysql://a:b@h:3307", "x").unwrap(), "mysql://a:b@h:3307/x");
        assert!(database_url("nonsense", "x").is_err());
        assert_eq!(quoted("a`b"), "`a``b`");
    }
}
