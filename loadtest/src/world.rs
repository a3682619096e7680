//! What all sockets of one activity share.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use client::Rest;
use protocol::codec::Encoding;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::activity::Gauges;
use crate::ledger::{Ledger, due_after};
use crate::session::{Account, NO_LIMITS};
use crate::stage::Stage;
use crate::wire::{Broken, Hub};

/// What all sockets of one activity share.
pub(crate) struct World {
    /// The hubs' doors.
    pub(crate) hubs: Vec<Hub>,
    /// Who is signed in.
    pub(crate) accounts: Arc<[Account]>,
    /// The API.
    pub(crate) rest: Rest,
    /// How frames are written.
    pub(crate) encoding: Encoding,
    /// Length of a message's text in bytes.
    pub(crate) body_length: usize,
    /// Messages a second.
    pub(crate) rate: f64,
    /// The messages.
    pub(crate) ledger: Ledger,
    /// The live numbers.
    pub(crate) gauges: Arc<Gauges>,
    /// Places for sockets that are connecting.
    pub(crate) connecting: Arc<Semaphore>,
    /// Ends all members.
    pub(crate) stop: CancellationToken,
    scissors: Scissors,
    began: OnceLock<u64>,
    failure: OnceLock<String>,
}

/// Cuts all connections of a world at once, and keeps their owners away until they may come back.
struct Scissors {
    /// What the connections hang on now, and how often it was cut.
    line: Mutex<(CancellationToken, u64)>,
    cut_at: Mutex<Option<Instant>>,
    /// Up to which cut everybody may come back.
    may_return: watch::Sender<u64>,
}

impl World {
    /// A world in which nothing has happened yet, with `rate` messages a second of this ledger.
    pub(crate) fn new(stage: &Stage, ledger: Ledger, rate: f64) -> Self {
        let stop = CancellationToken::new();
        let scissors = Scissors {
            line: Mutex::new((stop.child_token(), 0)),
            cut_at: Mutex::new(None),
            may_return: watch::Sender::new(0),
        };
        Self {
            hubs: stage.target.hubs.clone(),
            accounts: Arc::clone(&stage.accounts),
            rest: stage.rest.clone(),
            encoding: stage.encoding,
            body_length: stage.body_length,
            rate,
            ledger,
            gauges: Arc::new(Gauges::new()),
            connecting: Arc::clone(&stage.connecting),
            stop,
            scissors,
            began: OnceLock::new(),
            failure: OnceLock::new(),
        }
    }

    /// The schedule begins now.
    pub(crate) fn begin(&self) {
        let _first = self.began.set(self.ledger.now());
    }

    /// Microseconds since a message was due; `None` where messages go by no schedule.
    pub(crate) fn lateness(&self, sequence: u32) -> Option<u64> {
        let began = *self.began.get()?;
        let due = u64::try_from(due_after(sequence, self.rate).as_micros()).unwrap_or(u64::MAX);
        Some(self.ledger.now().saturating_sub(began.saturating_add(due)))
    }

    /// What a new connection hangs on: cancelled by [`Self::cut`] and at the end.
    pub(crate) fn line(&self) -> CancellationToken {
        // A poisoned lock means that a task has panicked: then everything ends.
        self.scissors.line.lock().map_or_else(|_poisoned| self.stop.clone(), |line| line.0.clone())
    }

    /// Breaks all connections without a close; their owners wait for [`Self::let_return`]. Gives the moment.
    pub(crate) fn cut(&self) -> Instant {
        let now = Instant::now();
        if let Ok(mut at) = self.scissors.cut_at.lock() {
            *at = Some(now);
        }
        let old = self.scissors.line.lock().ok().map(|mut line| {
            line.1 += 1;
            std::mem::replace(&mut line.0, self.stop.child_token())
        });
        if let Some(old) = old {
            old.cancel();
        }
        now
    }

    /// When the last cut was made.
    pub(crate) fn cut_at(&self) -> Option<Instant> {
        self.scissors.cut_at.lock().ok().and_then(|at| *at)
    }

    /// Everybody who was cut off comes back, all at once.
    pub(crate) fn let_return(&self) {
        let cuts = self.scissors.line.lock().map_or(u64::MAX, |line| line.1);
        self.scissors.may_return.send_replace(cuts);
    }

    /// Waits until those who were cut off may come back.
    pub(crate) async fn may_return(&self) {
        let cuts = self.scissors.line.lock().map_or(0, |line| line.1);
        let mut allowed = self.scissors.may_return.subscribe();
        // The sender lives as long as this does.
        let _closed = allowed.wait_for(|allowed| *allowed >= cuts).await;
    }

    /// A socket is closed for good; one that never was ready means that the test cannot be run.
    pub(crate) fn give_up(&self, broken: &Broken, was_ready: bool) {
        if !was_ready {
            let advice = if broken.is_limit() { format!(" ({NO_LIMITS})") } else { String::new() };
            let _first = self.failure.set(format!("a socket could not be opened: {broken}{advice}"));
        }
    }

    /// Why the test cannot be run.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }
}
