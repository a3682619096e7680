//! Sockets that listen and speak, with exact accounts of every message: what `chat`, `room`, `idle` and `reconnect` are
//! made of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Activity, Gauges};
use crate::ledger::due_after;
use crate::listener::Listener;
use crate::member::Member;
use crate::session::NO_LIMITS;
use crate::stats::report::ActivityReport;
use crate::world::World;

/// The sockets of one activity and what they shall say.
pub(crate) struct Crowd {
    kind: &'static str,
    description: String,
    /// What the sockets share.
    pub(super) world: Arc<World>,
    members: Vec<Member>,
    planned: u64,
    tasks: JoinSet<Vec<Listener>>,
    senders: Senders,
    /// Listeners of each part of the ledger.
    listeners: Vec<u64>,
    due: u32,
}

/// The queues of all who send.
pub(crate) struct Senders {
    /// By sender.
    pub(crate) queues: Vec<mpsc::Sender<u32>>,
    /// Who sends a message.
    pub(crate) choose: Box<dyn Fn(u32) -> usize + Send + Sync>,
}

/// Messages that wait for one sender, at most; beyond that the tester cannot keep the schedule and says so.
pub(crate) const QUEUE: usize = 4096;
/// Connecting is given up when no socket became ready for this long.
const PATIENCE: Duration = Duration::from_secs(30);
/// The engine's clock began a little before the schedule's.
const LATE: Duration = Duration::from_millis(100);

impl Senders {
    /// Nobody sends.
    pub(crate) fn none() -> Self {
        Self { queues: Vec::new(), choose: Box::new(|_| 0) }
    }
}

impl Crowd {
    /// A crowd that has not connected yet. `listeners` has the number of listeners of each part of the world's ledger.
    pub(crate) fn new(
        (kind, description): (&'static str, String),
        world: Arc<World>,
        members: Vec<Member>,
        senders: Senders,
        listeners: Vec<u64>,
    ) -> Self {
        let planned = u64::try_from(members.len()).unwrap_or(u64::MAX);
        Self { kind, description, world, members, planned, tasks: JoinSet::new(), senders, listeners, due: 0 }
    }

    /// Sockets that it holds.
    pub(crate) const fn planned(&self) -> u64 {
        self.planned
    }

    /// Opens all sockets, spread over `ramp`.
    pub(crate) async fn open(&mut self, ramp: Duration) -> Result<()> {
        let began = Instant::now();
        let step = ramp.div_f64(crate::stats::float(self.planned.max(1)));
        let (mut ready, mut moved) = (0, Instant::now());
        let mut waiting = std::mem::take(&mut self.members).into_iter();
        let mut at = Duration::ZERO;
        while ready < self.planned {
            while at <= began.elapsed()
                && let Some(member) = waiting.next()
            {
                self.tasks.spawn(member.run());
                at += step;
            }
            if let Some(failure) = self.world.failure() {
                bail!("{failure}");
            }
            let counters = &self.world.gauges.counters;
            let now = counters.ready.get();
            if now > ready {
                (ready, moved) = (now, Instant::now());
            } else if moved.elapsed() > PATIENCE.max(step * 2) {
                let errors = counters.errors();
                let most = errors.iter().max_by_key(|(_, count)| **count);
                let limited = counters.limited.load(std::sync::atomic::Ordering::Relaxed);
                let advice = if limited { format!(" ({NO_LIMITS})") } else { String::new() };
                bail!(
                    "only {ready} of {} sockets could be opened: {}{advice}",
                    self.planned,
                    most.map_or("no answer", |(name, _)| name.as_str())
                );
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Hands every message to its sender when it is due.
    pub(crate) async fn speak(&mut self, until: &CancellationToken) {
        self.world.begin();
        let total = self.world.ledger.total();
        let mut tick = interval(Duration::from_millis(2));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let began = Instant::now();
        let mut ended = false;
        while self.due < total && !ended {
            let mut now = tokio::select! {
                _ = tick.tick() => began.elapsed(),
                () = until.cancelled() => {
                    ended = true;
                    began.elapsed() + LATE
                }
            };
            if !ended {
                now = began.elapsed();
            }
            while self.due < total && due_after(self.due, self.world.rate) <= now {
                self.offer(self.due);
                self.due += 1;
            }
        }
    }

    /// Hands a message to its sender now.
    pub(super) fn offer(&self, sequence: u32) {
        let queue = self.senders.queues.get((self.senders.choose)(sequence));
        if queue.is_none_or(|queue| queue.try_send(sequence).is_err()) {
            self.world.gauges.counters.not_offered.up();
        }
    }

    /// Notes that messages up to this one were offered.
    pub(super) const fn note_due(&mut self, due: u32) {
        self.due = due;
    }

    /// Answers and deliveries that are still to come.
    pub(super) fn missing(&self) -> u64 {
        let World { ledger, gauges, .. } = &*self.world;
        let acknowledged = ledger.acknowledged_by_part();
        let expected: u64 =
            acknowledged.iter().zip(&self.listeners).map(|(messages, hearers)| messages * hearers).sum();
        let undelivered = expected.saturating_sub(gauges.counters.deliveries.get());
        let offered = gauges.counters.sent.get() + gauges.counters.not_offered.get();
        ledger.count_open() + undelivered + u64::from(self.due).saturating_sub(offered)
    }

    /// Waits until everything sent is answered, and everything acknowledged known to all who should know it.
    pub(super) async fn settle(&self, limit: Duration) {
        let began = Instant::now();
        loop {
            let missing = self.missing();
            self.world.gauges.counters.missing.set(missing);
            if missing == 0 || began.elapsed() >= limit {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        // A repeat or a duplicate may follow on the heels of the last message.
        sleep(Duration::from_millis(300)).await;
        self.world.gauges.counters.missing.set(0);
    }

    /// Closes all sockets and settles the accounts.
    pub(super) async fn close(mut self) -> Result<ActivityReport> {
        let world = &self.world;
        let counters = &world.gauges.counters;
        // Before they leave.
        let open = world.ledger.count_open();
        world.stop.cancel();
        let heard = gather(self.tasks).await?;
        let mut report = world.gauges.report(self.kind, &self.description);
        report.connections = self.planned;
        report.held_back = world.ledger.count_held_back();
        report.unacknowledged = open.saturating_sub(report.held_back);
        report.not_sent = u64::from(self.due).saturating_sub(counters.sent.get());
        for listener in &heard {
            let tally = listener.tally();
            report.lost += listener.count_lost(&world.ledger);
            report.duplicated += tally.duplicated;
            report.repeats += tally.repeats;
            report.out_of_order += tally.out_of_order;
            report.gaps += tally.gaps;
        }
        if !self.senders.queues.is_empty() && report.deliveries == 0 {
            report.faults.push("nothing was delivered".to_owned());
        }
        self.senders.queues.clear();
        Ok(report)
    }
}

impl Activity for Crowd {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn sockets(&self) -> u64 {
        self.planned
    }

    fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(&self.world.gauges)
    }

    fn connect(&mut self, ramp: Duration) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.open(ramp))
    }

    fn run(&mut self, until: CancellationToken) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.speak(&until).await;
            Ok(())
        })
    }

    fn finish(self: Box<Self>, settle: Duration) -> BoxFuture<'static, Result<ActivityReport>> {
        Box::pin(async move {
            self.settle(settle).await;
            self.close().await
        })
    }
}

async fn gather(mut tasks: JoinSet<Vec<Listener>>) -> Result<Vec<Listener>> {
    let all = async {
        let mut heard = Vec::with_capacity(tasks.len());
        while let Some(finished) = tasks.join_next().await {
            heard.extend(finished.context("a socket's task ended unexpectedly")?);
        }
        anyhow::Ok(heard)
    };
    timeout(Duration::from_secs(30), all).await.context("some sockets did not end within 30 s")?
}

/// A number that tells a ledger's messages from those of others.
pub(crate) fn run_number() -> u32 {
    rand::random()
}
