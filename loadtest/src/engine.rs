//! Runs activities side by side: opens their sockets, lets them make their load, waits for the last answers, and puts the
//! figures together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::activity::{Activity, Gauges};
use crate::session::NO_LIMITS;
use crate::stack::Target;
use crate::stats::process::{Machine, Usage, usage_of};
use crate::stats::report::{ActivityReport, ProcessLoad, Report};
use crate::stats::sampler::{Sampler, processes};
use crate::stats::{Counters, Distribution, Kind, float};
use crate::term::{Progress, grouped};

/// How long a run takes, and what happens in it besides the activities.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    /// In which the sockets are opened.
    pub(crate) ramp: Duration,
    /// How long the load goes on.
    pub(crate) seconds: Duration,
    /// How long is waited for the last answers, at most.
    pub(crate) settle: Duration,
    /// When the first hub is killed.
    pub(crate) kill_hub: Option<Duration>,
}

/// How often the live numbers are drawn.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// Is the load under way? Then a first Ctrl-C ends it and not the test. Signals belong to the process, and so does this.
static UNDER_WAY: AtomicBool = AtomicBool::new(false);

/// Is the load under way?
pub(crate) fn is_under_way() -> bool {
    UNDER_WAY.load(Relaxed)
}

/// Runs activities and gives their figures, judged; the scenario's name and the like are the caller's to fill in.
///
/// # Errors
/// The test cannot be run: one sentence.
pub(crate) async fn run(
    mut activities: Vec<Box<dyn Activity>>,
    course: &Course,
    target: &Arc<Target>,
) -> Result<Report> {
    let gauges: Vec<Arc<Gauges>> = activities.iter().map(|activity| activity.gauges()).collect();
    let sockets: u64 = activities.iter().map(|activity| activity.sockets()).sum();
    let at_rest = usages(target);
    let sampler = Sampler::start(gauges.clone(), Arc::clone(target));

    connect(&mut activities, &gauges, sockets, course.ramp).await?;

    let before = usages(target);
    let machine = Machine::watch();
    let began = Instant::now();
    UNDER_WAY.store(true, Relaxed);
    let interrupted = load(&mut activities, &gauges, course, target).await?;
    let sending = began.elapsed();
    let after = usages(target);
    let machine_busy = machine.and_then(|machine| machine.busy());
    let delivered: u64 = gauges.iter().map(|gauges| gauges.counters.deliveries.get()).sum();

    let reports = settle(activities, &gauges, course.settle).await?;
    UNDER_WAY.store(false, Relaxed);
    let whole = began.elapsed();

    let mut report = Report {
        cores: float(u64::try_from(cores()).unwrap_or(1)),
        hubs_tested: u64::try_from(target.hubs.len())?,
        seconds: sending.as_secs_f64(),
        settle_seconds: whole.as_secs_f64() - sending.as_secs_f64(),
        processes: loads(&at_rest, &before, &after, sending, delivered),
        machine_busy,
        series: sampler.stop(began),
        ..Report::default()
    };
    sum_up(&mut report, reports, &gauges);
    let last = gauges.iter().filter_map(|gauges| gauges.last_delivery()).max();
    let until_last = last.map_or(sending, |last| last.saturating_duration_since(began));
    report.deliveries_per_second = float(report.deliveries) / until_last.as_secs_f64().max(0.001);
    if report.deliveries == 0 {
        report.deliveries_per_second = 0.0;
    }
    report.judge();
    if report.limited {
        report.notes.push(NO_LIMITS.to_owned());
    }
    if interrupted {
        report
            .notes
            .push(format!("interrupted: the load was to go on for {:.0} s", course.seconds.as_secs_f64()));
    }
    report.notes.extend(report.bottleneck());
    Ok(report)
}

/// Does the work while the live numbers are drawn.
async fn watched<T>(
    work: impl Future<Output = T>,
    progress: &mut Progress,
    mut numbers: impl FnMut() -> (u64, String),
) -> T {
    let mut work = std::pin::pin!(work);
    let mut tick = interval(SHOW_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = tick.tick() => {
                let (position, detail) = numbers();
                progress.show(position, &detail);
            }
        }
    }
}

fn sum(gauges: &[Arc<Gauges>], of: impl Fn(&Counters) -> u64) -> u64 {
    gauges.iter().map(|gauges| of(&gauges.counters)).sum()
}

/// Opens all sockets.
async fn connect(
    activities: &mut [Box<dyn Activity>],
    gauges: &[Arc<Gauges>],
    sockets: u64,
    ramp: Duration,
) -> Result<()> {
    let mut progress = Progress::begin("connecting", sockets);
    let began = Instant::now();
    let all = try_join_all(activities.iter_mut().map(|activity| {
        let kind = activity.kind();
        let connecting = activity.connect(ramp);
        async move { connecting.await.context(kind) }
    }));
    watched(all, &mut progress, || {
        let ready = sum(gauges, |counters| counters.ready.get());
        (ready, format!("{} of {} sockets", grouped(ready), grouped(sockets)))
    })
    .await?;
    progress.done(&format!("{} sockets in {:.1} s", grouped(sockets), began.elapsed().as_secs_f32()));
    Ok(())
}

/// Lets all activities make their load until the time is over, all schedules have ended, or Ctrl-C; gives whether it was
/// that.
async fn load(
    activities: &mut [Box<dyn Activity>],
    gauges: &[Arc<Gauges>],
    course: &Course,
    target: &Target,
) -> Result<bool> {
    let mut progress = Progress::begin("load", course.seconds.as_secs());
    let began = Instant::now();
    let until = CancellationToken::new();
    let _ended = until.clone().drop_guard();
    let all = try_join_all(activities.iter_mut().map(|activity| {
        let kind = activity.kind();
        let running = activity.run(until.clone());
        async move { running.await.context(kind) }
    }));
    let mut interrupt = signal(SignalKind::interrupt()).ok();
    let notes = progress.notes();
    let mut interrupted = false;
    let events = async {
        tokio::select! {
            () = tokio::time::sleep(course.seconds) => {}
            () = heard(interrupt.as_mut()) => {
                interrupted = true;
                notes.say("  interrupted: no more load; waiting for the last answers");
            }
        }
        until.cancel();
        std::future::pending::<()>().await;
    };
    let kill = async {
        if let Some(at) = course.kill_hub {
            tokio::time::sleep(at).await;
            match target.kill_first_hub() {
                Ok(pid) => notes.say(&format!("  {:<14} hub {pid}", "kill -9")),
                Err(error) => notes.say(&format!("  no hub was killed: {error:#}")),
            }
        }
        std::future::pending::<()>().await;
    };
    let work = async {
        tokio::select! {
            done = all => done.map(drop),
            () = events => Ok(()),
            () = kill => Ok(()),
        }
    };
    let done =
        watched(work, &mut progress, || (began.elapsed().as_secs(), live_numbers(gauges, began.elapsed())))
            .await;
    done?;
    progress.done(&live_numbers(gauges, began.elapsed()));
    Ok(interrupted)
}

async fn heard(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn live_numbers(gauges: &[Arc<Gauges>], elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    let count = |of: fn(&Counters) -> u64| sum(gauges, of);
    let mut text = format!("{seconds:.0} s: online {}", grouped(count(|counters| counters.online.get())));
    let (sent, acknowledged) =
        (count(|counters| counters.sent.get()), count(|counters| counters.acknowledged.get()));
    if sent > 0 {
        text.push_str(&format!(", sent {}, acknowledged {}", grouped(sent), grouped(acknowledged)));
    }
    let deliveries = count(|counters| counters.deliveries.get());
    if deliveries > 0 {
        let p99 = merged(gauges, Kind::Delivery).percentiles().p99;
        let a_second = float(deliveries) / seconds.max(0.001);
        text.push_str(&format!(", delivered {} ({a_second:.0}/s, p99 {p99:.1} ms)", grouped(deliveries)));
    }
    let requests = merged(gauges, Kind::Request);
    if requests.count() > 0 {
        let a_second = float(requests.count()) / seconds.max(0.001);
        let p99 = requests.percentiles().p99;
        text.push_str(&format!(
            ", requests {} ({a_second:.0}/s, p99 {p99:.1} ms)",
            grouped(requests.count())
        ));
    }
    for (number, name) in [
        (count(|counters| counters.reconnects.get()), "reconnects"),
        (gauges.iter().map(|gauges| gauges.counters.error_count()).sum(), "errors"),
    ] {
        if number > 0 {
            text.push_str(&format!(", {name} {}", grouped(number)));
        }
    }
    text
}

fn merged(gauges: &[Arc<Gauges>], kind: Kind) -> Distribution {
    let mut all = Distribution::default();
    for gauges in gauges {
        gauges.latencies.add_to(kind, &mut all);
    }
    all
}

/// Waits for the last answers of all activities, closes their sockets, settles their accounts.
async fn settle(
    activities: Vec<Box<dyn Activity>>,
    gauges: &[Arc<Gauges>],
    limit: Duration,
) -> Result<Vec<ActivityReport>> {
    let mut progress = Progress::begin("settling", 1);
    let began = Instant::now();
    let mut missing = 0;
    let all = try_join_all(activities.into_iter().map(|activity| activity.finish(limit)));
    let reports = watched(all, &mut progress, || {
        missing = sum(gauges, |counters| counters.missing.get());
        (0, format!("{} answers and deliveries missing", grouped(missing)))
    })
    .await?;
    progress.done(&format!("{:.1} s", began.elapsed().as_secs_f32()));
    Ok(reports)
}

/// The whole is the sum of its parts.
fn sum_up(report: &mut Report, activities: Vec<ActivityReport>, gauges: &[Arc<Gauges>]) {
    for activity in &activities {
        report.connections += activity.connections;
        report.sent += activity.sent;
        report.acknowledged += activity.acknowledged;
        report.unacknowledged += activity.unacknowledged;
        report.refused += activity.refused;
        report.held_back += activity.held_back;
        report.not_sent += activity.not_sent;
        report.sent_again += activity.sent_again;
        report.deliveries += activity.deliveries;
        report.lost += activity.lost;
        report.duplicated += activity.duplicated;
        report.repeats += activity.repeats;
        report.out_of_order += activity.out_of_order;
        report.gaps += activity.gaps;
        report.reconnects += activity.reconnects;
        report.recovered += activity.recovered;
        report.not_recovered += activity.not_recovered;
        report.ended += activity.ended;
        report.limited |= activity.limited;
        for (name, count) in &activity.errors {
            *report.errors.entry(name.clone()).or_default() += count;
        }
    }
    report.sent_per_second = float(report.sent) / report.seconds.max(0.001);
    report.activities = activities;
    let latencies: BTreeMap<&str, Distribution> = Kind::ALL
        .into_iter()
        .map(|kind| (kind.name(), merged(gauges, kind)))
        .filter(|(_, all)| all.count() > 0)
        .collect();
    for (name, all) in latencies {
        report.latencies.insert(name.to_owned(), all.percentiles());
        report.distributions.insert(name.to_owned(), all.curve());
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The use of every process of the installation and of our own, by role and process id.
type Usages = Vec<((String, u32), Usage)>;

fn usages(target: &Target) -> Usages {
    processes(target)
        .into_iter()
        .filter_map(|process| Some((process.clone(), usage_of(process.1)?)))
        .collect()
}

/// The load of those processes that lived through it.
fn loads(
    at_rest: &Usages,
    before: &Usages,
    after: &Usages,
    took: Duration,
    delivered: u64,
) -> Vec<ProcessLoad> {
    let find = |usages: &Usages, process: &(String, u32)| {
        usages.iter().find(|(known, _)| known == process).map(|(_, usage)| *usage)
    };
    let load = |((role, pid), after): &((String, u32), Usage)| {
        let process = (role.clone(), *pid);
        let busy = after.busy.checked_sub(find(before, &process)?.busy)?;
        Some(ProcessLoad {
            role: role.clone(),
            pid: *pid,
            cores: busy.as_secs_f64() / took.as_secs_f64().max(0.001),
            resident: after.resident,
            resident_before: find(at_rest, &process).map_or(0, |usage| usage.resident),
            microseconds_a_delivery: (delivered > 0).then(|| busy.as_secs_f64() * 1e6 / float(delivered)),
        })
    };
    after.iter().filter_map(load).collect()
}

/// Files that a process needs besides its sockets: the runtime, the log, connections to other servers.
const OTHERS: u64 = 200;

/// Refuses more sockets than this process may have files, and says what the limit is.
///
/// # Errors
/// One sentence with the limit.
pub(crate) fn check_own_limit(sockets: u64, files: Option<u64>) -> Result<()> {
    if let Some(files) = files.filter(|files| *files < sockets + OTHERS) {
        bail!(
            "{} sockets are too many for one tester: this system allows a process {} open files, so at most {} sockets. \
             Raise the hard limit (`ulimit -Hn`), or run several testers with --up",
            grouped(sockets),
            grouped(files),
            grouped(files.saturating_sub(OTHERS))
        );
    }
    Ok(())
}

/// Refuses more sockets than the hubs may have files, where they are on this machine.
///
/// # Errors
/// One sentence with the limit.
pub(crate) fn check_hub_limits(sockets: u64, target: &Target) -> Result<()> {
    let hubs = float(u64::try_from(target.hubs.len()).unwrap_or(1).max(1));
    for (place, pid) in target.hub_pids().into_iter().enumerate() {
        let Some(files) = crate::stats::process::file_limit_of(pid) else { continue };
        if float(sockets) / hubs > float(files.saturating_sub(OTHERS)) {
            bail!(
                "{} sockets are too many for {hubs} hubs: hub {} may have {} open files. Start more (--hubs), or raise \
                 their limit",
                grouped(sockets),
                place + 1,
                grouped(files)
            );
        }
    }
    Ok(())
}
