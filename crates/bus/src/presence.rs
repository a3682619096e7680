//! Who is online: truth in Redis, as leases of nodes (realtime.md §6). A user is online while some node holds
//! them; a node holds its users as long as it renews one lease; what a dead node held is swept by the others.
//!
//! An [`Edge`] (a user came or went) is decided in Lua, so it comes out once over all nodes. It also waits in
//! Redis until [`Bus::ack_edges`], so that another node can announce it if the first one dies.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::error::BusError;
use crate::reply::{millis, read};
use crate::{Bus, script};

/// Lease of a node that enters users before its first renewal.
const FIRST_LEASE: Duration = Duration::from_secs(10);
/// Users in one Lua call: keeps each call well under a millisecond.
const CHUNK: usize = 500;
/// Dead nodes looked at in one sweep.
const DEAD_NODES: u32 = 16;

/// User, edge id, whether online, when: as `presence_edge.lua` answers.
type EdgeRow = (u64, u64, bool, i64);

/// A user came online or went offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Edge {
    /// Grows with every edge of any user; of two edges of a user the greater is the truth.
    pub id: u64,
    /// Whose.
    pub user_id: u64,
    /// What they are now.
    pub online: bool,
    /// When, by the clock of Redis, in Unix milliseconds; for `online: false` this is `last_seen`.
    pub at_ms: i64,
}

/// What a node learns when it renews its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseState {
    /// Redis knew of no renewal (first one, swept, or Redis emptied): enter all users and members again.
    pub was_missing: bool,
    /// How many users Redis says this node holds; if it is not what the node thinks, enter them all again.
    pub held_users: u64,
}

/// What one sweep brought.
#[derive(Debug, Clone, Default)]
pub struct Sweep {
    /// Edges to announce.
    pub edges: Vec<Edge>,
    /// Dead nodes whose channel members are still there: call [`Bus::members_sweep`] for each (any node may).
    pub dead_nodes: Vec<String>,
    /// The limit was reached: sweep again at once.
    pub more: bool,
}

/// Presence of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceState {
    /// Whose.
    pub user_id: u64,
    /// Whether some node holds them.
    pub online: bool,
    /// When they last went offline, Unix milliseconds; `None` if that was never seen.
    pub last_seen_ms: Option<i64>,
}

/// A part of all online users.
#[derive(Debug, Clone)]
pub struct OnlinePage {
    /// User ids; while users come and go one may be repeated, none that stays is left out.
    pub user_ids: Vec<u64>,
    /// Where to go on; `None` after the last page.
    pub cursor: Option<u64>,
}

impl Bus {
    /// Renews the lease of a node (every 3 s, 10 s to live: realtime.md §6).
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn renew_lease(&self, node: &str, ttl: Duration) -> Result<LeaseState, BusError> {
        let (leases, dead) = (self.keys().presence("leases"), self.keys().presence("dead"));
        let (since, renewed) = (self.keys().presence("since"), self.keys().presence("renewed"));
        let users = self.keys().node_users(node);
        let mut command = script::PRESENCE_RENEW.call(&[&leases, &users, &dead, &since, &renewed]);
        command.arg(node).arg(millis(ttl));
        let (was_missing, held_users) = self.run_one("renew_lease", command).await?;
        Ok(LeaseState { was_missing, held_users })
    }

    /// Says that a node has connections of these users. Saying it again changes nothing.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: edges of calls that took effect come out of [`Bus::pending_edges`].
    pub async fn enter(&self, node: &str, user_ids: &[u64]) -> Result<Vec<Edge>, BusError> {
        self.enter_users(node, user_ids, false).await
    }

    /// As [`Bus::enter`], after Redis was emptied: these users were entered before and whoever watches them has heard of
    /// it. An edge comes out only for those of whom an edge said meanwhile that they are gone (another node, which was
    /// the first to enter its users again, lost them).
    ///
    /// # Errors
    /// As [`Bus::enter`].
    pub async fn enter_again(&self, node: &str, user_ids: &[u64]) -> Result<Vec<Edge>, BusError> {
        self.enter_users(node, user_ids, true).await
    }

    async fn enter_users(&self, node: &str, user_ids: &[u64], again: bool) -> Result<Vec<Edge>, BusError> {
        let (users, leases) = (self.keys().node_users(node), self.keys().presence("leases"));
        let edge_keys = self.edge_keys();
        let commands = user_ids.chunks(CHUNK).map(|chunk| {
            let mut command = script::PRESENCE_ENTER.call(&with(&edge_keys, &[&users, &leases]));
            command.arg(node).arg(millis(FIRST_LEASE)).arg(u8::from(again)).arg(chunk);
            command
        });
        self.collect_edges("enter", commands.collect()).await
    }

    /// Says that a node has no connection of these users any more. Saying it again changes nothing.
    ///
    /// # Errors
    /// As [`Bus::enter`].
    pub async fn leave(&self, node: &str, user_ids: &[u64]) -> Result<Vec<Edge>, BusError> {
        let users = self.keys().node_users(node);
        let edge_keys = self.edge_keys();
        let commands = user_ids.chunks(CHUNK).map(|chunk| {
            let mut command = script::PRESENCE_LEAVE.call(&with(&edge_keys, &[&users]));
            command.arg(chunk);
            command
        });
        self.collect_edges("leave", commands.collect()).await
    }

    /// Takes away at most `limit` users of nodes whose lease ended. Each user is taken once, whoever calls.
    ///
    /// # Errors
    /// As [`Bus::enter`].
    pub async fn sweep_dead(&self, limit: u32) -> Result<Sweep, BusError> {
        let leases = self.keys().presence("leases");
        let mut command = script::PRESENCE_EXPIRED.call(&[&leases]);
        command.arg(DEAD_NODES);
        let expired: Vec<String> = self.run_one("sweep_dead", command).await?;
        let mut sweep = Sweep::default();
        let mut left = limit.max(1);
        for node in expired {
            let (edges, taken, done) = self.sweep_node(&node, left, false).await?;
            sweep.edges.extend(edges);
            left = left.saturating_sub(taken);
            if !done || left == 0 {
                sweep.more = true;
                break;
            }
        }
        let mut command = redis::cmd("SMEMBERS");
        command.arg(self.keys().presence("dead"));
        sweep.dead_nodes = self.run_one("sweep_dead", command).await?;
        metrics::counter!("bus_presence_swept_total")
            .increment(u64::try_from(sweep.edges.len()).unwrap_or(0));
        Ok(sweep)
    }

    /// Gives up the lease of a node and all users it holds (drain). Stop renewing first, and follow it with
    /// [`Bus::members_sweep`].
    ///
    /// # Errors
    /// As [`Bus::enter`]; calling it again goes on.
    pub async fn give_up(&self, node: &str) -> Result<Vec<Edge>, BusError> {
        let mut all = Vec::new();
        loop {
            let (edges, _taken, done) =
                self.sweep_node(node, u32::try_from(CHUNK).unwrap_or(u32::MAX), true).await?;
            all.extend(edges);
            if done {
                return Ok(all);
            }
        }
    }

    /// Confirms that edges were announced (published). The answer is what must be announced
    /// **again**: the newest edge of every user whose state had already moved on, since announcements of two
    /// nodes may have crossed and the older one may have been heard last.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn ack_edges(&self, edges: &[Edge]) -> Result<Vec<Edge>, BusError> {
        if edges.is_empty() {
            return Ok(Vec::new());
        }
        let (states, pending) = (self.keys().presence("states"), self.keys().presence("edges"));
        let commands = edges.chunks(CHUNK).map(|chunk| {
            let mut command = script::PRESENCE_ACK.call(&[&states, &pending]);
            for edge in chunk {
                command.arg(edge.user_id).arg(edge.id);
            }
            command
        });
        let mut newer = Vec::new();
        for answer in self.run("ack_edges", commands.collect()).await? {
            newer.extend(read_states(read("ack_edges", answer)?)?);
        }
        Ok(newer)
    }

    /// Claims edges that nobody confirmed within `older_than` of their birth (or of the last claim): whoever had
    /// to announce them is probably dead. Only the newest edge of a user is kept.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn pending_edges(&self, older_than: Duration, limit: u32) -> Result<Vec<Edge>, BusError> {
        let (states, pending) = (self.keys().presence("states"), self.keys().presence("edges"));
        let mut command = script::PRESENCE_PENDING.call(&[&states, &pending]);
        // Not `millis`: zero is a fair age here.
        command.arg(u64::try_from(older_than.as_millis()).unwrap_or(u64::MAX / 2)).arg(limit);
        read_states(self.run_one("pending_edges", command).await?)
    }

    /// Makes an edge of what is true of those of the users of whom none was told since Redis was emptied: held by some
    /// node now, or by none. For users of whom something else was told before, as far as anybody knows.
    ///
    /// # Errors
    /// As [`Bus::enter`].
    pub async fn settle(&self, user_ids: &[u64]) -> Result<Vec<Edge>, BusError> {
        let edge_keys = self.edge_keys();
        let commands = user_ids.chunks(CHUNK).map(|chunk| {
            let mut command = script::PRESENCE_SETTLE.call(&with(&edge_keys, &[]));
            command.arg(chunk);
            command
        });
        self.collect_edges("settle", commands.collect()).await
    }

    /// For how long this Redis has kept presence: since the first renewal of a lease after it was new or emptied, or, where
    /// no node renews any, since this was first asked.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn presence_age(&self) -> Result<Duration, BusError> {
        let since = self.keys().presence("since");
        let age_ms: u64 = self.run_one("presence_age", script::PRESENCE_AGE.call(&[&since])).await?;
        Ok(Duration::from_millis(age_ms))
    }

    /// Whether [`Bus::restore_last_seen`] was brought to its end since Redis was new or emptied.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn is_last_seen_restored(&self) -> Result<bool, BusError> {
        let mut command = redis::cmd("EXISTS");
        command.arg(self.keys().presence("restored"));
        self.run_one("is_last_seen_restored", command).await
    }

    /// Tells Redis again when users (id, Unix milliseconds) were last seen, those of whom it knows nothing.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn restore_last_seen(&self, seen: &[(u64, i64)]) -> Result<(), BusError> {
        let states = self.keys().presence("states");
        for chunk in seen.chunks(CHUNK) {
            let commands = chunk.iter().map(|(user_id, at_ms)| {
                let mut command = redis::cmd("HSETNX");
                command.arg(&states).arg(user_id).arg(format!("0:0:{at_ms}:{at_ms}"));
                command
            });
            self.run("restore_last_seen", commands.collect()).await?;
        }
        Ok(())
    }

    /// Notes that all was told that [`Bus::restore_last_seen`] has to tell.
    ///
    /// # Errors
    /// [`BusError::Unavailable`].
    pub async fn note_last_seen_restored(&self) -> Result<(), BusError> {
        let mut command = redis::cmd("SET");
        command.arg(self.keys().presence("restored")).arg(1);
        self.run("note_last_seen_restored", vec![command]).await.map(drop)
    }

    /// Presence of users, in the order asked for.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn online(&self, user_ids: &[u64]) -> Result<Vec<PresenceState>, BusError> {
        if user_ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("HMGET");
        command.arg(self.keys().presence("states")).arg(user_ids);
        let states: Vec<Option<String>> = self.run_one("online", command).await?;
        user_ids
            .iter()
            .zip(states)
            .map(|(&user_id, state)| match state {
                None => Ok(PresenceState { user_id, online: false, last_seen_ms: None }),
                Some(state) => {
                    let (edge, last_seen_ms) = read_state(user_id, &state)?;
                    Ok(PresenceState { user_id, online: edge.online, last_seen_ms })
                }
            })
            .collect()
    }

    /// Pages through all online users, for the reconciler. Begin with `None`.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn online_users_page(&self, cursor: Option<u64>) -> Result<OnlinePage, BusError> {
        let mut command = redis::cmd("HSCAN");
        command.arg(self.keys().presence("holders")).arg(cursor.unwrap_or(0)).arg("COUNT").arg(CHUNK);
        let (next, flat): (u64, Vec<u64>) = self.run_one("online_users_page", command).await?;
        let user_ids = flat.into_iter().step_by(2).collect();
        Ok(OnlinePage { user_ids, cursor: (next != 0).then_some(next) })
    }

    /// The users whom a node holds, as Redis has it.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn list_node_users(&self, node: &str) -> Result<HashSet<u64>, BusError> {
        let mut users = HashSet::new();
        let mut cursor = 0_u64;
        loop {
            let mut command = redis::cmd("SSCAN");
            command.arg(self.keys().node_users(node)).arg(cursor).arg("COUNT").arg(CHUNK);
            let (next, page): (u64, Vec<u64>) = self.run_one("list_node_users", command).await?;
            users.extend(page);
            if next == 0 {
                return Ok(users);
            }
            cursor = next;
        }
    }

    /// How many users a node holds.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn node_user_count(&self, node: &str) -> Result<u64, BusError> {
        let mut command = redis::cmd("SCARD");
        command.arg(self.keys().node_users(node));
        self.run_one("node_user_count", command).await
    }

    /// Whether a node has a lease that has not ended.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn is_node_alive(&self, node: &str) -> Result<bool, BusError> {
        let mut score = redis::cmd("ZSCORE");
        score.arg(self.keys().presence("leases")).arg(node);
        let mut answers = self.run("is_node_alive", vec![score, redis::cmd("TIME")]).await?.into_iter();
        let ends_ms: Option<f64> = read("is_node_alive", answers.next().unwrap_or(redis::Value::Nil))?;
        let (seconds, micros): (u64, u64) =
            read("is_node_alive", answers.next().unwrap_or(redis::Value::Nil))?;
        let now = Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros));
        Ok(ends_ms.is_some_and(|ends| ends > now.as_secs_f64() * 1_000.0))
    }

    /// One step of taking a node's users away: edges, users taken, whether nothing is left.
    async fn sweep_node(
        &self,
        node: &str,
        limit: u32,
        force: bool,
    ) -> Result<(Vec<Edge>, u32, bool), BusError> {
        let (leases, dead) = (self.keys().presence("leases"), self.keys().presence("dead"));
        let (users, renewed) = (self.keys().node_users(node), self.keys().presence("renewed"));
        let edge_keys = self.edge_keys();
        let step = limit.min(u32::try_from(CHUNK).unwrap_or(u32::MAX));
        let mut command = script::PRESENCE_SWEEP.call(&with(&edge_keys, &[&users, &leases, &dead, &renewed]));
        command.arg(node).arg(step).arg(u8::from(force));
        let (edges, taken, done): (Vec<EdgeRow>, u32, bool) = self.run_one("presence_sweep", command).await?;
        Ok((edges.into_iter().map(edge).collect(), taken, done))
    }

    fn edge_keys(&self) -> [String; 4] {
        ["holders", "states", "edges", "edge_sequence"].map(|part| self.keys().presence(part))
    }

    async fn collect_edges(
        &self,
        name: &'static str,
        commands: Vec<redis::Cmd>,
    ) -> Result<Vec<Edge>, BusError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let mut edges = Vec::new();
        for answer in self.run(name, commands).await? {
            let some: Vec<EdgeRow> = read(name, answer)?;
            edges.extend(some.into_iter().map(edge));
        }
        Ok(edges)
    }
}

fn with<'a>(edge_keys: &'a [String; 4], more: &[&'a str]) -> Vec<&'a str> {
    edge_keys.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

fn edge((user_id, id, online, at_ms): EdgeRow) -> Edge {
    Edge { id, user_id, online, at_ms }
}

/// `{user, state}` pairs to edges.
fn read_states(states: Vec<(u64, String)>) -> Result<Vec<Edge>, BusError> {
    let mut newest: HashMap<u64, Edge> = HashMap::with_capacity(states.len());
    for (user_id, state) in states {
        newest.insert(user_id, read_state(user_id, &state)?.0);
    }
    let mut edges: Vec<Edge> = newest.into_values().collect();
    edges.sort_unstable_by_key(|edge| edge.id);
    Ok(edges)
}

/// `edge id:online:at:last seen`, as `presence_edge.lua` writes it.
fn read_state(user_id: u64, state: &str) -> Result<(Edge, Option<i64>), BusError> {
    let mut parts = state.split(':');
    let mut next = || parts.next().unwrap_or_default();
    let (id, online, at, seen) = (next(), next(), next(), next());
    match (id.parse(), at.parse(), online) {
        (Ok(id), Ok(at_ms), "0" | "1") => {
            Ok((Edge { id, user_id, online: online == "1", at_ms }, seen.parse().ok()))
        }
        _ => Err(BusError::Corrupt(format!("presence of user {user_id}: {state}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Edge, read_state};

    #[test]
    fn a_state_is_read_back() {
        let (edge, seen) = read_state(7, "12:1:1700000000000:").unwrap();
        assert_eq!(edge, Edge { id: 12, user_id: 7, online: true, at_ms: 1_700_000_000_000 });
        assert_eq!(seen, None);
        let (edge, seen) = read_state(7, "13:0:1700000000001:1700000000001").unwrap();
        assert!(!edge.online);
        assert_eq!(seen, Some(1_700_000_000_001));
        assert!(read_state(7, "nonsense").is_err());
    }
}
