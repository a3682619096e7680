//! One connection, which knows what it is in the middle of. It is what every statement of ours runs on.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Instant;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use sqlx::mysql::{
    MySqlArguments, MySqlDatabaseError, MySqlQueryResult, MySqlRow, MySqlStatement, MySqlTypeInfo,
};
use sqlx::{Connection, Either, Execute, Executor, MySql, MySqlConnection, SqlStr};

use crate::pool::Home;

/// One connection to the database; statements run on it one after the other, and each is read to its end before the next.
/// Dropped, it goes back to the pool that it came from.
pub struct Conn {
    /// Nothing only after a new connection could not be had in place of a lost one.
    raw: Option<MySqlConnection>,
    opened_at: Instant,
    state: State,
    /// The server has answered since the connection was lent.
    proven: bool,
    /// Nothing for a connection of its own, which is closed when dropped.
    home: Option<Home>,
}

/// What a connection is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing.
    Ready,
    /// A transaction, between two statements.
    InTransaction,
    /// A statement whose answer was not read to its end.
    Running,
    /// Nothing that could be gone on with: the server is away, or said what it must not say.
    Broken,
    /// Nothing, but it is not to be used again.
    Unwanted,
}

/// What one statement answers: rows, and at the end what it changed.
type Answers = Vec<Either<MySqlQueryResult, MySqlRow>>;

/// A statement, ready to be run more than once.
#[derive(Clone)]
struct Statement {
    sql: SqlStr,
    /// Nothing for the text protocol.
    arguments: Option<MySqlArguments>,
    persistent: bool,
}

impl Statement {
    fn text(sql: &'static str) -> Self {
        Self { sql: SqlStr::from_static(sql), arguments: None, persistent: false }
    }

    /// Does it change nothing, so that it may be run again where nobody knows whether it was?
    fn is_repeatable(&self) -> bool {
        let sql = self.sql.as_str().trim_start_matches([' ', '\n', '(']);
        sql == BEGIN || sql.starts_with("SELECT ")
    }
}

const BEGIN: &str = "BEGIN";

impl Execute<'_, MySql> for Statement {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&MySqlStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<MySqlArguments>, sqlx::error::BoxDynError> {
        Ok(self.arguments.take())
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Conn").field("state", &self.state).finish_non_exhaustive()
    }
}

impl From<MySqlConnection> for Conn {
    /// A connection of its own.
    fn from(raw: MySqlConnection) -> Self {
        Self { raw: Some(raw), opened_at: Instant::now(), state: State::Ready, proven: true, home: None }
    }
}

impl Conn {
    /// One that was used before: whether the server is still there is not known.
    pub(crate) fn lent(raw: MySqlConnection, opened_at: Instant, home: Home) -> Self {
        Self { raw: Some(raw), opened_at, state: State::Ready, proven: false, home: Some(home) }
    }

    /// One that was opened just now.
    pub(crate) fn opened(raw: MySqlConnection, home: Home) -> Self {
        Self {
            raw: Some(raw),
            opened_at: Instant::now(),
            state: State::Ready,
            proven: true,
            home: Some(home),
        }
    }

    /// Closes the connection when it is dropped, and with it whatever its session holds.
    pub fn close_on_drop(&mut self) {
        self.state = State::Unwanted;
    }

    /// Closes a connection of its own, which ends its session; one of a pool goes back.
    pub(crate) async fn close(mut self) {
        if self.home.is_none()
            && let Some(raw) = self.raw.take()
        {
            // The work is done or has failed by now; how the goodbye goes changes neither.
            let _gone = raw.close().await;
        }
    }

    /// Runs a statement and reads all of its answer.
    async fn run(&mut self, statement: Statement) -> Result<Answers, sqlx::Error> {
        if self.proven {
            return self.run_now(statement).await;
        }
        if !statement.is_repeatable() {
            self.prove().await?;
            return self.run_now(statement).await;
        }
        match self.run_now(statement.clone()).await {
            Err(error) if is_lost(&error) => {
                self.reopen(&error).await?;
                self.run_now(statement).await
            }
            outcome => outcome,
        }
    }

    /// Prepares statements anew from now on.
    pub(crate) async fn forget_statements(&mut self) -> Result<(), sqlx::Error> {
        use sqlx::Connection as _;
        let Some(raw) = &mut self.raw else { return Err(sqlx::Error::PoolClosed) };
        raw.clear_cached_statements().await
    }

    async fn run_now(&mut self, statement: Statement) -> Result<Answers, sqlx::Error> {
        let Some(raw) = &mut self.raw else { return Err(sqlx::Error::PoolClosed) };
        let before = std::mem::replace(&mut self.state, State::Running);
        let outcome: Result<Answers, _> = raw.fetch_many(statement).try_collect().await;
        self.settle(before, outcome.as_ref().err());
        outcome
    }

    /// Asks the server whether it is there; if not, connects anew.
    async fn prove(&mut self) -> Result<(), sqlx::Error> {
        let Some(raw) = &mut self.raw else { return Err(sqlx::Error::PoolClosed) };
        let before = std::mem::replace(&mut self.state, State::Running);
        let outcome = raw.ping().await;
        self.settle(before, outcome.as_ref().err());
        match outcome {
            Err(error) if is_lost(&error) => self.reopen(&error).await,
            outcome => outcome,
        }
    }

    /// An answer was read to its end, or there will be none.
    fn settle(&mut self, before: State, error: Option<&sqlx::Error>) {
        // A refused statement is one that was answered.
        let answered = error.is_none_or(|error| matches!(error, sqlx::Error::Database(_)) && !is_lost(error));
        self.state = if answered { before } else { State::Broken };
        self.proven |= answered;
    }

    async fn reopen(&mut self, lost: &sqlx::Error) -> Result<(), sqlx::Error> {
        tracing::info!(error = %lost, "a connection to the database was lost, connecting again");
        self.raw = None;
        let Some(home) = &self.home else { return Err(sqlx::Error::PoolClosed) };
        self.raw = Some(home.reopen().await?);
        self.opened_at = Instant::now();
        self.state = State::Ready;
        self.proven = true;
        Ok(())
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        if let (Some(raw), Some(home)) = (self.raw.take(), self.home.take()) {
            home.take_back(raw, self.opened_at, self.state);
        }
    }
}

/// Is the server away, or is it about to be: no statement can be run on this connection any more?
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        // Shutting down (1053), killed (1927 MariaDB, 3169 MySQL), idle for too long (4031 MySQL).
        sqlx::Error::Database(error) => error
            .try_downcast_ref::<MySqlDatabaseError>()
            .is_some_and(|error| matches!(error.number(), 1053 | 1927 | 3169 | 4031)),
        _ => false,
    }
}

impl<'c> Executor<'c> for &'c mut Conn {
    type Database = MySql;

    /// All of the answer is read before the first row is given, so that no statement is left half-read; everybody here wants
    /// all rows.
    fn fetch_many<'e, 'q: 'e, E>(
        self,
        mut query: E,
    ) -> BoxStream<'e, Result<Either<MySqlQueryResult, MySqlRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode);
        let persistent = query.persistent();
        let sql = query.sql();
        let answers = async move {
            let answers = self.run(Statement { sql, arguments: arguments?, persistent }).await?;
            Ok::<_, sqlx::Error>(stream::iter(answers.into_iter().map(Ok)))
        };
        stream::once(answers).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        mut query: E,
    ) -> BoxFuture<'e, Result<Option<MySqlRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode);
        let persistent = query.persistent();
        let sql = query.sql();
        Box::pin(async move {
            let answers = self.run(Statement { sql, arguments: arguments?, persistent }).await?;
            Ok(answers.into_iter().find_map(Either::right))
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [MySqlTypeInfo],
    ) -> BoxFuture<'e, Result<MySqlStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            self.prove().await?;
            let Some(raw) = &mut self.raw else { return Err(sqlx::Error::PoolClosed) };
            let before = std::mem::replace(&mut self.state, State::Running);
            let outcome = raw.prepare_with(sql, parameters).await;
            self.settle(before, outcome.as_ref().err());
            outcome
        })
    }
}

/// A transaction; dropping it rolls it back.
#[derive(Debug)]
pub struct Tx(Conn);

impl Tx {
    /// Begins one.
    pub(crate) async fn begin(mut conn: Conn) -> Result<Self, sqlx::Error> {
        conn.run(Statement::text(BEGIN)).await?;
        conn.state = State::InTransaction;
        Ok(Self(conn))
    }

    /// Makes its changes last.
    ///
    /// # Errors
    /// The server's, after which nothing has changed; a lost connection, after which nobody knows.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.0.run(Statement::text("COMMIT")).await?;
        self.0.state = State::Ready;
        Ok(())
    }
}

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0
    }
}
