//! What all activities of a run share: where the test goes, and who is signed in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use client::Rest;
use protocol::codec::Encoding;
use rand::RngExt;
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore};

use crate::session::{self, Account, Pair};
use crate::stack::Target;

/// What all activities of a run share.
///
/// Accounts are few (the demo world has some fifty) and sockets many: sockets share accounts. Everybody is signed in once,
/// before the first activity is prepared, with a token that outlives the run.
pub(crate) struct Stage {
    /// What is tested.
    pub(crate) target: Arc<Target>,
    /// Everybody who is signed in. Those of [`Self::shared`] come first; places in this list are what [`Pair`] names.
    pub(crate) accounts: Arc<[Account]>,
    /// The API, with the tester's one connection pool. `rest.get("/conversations", &account.token)`.
    pub(crate) rest: Rest,
    /// How frames are written.
    pub(crate) encoding: Encoding,
    /// Unacknowledged messages that one sender may have under way.
    pub(crate) in_flight: usize,
    /// Length of a message's text in bytes.
    pub(crate) body_length: usize,
    /// How long the load goes on, in seconds.
    pub(crate) seconds: u32,
    /// There is one activity, and nobody disturbs the installation: what its processes do is due to that activity.
    pub(crate) alone: bool,
    /// Places for sockets that are connecting, of all activities together.
    pub(crate) connecting: Arc<Semaphore>,
    shared: usize,
    taken: Mutex<usize>,
    pairs: Mutex<Option<Vec<Pair>>>,
    rooms: Mutex<Vec<u64>>,
    hosts: Mutex<Option<Arc<[Account]>>>,
    next_socket: AtomicU32,
}

/// Sockets that connect at the same time: a wave of connects would overrun the hub's accept queue, and measure that alone.
const CONNECTING: usize = 200;

/// How the sockets of a run write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// How frames are written.
    pub(crate) encoding: Encoding,
    /// Unacknowledged messages that one sender may have under way.
    pub(crate) in_flight: usize,
    /// Length of a message's text in bytes.
    pub(crate) body_length: usize,
}

impl Stage {
    /// A stage with these accounts, of which the last `own` are for activities that need accounts to themselves.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub(crate) fn new(
        target: Arc<Target>,
        accounts: Vec<Account>,
        own: usize,
        manner: Manner,
        seconds: u32,
        room: Option<u64>,
    ) -> Result<Self> {
        let shared = accounts.len().saturating_sub(own);
        // Those of up.json may have limits, but for the first one.
        let rooms = room.or_else(|| target.rooms.first().map(|room| room.id)).into_iter().collect();
        Ok(Self {
            rest: Rest::new(target.api.as_str()).context("the HTTP client cannot be set up")?,
            target,
            accounts: accounts.into(),
            encoding: manner.encoding,
            in_flight: manner.in_flight,
            body_length: manner.body_length,
            seconds,
            alone: true,
            connecting: Arc::new(Semaphore::new(CONNECTING)),
            shared,
            taken: Mutex::new(shared),
            pairs: Mutex::new(None),
            rooms: Mutex::new(rooms),
            hosts: Mutex::new(None),
            next_socket: AtomicU32::new(0),
        })
    }

    /// The accounts that all activities use together: at least one.
    pub(crate) fn shared(&self) -> &[Account] {
        self.accounts.get(..self.shared).unwrap_or_default()
    }

    /// Accounts that nobody else uses, as [`crate::activity::Plan::own_accounts`] asked for them.
    ///
    /// # Errors
    /// There are not so many left.
    pub(crate) async fn take_accounts(&self, count: usize) -> Result<&[Account]> {
        let mut taken = self.taken.lock().await;
        let accounts = self.accounts.get(*taken..*taken + count);
        *taken += count;
        accounts.with_context(|| {
            format!("{count} accounts of its own are needed, and there are {} in all", self.accounts.len())
        })
    }

    /// A number for one more socket, unique in the run: it chooses the local address and the shard of the latencies.
    pub(crate) fn next_socket(&self) -> u32 {
        self.next_socket.fetch_add(1, Relaxed)
    }

    /// Shared accounts in pairs that may write to each other, each account in at most one pair; at most `wanted`, and at
    /// least one. Activities get the same pairs.
    ///
    /// # Errors
    /// No two may, or the API fails.
    pub(crate) async fn pairs(&self, wanted: usize) -> Result<Vec<Pair>> {
        let mut pairs = self.pairs.lock().await;
        let most = self.shared().len() / 2;
        let found = match &*pairs {
            Some(found) => found,
            None => pairs.insert(session::pair(&self.target.api, self.shared(), most).await?),
        };
        Ok(found.iter().copied().take(wanted.max(1)).collect())
    }

    /// Pairs that need not be looked for.
    #[cfg(test)]
    pub(crate) async fn set_pairs(&self, pairs: Vec<Pair>) {
        *self.pairs.lock().await = Some(pairs);
    }

    /// Rooms that everybody may enter and write in without a limit: the one of `--room` or the first of up.json, then new
    /// ones, begun for the test by the first account that may.
    ///
    /// # Errors
    /// There are not so many, and nobody may open more.
    pub(crate) async fn rooms(&self, wanted: usize) -> Result<Vec<u64>> {
        let mut rooms = self.rooms.lock().await;
        while rooms.len() < wanted {
            let room = self.open_room(rooms.len()).await.with_context(|| {
                format!("{wanted} rooms are needed, {} are known, and no more can be opened", rooms.len())
            })?;
            rooms.push(room);
        }
        Ok(rooms.iter().copied().take(wanted).collect())
    }

    /// Opens a room and begins its session. Whoever up.json says may do so is signed in for it; without such a word
    /// everybody who is signed in is tried.
    async fn open_room(&self, number: usize) -> Result<u64> {
        let today = base::Time::now().as_chrono().date_naive().to_string();
        let name = rand::rng().random_range(0..u32::MAX);
        let body = json!({
            "title": format!("load test {name:08x} {number}"), "start_date": today, "start_time": "00:00",
            "end_time": "23:59:59", "timezone": "UTC", "access_type": "free",
        });
        let mut refusal = None;
        for account in self.hosts().await?.iter() {
            match self.rest.post("/live-rooms", &account.token, &body, None).await {
                Ok(room) => {
                    let id = room.get("id").and_then(Value::as_u64).context("a new room has no id")?;
                    self.rest
                        .post(&format!("/live-rooms/{id}/start"), &account.token, &json!({}), None)
                        .await?;
                    return Ok(id);
                }
                Err(error) => refusal = Some(error),
            }
        }
        match refusal {
            Some(error) => Err(error.into()),
            None => bail!("nobody is signed in"),
        }
    }

    async fn hosts(&self) -> Result<Arc<[Account]>> {
        let mut hosts = self.hosts.lock().await;
        if let Some(hosts) = &*hosts {
            return Ok(Arc::clone(hosts));
        }
        let speaker = self.target.logins.iter().find(|login| login.role.as_deref() == Some("speaker"));
        let found = match speaker {
            Some(login) => session::sign_in(&self.target.api, std::slice::from_ref(login)).await?.into(),
            None => Arc::clone(&self.accounts),
        };
        Ok(Arc::clone(hosts.insert(found)))
    }

    /// How long the load goes on.
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs(u64::from(self.seconds))
    }
}
