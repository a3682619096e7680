//! All SQL: one file a domain, statements written in full, for MySQL 8.0 and later and MariaDB 10.11 and later.
//! The only crate that names sqlx. Names: `find_` (an option), `list_` (many), `lock_` (`FOR UPDATE`), `count_`,
//! `insert_`, `update_`, `delete_`.
//!
//! Every function takes a [`Conn`]: a pooled connection for reads, or the connection of a transaction ([`Tx`]).

pub mod accounts;
pub mod admin;
pub mod audit;
pub mod books;
pub mod chat;
mod conn;
pub mod consultations;
pub mod courses;
pub mod devices;
pub mod error;
pub mod gifts;
pub mod idempotency;
pub mod learning;
pub mod ledger_checks;
pub mod mails;
pub mod notifications;
pub mod outbox;
pub mod permissions;
mod pool;
pub mod portfolio;
pub mod posts;
pub mod profiles;
pub mod recount;
pub mod resets;
pub mod reviews;
pub mod revocations;
pub mod rooms;
pub mod search;
pub mod settings;
pub mod tokens;
pub mod uploads;
pub mod users;

use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{ConnectOptions, Executor, MySqlConnection};

pub use conn::{Conn, Tx};
pub use error::StoreError;
pub use sqlx::types::Json;

use crate::pool::Pool;

/// A pooled connection for reads outside of a transaction; it goes back when dropped.
pub type Reader = Conn;

/// The pool of connections to the one store.
#[derive(Clone, Debug)]
pub struct Store {
    pool: Pool,
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
        let pool = Pool::new(connect_options(url)?, max_connections);
        drop(pool.acquire().await?);
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
        Ok(Tx::begin(self.pool.acquire().await?).await?)
    }

    /// Applies the migrations that the database lacks; gives how many ([`migrate::migrate`]).
    ///
    /// # Errors
    /// [`migrate::MigrateError`]; what was applied before it stays applied.
    pub async fn migrate(
        &self,
        progress: impl FnMut(migrate::Progress),
    ) -> Result<usize, migrate::MigrateError> {
        migrate::migrate(self.pool.options(), progress).await
    }

    /// Asks the server for an answer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is none within a second.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let answer = async {
            let mut conn = self.reader().await?;
            sqlx::query("SELECT 1").execute(&mut conn).await?;
            Ok(())
        };
        tokio::time::timeout(Duration::from_secs(1), answer)
            .await
            .unwrap_or_else(|_elapsed| Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)))
    }

    /// Connections in use and open, for the metrics.
    #[must_use]
    pub fn connections(&self) -> (usize, usize) {
        self.pool.connections()
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

async fn prepare_session(conn: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    conn.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
    // One index in its order is what a page needs; two of them intersected would have to be sorted.
    conn.execute("SET SESSION optimizer_switch = 'index_merge_intersection=off'").await?;
    let wait = format!("SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}");
    conn.execute(sqlx::AssertSqlSafe(wait)).await?;
    Ok(())
}

/// The ids that one `INSERT … VALUES` of `count` rows gave them, in the order of the rows: the server gives such a
/// statement consecutive ones in each `innodb_autoinc_lock_mode`, at the distance that servers of a group keep.
pub(crate) async fn inserted_ids(
    conn: &mut Conn,
    done: &sqlx::mysql::MySqlQueryResult,
    count: u64,
) -> Result<Vec<u64>, StoreError> {
    let first = done.last_insert_id();
    if count < 2 {
        return Ok(vec![first]);
    }
    let distance: u64 =
        sqlx::query_scalar("SELECT CAST(@@auto_increment_increment AS UNSIGNED)").fetch_one(conn).await?;
    Ok((0..count).map(|number| first.saturating_add(number.saturating_mul(distance))).collect())
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
mod statement;
pub mod testing;
pub mod wallet;
