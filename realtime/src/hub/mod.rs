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
pub(crate) mod registry;
pub(crate) mod report;
pub(crate) mod sessions;
pub(crate) mod subscription;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bus::{BusError, BusEvents, Listener, ListenerSettings};
use config::{Limits, Socket};
use domain::App;
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
    lingering: Mutex<VecDeque<Arc<Entry>>>,
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
        self.tasks.spawn(fanout::run(hub(), events));
        self.tasks.spawn(heal::watch(hub()));
        self.tasks.spawn(sessions::watch(hub(), domain::users::watch_revocations(&self.app)));
        self.tasks.spawn(sessions::doubt(hub()));
        self.tasks.spawn(presence::keep(hub(), announce.clone()));
        self.tasks.spawn(presence::sweep(hub(), announce));
        self.tasks.spawn(announcer);
        self.tasks.spawn(members::keep(hub()));
        self.tasks.spawn(gifts::keep(hub()));
        self.tasks.spawn(members::tell(hub()));
        self.tasks.spawn(leave_channels(hub()));
        self.tasks.spawn(measure(hub()));
    }

    /// A number that nothing else in this process has.
    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Nobody is interested in a channel any more, for now.
    pub(crate) fn linger(&self, entry: Arc<Entry>) {
        self.lingering.lock().unwrap_or_else(PoisonError::into_inner).push_back(entry);
    }

    /// The next channel that nobody has been interested in for long enough, marked as leaving.
    fn next_to_leave(&self) -> Option<Arc<Entry>> {
        let mut lingering = self.lingering.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let entry = lingering.front()?;
            let mut state = entry.lock();
            if state.interest == 0 && state.phase != Phase::Leaving {
                if state.idle_since.is_some_and(|since| since.elapsed() < LINGER) {
                    return None;
                }
                state.phase = Phase::Leaving;
                drop(state);
                return lingering.pop_front();
            }
            drop(state);
            lingering.pop_front();
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
