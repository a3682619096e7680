//! The stack that a measurement starts for itself, and who may use which core.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use protocol::codec::Encoding;

use crate::bare::closed::BODY;
use crate::bare::process::{self, Cores};
use crate::session::{self, Account};
use crate::stack::{self, Stack, Target};
use crate::stage::{Manner, Stage};

/// A `majlis up` started for the measurement.
pub(crate) struct Ours {
    /// Its addresses and logins.
    pub(crate) target: Arc<Target>,
    /// Who is signed in.
    pub(crate) accounts: Vec<Account>,
    /// The process of `majlis up` itself.
    pub(crate) pid: u32,
    /// The hubs' processes, in the order of their addresses.
    pub(crate) hub_pids: Vec<u32>,
}

impl Ours {
    /// Starts it, with these variables for its processes, and signs in at most so many accounts.
    ///
    /// # Errors
    /// It does not start, or nobody can sign in.
    pub(crate) async fn start(
        hubs: u16,
        accounts: usize,
        variables: &[(&str, &str)],
        stack: &mut Option<Stack>,
    ) -> Result<Self> {
        let (target, pid) = stack::start_ours(hubs, variables, stack).await?;
        let logins = target.logins.get(..accounts.min(target.logins.len())).unwrap_or_default();
        let accounts = session::sign_in(&target.api, logins).await?;
        let hub_pids = target.hub_pids();
        Ok(Self { target: Arc::new(target), accounts, pid, hub_pids })
    }

    /// The address and process of a hub, by its place.
    ///
    /// # Errors
    /// There are not so many.
    pub(crate) fn hub(&self, place: usize) -> Result<(SocketAddr, u32)> {
        let address = self.target.hubs.get(place).context("there are too few hubs")?.address;
        Ok((address, *self.hub_pids.get(place).context("there are too few hubs")?))
    }

    /// The active room that has no limits.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn room(&self) -> Result<u64> {
        Ok(self.target.rooms.first().context("no room is active")?.id)
    }

    /// Another room without limits, opened for the test.
    ///
    /// # Errors
    /// Nobody may open one.
    pub(crate) async fn another_room(&self) -> Result<u64> {
        let manner = Manner { encoding: Encoding::Json, in_flight: 1, body_length: BODY };
        let stage = Stage::new(Arc::clone(&self.target), self.accounts.clone(), 0, manner, 0, None)?;
        stage.rooms(2).await?.pop().context("no room could be opened")
    }

    /// The tokens of all who are signed in.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.accounts.iter().map(|account| account.token.to_string()).collect()
    }

    /// Gives `measured` a core of their own and everything else, the tester too, another one. `None` with one core.
    ///
    /// # Errors
    /// A process is gone.
    pub(crate) fn pin(&self, measured: &[u32]) -> Result<Option<Cores>> {
        let Some(cores) = Cores::find() else { return Ok(None) };
        for pid in process::family(self.pid).into_iter().chain([std::process::id()]) {
            let core = if measured.contains(&pid) { cores.measured } else { cores.others };
            process::pin(pid, core)?;
        }
        Ok(Some(cores))
    }
}

/// Does the work in a thread of its own, so that the runtime goes on hearing signals.
///
/// # Errors
/// Those of the work.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("measure".to_owned()).spawn(move || {
        // Nobody waits for it any more when we are interrupted.
        let _gone = sender.send(work());
    })?;
    receiver.await.context("the measurement ended unexpectedly")?
}
