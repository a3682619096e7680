//! `presence`: users come and go while others watch them, as contact lists do (realtime.md §6).
//!
//! An account is online while any of its sockets is, so whoever comes and goes here has an account to themselves: every
//! `presence.changed` then has one cause. Some stay away until their absence was told; the others are back within the
//! grace, of which nobody may hear anything.

mod churner;
mod edges;
mod watcher;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::future::BoxFuture;
use protocol::codec::Encoding;
use serde::Deserialize;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::churner::Churner;
use self::edges::{Script, Sight};
use self::watcher::Watcher;
use super::pace::Pace;
use super::{Activity, Gauges, Plan, scaled, within};
use crate::stack::Target;
use crate::stage::Stage;
use crate::stats::report::{ActivityReport, Figure};
use crate::stats::{Counter, Kind, Latencies, float};

/// A socket may have 128 subscriptions: all who come and go, and its own channel.
const MOST_USERS: f64 = 120.0;
/// The ramp is given up when no socket became ready for this long.
const RAMP_PATIENCE: Duration = Duration::from_secs(30);
/// How long after the grace an absence has to be told: after this it is lost.
const TELLING: Duration = Duration::from_secs(15);

/// The keys of its `[[activity]]` table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Users that come and go, one socket each; every one needs an account of its own.
    pub(crate) users: u32,
    /// Sockets that watch them all.
    pub(crate) watchers: u32,
    /// Sockets opened a second, over all users.
    pub(crate) rate: f64,
    /// Seconds that somebody stays, at least.
    pub(crate) stay: f64,
    /// Share (0 to 1) of those who go that stay away until `offline` was told. The others come back within the grace.
    pub(crate) leaving: f64,
    /// Seconds that the server waits before it tells that somebody is gone (realtime.md §6).
    pub(crate) grace: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { users: 20, watchers: 20, rate: 4.0, stay: 0.5, leaving: 0.3, grace: 10.0 }
    }
}

impl Plan for Settings {
    fn kind(&self) -> &'static str {
        "presence"
    }

    fn sockets(&self) -> u64 {
        u64::from(self.users) + u64::from(self.watchers)
    }

    fn own_accounts(&self) -> u32 {
        self.users
    }

    /// Accounts are few: it is the watchers who become more.
    fn scale(&mut self, factor: f64) {
        self.watchers = scaled(self.watchers, factor);
    }

    fn check(&self) -> Result<()> {
        within("users", f64::from(self.users), 1.0, MOST_USERS)?;
        within("watchers", f64::from(self.watchers), 1.0, 10_000.0)?;
        within("rate", self.rate, 0.01, 10_000.0)?;
        within("stay", self.stay, 0.0, 600.0)?;
        within("leaving", self.leaving, 0.0, 1.0)?;
        within("grace", self.grace, 3.0, 600.0)
    }

    fn prepare<'a>(&'a self, stage: &'a Stage) -> BoxFuture<'a, Result<Box<dyn Activity>>> {
        Box::pin(async move {
            let activity: Box<dyn Activity> = Box::new(self.assemble(stage).await?);
            Ok(activity)
        })
    }
}

impl Settings {
    async fn assemble(&self, stage: &Stage) -> Result<Presence> {
        let own = stage.take_accounts(usize::try_from(self.users)?).await?;
        let (churners, users) = (own.to_vec(), own.len());
        let scene = Arc::new(Scene {
            target: Arc::clone(&stage.target),
            encoding: stage.encoding,
            connecting: Arc::clone(&stage.connecting),
            gauges: Arc::new(Gauges::new()),
            places: churners.iter().enumerate().map(|(place, account)| (account.id, place)).collect(),
            scripts: (0..users).map(|_| Mutex::default()).collect(),
            watched_by: (0..users).map(|_| AtomicU32::new(0)).collect(),
            here_before: (0..users).map(|_| AtomicU32::new(0)).collect(),
            free: Mutex::default(),
            home: CancellationToken::new(),
            stop: CancellationToken::new(),
            online: Latencies::new(),
            offline: Latencies::new(),
            handshake: Latencies::new(),
            tally: Tally::default(),
            stay: Duration::from_secs_f64(self.stay),
            grace: Duration::from_secs_f64(self.grace),
            leaving: self.leaving,
        });
        let (mut gates, mut waiting) = (Vec::with_capacity(users), Vec::with_capacity(users));
        for (place, account) in churners.into_iter().enumerate() {
            let (gate, go) = mpsc::channel(1);
            gates.push(gate);
            waiting.push(Churner::new(Arc::clone(&scene), place, account, stage.next_socket(), go));
        }
        let shared = stage.shared();
        let watchers = (0..usize::try_from(self.watchers)?)
            .map(|place| {
                let account = shared.get(place % shared.len().max(1)).context("nobody is left to watch")?;
                Ok(Watcher::new(Arc::clone(&scene), place, account.clone(), stage.next_socket(), users))
            })
            .collect::<Result<Vec<_>>>()?;
        let description = format!(
            "{users} users come and go, {} sockets a second, watched by {} sockets",
            self.rate, self.watchers
        );
        Ok(Presence {
            settings: self.clone(),
            scene,
            description,
            waiting_watchers: watchers,
            waiting_churners: waiting,
            gates,
            watchers: JoinSet::new(),
            churners: JoinSet::new(),
            spent: Duration::ZERO,
        })
    }
}

/// What all of its sockets share.
struct Scene {
    target: Arc<Target>,
    encoding: Encoding,
    connecting: Arc<Semaphore>,
    gauges: Arc<Gauges>,
    /// Users who come and go, by id.
    places: HashMap<u64, usize>,
    scripts: Vec<Mutex<Script>>,
    /// Watchers that may see each user.
    watched_by: Vec<AtomicU32>,
    /// Watchers that found the user online before anything began.
    here_before: Vec<AtomicU32>,
    /// Who may come next: longest away first.
    free: Mutex<VecDeque<usize>>,
    /// Everybody goes home.
    home: CancellationToken,
    /// The watchers end.
    stop: CancellationToken,
    online: Latencies,
    offline: Latencies,
    handshake: Latencies,
    tally: Tally,
    stay: Duration,
    grace: Duration,
    leaving: f64,
}

/// What only this activity counts.
#[derive(Default)]
struct Tally {
    lost: Counter,
    duplicated: Counter,
    repeats: Counter,
    /// Told though nobody came or went.
    wrong: Counter,
    /// Told before the grace was over.
    early: Counter,
    /// Told as a state to a watcher that had been away.
    caught_up: Counter,
    /// Pairs of a watcher and a user whom it may not see.
    hidden: Counter,
    /// Went and came back within the grace.
    short: Counter,
    /// Stayed away.
    long: Counter,
}

impl Scene {
    fn with_script<T>(&self, place: usize, act: impl FnOnce(&mut Script) -> T) -> Option<T> {
        let script = self.scripts.get(place)?;
        Some(act(&mut script.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn watchers_of(&self, place: usize) -> u32 {
        self.watched_by.get(place).map_or(0, |count| count.load(Relaxed))
    }

    /// Have all watchers heard of everything that the user did?
    fn is_told(&self, place: usize) -> bool {
        let watchers = self.watchers_of(place);
        self.with_script(place, |script| script.is_spoiled() || script.is_heard_by(watchers)).unwrap_or(true)
    }

    fn count_untold(&self) -> u64 {
        let untold = (0..self.scripts.len()).filter(|place| !self.is_told(*place)).count();
        u64::try_from(untold).unwrap_or(u64::MAX)
    }

    fn offer(&self, place: usize) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push_back(place);
    }

    /// Takes an offer back; `false` where somebody took it up already.
    fn withdraw(&self, place: usize) -> bool {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let found = free.iter().position(|offered| *offered == place);
        found.is_some_and(|found| free.remove(found).is_some())
    }

    fn next_free(&self) -> Option<usize> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// See the module.
struct Presence {
    settings: Settings,
    scene: Arc<Scene>,
    description: String,
    waiting_watchers: Vec<Watcher>,
    waiting_churners: Vec<Churner>,
    gates: Vec<mpsc::Sender<()>>,
    watchers: JoinSet<Vec<Sight>>,
    churners: JoinSet<()>,
    spent: Duration,
}

impl Presence {
    async fn gather_watchers(&mut self, ramp: Duration) -> Result<()> {
        let planned = u32::try_from(self.waiting_watchers.len())?;
        let step = ramp / planned.max(1);
        for watcher in std::mem::take(&mut self.waiting_watchers) {
            self.watchers.spawn(watcher.run());
            sleep(step).await;
        }
        let counters = &self.scene.gauges.counters;
        let (mut ready, mut moved) = (0, Instant::now());
        while ready < u64::from(planned) {
            if counters.ended.get() > 0 || moved.elapsed() > RAMP_PATIENCE {
                let errors = counters.errors();
                let most = errors.iter().max_by_key(|(_, count)| **count);
                bail!(
                    "presence: only {ready} of {planned} watchers are ready: {}",
                    most.map_or("no answer", |(name, _)| name.as_str())
                );
            }
            if counters.ready.get() > ready {
                (ready, moved) = (counters.ready.get(), Instant::now());
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Somebody who is online still (another run has just ended) makes edges of his own: wait until he is gone.
    async fn wait_for_quiet(&self) {
        let here = |place: usize| {
            self.scene.here_before.get(place).is_some_and(|watchers| watchers.load(Relaxed) > 0)
        };
        let began = Instant::now();
        while (0..self.scene.scripts.len()).any(here) && began.elapsed() < self.scene.grace + TELLING {
            sleep(Duration::from_millis(50)).await;
        }
        for place in (0..self.scene.scripts.len()).filter(|place| here(*place)) {
            self.scene.with_script(place, Script::spoil);
            self.scene.gauges.counters.error("a user was online already and is left out of the accounts");
        }
    }

    async fn settle(&self, limit: Duration) {
        let began = Instant::now();
        while began.elapsed() < limit {
            let untold = self.scene.count_untold();
            self.scene.gauges.counters.missing.set(untold);
            if untold == 0 {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        // A repeat or a duplicate may follow on the heels of the last one.
        sleep(Duration::from_millis(300)).await;
    }

    fn report(&self, sights: &[Vec<Sight>]) -> ActivityReport {
        let Scene { gauges, tally, .. } = &*self.scene;
        let mut report = gauges.report("presence", &self.description);
        report.connections = self.settings_sockets();
        report.not_sent = gauges.counters.not_offered.get();
        report.repeats = tally.repeats.get();
        report.duplicated = tally.duplicated.get();
        report.lost = tally.lost.get();
        for sight in sights.iter().flat_map(|sights| sights.iter().enumerate()) {
            let (place, sight) = sight;
            report.lost += self.scene.with_script(place, |script| script.count_lost(sight)).unwrap_or(0);
        }
        for (name, latencies) in [
            ("told online", &self.scene.online),
            ("told offline, grace included", &self.scene.offline),
            ("handshake", &self.scene.handshake),
        ] {
            let figures = latencies.percentiles(Kind::Presence);
            if figures.count > 0 {
                report.latencies.insert(name.to_owned(), figures);
            }
        }
        let (mut edges, mut spoiled) = (0, 0);
        for place in 0..self.scene.scripts.len() {
            self.scene.with_script(place, |script| {
                edges += script.len();
                spoiled += u64::from(script.is_spoiled());
            });
        }
        let opened = float(gauges.counters.acknowledged.get());
        let plain = |name: &str, value: u64| figure(name, float(value), "");
        report.figures = vec![
            figure("sockets opened", opened / self.spent.as_secs_f64().max(0.001), "/s"),
            plain("comings and goings to be told", edges),
            plain("absences within the grace, of which nothing may be told", tally.short.get()),
            plain("absences beyond the grace", tally.long.get()),
            plain("told as a state to watchers that had been away", tally.caught_up.get()),
            plain("users left out of the accounts", spoiled),
            plain("pairs of which one may not see the other", tally.hidden.get()),
        ];
        for (count, what) in [
            (tally.wrong.get(), "told of though nobody came or went"),
            (tally.early.get(), "told of before the grace was over"),
        ] {
            if count > 0 {
                report.faults.push(format!("{count} {what}"));
            }
        }
        if report.deliveries == 0 {
            report.faults.push("nobody was told of anything".to_owned());
        }
        report
    }

    fn settings_sockets(&self) -> u64 {
        Plan::sockets(&self.settings)
    }
}

fn figure(name: &str, value: f64, unit: &str) -> Figure {
    Figure { name: name.to_owned(), value, unit: unit.to_owned() }
}

impl Activity for Presence {
    fn kind(&self) -> &'static str {
        "presence"
    }

    fn sockets(&self) -> u64 {
        self.settings_sockets()
    }

    fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(&self.scene.gauges)
    }

    fn connect(&mut self, ramp: Duration) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.gather_watchers(ramp).await?;
            self.wait_for_quiet().await;
            // Those who come and go are as ready as can be.
            self.scene.gauges.counters.ready.add(u64::from(self.settings.users));
            Ok(())
        })
    }

    fn run(&mut self, until: CancellationToken) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            for churner in std::mem::take(&mut self.waiting_churners) {
                self.churners.spawn(churner.run());
            }
            let began = Instant::now();
            let pace = Pace::begin(self.settings.rate, began).context("the rate is above 0")?;
            let counters = &self.scene.gauges.counters;
            pace.run(&until, |_due| {
                let next = self.scene.next_free().and_then(|place| self.gates.get(place));
                if next.is_none_or(|gate| gate.try_send(()).is_err()) {
                    counters.not_offered.up();
                }
                true
            })
            .await;
            self.spent = began.elapsed();
            self.scene.home.cancel();
            Ok(())
        })
    }

    /// The last absences are told when the grace is over, so it waits for that at least.
    fn finish(mut self: Box<Self>, settle: Duration) -> BoxFuture<'static, Result<ActivityReport>> {
        Box::pin(async move {
            self.scene.home.cancel();
            let gone = async { while self.churners.join_next().await.is_some() {} };
            timeout(TELLING, gone).await.context("somebody who comes and goes did not end in time")?;
            self.settle(settle.max(self.scene.grace + Duration::from_secs(5))).await;
            self.scene.stop.cancel();
            let mut sights = Vec::with_capacity(self.watchers.len());
            let all = async {
                while let Some(watcher) = self.watchers.join_next().await {
                    sights.push(watcher.context("a watcher ended unexpectedly")?);
                }
                anyhow::Ok(())
            };
            timeout(TELLING, all).await.context("some watchers did not end in time")??;
            Ok(self.report(&sights))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use crate::activity::Plan;

    fn read(text: &str) -> Result<Settings, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn settings_have_defaults_and_unknown_keys_are_refused_by_name() {
        let settings = read("users = 5\nrate = 2.5").unwrap();
        assert_eq!((settings.users, settings.watchers, settings.own_accounts()), (5, 20, 5));
        assert!(settings.check().is_ok());
        assert!(read("wachers = 5").unwrap_err().to_string().contains("wachers"));
    }

    #[test]
    fn impossible_settings_are_refused() {
        for wrong in [
            "users = 0",
            "users = 121",
            "watchers = 0",
            "rate = 0.0",
            "leaving = 1.5",
            "grace = 1.0",
            "stay = -1.0",
        ] {
            assert!(read(wrong).unwrap().check().is_err(), "{wrong}");
        }
    }

    #[test]
    fn more_users_means_more_watchers_since_accounts_are_few() {
        let mut settings = Settings::default();
        settings.scale(3.0);
        assert_eq!((settings.users, settings.watchers), (20, 60));
    }
}
