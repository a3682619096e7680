//! Connections that are kept open: lent to one asker at a time and given back without a word to the server.
//!
//! A pool that asks the server whether it is there before and after each use makes three round trips of every query. Here
//! nobody asks; a connection knows what it is in the middle of ([`Conn`]), and goes back accordingly:
//!
//! - with its last statement read to the end: as it is;
//! - in a transaction that was not committed: rolled back first;
//! - with a statement cut off (its asker went away): it is closed, since nobody knows at which byte reading stopped, but not
//!   before the server has ended the statement. Until then it counts, so the server never works on more statements than
//!   there may be connections.
//!
//! A server that went away meanwhile (a restart, `KILL`, `wait_timeout`) is noticed by the first statement after the
//! lending. One that changes nothing is run again on a new connection; before one that may not be run twice the server is
//! asked after all.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, MySqlConnection};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::conn::{Conn, State};

/// How long somebody waits for a connection: for one to come back, or for a new one.
const WAIT: Duration = Duration::from_secs(5);
/// First and longest pause between two attempts at a server that refuses connections: it may be starting.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A connection that nobody needed for so long is closed.
const IDLE: Duration = Duration::from_secs(600);
/// A connection is not used for longer than this, so that what the server keeps for it does not grow for ever.
const LIFETIME: Duration = Duration::from_secs(1_800);
/// How long a statement that was cut off may go on before its connection is given up: longer than any waits for a lock.
const TIDYING: Duration = Duration::from_secs(10);

/// See the module; clones are the same pool.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Parts>);

struct Parts {
    options: MySqlConnectOptions,
    most: u32,
    /// One permit for each connection that somebody may have.
    slots: Arc<Semaphore>,
    /// Those that nobody has, the one used last at the end.
    idle: Mutex<VecDeque<Idle>>,
    closed: AtomicBool,
}

struct Idle {
    raw: MySqlConnection,
    opened_at: Instant,
    since: Instant,
}

/// Where a connection goes back to. As long as it is held, the connection counts.
pub(crate) struct Home {
    pool: Pool,
    /// Given back by being dropped, after the connection is where it belongs.
    _slot: OwnedSemaphorePermit,
}

impl fmt::Debug for Pool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Pool").field("most", &self.0.most).finish_non_exhaustive()
    }
}

impl Parts {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    /// Opens nothing yet.
    pub(crate) fn new(options: MySqlConnectOptions, most: u32) -> Self {
        let most = most.max(1);
        let slots = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS)));
        Self(Arc::new(Parts { options, most, slots, idle: Mutex::default(), closed: AtomicBool::new(false) }))
    }

    /// The connection used last, or a new one.
    pub(crate) async fn acquire(&self) -> Result<Conn, sqlx::Error> {
        let deadline = tokio::time::Instant::now() + WAIT;
        let slot = match Arc::clone(&self.0.slots).try_acquire_owned() {
            Ok(slot) => slot,
            Err(TryAcquireError::Closed) => return Err(sqlx::Error::PoolClosed),
            Err(TryAcquireError::NoPermits) => {
                tokio::time::timeout_at(deadline, Arc::clone(&self.0.slots).acquire_owned())
                    .await
                    .map_err(|_elapsed| sqlx::Error::PoolTimedOut)?
                    .map_err(|_closed| sqlx::Error::PoolClosed)?
            }
        };
        if self.0.closed.load(Ordering::Acquire) {
            return Err(sqlx::Error::PoolClosed);
        }
        let home = Home { pool: self.clone(), _slot: slot };
        match self.take_idle() {
            Some(Idle { raw, opened_at, .. }) => Ok(Conn::lent(raw, opened_at, home)),
            None => Ok(Conn::opened(self.open(deadline).await?, home)),
        }
    }

    fn take_idle(&self) -> Option<Idle> {
        let mut old = Vec::new();
        let found = {
            let mut idle = self.0.lock();
            loop {
                match idle.pop_back() {
                    Some(one) if one.is_old() => old.push(one),
                    found => break found,
                }
            }
        };
        close_all(old);
        found
    }

    /// A new connection with our session's settings. A server that refuses is asked again until the deadline.
    async fn open(&self, deadline: tokio::time::Instant) -> Result<MySqlConnection, sqlx::Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            let attempt = async {
                let mut raw = self.0.options.connect().await?;
                crate::prepare_session(&mut raw).await?;
                Ok(raw)
            };
            match tokio::time::timeout_at(deadline, Box::pin(attempt)).await {
                Ok(Ok(raw)) => return Ok(raw),
                Ok(Err(error)) if may_be_starting(&error) => {}
                Ok(Err(error)) => return Err(error),
                Err(_elapsed) => return Err(sqlx::Error::PoolTimedOut),
            }
            if tokio::time::Instant::now() + pause >= deadline {
                return Err(sqlx::Error::PoolTimedOut);
            }
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause.saturating_mul(2));
        }
    }

    /// Those that somebody has, and all that are open.
    pub(crate) fn connections(&self) -> (usize, usize) {
        let most = usize::try_from(self.0.most).unwrap_or(usize::MAX);
        let used = most.saturating_sub(self.0.slots.available_permits());
        // One that is handed from one asker to the next is in both numbers for a moment.
        (used, used.saturating_add(self.0.lock().len()).min(most))
    }

    /// How connections are opened.
    pub(crate) fn options(&self) -> &MySqlConnectOptions {
        &self.0.options
    }

    /// Lends no more, waits for those that are lent, and closes all.
    pub(crate) async fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        // Who waits in front of us gets a permit, and is refused.
        let all = self.0.slots.acquire_many(self.0.most).await;
        let idle = std::mem::take(&mut *self.0.lock());
        for one in idle {
            close(one.raw).await;
        }
        self.0.slots.close();
        drop(all);
    }
}

/// Refuses connections, or says that it is about to end or has too many.
fn may_be_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => matches!(
            error.kind(),
            // A socket file is missing, or left behind, while a server starts.
            std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound
        ),
        sqlx::Error::Database(error) => error.is_transient_in_connect_phase(),
        _ => false,
    }
}

impl Idle {
    fn is_old(&self) -> bool {
        self.since.elapsed() >= IDLE || self.opened_at.elapsed() >= LIFETIME
    }
}

impl Home {
    /// A new connection in place of one that was lost.
    pub(crate) async fn reopen(&self) -> Result<MySqlConnection, sqlx::Error> {
        metrics::counter!("store_connections_lost_total").increment(1);
        self.pool.open(tokio::time::Instant::now() + WAIT).await
    }

    /// Takes a connection back that is in the middle of `state`.
    pub(crate) fn take_back(self, raw: MySqlConnection, opened_at: Instant, state: State) {
        match state {
            State::Ready => self.keep(raw, opened_at),
            State::Broken => {}
            State::InTransaction | State::Running | State::Unwanted => {
                // Without a runtime there is nobody to do it; the server rolls back what is dropped.
                if let Ok(runtime) = Handle::try_current() {
                    runtime.spawn(self.tidy(raw, opened_at, state));
                }
            }
        }
    }

    async fn tidy(self, mut raw: MySqlConnection, opened_at: Instant, state: State) {
        match state {
            State::InTransaction => {
                let rolled_back = tokio::time::timeout(TIDYING, raw.execute("ROLLBACK")).await;
                if matches!(rolled_back, Ok(Ok(_))) {
                    self.keep(raw, opened_at);
                }
            }
            State::Running => {
                // Waits for the statement's end. What it answers is not to be relied on.
                let _ended = tokio::time::timeout(TIDYING, raw.ping()).await;
            }
            State::Ready | State::Broken | State::Unwanted => close(raw).await,
        }
    }

    fn keep(self, raw: MySqlConnection, opened_at: Instant) {
        let now = Instant::now();
        let one = Idle { raw, opened_at, since: now };
        let parts = &self.pool.0;
        if parts.closed.load(Ordering::Acquire) || one.is_old() {
            close_all([one]);
            return;
        }
        let oldest = {
            let mut idle = parts.lock();
            idle.push_back(one);
            // The first is the one that nobody needed for longest.
            if idle.front().is_some_and(Idle::is_old) { idle.pop_front() } else { None }
        };
        close_all(oldest);
    }
}

/// Says goodbye in the background, to those that there are.
fn close_all(connections: impl IntoIterator<Item = Idle>) {
    for one in connections {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(close(one.raw));
        }
    }
}

async fn close(raw: MySqlConnection) {
    // The work is done; how the goodbye goes changes nothing.
    let _gone = tokio::time::timeout(WAIT, raw.close()).await;
}
