//! Who is connected here: all connections by number, the signed-in ones by user. What Redis is to be told of it is
//! decided here (with the grace of realtime.md §6) and done in `presence`.

use std::collections::hash_map::Entry as MapEntry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::id::UserId;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::Hub;
use crate::connection::outbox::Peer;
use crate::connection::session::Session;

const SHARDS: usize = 16;
/// Sockets signed in at a time, as [`SUBSCRIBING`](super::registry) bounds subscriptions.
const SIGNING_IN: usize = 256;

type Sharded<T> = Box<[Mutex<HashMap<u64, T>>]>;

/// See the module.
#[derive(Debug)]
pub(crate) struct People {
    peers: Sharded<Arc<Peer>>,
    users: Sharded<Here>,
    connected: AtomicUsize,
    /// Users whose presence may have to be told; at most one entry each.
    changed: Mutex<HashSet<UserId>>,
    /// Users in their grace, in the order of its end; at most one entry each.
    leaving: Mutex<VecDeque<(Instant, UserId)>>,
    /// There is something in `changed` or `leaving`.
    pub(crate) wake: Notify,
    /// Turns of those who sign in.
    pub(crate) signing_in: Semaphore,
    grace: Duration,
}

/// One user on this node.
#[derive(Debug, Default)]
struct Here {
    peers: Vec<Arc<Peer>>,
    /// The last connection is gone, and the grace ends then.
    leaves_at: Option<Instant>,
    /// There is an entry in `leaving`.
    queued: bool,
}

fn sharded<T>() -> Sharded<T> {
    (0..SHARDS).map(|_| Mutex::new(HashMap::new())).collect()
}

fn shard<T>(sharded: &Sharded<T>, key: u64) -> Option<MutexGuard<'_, HashMap<u64, T>>> {
    let index = usize::try_from(key % 16).unwrap_or(0);
    Some(sharded.get(index)?.lock().unwrap_or_else(PoisonError::into_inner))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl People {
    pub(crate) fn new(grace: Duration) -> Self {
        Self {
            peers: sharded(),
            users: sharded(),
            connected: AtomicUsize::new(0),
            changed: Mutex::default(),
            leaving: Mutex::default(),
            wake: Notify::new(),
            signing_in: Semaphore::new(SIGNING_IN),
            grace,
        }
    }

    /// How many connections there are.
    pub(crate) fn connected(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }

    /// Every connection.
    pub(crate) fn all(&self) -> Vec<Arc<Peer>> {
        self.peers.iter().flat_map(|shard| lock(shard).values().cloned().collect::<Vec<_>>()).collect()
    }

    /// Connections of a user.
    pub(crate) fn of_user(&self, user_id: UserId) -> Vec<Arc<Peer>> {
        shard(&self.users, user_id)
            .and_then(|users| users.get(&user_id).map(|here| here.peers.clone()))
            .unwrap_or_default()
    }

    /// How many users are here, those in their grace included.
    pub(crate) fn user_count(&self) -> usize {
        self.users.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether this node holds the user: connected, or in the grace.
    pub(crate) fn holds(&self, user_id: UserId) -> bool {
        shard(&self.users, user_id).is_some_and(|users| users.contains_key(&user_id))
    }

    /// Users whose presence may have changed since the last call.
    pub(crate) fn take_changed(&self) -> HashSet<UserId> {
        std::mem::take(&mut lock(&self.changed))
    }

    /// Puts back what could not be told.
    pub(crate) fn put_back(&self, users: impl IntoIterator<Item = UserId>) {
        lock(&self.changed).extend(users);
    }

    /// Ends the graces that are over by `now`; the answer is when the next one will be.
    pub(crate) fn end_graces(&self, now: Instant) -> Option<Instant> {
        loop {
            let user_id = {
                let mut leaving = lock(&self.leaving);
                let &(at, user_id) = leaving.front()?;
                if at > now {
                    return Some(at);
                }
                leaving.pop_front();
                user_id
            };
            let mut users = shard(&self.users, user_id)?;
            let MapEntry::Occupied(mut here) = users.entry(user_id) else { continue };
            here.get_mut().queued = false;
            match here.get().leaves_at {
                // Came back meanwhile.
                None => {}
                Some(at) if at <= now => {
                    here.remove();
                    drop(users);
                    lock(&self.changed).insert(user_id);
                }
                // Came back and left again.
                Some(at) => {
                    here.get_mut().queued = true;
                    drop(users);
                    lock(&self.leaving).push_back((at, user_id));
                }
            }
        }
    }

    fn sign_in(&self, user_id: UserId, peer: &Arc<Peer>) {
        let Some(mut users) = shard(&self.users, user_id) else { return };
        let fresh = match users.entry(user_id) {
            MapEntry::Occupied(mut here) => {
                let here = here.get_mut();
                here.leaves_at = None;
                here.peers.push(Arc::clone(peer));
                false
            }
            MapEntry::Vacant(vacant) => {
                vacant.insert(Here { peers: vec![Arc::clone(peer)], ..Here::default() });
                true
            }
        };
        drop(users);
        if fresh {
            lock(&self.changed).insert(user_id);
            self.wake.notify_one();
        }
    }

    fn sign_out(&self, user_id: UserId, peer: &Peer, at_once: bool, now: Instant) {
        let Some(mut users) = shard(&self.users, user_id) else { return };
        let MapEntry::Occupied(mut here) = users.entry(user_id) else { return };
        here.get_mut().peers.retain(|other| other.number != peer.number);
        if !here.get().peers.is_empty() {
            return;
        }
        if at_once || self.grace.is_zero() {
            here.remove();
            drop(users);
            lock(&self.changed).insert(user_id);
        } else {
            let at = now + self.grace;
            let here = here.get_mut();
            here.leaves_at = Some(at);
            if std::mem::replace(&mut here.queued, true) {
                return;
            }
            drop(users);
            lock(&self.leaving).push_back((at, user_id));
        }
        self.wake.notify_one();
    }
}

/// A connection among all connections; dropping it takes it out.
#[derive(Debug)]
pub(crate) struct Connected {
    hub: Arc<Hub>,
    peer: Arc<Peer>,
}

impl Connected {
    pub(crate) fn new(hub: &Arc<Hub>, peer: &Arc<Peer>) -> Self {
        if let Some(mut peers) = shard(&hub.people.peers, peer.number) {
            peers.insert(peer.number, Arc::clone(peer));
        }
        hub.people.connected.fetch_add(1, Ordering::Relaxed);
        Self { hub: Arc::clone(hub), peer: Arc::clone(peer) }
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        if let Some(mut peers) = shard(&self.hub.people.peers, self.peer.number) {
            peers.remove(&self.peer.number);
        }
        self.hub.people.connected.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A signed-in connection among its user's; dropping it takes it out, and after the grace the user is gone.
#[derive(Debug)]
pub(crate) struct SignedIn {
    hub: Arc<Hub>,
    peer: Arc<Peer>,
    user_id: UserId,
    /// The user wants to be gone (logout) or has to be (suspension): no grace.
    pub(crate) at_once: bool,
}

impl SignedIn {
    pub(crate) fn new(hub: &Arc<Hub>, peer: &Arc<Peer>, session: Arc<Session>) -> Self {
        let user_id = session.user_id();
        peer.set_session(session);
        hub.people.sign_in(user_id, peer);
        Self { hub: Arc::clone(hub), peer: Arc::clone(peer), user_id, at_once: false }
    }
}

impl Drop for SignedIn {
    fn drop(&mut self) {
        self.hub.people.sign_out(self.user_id, &self.peer, self.at_once, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use protocol::codec::Encoding;
    use tokio::time::Instant;

    use super::{People, lock};
    use crate::connection::outbox::Peer;

    fn peer(number: u64) -> Arc<Peer> {
        Arc::new(Peer::new(number, Encoding::Json, 100))
    }

    #[test]
    fn only_the_first_and_the_last_connection_count_and_a_return_within_the_grace_does_not() {
        let people = People::new(Duration::from_secs(10));
        let (one, two) = (peer(1), peer(2));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        people.sign_in(7, &one);
        people.sign_in(7, &two);
        assert_eq!(people.take_changed().into_iter().collect::<Vec<_>>(), [7]);
        people.sign_out(7, &one, false, at(0));
        assert!(people.end_graces(at(0)).is_none(), "still one connection");
        people.sign_out(7, &two, false, at(0));
        assert_eq!(people.end_graces(at(9)), Some(at(10)));
        people.sign_in(7, &one);
        people.sign_out(7, &one, false, at(9));
        assert_eq!(people.end_graces(at(18)), Some(at(19)), "the grace began anew");
        assert!(people.holds(7) && people.take_changed().is_empty());
        assert!(people.end_graces(at(20)).is_none());
        assert!(!people.holds(7) && people.take_changed().contains(&7));
        assert!(lock(&people.leaving).is_empty());
    }

    #[test]
    fn a_logout_does_not_wait() {
        let people = People::new(Duration::from_secs(10));
        people.sign_in(7, &peer(1));
        people.take_changed();
        people.sign_out(7, &peer(1), true, Instant::now());
        assert!(!people.holds(7) && people.take_changed().contains(&7));
    }
}
