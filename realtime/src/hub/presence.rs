//! Who is online, told to Redis: the node's lease, the users it holds, and the sweeping of dead nodes (realtime.md §6).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use base::id::UserId;
use bus::Edge;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::Hub;

/// The lease is renewed so often …
const RENEW_EVERY: Duration = Duration::from_secs(3);
/// … and lives so long.
const LEASE: Duration = Duration::from_secs(10);
/// Users of dead nodes taken away in one step.
const SWEEP: u32 = 500;
/// An edge that nobody has announced for so long is announced by us.
const UNANNOUNCED: Duration = Duration::from_secs(5);
/// Batches of edges waiting to be announced. One that does not fit is found again in Redis, among the unannounced.
const WAITING: usize = 64;
/// Before another try when Redis does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a node that is leaving writes down that its users are gone.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// The lease of the one node that repairs presence after Redis was emptied.
const SETTLING: &str = "settling";
const SETTLING_FOR: Duration = Duration::from_secs(60);

/// Where edges go to be announced: an announcement writes to MySQL, and the lease must not wait for that.
pub(crate) type Announce = mpsc::Sender<Vec<Edge>>;

/// Announces edges one batch after the other, until nobody can send any more, and beside it writes down in MySQL what was
/// announced: hearing of a friend does not wait for that.
pub(crate) fn announcer(hub: &Arc<Hub>) -> (Announce, impl Future<Output = ()> + Send + 'static) {
    let (sender, mut batches) = mpsc::channel::<Vec<Edge>>(WAITING);
    let (announced, mut to_record) = mpsc::channel::<Vec<UserId>>(WAITING);
    let hub = Arc::clone(hub);
    let announcing = {
        let app = hub.app.clone();
        async move {
            while let Some(edges) = batches.recv().await {
                match domain::presence::announce_edges(&app, edges).await {
                    // What finds no room is written by the reconciler.
                    Ok(users) => drop(announced.try_send(users)),
                    Err(error) => {
                        tracing::warn!(%error, "presence could not be announced; it will be tried again");
                    }
                }
            }
        }
    };
    let recording = async move {
        let recording = async {
            while let Some(users) = to_record.recv().await {
                if let Err(error) = domain::presence::record_presence(&hub.app, &users).await {
                    tracing::warn!(%error, "presence could not be written down; the reconciler will");
                }
            }
        };
        let over = async {
            hub.stopping.cancelled().await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        tokio::select! {
            () = recording => {}
            // The reconciler of another node writes the rest.
            () = over => {}
        }
    };
    (sender, async move {
        tokio::join!(announcing, recording);
    })
}

fn announce(sender: &Announce, edges: Vec<Edge>) {
    if !edges.is_empty() && sender.try_send(edges).is_err() {
        metrics::counter!("realtime_presence_postponed_total").increment(1);
    }
}

/// What Redis was told.
#[derive(Default)]
struct Told {
    /// Users that it holds for this node.
    held: HashSet<UserId>,
    /// Users of whom it was told something without an answer: it may have taken effect or not.
    doubtful: HashSet<UserId>,
}

/// Keeps the lease and tells Redis who is here, until the hub stops.
pub(crate) async fn keep(hub: Arc<Hub>, sender: Announce) {
    let mut told = Told::default();
    let mut renewal = tokio::time::interval(RENEW_EVERY);
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let next = hub.people.end_graces(Instant::now());
        if let Err(error) = tell_changes(&hub, &mut told, &sender).await {
            tracing::warn!(%error, "presence could not be told; it will be tried again");
            tokio::select! {
                () = hub.stopping.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
        let next = next.unwrap_or_else(|| Instant::now() + RENEW_EVERY);
        tokio::select! {
            () = hub.stopping.cancelled() => return,
            () = hub.people.wake.notified() => {}
            () = tokio::time::sleep_until(next) => {}
            _ = renewal.tick() => renew(&hub, &told, &sender).await,
        }
    }
}

/// Brings Redis up to date with who is here. What fails stays changed.
async fn tell_changes(hub: &Hub, told: &mut Told, sender: &Announce) -> Result<(), bus::BusError> {
    let (entering, leaving): (Vec<_>, Vec<_>) = hub
        .people
        .take_changed()
        .into_iter()
        .map(|user_id| (user_id, hub.people.holds(user_id)))
        .filter(|(user_id, here)| told.held.contains(user_id) != *here || told.doubtful.contains(user_id))
        .partition(|(_, here)| *here);
    let bus = &hub.app.bus;
    for (users, here) in [(entering, true), (leaving, false)] {
        if users.is_empty() {
            continue;
        }
        let users: Vec<UserId> = users.into_iter().map(|(user_id, _)| user_id).collect();
        let node = bus.node_id();
        let answer = if here { bus.enter(node, &users).await } else { bus.leave(node, &users).await };
        match answer {
            Ok(edges) => {
                for &user_id in &users {
                    told.doubtful.remove(&user_id);
                    if here {
                        told.held.insert(user_id);
                    } else {
                        told.held.remove(&user_id);
                    }
                }
                announce(sender, edges);
            }
            Err(error) => {
                told.doubtful.extend(&users);
                hub.people.put_back(users);
                if here {
                    // Those who were to leave are looked at again with the others.
                    hub.people.put_back(told.held.iter().copied().filter(|&held| !hub.people.holds(held)));
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Renews the lease. Where Redis has forgotten this node, enters everybody again.
async fn renew(hub: &Arc<Hub>, told: &Told, sender: &Announce) {
    let bus = &hub.app.bus;
    let state = match bus.renew_lease(bus.node_id(), LEASE).await {
        Ok(state) => state,
        Err(error) => {
            tracing::warn!(%error, "the lease of presence could not be renewed");
            return;
        }
    };
    let ours = u64::try_from(told.held.len()).unwrap_or(u64::MAX);
    if state.held_users != ours && told.doubtful.is_empty() {
        tracing::warn!(redis = state.held_users, ours, "presence is entered again");
        match enter_again(hub, told).await {
            Ok(edges) => announce(sender, edges),
            Err(error) => tracing::warn!(%error, "presence could not be entered again"),
        }
    }
    if state.was_missing {
        hub.enter_members_again();
        if ours > 0 {
            let hub = Arc::clone(hub);
            hub.clone().tasks.spawn(async move { settle(&hub).await });
        }
    }
}

/// Brings what Redis holds for this node to what it was told: those who are missing are entered again, those of whom it
/// had been told that they left (a failover may forget the last second) leave again.
async fn enter_again(hub: &Hub, told: &Told) -> Result<Vec<Edge>, bus::BusError> {
    let bus = &hub.app.bus;
    let there = bus.list_node_users(bus.node_id()).await?;
    let missing: Vec<UserId> = told.held.difference(&there).copied().collect();
    let left: Vec<UserId> = there.difference(&told.held).copied().collect();
    let mut edges = bus.enter_again(bus.node_id(), &missing).await?;
    edges.extend(bus.leave(bus.node_id(), &left).await?);
    Ok(edges)
}

/// After Redis was emptied: once all nodes that are alive have entered their users again, whoever was told to be online
/// and is nobody's is told to be gone. One node does that.
async fn settle(hub: &Hub) {
    tokio::select! {
        () = hub.stopping.cancelled() => return,
        () = tokio::time::sleep(domain::presence::SETTLED_AFTER) => {}
    }
    let settling = async {
        if hub.app.bus.lease(SETTLING, SETTLING_FOR).await.unwrap_or(false)
            && let Err(error) = domain::presence::reconcile_presence(&hub.app).await
        {
            tracing::warn!(%error, "presence could not be repaired; a clock will try again");
        }
    };
    tokio::select! {
        () = hub.stopping.cancelled() => {}
        () = settling => {}
    }
}

/// Takes away what dead nodes held and announces what nobody announced, until the hub stops. At the start first, since
/// the dead node may be the one before this.
pub(crate) async fn sweep(hub: Arc<Hub>, sender: Announce) {
    let mut turn = tokio::time::interval(RENEW_EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = hub.stopping.cancelled() => return,
            _ = turn.tick() => {}
        }
        if let Err(error) = sweep_once(&hub, &sender).await {
            tracing::warn!(%error, "dead nodes could not be swept");
        }
    }
}

async fn sweep_once(hub: &Arc<Hub>, sender: &Announce) -> Result<(), bus::BusError> {
    let bus = &hub.app.bus;
    loop {
        let swept = bus.sweep_dead(SWEEP).await?;
        announce(sender, swept.edges);
        for node in swept.dead_nodes {
            hub.members.swept(&bus.members_sweep(&node).await?);
        }
        if !swept.more {
            break;
        }
    }
    announce(sender, bus.pending_edges(UNANNOUNCED, SWEEP).await?);
    Ok(())
}

/// Gives up the lease and everybody here, at the end of a drain.
pub(crate) async fn give_up(hub: &Arc<Hub>) {
    let bus = &hub.app.bus;
    let given_up = async {
        let edges = bus.give_up(bus.node_id()).await?;
        match domain::presence::announce_edges(&hub.app, edges).await {
            Ok(users) => {
                let recording = domain::presence::record_presence(&hub.app, &users);
                if !matches!(tokio::time::timeout(LAST_WORDS, recording).await, Ok(Ok(()))) {
                    tracing::warn!(
                        "presence was not written down wholly; the reconciler of another node will"
                    );
                }
            }
            Err(error) => tracing::warn!(%error, "presence could not be announced; another node will"),
        }
        hub.members.swept(&bus.members_sweep(bus.node_id()).await?);
        hub.members.publish(hub).await;
        Ok::<(), bus::BusError>(())
    };
    if let Err(error) = given_up.await {
        tracing::warn!(%error, "the lease of presence could not be given up; it ends by itself");
    }
}
