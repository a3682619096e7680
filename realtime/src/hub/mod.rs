//! What all sockets of a node share: who listens to what, who is here, and the tasks that look after it.

pub(crate) mod channel;
pub(crate) mod conflation;
pub(crate) mod control;
pub(crate) mod fanout;
pub(crate) mod gifts;
pub(crate) mod heal;
pub(crate) mod lag;
pub(crate) mod members;
pub(crate) mod people;
pub(crate) mod presence;
pub(crate) mod recent;
pub(crate) mod registry;
pub(crate) mod report;
pub(crate) mod sessions;
pub(crate) mod subscription;

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bus::{BusError, BusEvents, Listener, ListenerSettings};
use config::{Limits, Socket};
use domain::App;
use futures_util::FutureExt;
use tokio::sync::{Notify, Semaphore};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::channel::Phase;
use self::members::Members;
use self::people::People;
use self::registry::{Entry, Registry};
use crate::connection::allowance::UserAllowances;
use crate::metrics::{Metrics, Sizes};

/// A channel nobody listens to any more is unsubscribed so much later: a reconnect finds it still there.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_LOOK: Duration = Duration::from_millis(500);
const SIZES_EVERY: Duration = Duration::from_secs(5);

/// See the module. Everything in it is reached through `&self`; no lock is held across an await.
pub(crate) struct Hub {
    pub(crate) app: App,
    pub(crate) settings: Socket,
    pub(crate) limits: Limits,
    pub(crate) listener: Listener,
    pub(crate) registry: Registry,
    pub(crate) people: People,
    pub(crate) members: Members,
    pub(crate) gifts: gifts::Gifts,
    pub(crate) metrics: Metrics,
    /// What each user may still send, over all connections to this node.
    pub(crate) allowances: UserAllowances,
    /// Tasks of the hub and of no socket.
    pub(crate) tasks: TaskTracker,
    /// One task a socket.
    pub(crate) sockets: TaskTracker,
    /// Commands whose socket is gone but which must be finished.
    pub(crate) commands: TaskTracker,
    /// No new sockets.
    pub(crate) draining: AtomicBool,
    /// Everything ends.
    pub(crate) stopping: CancellationToken,
    /// A task that has to run as long as the hub has ended.
    pub(crate) failed: CancellationToken,
    /// Channels have been given up in Redis: those who waited for that may ask again.
    pub(crate) left: Notify,
    /// All positions are to be compared.
    pub(crate) compare_all: Notify,
    /// Control messages may have been missed: once Redis answers, sessions and access are to be asked for again.
    pub(crate) was_deaf: AtomicBool,
    /// Now they are.
    pub(crate) in_doubt: Notify,
    /// Bounds the gaps healed at a time.
    pub(crate) healing: Semaphore,
    /// Bounds the questions of access asked again at a time.
    pub(crate) asking: Semaphore,
    /// Counts the control messages that end sessions: a `connect` under way looks whether one came meanwhile.
    pub(crate) revocations: AtomicU64,
    numbers: AtomicU64,
    /// Channels that somebody was the last to leave, and when: one each time, in that order.
    lingering: Mutex<VecDeque<(Instant, Arc<Entry>)>>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("node", &self.app.bus.node_id()).finish_non_exhaustive()
    }
}

impl Hub {
    /// Opens the node's link to Redis and starts the tasks.
    pub(crate) async fn open(app: App, listener: ListenerSettings) -> Result<Arc<Self>, BusError> {
        let (listener, events) = app.bus.listener(listener).await?;
        let settings = app.settings.socket.clone();
        let hub = Arc::new(Self {
            limits: app.settings.limits.clone(),
            registry: Registry::new(),
            people: People::new(settings.presence_grace),
            members: Members::default(),
            gifts: gifts::Gifts::default(),
            metrics: Metrics::new(),
            allowances: UserAllowances::new(),
            tasks: TaskTracker::new(),
            sockets: TaskTracker::new(),
            commands: TaskTracker::new(),
            draining: AtomicBool::new(false),
            stopping: CancellationToken::new(),
            failed: CancellationToken::new(),
            left: Notify::new(),
            compare_all: Notify::new(),
            was_deaf: AtomicBool::new(false),
            in_doubt: Notify::new(),
            healing: Semaphore::new(heal::HEALING),
            asking: Semaphore::new(control::ASKING),
            revocations: AtomicU64::new(0),
            numbers: AtomicU64::new(1),
            lingering: Mutex::default(),
            app,
            settings,
            listener,
        });
        hub.start_tasks(events);
        Ok(hub)
    }

    fn start_tasks(self: &Arc<Self>, events: BusEvents) {
        let hub = || Arc::clone(self);
        let (announce, announcer) = presence::announcer(self);
        self.keep("fan-out", fanout::run(hub(), events));
        self.keep("healing", heal::watch(hub()));
        self.keep("revocations", sessions::watch(hub(), domain::users::watch_revocations(&self.app)));
        self.keep("doubts", sessions::doubt(hub()));
        self.keep("presence", presence::keep(hub(), announce.clone()));
        self.keep("sweeping", presence::sweep(hub(), announce));
        self.keep("announcements", announcer);
        self.keep("members", members::keep(hub()));
        self.keep("gifts", gifts::keep(hub()));
        self.keep("viewers", members::tell(hub()));
        self.keep("channels", leave_channels(hub()));
        self.keep("sizes", measure(hub()));
    }

    /// Runs a task without which the hub is no hub.
    fn keep(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(watch_over(name, task, self.stopping.clone(), self.failed.clone()));
    }

    /// A number that nothing else in this process has.
    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Nobody is interested in a channel any more, for now.
    pub(crate) fn linger(&self, entry: Arc<Entry>) {
        let mut lingering = self.lingering.lock().unwrap_or_else(PoisonError::into_inner);
        lingering.push_back((Instant::now(), entry));
    }

    /// The next channel that nobody has been interested in for long enough, marked as leaving.
    fn next_to_leave(&self) -> Option<Arc<Entry>> {
        let mut lingering = self.lingering.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if lingering.front()?.0.elapsed() < LINGER {
                return None;
            }
            let (_, entry) = lingering.pop_front()?;
            let mut state = entry.lock();
            // Somebody who came and left again meanwhile is in the queue again: this one must not hold up the others.
            let idle = state.idle_since.is_some_and(|since| since.elapsed() >= LINGER);
            if state.interest == 0 && state.phase != Phase::Leaving && idle {
                state.phase = Phase::Leaving;
                drop(state);
                return Some(entry);
            }
        }
    }

    /// How much there is of everything.
    pub(crate) fn sizes(&self) -> Sizes {
        Sizes {
            connections: self.people.connected(),
            subscriptions: self.registry.all().iter().map(|entry| entry.lock().listeners()).sum(),
            channels: self.registry.len(),
            queue_bytes: self.people.all().iter().map(|peer| peer.queued()).sum(),
        }
    }

    /// Enters everybody who is in a room again, after Redis forgot this node.
    pub(crate) fn enter_members_again(&self) {
        for entry in self.registry.all() {
            if !entry.channel.has_member_presence() {
                continue;
            }
            let everybody = entry.lock().everybody();
            for (_, peer) in everybody {
                if let Some(session) = peer.session() {
                    self.members.enter(entry.channel, peer.client, session.user_id(), session.card());
                }
            }
        }
    }
}

/// Runs a task that must not end before the hub stops; where it does, by a panic too, the hub has failed.
async fn watch_over(
    name: &'static str,
    task: impl Future<Output = ()>,
    stopping: CancellationToken,
    failed: CancellationToken,
) {
    let outcome = AssertUnwindSafe(task).catch_unwind().await;
    if !stopping.is_cancelled() {
        tracing::error!(
            task = name,
            panicked = outcome.is_err(),
            "a task of the hub has ended: the hub gives up"
        );
        failed.cancel();
    }
}

/// Unsubscribes in Redis from what nobody listens to any more, until the hub stops.
async fn leave_channels(hub: Arc<Hub>) {
    let mut turn = tokio::time::interval(LINGER_LOOK);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = hub.stopping.cancelled() => return,
            _ = turn.tick() => {}
        }
        let mut some = false;
        while let Some(entry) = hub.next_to_leave() {
            if let Err(error) = hub.listener.unsubscribe(&entry.name).await {
                // What still comes of it finds no listener.
                tracing::debug!(channel = %entry.name, %error, "a channel was not given up");
            }
            hub.registry.remove(&entry);
            some = true;
        }
        if some {
            hub.left.notify_waiters();
        }
    }
}

/// Measures sizes, until the hub stops.
async fn measure(hub: Arc<Hub>) {
    let mut turn = tokio::time::interval(SIZES_EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = hub.stopping.cancelled() => return,
            _ = turn.tick() => {}
        }
        hub.metrics.sizes(hub.sizes());
        hub.allowances.forget_full(&hub.limits);
    }
}

/// How old something is, for logs.
pub(crate) fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::watch_over;

    #[tokio::test]
    async fn a_task_that_ends_before_its_time_is_a_failure_however_it_ends() {
        let fails = async |task: fn(), stopped: bool| {
            let (stopping, failed) = (CancellationToken::new(), CancellationToken::new());
            if stopped {
                stopping.cancel();
            }
            watch_over("test", async move { task() }, stopping, failed.clone()).await;
            failed.is_cancelled()
        };
        assert!(fails(|| {}, false).await);
        assert!(fails(|| panic!("on purpose"), false).await);
        assert!(!fails(|| {}, true).await);
    }
}
