//! For tests only: a database of one's own on a throw-away server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};

use crate::Conn;
use crate::schema::{apply_schema, create_database, database_url, drop_database};

/// Tells apart the databases of one process.
static ORDINAL: AtomicU64 = AtomicU64::new(0);

/// A database with the whole schema and nothing in it. [`TestDatabase::close`] drops it; one that is not closed (a failed test)
/// lives as long as its throw-away server, to be looked at.
#[derive(Debug)]
pub struct TestDatabase {
    /// To connect to it.
    pub url: String,
    /// Its name on the server.
    pub name: String,
    server_url: String,
}

impl TestDatabase {
    /// Makes one with the whole schema.
    ///
    /// # Errors
    /// The server's.
    pub async fn create(server_url: &str) -> Result<Self, sqlx::Error> {
        let database = Self::create_empty(server_url).await?;
        apply_schema(&database.url).await?;
        Ok(database)
    }

    /// Makes one without a table.
    ///
    /// # Errors
    /// The server's.
    pub async fn create_empty(server_url: &str) -> Result<Self, sqlx::Error> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let ordinal = ORDINAL.fetch_add(1, Ordering::Relaxed);
        let name = format!("majlis_test_{}_{time}_{ordinal}", std::process::id());
        create_database(server_url, &name).await?;
        Ok(Self { url: database_url(server_url, &name)?, name, server_url: server_url.to_owned() })
    }

    /// One connection to it.
    ///
    /// # Errors
    /// The server's.
    pub async fn connect(&self) -> Result<Conn, sqlx::Error> {
        Ok(MySqlConnection::connect(&self.url).await?.into())
    }

    /// How to connect to it.
    ///
    /// # Errors
    /// None that can happen: the address is ours.
    pub fn options(&self) -> Result<MySqlConnectOptions, sqlx::Error> {
        self.url.parse()
    }

    /// Runs a statement for a test of a crate that does not name the driver. Gives how many rows it touched.
    ///
    /// # Errors
    /// The server's.
    pub async fn execute(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let mut conn = self.connect().await?;
        Ok(sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await?.rows_affected())
    }

    /// The first column of the first row as text; `None` for no row and for NULL. `CAST(… AS CHAR)` what is none.
    ///
    /// # Errors
    /// The server's.
    pub async fn text(&self, sql: &str) -> Result<Option<String>, sqlx::Error> {
        let mut conn = self.connect().await?;
        let found: Option<Option<String>> =
            sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_optional(&mut conn).await?;
        Ok(found.flatten())
    }

    /// A number, such as `SELECT COUNT(*) …`; 0 for no row.
    ///
    /// # Errors
    /// The server's.
    pub async fn number(&self, sql: &str) -> Result<i64, sqlx::Error> {
        let mut conn = self.connect().await?;
        let found: Option<i64> =
            sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_optional(&mut conn).await?;
        Ok(found.unwrap_or_default())
    }

    /// One of the counters of the whole server (`SHOW GLOBAL STATUS`), such as `Questions`; 0 for one that it does not have.
    ///
    /// # Errors
    /// The server's.
    pub async fn server_counter(&self, name: &str) -> Result<u64, sqlx::Error> {
        let mut conn = self.connect().await?;
        let sql = format!("SHOW GLOBAL STATUS LIKE '{name}'");
        let row: Option<(String, String)> =
            sqlx::query_as(AssertSqlSafe(sql)).fetch_optional(&mut conn).await?;
        Ok(row.and_then(|(_name, value)| value.parse().ok()).unwrap_or_default())
    }

    /// Drops it.
    ///
    /// # Errors
    /// The server's.
    pub async fn close(self) -> Result<(), sqlx::Error> {
        drop_database(&self.server_url, &self.name).await
    }
}

/// One of the counters of a connection's session (`SHOW SESSION STATUS`), such as `Questions`; 0 for one that it does not
/// have.
///
/// # Errors
/// The server's.
pub async fn session_counter(conn: &mut crate::Conn, name: &str) -> Result<u64, sqlx::Error> {
    let sql = format!("SHOW SESSION STATUS LIKE '{name}'");
    let row: Option<(String, String)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_optional(conn).await?;
    Ok(row.and_then(|(_name, value)| value.parse().ok()).unwrap_or_default())
}
