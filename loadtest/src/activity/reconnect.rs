//! `reconnect`: many sockets are gone at once, without a close, and come back: everybody has to know what was written
//! meanwhile, and MySQL is not to be asked about each.
//!
//! Every socket listens to its user's channel and to one room. A wave is: a message in each room and to each user, heard
//! by all, so that all have a place to recover from; then the connections are cut, another message goes the same ways, and
//! when it is acknowledged everybody comes back at the same moment. All times count from the cut.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::future::BoxFuture;
use protocol::channel::Channel;
use serde::Deserialize;
use sqlx::{Connection, MySqlConnection, Row};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::crowd::{Crowd, QUEUE, Senders, run_number};
use super::{Activity, Gauges, Plan, scaled};
use crate::ledger::Ledger;
use crate::listener::Listener;
use crate::member::{Destination, Ear, Member, Mouth};
use crate::outbox::Outbox;
use crate::session::Pair;
use crate::stage::Stage;
use crate::stats::report::{ActivityReport, Figure};
use crate::stats::{Counter, float};
use crate::term::grouped;
use crate::world::World;

/// Its keys in a scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Sockets that are cut off, besides the few that write.
    pub(crate) users: u32,
    /// Rooms that they listen to, each socket to one; those that the installation lacks are opened for the test.
    pub(crate) rooms: u32,
    /// How often.
    pub(crate) waves: u32,
    /// Seconds of rest before each wave: what the installation does by itself in a second of it is told too.
    pub(crate) rest: f64,
    /// Seconds after which a wave counts as failed.
    pub(crate) patience: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { users: 10_000, rooms: 20, waves: 1, rest: 3.0, patience: 60.0 }
    }
}

impl Plan for Settings {
    fn kind(&self) -> &'static str {
        "reconnect"
    }

    fn sockets(&self) -> u64 {
        u64::from(self.users) + u64::from(self.rooms) + u64::from(self.users.min(50)) / 2
    }

    fn scale(&mut self, factor: f64) {
        self.users = scaled(self.users, factor);
    }

    fn check(&self) -> Result<()> {
        super::within("users", f64::from(self.users), 2.0, 100_000.0)?;
        super::within("rooms", f64::from(self.rooms), 1.0, 1_000.0)?;
        super::within("waves", f64::from(self.waves), 1.0, 100.0)?;
        super::within("rest", self.rest, 0.0, 60.0)?;
        super::within("patience", self.patience, 1.0, 300.0)
    }

    fn prepare<'a>(&'a self, stage: &'a Stage) -> BoxFuture<'a, Result<Box<dyn Activity>>> {
        Box::pin(async move {
            let most = usize::try_from(self.users)? / 2;
            let pairs = stage.pairs(most).await?;
            let rooms = stage.rooms(usize::try_from(self.rooms)?).await?;
            let activity: Box<dyn Activity> = Box::new(assemble(self, stage, &pairs, &rooms)?);
            Ok(activity)
        })
    }
}

/// The sockets of these pairs in these rooms. Parts of the ledger are the pairs, then the rooms; messages of a wave are one
/// of each part before the cut and one of each after it.
///
/// # Errors
/// There is no pair or no room.
pub(crate) fn assemble(
    settings: &Settings,
    stage: &Stage,
    pairs: &[Pair],
    rooms: &[u64],
) -> Result<Reconnect> {
    if pairs.is_empty() || rooms.is_empty() {
        bail!("reconnect needs two accounts that may write to each other, and a room");
    }
    let parts = u32::try_from(pairs.len() + rooms.len())?;
    let ledger = Ledger::new(parts.saturating_mul(2).saturating_mul(settings.waves), parts, run_number());
    let world = Arc::new(World::new(stage, ledger, 1.0));

    let destinations = (pairs
        .iter()
        .map(|pair| (pair.first, Destination::Conversation(pair.conversation_id))))
    .chain(
        rooms.iter().zip(pairs.iter().cycle()).map(|(room, pair)| (pair.second, Destination::Room(*room))),
    );
    let mut members = Vec::new();
    let mut queues = Vec::new();
    for (place, (account, destination)) in destinations.enumerate() {
        let (sender, receiver) = mpsc::channel(QUEUE);
        queues.push(sender);
        let mouth = Mouth { destination, outbox: Outbox::new(receiver, stage.in_flight) };
        let seat = (account, place % world.hubs.len());
        members.push(Member::new(Arc::clone(&world), stage.next_socket(), seat, Vec::new(), Some(mouth)));
    }
    let speakers = queues.len();

    let mut listeners = vec![0; pairs.len() + rooms.len()];
    for place in 0..usize::try_from(settings.users)? {
        let couple = (place / 2) % pairs.len();
        let side = place % 2;
        let pair = pairs.get(couple).context("there is no pair")?;
        let account = if side == 0 { pair.first } else { pair.second };
        let id = world.accounts.get(account).context("there is no such account")?.id;
        // Rooms and accounts do not go in step.
        let room = (place + place / (2 * pairs.len())) % rooms.len();
        let own = Ear::new(Channel::User(id), Listener::new(u32::try_from(couple)?, side));
        let part = pairs.len() + room;
        let in_room = Ear::new(
            Channel::Room(*rooms.get(room).context("there is no room")?),
            Listener::new(u32::try_from(part)?, 0),
        );
        for part in [couple, part] {
            if let Some(count) = listeners.get_mut(part) {
                *count += 1;
            }
        }
        let hub = (place + place / 2 + place / (2 * pairs.len())) % world.hubs.len();
        let seat = (account, hub);
        members.push(Member::new(Arc::clone(&world), stage.next_socket(), seat, vec![own, in_room], None));
    }
    let description = format!(
        "{} sockets of {} accounts in {} rooms, cut off at once, {} times",
        grouped(u64::from(settings.users)),
        pairs.len() * 2,
        rooms.len(),
        settings.waves
    );
    let choose = Box::new(move |sequence| usize::try_from(sequence).unwrap_or(usize::MAX) % speakers);
    let senders = Senders { queues, choose };
    let crowd = Crowd::new(("reconnect", description), world, members, senders, listeners);
    Ok(Reconnect {
        crowd,
        settings: settings.clone(),
        database_url: stage.target.database_url.clone(),
        waves: Vec::new(),
        faults: Vec::new(),
    })
}

/// Sockets that go and come.
pub(crate) struct Reconnect {
    crowd: Crowd,
    settings: Settings,
    database_url: Option<String>,
    waves: Vec<Wave>,
    faults: Vec<String>,
}

/// What one wave came to.
#[derive(Clone, Copy, Debug, Default)]
struct Wave {
    /// From the cut until the last one was up to date; `None`: not all were in time.
    took: Option<Duration>,
    /// Of it, until what they missed was written.
    written: Duration,
    /// Statements from then on, and how many the installation makes by itself in that time.
    statements: Option<(u64, f64)>,
    recovered: u64,
    not_recovered: u64,
}

impl Reconnect {
    /// A message in each room and to each user.
    fn tell(&mut self, round: u32) {
        let parts = self.crowd.world.ledger.parts();
        for sequence in round * parts..(round + 1) * parts {
            self.crowd.offer(sequence);
        }
        self.crowd.note_due((round + 1) * parts);
    }

    async fn wait_until(&self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let began = Instant::now();
        while began.elapsed() < limit {
            if done(self) {
                return true;
            }
            sleep(Duration::from_millis(5)).await;
        }
        false
    }

    async fn wave(&mut self, number: u32) -> Result<()> {
        let world = Arc::clone(&self.crowd.world);
        let counters = &world.gauges.counters;
        let patience = Duration::from_secs_f64(self.settings.patience);
        self.tell(number * 2);
        if !self.wait_until(patience, |this| this.crowd.missing() == 0).await {
            self.faults.push("what was written before a wave did not reach everybody".to_owned());
            return Ok(());
        }
        let mut statements = Statements::watch(self.database_url.as_deref()).await?;
        let at_rest = Instant::now();
        sleep(Duration::from_secs_f64(self.settings.rest)).await;
        let in_rest = statements.since().await?.map(|count| float(count) / at_rest.elapsed().as_secs_f64());

        let held = counters.resumed.get();
        let count = |counter: &Counter, before: u64| counter.get() - before;
        let (recovered, not_recovered) = (counters.recovered.get(), counters.not_recovered.get());
        let cut = world.cut();
        self.tell(number * 2 + 1);
        let open = |this: &Self| {
            counters.sent.get() < u64::from(this.crowd.world.ledger.parts() * (number * 2 + 2))
                || this.crowd.world.ledger.count_open() > 0
        };
        let written = self.wait_until(patience, |this| !open(this)).await;
        let mut wave = Wave { written: cut.elapsed(), ..Wave::default() };
        let _at_the_cut = statements.since().await?;
        let returning = Instant::now();
        world.let_return();
        let sockets = u64::from(self.settings.users);
        let back = self.wait_until(patience, |_| count(&counters.resumed, held) >= sockets).await;
        let took = cut.elapsed();
        let own = in_rest.map(|rate| rate * returning.elapsed().as_secs_f64());
        wave.statements = statements.since().await?.zip(own);
        wave.took = (written && back).then_some(took);
        wave.recovered = count(&counters.recovered, recovered);
        wave.not_recovered = count(&counters.not_recovered, not_recovered);
        if !back {
            let missing = sockets - count(&counters.resumed, held).min(sockets);
            self.faults.push(format!(
                "{} of {} sockets were not up to date {:.0} s after the cut",
                grouped(missing),
                grouped(sockets),
                took.as_secs_f64()
            ));
        }
        self.waves.push(wave);
        Ok(())
    }

    /// The figures of all waves; of several the worst.
    fn figures(&self) -> Vec<Figure> {
        let figure = |name: &str, value: f64, unit: &str| Figure {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
        };
        let world = &self.crowd.world;
        let mut figures = Vec::new();
        if let Some(worst) = self.waves.iter().filter_map(|wave| wave.took).max() {
            figures.push(figure("all up to date after", worst.as_secs_f64(), "s"));
        }
        if let Some(written) = self.waves.iter().map(|wave| wave.written).max() {
            figures.push(figure("of it until what they missed was written", written.as_secs_f64(), "s"));
        }
        let latencies: BTreeMap<_, _> = world.gauges.latencies.all();
        for (kind, name) in [("connect", "connected"), ("resume", "up to date")] {
            if let Some(found) = latencies.get(kind) {
                figures.push(figure(&format!("{name} p50"), found.p50, "ms"));
                figures.push(figure(&format!("{name} p99"), found.p99, "ms"));
                figures.push(figure(&format!("{name} max"), found.max, "ms"));
            }
        }
        let sum = |of: fn(&Wave) -> u64| float(self.waves.iter().map(of).sum());
        figures.push(figure("subscriptions recovered", sum(|wave| wave.recovered), ""));
        figures.push(figure("subscriptions not recovered", sum(|wave| wave.not_recovered), ""));
        let recovered = latencies.get("recovery").map_or(0, |found| found.count);
        figures.push(figure("messages recovered", float(recovered), ""));
        if let Some((statements, own)) =
            self.waves.iter().filter_map(|wave| wave.statements).max_by_key(|(count, _)| *count)
        {
            figures.push(figure("MySQL statements while they came back", float(statements), ""));
            figures.push(figure("of which at rest in the same time", own, ""));
        }
        figures
    }
}

impl Activity for Reconnect {
    fn kind(&self) -> &'static str {
        "reconnect"
    }

    fn sockets(&self) -> u64 {
        self.crowd.planned()
    }

    fn gauges(&self) -> Arc<Gauges> {
        self.crowd.gauges()
    }

    fn connect(&mut self, ramp: Duration) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.crowd.open(ramp))
    }

    fn run(&mut self, until: CancellationToken) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            for number in 0..self.settings.waves {
                // A wave that has begun is seen through: half of one says nothing.
                if until.is_cancelled() {
                    self.faults.push(format!("there was time for {number} of {} waves", self.settings.waves));
                    break;
                }
                self.wave(number).await?;
                if !self.faults.is_empty() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn finish(self: Box<Self>, settle: Duration) -> BoxFuture<'static, Result<ActivityReport>> {
        Box::pin(async move {
            self.crowd.settle(settle).await;
            let figures = self.figures();
            let faults = self.faults;
            let mut report = self.crowd.close().await?;
            report.figures = figures;
            report.faults.extend(faults);
            Ok(report)
        })
    }
}

/// Counts the statements that the database server is given, where its address is known.
struct Statements {
    connection: Option<MySqlConnection>,
    last: u64,
}

impl Statements {
    async fn watch(url: Option<&str>) -> Result<Self> {
        let connection = match url {
            Some(url) => {
                let connecting = timeout(Duration::from_secs(5), MySqlConnection::connect(url));
                let connection = connecting.await.context("the database does not answer")?;
                Some(connection.context("the database whose statements are counted refuses us")?)
            }
            None => None,
        };
        let mut statements = Self { connection, last: 0 };
        statements.since().await?;
        Ok(statements)
    }

    /// Statements since the last asking, without this one; `None` where the database is not known.
    async fn since(&mut self) -> Result<Option<u64>> {
        let Some(connection) = &mut self.connection else { return Ok(None) };
        let row = sqlx::query("SHOW GLOBAL STATUS LIKE 'Questions'").fetch_one(connection).await?;
        let now: u64 = row.try_get::<String, _>(1)?.parse()?;
        let count = now.saturating_sub(std::mem::replace(&mut self.last, now));
        // A question is counted before it is answered.
        Ok(Some(count.saturating_sub(1)))
    }
}
