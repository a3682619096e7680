//! All SQL: one file a domain, statements written in full, for MySQL 8.0 and later and MariaDB 10.11 and later.
//! The only crate that names sqlx. Names: `find_` (an option), `list_` (many), `lock_` (`FOR UPDATE`), `count_`,
//! `insert_`, `update_`, `delete_`.
//!
//! Every function takes a [`Conn`]: a pooled connection for reads, or the connection of a transaction ([`Tx`]).

pub mod audit;
pub mod chat;
pub mod error;
pub mod gifts;
pub mod idempotency;
pub mod outbox;
pub mod permissions;
pub mod profiles;
pub mod revocations;
pub mod rooms;
pub mod settings;
pub mod tokens;
pub mod uploads;
pub mod users;

use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{ConnectOptions, Executor, MySql, MySqlPool};

pub use error::StoreError;

/// One connection to the database; statements run on it one after the other.
pub type Conn = sqlx::MySqlConnection;
/// A pooled connection for reads outside of a transaction; it goes back when dropped.
pub type Reader = sqlx::pool::PoolConnection<MySql>;
/// A transaction; dropping it rolls it back.
pub type Tx = sqlx::Transaction<'static, MySql>;

/// The pool of connections to the one store.
#[derive(Clone, Debug)]
pub struct Store {
    pool: MySqlPool,
}

/// Seconds that a statement waits for a row lock before it gives up. It is also how long a second request with
/// the same idempotency key waits for the first (realtime.md §4).
pub const LOCK_WAIT_SECONDS: u32 = 5;

impl Store {
    /// Opens the pool and one connection, to learn at once whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Driver`] with the server's words as source.
    pub async fn connect(url: &str, max_connections: u32) -> Result<Self, StoreError> {
        let options = connect_options(url)?;
        let pool = MySqlPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(Duration::from_secs(5))
            .after_connect(|conn, _metadata| Box::pin(async move { prepare_session(conn).await }))
            .connect_with(options)
            .await?;
        Ok(Self { pool })
    }

    /// A connection for reads.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when none becomes free within 5 s.
    pub async fn reader(&self) -> Result<Reader, StoreError> {
        Ok(self.pool.acquire().await?)
    }

    /// Begins a transaction (READ COMMITTED, domain.md D8).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection becomes free within 5 s.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(self.pool.begin().await?)
    }

    /// Applies the migrations that the database lacks; gives how many ([`migrate::migrate`]).
    ///
    /// # Errors
    /// [`migrate::MigrateError`]; what was applied before it stays applied.
    pub async fn migrate(
        &self,
        progress: impl FnMut(migrate::Progress),
    ) -> Result<usize, migrate::MigrateError> {
        migrate::migrate(&self.pool, progress).await
    }

    /// Asks the server for an answer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is none within a second.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let answer = async {
            let mut conn = self.reader().await?;
            sqlx::query("SELECT 1").execute(&mut *conn).await?;
            Ok(())
        };
        tokio::time::timeout(Duration::from_secs(1), answer)
            .await
            .unwrap_or_else(|_elapsed| Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)))
    }

    /// Connections in use and open, for the metrics.
    #[must_use]
    pub fn connections(&self) -> (usize, usize) {
        let open = usize::try_from(self.pool.size()).unwrap_or(usize::MAX);
        (open.saturating_sub(self.pool.num_idle()), open)
    }

    /// Closes the pool; running statements end first.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// How every connection of ours is opened: utf8mb4, the tables' collation, UTC, statements not logged (they are
/// counted and timed where they are run).
///
/// # Errors
/// [`StoreError::Driver`] for a text that is not such a URL.
pub fn connect_options(url: &str) -> Result<MySqlConnectOptions, StoreError> {
    let options: MySqlConnectOptions = url.parse()?;
    Ok(options.charset("utf8mb4").collation("utf8mb4_unicode_ci").disable_statement_logging())
}

async fn prepare_session(conn: &mut Conn) -> Result<(), sqlx::Error> {
    conn.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
    let wait = format!("SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}");
    conn.execute(sqlx::AssertSqlSafe(wait)).await?;
    Ok(())
}

/// Checks that a statement changed as many rows as it must.
pub(crate) fn affected(
    table: &'static str,
    expected: u64,
    result: &sqlx::mysql::MySqlQueryResult,
) -> Result<(), StoreError> {
    let actual = result.rows_affected();
    if actual == expected { Ok(()) } else { Err(StoreError::RowsAffected { table, expected, actual }) }
}

pub mod demo;
pub mod doctor;
pub mod migrate;
pub mod presence;
pub mod purge;
pub mod schema;
pub mod social;
pub mod testing;
pub mod wallet;
