//! What can go wrong with a statement, as far as anybody can react to it.

use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;

/// A failed statement. MySQL's and MariaDB's numbers are told apart here and nowhere else.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique index has the value already (1062). The index is named as in the migrations.
    #[error("the unique index {index} has the value already")]
    Unique {
        /// The index's name, without its table.
        index: String,
    },
    /// A foreign key names a row that is not there, or the row is still referred to (1452, 1451).
    #[error("a foreign key does not hold")]
    Foreign(#[source] sqlx::Error),
    /// Another transaction was preferred (1213): the whole unit can be run again.
    #[error("deadlock")]
    Deadlock(#[source] sqlx::Error),
    /// A lock was not given within the session's `innodb_lock_wait_timeout` (1205).
    #[error("a lock was not given in time")]
    LockTimeout(#[source] sqlx::Error),
    /// The server cannot be reached, or no connection became free in time.
    #[error("the database does not answer")]
    Unavailable(#[source] sqlx::Error),
    /// A statement did not change as many rows as it must.
    #[error("{table}: {actual} rows were changed instead of {expected}")]
    RowsAffected {
        /// The table.
        table: &'static str,
        /// How many it must be.
        expected: u64,
        /// How many it were.
        actual: u64,
    },
    /// A value in the database is not one that can be there.
    #[error("{table}.{column} holds what it cannot hold")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// Anything else: a mistake of ours.
    #[error("a statement failed")]
    Driver(#[source] sqlx::Error),
}

impl StoreError {
    /// Is it this unique index (its name ends so)?
    #[must_use]
    pub fn is_unique(&self, name: &str) -> bool {
        matches!(self, Self::Unique { index } if index == name)
    }

    /// May the whole transaction succeed when it is run again?
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Deadlock(_) | Self::LockTimeout(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let number = match &error {
            sqlx::Error::Database(database) => {
                database.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => return Self::Unavailable(error),
            _ => None,
        };
        match number {
            Some(1062) => {
                let index = error.as_database_error().map(duplicate_index).unwrap_or_default();
                Self::Unique { index }
            }
            Some(1451 | 1452) => Self::Foreign(error),
            Some(1213) => Self::Deadlock(error),
            Some(1205) => Self::LockTimeout(error),
            // Shutting down, too many connections, killed, lost, idle for too long.
            Some(1053 | 1040 | 1927 | 3169 | 1317 | 2006 | 2013 | 4031) => Self::Unavailable(error),
            _ => Self::Driver(error),
        }
    }
}

/// The index's name at the end of error 1062's message: `… for key 'users_email_unique'` (MariaDB) or
/// `… for key 'users.users_email_unique'` (MySQL 8.0.19 and later).
fn duplicate_index(error: &(dyn DatabaseError + 'static)) -> String {
    let message = error.message().trim_end_matches('\'');
    let name = message.rsplit('\'').next().unwrap_or_default();
    name.rsplit('.').next().unwrap_or_default().to_owned()
}
