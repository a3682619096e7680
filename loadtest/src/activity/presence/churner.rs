//! One user who comes and goes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::frame::ServerMessage;
use rand::RngExt;
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until};

use super::edges::Script;
use super::{Scene, TELLING};
use crate::activity::socket::{Socket, Way, note_broken};
use crate::session::Account;
use crate::stats::Kind;
use crate::wire::Broken;

/// Who wants to be back within the grace begins so long before its end.
const MARGIN: Duration = Duration::from_secs(2);
/// Nearer to the end of the grace than this, nobody can say what the server saw first.
const BLUR: Duration = Duration::from_millis(500);
/// A short absence, at least.
const SHORTEST: Duration = Duration::from_millis(100);

/// A user.
pub(super) struct Churner {
    scene: Arc<Scene>,
    place: usize,
    account: Account,
    index: u32,
    go: mpsc::Receiver<()>,
    visits: usize,
}

impl Churner {
    pub(super) fn new(
        scene: Arc<Scene>,
        place: usize,
        account: Account,
        index: u32,
        go: mpsc::Receiver<()>,
    ) -> Self {
        Self { scene, place, account, index, go, visits: 0 }
    }

    /// Comes and goes until everybody goes home. A user whose socket breaks stays away: what is told of him then is no
    /// news to anybody.
    pub(super) async fn run(mut self) {
        let scene = Arc::clone(&self.scene);
        let mut away_since = None;
        loop {
            if !self.wait_for_turn(away_since).await {
                break;
            }
            match self.visit(away_since).await {
                Ok(since) => away_since = since,
                Err(broken) => {
                    scene.with_script(self.place, Script::spoil);
                    note_broken(&scene.gauges.counters, &broken);
                    break;
                }
            }
        }
    }

    /// Waits until it is this user's turn to come; `false`: it is time to go home. `away_since`: back within the grace.
    async fn wait_for_turn(&mut self, away_since: Option<Instant>) -> bool {
        let scene = Arc::clone(&self.scene);
        let latest = match away_since {
            Some(since) => {
                sleep(SHORTEST).await;
                since + scene.grace.saturating_sub(MARGIN)
            }
            None => Instant::now() + Duration::from_secs(24 * 60 * 60),
        };
        scene.offer(self.place);
        tokio::select! {
            turn = self.go.recv() => return turn.is_some(),
            () = sleep_until(latest.into()) => {}
            () = scene.home.cancelled() => {}
        }
        if !scene.withdraw(self.place) && !scene.home.is_cancelled() {
            // The turn came at the same moment.
            return self.go.recv().await.is_some();
        }
        let Some(since) = away_since else { return !scene.home.is_cancelled() };
        self.stay_away(since);
        if scene.home.is_cancelled() {
            return false;
        }
        self.wait_until_told(since).await;
        Box::pin(self.wait_for_turn(None)).await
    }

    /// Comes, stays, goes. Gives since when he is away, if he means to be back soon.
    async fn visit(&mut self, away_since: Option<Instant>) -> Result<Option<Instant>, Broken> {
        let scene = Arc::clone(&self.scene);
        let hubs = &scene.target.hubs;
        let hub = hubs.get((self.place + self.visits) % hubs.len().max(1)).ok_or(Broken::Lost)?;
        self.visits += 1;
        let counters = &scene.gauges.counters;
        counters.sent.up();
        let began = Instant::now();
        let way = Way {
            hub,
            index: self.index,
            encoding: scene.encoding,
            token: &self.account.token,
            subs: BTreeMap::new(),
            connecting: &scene.connecting,
        };
        let come = || {
            scene.with_script(self.place, |script| script.add(true, Instant::now()));
        };
        let (mut socket, _) = Socket::connect(way, come).await?;
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        scene.handshake.record(Kind::Presence, self.index, took);
        counters.acknowledged.up();
        if away_since.is_some_and(|since| since.elapsed() + BLUR > scene.grace) {
            counters.error("a return came too near to the end of the grace");
            scene.with_script(self.place, Script::spoil);
        }
        counters.online.up();
        let stayed = self.remain(&mut socket).await;
        counters.online.down();
        stayed?;

        let since = Instant::now();
        let leaves = scene.home.is_cancelled() || rand::rng().random_bool(scene.leaving.clamp(0.0, 1.0));
        if leaves {
            self.stay_away(since);
        } else {
            scene.tally.short.up();
        }
        // To the server it must be all one whether somebody says good-bye.
        if self.visits.is_multiple_of(2) {
            drop(socket);
        } else {
            socket.close().await;
        }
        if leaves {
            self.wait_until_told(since).await;
        }
        Ok((!leaves).then_some(since))
    }

    async fn remain(&self, socket: &mut Socket) -> Result<(), Broken> {
        let until = sleep(self.scene.stay);
        tokio::pin!(until);
        loop {
            tokio::select! {
                message = socket.next() => {
                    let _: ServerMessage = message?;
                }
                () = &mut until => return Ok(()),
                () = self.scene.home.cancelled() => return Ok(()),
            }
        }
    }

    fn stay_away(&self, since: Instant) {
        self.scene.tally.long.up();
        self.scene.with_script(self.place, |script| script.add(false, since));
    }

    /// Until every watcher has heard that he is gone, or should have.
    async fn wait_until_told(&self, since: Instant) {
        let latest = self.scene.grace + TELLING;
        while !self.scene.is_told(self.place) && since.elapsed() < latest {
            tokio::select! {
                () = sleep(Duration::from_millis(20)) => {}
                () = self.scene.home.cancelled() => return,
            }
        }
    }
}
