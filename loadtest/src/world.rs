//! What all sockets of a run share.

use std::sync::OnceLock;

use anyhow::{Context, Result};
use client::Rest;
use protocol::codec::Encoding;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::ledger::{Ledger, due_after};
use crate::session::{Account, NO_LIMITS};
use crate::stats::{Counters, Latencies};
use crate::wire::{Broken, Hub};

/// What all sockets of a run share.
pub(crate) struct World {
    /// The hubs' doors.
    pub(crate) hubs: Vec<Hub>,
    /// Who is signed in.
    pub(crate) accounts: Vec<Account>,
    /// The API.
    pub(crate) rest: Rest,
    /// How frames are written.
    pub(crate) encoding: Encoding,
    /// Length of a message's text in bytes.
    pub(crate) body_length: usize,
    /// Messages a second.
    pub(crate) rate: u32,
    /// The messages.
    pub(crate) ledger: Ledger,
    /// The counts.
    pub(crate) counters: Counters,
    /// The latencies.
    pub(crate) latencies: Latencies,
    /// Places for sockets that are connecting.
    pub(crate) connecting: Semaphore,
    /// Ends all members.
    pub(crate) stop: CancellationToken,
    began: OnceLock<u64>,
    failure: OnceLock<String>,
}

/// Sockets that connect at the same time.
const CONNECTING: usize = 200;

impl World {
    /// A world in which nothing has happened yet.
    ///
    /// # Errors
    /// The HTTP client or the histograms cannot be made.
    pub(crate) fn new(
        (api, hubs): (&str, Vec<Hub>),
        accounts: Vec<Account>,
        ledger: Ledger,
        rate: u32,
        (encoding, body_length): (Encoding, usize),
    ) -> Result<Self> {
        Ok(Self {
            hubs,
            accounts,
            rest: Rest::new(api).context("the HTTP client cannot be set up")?,
            encoding,
            body_length,
            rate,
            ledger,
            counters: Counters::default(),
            latencies: Latencies::new()?,
            connecting: Semaphore::new(CONNECTING),
            stop: CancellationToken::new(),
            began: OnceLock::new(),
            failure: OnceLock::new(),
        })
    }

    /// The schedule begins now.
    pub(crate) fn begin(&self) {
        let _first = self.began.set(self.ledger.now());
    }

    /// Microseconds since a message was due.
    pub(crate) fn lateness(&self, sequence: u32) -> u64 {
        let began = self.began.get().copied().unwrap_or_default();
        let due = u64::try_from(due_after(sequence, self.rate).as_micros()).unwrap_or(u64::MAX);
        self.ledger.now().saturating_sub(began.saturating_add(due))
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
