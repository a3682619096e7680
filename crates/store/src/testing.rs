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

/// One line of `EXPLAIN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanLine {
    /// The table, or `<derived2>` and the like for what the statement makes itself.
    pub table: String,
    /// `const`, `ref`, `range`, `index`, `ALL` …
    pub access: String,
    /// The index that is used.
    pub key: Option<String>,
    /// Rows that the server expects to read.
    pub rows: u64,
    /// `Using index`, `Using filesort` …
    pub extra: String,
}

impl TestDatabase {
    /// The statements that connections run while `work` does, from the server's own log, with their values: of a server that is
    /// the tests' own.
    ///
    /// # Errors
    /// The server's.
    pub async fn log_statements<T>(
        &self,
        connections: &[u64],
        work: impl Future<Output = T>,
    ) -> Result<(T, Vec<String>), sqlx::Error> {
        let ids: Vec<String> = connections.iter().map(u64::to_string).collect();
        self.execute("SET GLOBAL log_output = 'TABLE'").await?;
        self.execute("SET GLOBAL general_log = 1").await?;
        let answer = work.await;
        self.execute("SET GLOBAL general_log = 0").await?;
        let sql = format!(
            "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE thread_id IN ({}) \
             AND command_type IN ('Query', 'Execute') ORDER BY event_time",
            ids.join(", ")
        );
        let mut conn = self.connect().await?;
        let statements = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut conn).await?;
        self.execute("TRUNCATE mysql.general_log").await?;
        Ok((answer, statements))
    }

    /// How the server would run a statement.
    ///
    /// # Errors
    /// The server's.
    pub async fn explain(&self, statement: &str) -> Result<Vec<PlanLine>, sqlx::Error> {
        use sqlx::Row as _;
        // As the programs connect: character set and switches decide what an index is good for.
        let options = crate::connect_options(&self.url).map_err(sqlx::Error::decode)?;
        let mut conn = MySqlConnection::connect_with(&options).await?;
        crate::prepare_session(&mut conn).await?;
        let sql = format!("EXPLAIN FORMAT=TRADITIONAL {statement}");
        let rows: Vec<sqlx::mysql::MySqlRow> = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut conn).await?;
        let mut lines = Vec::with_capacity(rows.len());
        for row in rows {
            let text = |name: &str| row.try_get_unchecked::<Option<String>, _>(name);
            lines.push(PlanLine {
                table: text("table")?.unwrap_or_default(),
                access: text("type")?.unwrap_or_default(),
                key: text("key")?,
                rows: text("rows")?.and_then(|rows| rows.parse().ok()).unwrap_or_default(),
                extra: text("Extra")?.unwrap_or_default(),
            });
        }
        Ok(lines)
    }
}

/// Prepares the connection's statements anew: MariaDB logs the values of those alone that were prepared while it logged.
///
/// # Errors
/// The server's.
pub async fn forget_statements(conn: &mut Conn) -> Result<(), sqlx::Error> {
    conn.forget_statements().await
}

/// The server's number of a connection.
///
/// # Errors
/// The server's.
pub async fn connection_id(conn: &mut Conn) -> Result<u64, sqlx::Error> {
    sqlx::query_scalar("SELECT CAST(CONNECTION_ID() AS UNSIGNED)").fetch_one(conn).await
}
