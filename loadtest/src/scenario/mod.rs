//! What every scenario does: bring up the sockets, send by the clock, wait for the last messages, settle the accounts.

pub(crate) mod chat;
pub(crate) mod room;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::cli::CommonOptions;
use crate::ledger::due_after;
use crate::listener::Listener;
use crate::member::Member;
use crate::session::NO_LIMITS;
use crate::stack::Target;
use crate::stats::process::{Machine, Usage, usage_of};
use crate::stats::report::{HubLoad, Load, Report};
use crate::stats::{Kind, float};
use crate::term::{Progress, grouped};
use crate::world::World;

/// A scenario, ready to run.
pub(crate) struct Run {
    /// Its name.
    pub(crate) scenario: &'static str,
    /// It in words.
    pub(crate) description: String,
    /// What its sockets share.
    pub(crate) world: Arc<World>,
    /// Its sockets.
    pub(crate) members: Vec<Member>,
    /// Where each message of the schedule goes.
    pub(crate) senders: Senders,
    /// Listeners of each part.
    pub(crate) listeners: Vec<u64>,
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
/// The ramp is given up when no socket became ready for this long.
const RAMP_PATIENCE: Duration = Duration::from_secs(30);
/// How often the live numbers are drawn.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// Are messages under way? Then a first Ctrl-C ends the schedule and not the test. Signals belong to the process, and so
/// does this.
static UNDER_WAY: AtomicBool = AtomicBool::new(false);

/// Are messages under way?
pub(crate) fn is_under_way() -> bool {
    UNDER_WAY.load(Relaxed)
}

/// Runs a scenario and gives its figures.
///
/// # Errors
/// The test cannot be run: one sentence.
pub(crate) async fn run(run: Run, options: &CommonOptions, target: &Target) -> Result<Report> {
    let Run { scenario, description, world, members, senders, listeners } = run;
    let planned = u64::try_from(members.len()).unwrap_or_default();
    let mut tasks = JoinSet::new();
    for member in members {
        tasks.spawn(member.run());
    }
    ramp(&world, planned).await?;

    let pids = target.hub_pids();
    let before: Vec<Option<Usage>> = pids.iter().map(|pid| usage_of(*pid)).collect();
    let own_before = usage_of(std::process::id());
    let machine = Machine::watch();
    let began = Instant::now();
    world.begin();
    let first_send = world.ledger.now();
    UNDER_WAY.store(true, Relaxed);
    let due = send(&world, &senders, options.kill_hub, target).await;
    drop(senders);
    let sending = began.elapsed();
    settle(&world, &listeners, u64::from(due), Duration::from_secs(u64::from(options.settle))).await;
    UNDER_WAY.store(false, Relaxed);
    let whole = began.elapsed();

    let seconds = sending.as_secs_f64();
    let settle_seconds = whole.as_secs_f64() - seconds;
    let hubs = hub_loads(&pids, &before, whole);
    let tester = tester_load(own_before, whole);
    let machine_busy = machine.and_then(|machine| machine.busy());
    world.stop.cancel();
    let heard = gather(tasks).await?;

    let counters = &world.counters;
    let mut report = Report {
        scenario,
        description,
        seconds,
        settle_seconds,
        connections: planned,
        sent: counters.sent.get(),
        sent_per_second: float(counters.sent.get()) / seconds.max(0.001),
        sent_again: counters.sent_again.get(),
        acknowledged: counters.acknowledged.get(),
        unacknowledged: world.ledger.count_open().saturating_sub(world.ledger.count_held_back()),
        held_back: world.ledger.count_held_back(),
        refused: counters.refused.get(),
        not_sent: u64::from(due).saturating_sub(counters.sent.get()),
        deliveries: counters.deliveries.get(),
        acknowledgement_ms: world.latencies.percentiles(Kind::Acknowledgement),
        delivery_ms: world.latencies.percentiles(Kind::Delivery),
        recovery_ms: world.latencies.percentiles(Kind::Recovery),
        behind_schedule_ms: world.latencies.percentiles(Kind::Behind),
        duplicated: counters.written_twice.get(),
        reconnects: counters.reconnects.get(),
        recovered: counters.recovered.get(),
        not_recovered: counters.not_recovered.get(),
        ended: counters.ended.get(),
        errors: counters.errors(),
        limited: counters.limited.load(Relaxed),
        tester,
        machine_busy,
        hubs_complete: !hubs.is_empty() && hubs.len() == target.hubs.len(),
        hubs,
        ..Report::default()
    };
    let until_last = counters.last_delivery.get().saturating_sub(first_send);
    report.deliveries_per_second =
        float(report.deliveries) / Duration::from_micros(until_last).as_secs_f64().max(0.001);
    for listener in &heard {
        let tally = listener.tally();
        report.lost += listener.count_lost(&world.ledger);
        report.duplicated += tally.duplicated;
        report.repeats += tally.repeats;
        report.out_of_order += tally.out_of_order;
        report.gaps += tally.gaps;
    }
    report.judge();
    Ok(report)
}

/// Waits until every socket is ready.
async fn ramp(world: &World, planned: u64) -> Result<()> {
    let mut progress = Progress::begin("connecting", planned);
    let began = Instant::now();
    let (mut ready, mut moved) = (0, Instant::now());
    while ready < planned {
        if let Some(failure) = world.failure() {
            bail!("{failure}");
        }
        let now = world.counters.ready.get();
        if now > ready {
            (ready, moved) = (now, Instant::now());
        } else if moved.elapsed() > RAMP_PATIENCE {
            let errors = world.counters.errors();
            let most = errors.iter().max_by_key(|(_, count)| **count);
            let advice = if world.counters.limited.load(Relaxed) { NO_LIMITS } else { "" };
            bail!(
                "only {ready} of {planned} sockets could be opened: {}. {advice}",
                most.map_or("no answer", |(name, _)| name.as_str())
            );
        }
        progress.show(ready, &format!("{} of {} sockets", grouped(ready), grouped(planned)));
        sleep(Duration::from_millis(20)).await;
    }
    progress.done(&format!("{} sockets in {:.1} s", grouped(planned), began.elapsed().as_secs_f32()));
    Ok(())
}

/// Hands every message to its sender when it is due; Ctrl-C ends the schedule early. Gives how many were due.
async fn send(world: &World, senders: &Senders, kill_hub: Option<u32>, target: &Target) -> u32 {
    let total = world.ledger.total();
    let mut progress = Progress::begin("sending", u64::from(total));
    let mut tick = interval(Duration::from_millis(2));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // One listener for the whole schedule: it remembers a signal that comes between two ticks.
    let mut interrupt = signal(SignalKind::interrupt()).ok();
    let began = Instant::now();
    let mut kill_at = kill_hub.map(|seconds| Duration::from_secs(u64::from(seconds)));
    let mut shown = Instant::now();
    let mut next = 0;
    while next < total {
        tokio::select! {
            _ = tick.tick() => {}
            () = heard(interrupt.as_mut()) => {
                progress.note("  interrupted: no more messages; waiting for the last ones");
                break;
            }
        }
        while next < total && due_after(next, world.rate) <= began.elapsed() {
            let queue = senders.queues.get((senders.choose)(next));
            if queue.is_none_or(|queue| queue.try_send(next).is_err()) {
                world.counters.not_offered.up();
            }
            next += 1;
        }
        if kill_at.is_some_and(|at| at <= began.elapsed()) {
            kill_at = None;
            match target.kill_first_hub() {
                Ok(pid) => progress.note(&format!("  {:<14} hub {pid}", "kill -9")),
                Err(error) => progress.note(&format!("  no hub was killed: {error:#}")),
            }
        }
        if shown.elapsed() >= SHOW_EVERY {
            shown = Instant::now();
            progress.show(u64::from(next), &live_numbers(world, began.elapsed()));
        }
    }
    progress.done(&live_numbers(world, began.elapsed()));
    next
}

async fn heard(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn live_numbers(world: &World, elapsed: Duration) -> String {
    let counters = &world.counters;
    let delivery = world.latencies.percentiles(Kind::Delivery);
    format!(
        "{:.0} s: sent {}, acknowledged {}, delivered {} ({:.0}/s, p99 {:.1} ms), online {}, reconnects {}",
        elapsed.as_secs_f64(),
        grouped(counters.sent.get()),
        grouped(counters.acknowledged.get()),
        grouped(counters.deliveries.get()),
        float(counters.deliveries.get()) / elapsed.as_secs_f64().max(0.001),
        delivery.p99,
        grouped(counters.online.get()),
        grouped(counters.reconnects.get()),
    )
}

/// Waits until everything sent is answered, and everything acknowledged known to all who should know it.
async fn settle(world: &World, listeners: &[u64], due: u64, limit: Duration) {
    let mut progress = Progress::begin("settling", 1);
    let began = Instant::now();
    loop {
        let open = world.ledger.count_open();
        let acknowledged = world.ledger.acknowledged_by_part();
        let expected: u64 =
            acknowledged.iter().zip(listeners).map(|(messages, hearers)| messages * hearers).sum();
        let missing = expected.saturating_sub(world.counters.deliveries.get());
        let waiting = due.saturating_sub(world.counters.sent.get() + world.counters.not_offered.get());
        if open + missing + waiting == 0 {
            break;
        }
        if began.elapsed() >= limit {
            let [open, missing, waiting] = [open, missing, waiting].map(grouped);
            progress.note(&format!(
                "  gave up waiting: {open} unanswered, {missing} undelivered, {waiting} waiting to be sent"
            ));
            break;
        }
        let detail = format!("{} unanswered, {} deliveries missing", grouped(open), grouped(missing));
        progress.show(0, &detail);
        sleep(Duration::from_millis(50)).await;
    }
    // A repeat or a duplicate may follow on the heels of the last message.
    sleep(Duration::from_millis(300)).await;
    progress.done(&format!("{:.1} s", began.elapsed().as_secs_f32()));
}

async fn gather(mut tasks: JoinSet<Option<Listener>>) -> Result<Vec<Listener>> {
    let all = async {
        let mut heard = Vec::with_capacity(tasks.len());
        while let Some(finished) = tasks.join_next().await {
            heard.extend(finished.context("a socket's task ended unexpectedly")?);
        }
        anyhow::Ok(heard)
    };
    timeout(Duration::from_secs(30), all).await.context("some sockets did not end within 30 s")?
}

fn tester_load(before: Option<Usage>, whole: Duration) -> Load {
    let of = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let busy = match (before, usage_of(std::process::id())) {
        (Some(before), Some(after)) => after.busy.saturating_sub(before.busy),
        _ => Duration::ZERO,
    };
    Load {
        cores: busy.as_secs_f64() / whole.as_secs_f64().max(0.001),
        of: float(u64::try_from(of).unwrap_or(1)),
    }
}

/// The load of those hubs that lived through the run.
fn hub_loads(pids: &[u32], before: &[Option<Usage>], whole: Duration) -> Vec<HubLoad> {
    pids.iter()
        .zip(before)
        .filter_map(|(pid, before)| {
            let (before, after) = ((*before)?, usage_of(*pid)?);
            let cores = after.busy.checked_sub(before.busy)?.as_secs_f64() / whole.as_secs_f64().max(0.001);
            Some(HubLoad { pid: *pid, cores, resident: after.resident })
        })
        .collect()
}

/// A number that tells this run's messages from those of others.
pub(crate) fn run_number() -> u32 {
    rand::random()
}
