//! What happens from second to second: a look at the gauges and the processes every second, kept for the plots.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::process::{Usage, usage_of};
use super::report::{Line, Series};
use super::{Distribution, Kind, float};
use crate::activity::Gauges;
use crate::stack::Target;

/// How often is looked.
const EVERY: Duration = Duration::from_secs(1);
/// Points that are kept; when there are more, every second one goes and half as often is looked.
const MOST_POINTS: usize = 600;

/// The counts at one moment, over all activities.
#[derive(Clone, Default)]
pub(super) struct Look {
    sent: u64,
    acknowledged: u64,
    deliveries: u64,
    online: u64,
    errors: u64,
    latencies: Vec<(Kind, Distribution)>,
    /// By role: the process and its use of processor and memory.
    processes: BTreeMap<String, (u32, Usage)>,
}

/// The kinds whose course is drawn.
const DRAWN: [Kind; 4] = [Kind::Delivery, Kind::Acknowledgement, Kind::Request, Kind::Presence];

impl Look {
    fn now(gauges: &[Arc<Gauges>], processes: Vec<(String, u32)>) -> Self {
        let mut look = Self::default();
        for gauges in gauges {
            let counters = &gauges.counters;
            look.sent += counters.sent.get();
            look.acknowledged += counters.acknowledged.get();
            look.deliveries += counters.deliveries.get();
            look.online += counters.online.get();
            look.errors += counters.error_count();
        }
        for kind in DRAWN {
            let mut all = Distribution::default();
            for gauges in gauges {
                gauges.latencies.add_to(kind, &mut all);
            }
            look.latencies.push((kind, all));
        }
        look.processes =
            processes.into_iter().filter_map(|(role, pid)| Some((role, (pid, usage_of(pid)?)))).collect();
        look
    }
}

/// One point of the series: values by (group, name, unit).
type Point = HashMap<Name, f64>;
type Name = (&'static str, String, &'static str);

/// What changed between two looks that lie so many seconds apart.
pub(super) fn point(before: &Look, now: &Look, seconds: f64) -> Point {
    let mut point = Point::new();
    let mut note = |group: &'static str, name: String, unit: &'static str, value: f64| {
        point.insert((group, name, unit), value);
    };
    let a_second = |now: u64, before: u64| float(now.saturating_sub(before)) / seconds;
    for (name, value) in [
        ("sent", a_second(now.sent, before.sent)),
        ("delivered", a_second(now.deliveries, before.deliveries)),
        ("acknowledged", a_second(now.acknowledged, before.acknowledged)),
    ] {
        note("throughput", name.to_owned(), "/s", value);
    }
    note("connections", "open".to_owned(), "", float(now.online));
    note("errors", "errors".to_owned(), "/s", a_second(now.errors, before.errors));
    for (place, (kind, all)) in now.latencies.iter().enumerate() {
        let fresh = match before.latencies.get(place) {
            Some((_, earlier)) => all.since(earlier),
            None => all.clone(),
        };
        if fresh.count() > 0 {
            let figures = fresh.percentiles();
            note("latency", format!("{} p50", kind.name()), "ms", figures.p50);
            note("latency", format!("{} p99", kind.name()), "ms", figures.p99);
        }
        if *kind == Kind::Request && all.count() > 0 {
            note("throughput", "requests".to_owned(), "/s", float(fresh.count()) / seconds);
        }
    }
    for (role, (pid, usage)) in &now.processes {
        note("memory", role.clone(), "MiB", float(usage.resident) / 1_048_576.0);
        if let Some((_, earlier)) = before.processes.get(role).filter(|(earlier, _)| earlier == pid) {
            let busy = usage.busy.saturating_sub(earlier.busy).as_secs_f64();
            note("cpu", role.clone(), "cores", busy / seconds);
        }
    }
    point
}

/// The points so far.
#[derive(Default)]
pub(super) struct Points {
    moments: Vec<Instant>,
    points: Vec<Point>,
    /// One look in so many is kept.
    stride: u32,
    looks: u32,
}

impl Points {
    /// Takes a look's turn; gives whether it is to be kept.
    pub(super) fn is_due(&mut self) -> bool {
        self.looks += 1;
        self.looks.is_multiple_of(self.stride.max(1))
    }

    pub(super) fn push(&mut self, moment: Instant, point: Point) {
        self.moments.push(moment);
        self.points.push(point);
        if self.points.len() >= MOST_POINTS {
            keep_every_second(&mut self.moments);
            keep_every_second(&mut self.points);
            self.stride = self.stride.max(1) * 2;
        }
    }

    /// As lines; the moments count from `zero`.
    pub(super) fn series(self, zero: Instant) -> Series {
        let mut names: Vec<Name> = self.points.iter().flat_map(HashMap::keys).cloned().collect();
        names.sort_unstable_by_key(rank);
        names.dedup();
        let lines = names
            .into_iter()
            .map(|name| Line {
                values: self.points.iter().map(|point| point.get(&name).copied()).collect(),
                group: name.0,
                unit: name.2,
                name: name.1,
            })
            .collect();
        let seconds = (self.moments.iter())
            .map(|moment| match moment.checked_duration_since(zero) {
                Some(after) => after.as_secs_f64(),
                None => -zero.duration_since(*moment).as_secs_f64(),
            })
            .map(|seconds| (seconds * 1000.0).round() / 1000.0)
            .collect();
        Series { seconds, lines }
    }
}

/// The second, the fourth …: a look in twice as many seconds ends there.
fn keep_every_second<T>(values: &mut Vec<T>) {
    let mut keep = true;
    values.retain(|_| {
        keep = !keep;
        keep
    });
}

/// Groups and names in the order in which people read them.
fn rank((group, name, _): &Name) -> (usize, usize, String) {
    const GROUPS: [&str; 6] = ["latency", "throughput", "connections", "errors", "cpu", "memory"];
    const NAMES: [&str; 7] =
        ["delivery", "acknowledgement", "sent", "delivered", "acknowledged", "hub", "api"];
    let place = |list: &[&str], wanted: &str| {
        list.iter().position(|known| wanted.starts_with(known)).unwrap_or(list.len())
    };
    (place(&GROUPS, group), place(&NAMES, name), name.clone())
}

/// Looks every second until it is stopped.
pub(crate) struct Sampler {
    points: Arc<Mutex<Points>>,
    task: JoinHandle<()>,
}

impl Sampler {
    /// Begins to look at these gauges, at the installation's processes and at our own.
    pub(crate) fn start(gauges: Vec<Arc<Gauges>>, target: Arc<Target>) -> Self {
        let points = Arc::new(Mutex::new(Points::default()));
        let kept = Arc::clone(&points);
        let task = tokio::spawn(async move {
            let mut tick = interval(EVERY);
            // Rates are of the time that has really passed.
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            tick.tick().await;
            let mut last = (Instant::now(), Look::now(&gauges, processes(&target)));
            loop {
                tick.tick().await;
                if !kept.lock().unwrap_or_else(PoisonError::into_inner).is_due() {
                    continue;
                }
                let now = (Instant::now(), Look::now(&gauges, processes(&target)));
                let seconds = now.0.duration_since(last.0).as_secs_f64().max(0.001);
                let point = point(&last.1, &now.1, seconds);
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(now.0, point);
                last = now;
            }
        });
        Self { points, task }
    }

    /// Stops looking; gives what was seen, in seconds since `zero`.
    pub(crate) fn stop(self, zero: Instant) -> Series {
        self.task.abort();
        let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *points).series(zero)
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The installation's processes and our own, by role.
pub(crate) fn processes(target: &Target) -> Vec<(String, u32)> {
    let mut processes = target.processes();
    processes.push(("tester".to_owned(), std::process::id()));
    processes
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::{Look, MOST_POINTS, Points, point};
    use crate::activity::Gauges;
    use crate::stats::Kind;
    use crate::stats::process::Usage;

    fn value(point: &super::Point, group: &'static str, name: &str) -> Option<f64> {
        point.iter().find(|((g, n, _), _)| *g == group && n == name).map(|(_, value)| *value)
    }

    #[test]
    fn a_point_is_what_changed_since_the_last_look_a_second() {
        let gauges = Arc::new(Gauges::new());
        gauges.counters.sent.add(100);
        gauges.counters.online.set(7);
        for _ in 0..100 {
            gauges.latencies.record(Kind::Delivery, 1, 1_000_000);
        }
        let mut before = Look::now(&[Arc::clone(&gauges)], Vec::new());
        gauges.counters.sent.add(30);
        gauges.counters.error("closed");
        for socket in 0..50 {
            gauges.latencies.record(Kind::Delivery, socket, 2_000);
        }
        let mut now = Look::now(&[Arc::clone(&gauges), Arc::new(Gauges::new())], Vec::new());
        let usage = |busy, resident| Usage { busy: Duration::from_secs(busy), resident };
        before.processes.insert("hub 1".to_owned(), (5, usage(10, 1 << 20)));
        before.processes.insert("hub 2".to_owned(), (6, usage(10, 1 << 20)));
        now.processes.insert("hub 1".to_owned(), (5, usage(13, 3 << 20)));
        now.processes.insert("hub 2".to_owned(), (9, usage(1, 3 << 20)));

        let point = point(&before, &now, 2.0);
        assert_eq!(value(&point, "throughput", "sent"), Some(15.0));
        assert_eq!(value(&point, "throughput", "acknowledged"), Some(0.0));
        assert_eq!(value(&point, "connections", "open"), Some(7.0));
        assert_eq!(value(&point, "errors", "errors"), Some(0.5));
        let p99 = value(&point, "latency", "delivery p99").unwrap();
        assert!((p99 - 2.0).abs() < 0.01, "what came before does not count: {p99}");
        assert_eq!(value(&point, "latency", "acknowledgement p99"), None);
        assert_eq!(value(&point, "cpu", "hub 1"), Some(1.5));
        assert_eq!(value(&point, "memory", "hub 1"), Some(3.0));
        assert_eq!(value(&point, "cpu", "hub 2"), None, "it is another process");
    }

    #[test]
    fn lines_have_a_place_for_every_moment_and_zero_is_the_beginning_of_the_load() {
        let gauges = [Arc::new(Gauges::new())];
        let first = Look::now(&gauges, Vec::new());
        gauges[0].latencies.record(Kind::Delivery, 0, 5_000);
        let second = Look::now(&gauges, Vec::new());
        let mut points = Points::default();
        let zero = Instant::now() + Duration::from_secs(10);
        points.push(zero - Duration::from_secs(1), point(&first, &first, 1.0));
        points.push(zero + Duration::from_secs(2), point(&first, &second, 1.0));
        let series = points.series(zero);
        assert_eq!(series.seconds, [-1.0, 2.0]);
        assert!(series.lines.iter().all(|line| line.values.len() == 2));
        assert_eq!((series.lines[0].group, series.lines[0].name.as_str()), ("latency", "delivery p50"));
        assert_eq!(series.lines[0].values[0], None);
        assert!(series.lines[0].values[1].is_some());
    }

    #[test]
    fn long_runs_are_looked_at_less_often() {
        let mut points = Points::default();
        let begin = Instant::now();
        for second in 0..2000 {
            if points.is_due() {
                let look = Look::default();
                points.push(begin + Duration::from_secs(second), point(&look, &look, 1.0));
            }
        }
        let series = points.series(begin);
        assert!(series.seconds.len() < MOST_POINTS && series.seconds.len() >= MOST_POINTS / 2);
        let steps: Vec<f64> = series.seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps.iter().all(|step| (step - steps[0]).abs() < 1e-9), "{steps:?}");
        assert!(series.seconds.last().unwrap() > &1980.0);
    }
}
