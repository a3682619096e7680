//! Who is in a room (realtime.md §3): told to Redis by one task, and to the listeners when a **user** comes or goes,
//! gathered to one message a second, in rooms of at most 200 users. Each node tells what it gathered itself, so that a
//! room hears at most one frame a second from each node that somebody came to or left.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::id::UserId;
use bus::{BusError, Member, MemberEdge, Publish, SweptMember};
use bytes::Bytes;
use futures_util::StreamExt;
use protocol::channel::Channel;
use protocol::codec::{self, Encoding, Payload};
use protocol::frame::{Join, Leave, Push, PushBody};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::Hub;
use crate::connection::frame::{Class, Frame};
use crate::connection::session::Session;

/// Above so many users nobody is told who comes and goes.
const MOST_TOLD: u64 = 200;
/// Changes told to Redis at the same time.
const AT_ONCE: usize = 32;
/// Comings and goings are gathered for so long.
const GATHERED: Duration = Duration::from_secs(1);
/// Before another try when Redis does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// What is to be told. Bounded by the number of subscriptions: only the last change of each is kept.
#[derive(Debug, Default)]
pub(crate) struct Members {
    changes: Mutex<HashMap<(Channel, Uuid), Change>>,
    edges: Mutex<HashMap<Channel, HashMap<UserId, Moved>>>,
    wake: Notify,
}

#[derive(Clone, Debug)]
enum Change {
    Enter { user_id: UserId, card: Bytes },
    Leave,
}

/// Somebody came or went.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Moved {
    came: bool,
    user_id: UserId,
    client: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card: Option<Payload>,
}

/// What hubs tell each other through the room's channel. Clients get join and leave pushes made of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Moves {
    members: Vec<Moved>,
}

/// How the JSON of [`Moves`] begins, and no event does.
pub(crate) const MOVES_BEGIN: &[u8] = b"{\"members\":";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Members {
    /// A connection is in a room.
    pub(crate) fn enter(&self, channel: Channel, client: Uuid, user_id: UserId, card: Bytes) {
        lock(&self.changes).insert((channel, client), Change::Enter { user_id, card });
        self.wake.notify_one();
    }

    /// A connection is not in a room any more.
    pub(crate) fn leave(&self, channel: Channel, client: Uuid) {
        lock(&self.changes).insert((channel, client), Change::Leave);
        self.wake.notify_one();
    }

    /// A connection of a dead node was taken away.
    pub(crate) fn swept(&self, member: &SweptMember) {
        if let Ok(channel) = member.channel.parse() {
            self.edge(channel, &member.edge, member.client_id.clone(), None);
        }
    }

    fn edge(&self, channel: Channel, edge: &MemberEdge, client: String, card: Option<Payload>) {
        if edge.users > MOST_TOLD || !(edge.first_of_user || edge.last_of_user) {
            return;
        }
        let moved = Moved { came: edge.first_of_user, user_id: edge.user_id, client, card };
        let mut edges = lock(&self.edges);
        match edges.entry(channel).or_default().entry(edge.user_id) {
            // Came and went within the second: nothing happened.
            Entry::Occupied(other) if other.get().came != moved.came => drop(other.remove()),
            Entry::Occupied(mut same) => drop(same.insert(moved)),
            Entry::Vacant(vacant) => drop(vacant.insert(moved)),
        }
    }

    async fn tell(&self, hub: &Hub, key: (Channel, Uuid), change: Change) -> Result<(), BusError> {
        let (bus, channel, client) = (&hub.app.bus, key.0, key.1.to_string());
        match change {
            Change::Enter { user_id, card } => {
                let member = Member { client_id: client, user_id, info: card };
                let edge = bus.members_enter(&channel.to_string(), bus.node_id(), &member).await?;
                self.edge(channel, &edge, member.client_id, Payload::from_json(member.info).ok());
            }
            Change::Leave => {
                let left = bus.members_leave(&channel.to_string(), bus.node_id(), &client).await?;
                if let Some(edge) = left {
                    self.edge(channel, &edge, client, None);
                }
            }
        }
        Ok(())
    }

    /// Tells Redis everything that changed; `false`: something is left for later.
    async fn tell_changes(&self, hub: &Hub) -> bool {
        let changes = std::mem::take(&mut *lock(&self.changes));
        let failed: Vec<_> = futures_util::stream::iter(changes)
            .map(|(key, change)| async move {
                let failed = self.tell(hub, key, change.clone()).await;
                failed.err().map(|error| (key, change, error))
            })
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await;
        let done = failed.is_empty();
        if let Some((_, _, error)) = failed.first() {
            tracing::warn!(%error, count = failed.len(), "members could not be told; it will be tried again");
        }
        let mut changes = lock(&self.changes);
        for (key, change, _) in failed {
            changes.entry(key).or_insert(change);
        }
        done
    }

    /// Tells the listeners on all nodes who came and went since the last time.
    pub(crate) async fn publish(&self, hub: &Hub) {
        let edges = std::mem::take(&mut *lock(&self.edges));
        let publishes: Vec<Publish> = edges
            .into_iter()
            .filter(|(_, moved)| !moved.is_empty())
            .filter_map(|(channel, moved)| {
                let moves = Moves { members: moved.into_values().collect() };
                let payload = Bytes::from(serde_json::to_vec(&moves).ok()?);
                Some(Publish { channel: channel.to_string().into(), payload, history: None })
            })
            .collect();
        if let Err(error) = hub.app.bus.publish(&publishes).await {
            // Apps that care ask `presence`; joins and leaves are not promised.
            tracing::warn!(%error, "joins and leaves could not be told");
        }
    }
}

/// Tells Redis and the listeners who comes and goes, until the hub stops.
pub(crate) async fn keep(hub: Arc<Hub>) {
    let mut turn = tokio::time::interval(GATHERED);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let members = &hub.members;
    loop {
        tokio::select! {
            () = hub.stopping.cancelled() => return,
            () = members.wake.notified() => {
                if !members.tell_changes(&hub).await {
                    tokio::time::sleep(PAUSE).await;
                    members.wake.notify_one();
                }
            }
            _ = turn.tick() => members.publish(&hub).await,
        }
    }
}

/// Join and leave pushes for the clients of one encoding, in one frame. `None`: not what hubs tell each other.
pub(crate) fn pushes(encoding: Encoding, channel: &str, moves: &Moves) -> Option<Frame> {
    let messages: Result<Vec<Bytes>, _> = moves
        .members
        .iter()
        .map(|moved| {
            let card = moved.card.clone().map(Payload::into_bytes).unwrap_or_default();
            let info = Some(Session::client_info(moved.user_id, moved.client.clone(), card));
            let body =
                if moved.came { PushBody::Join(Join { info }) } else { PushBody::Leave(Leave { info }) };
            codec::encode_push(encoding, &Push { channel: channel.to_owned(), body })
        })
        .collect();
    let messages = messages.ok().filter(|messages| !messages.is_empty())?;
    Some(Frame::message(encoding, Class::Signal, codec::join(encoding, &messages)))
}

#[cfg(test)]
mod tests {
    use bus::MemberEdge;
    use bytes::Bytes;
    use protocol::channel::Channel;
    use protocol::codec::{Encoding, Payload, decode_replies};
    use protocol::frame::{PushBody, ServerMessage};

    use super::{MOVES_BEGIN, Members, Moves, lock, pushes};

    fn edge(user_id: u64, came: bool, users: u64) -> MemberEdge {
        MemberEdge { user_id, first_of_user: came, last_of_user: !came, users, clients: users }
    }

    #[test]
    fn a_user_who_comes_and_goes_within_a_second_makes_no_noise_nor_does_a_large_room() {
        let members = Members::default();
        let room = Channel::Room(5);
        members.edge(room, &edge(1, true, 1), "a".to_owned(), None);
        members.edge(room, &edge(2, true, 2), "b".to_owned(), None);
        members.edge(room, &edge(1, false, 1), "a".to_owned(), None);
        members.edge(room, &edge(3, true, 201), "c".to_owned(), None);
        members.edge(room, &MemberEdge { first_of_user: false, ..edge(2, true, 2) }, "d".to_owned(), None);
        let edges = lock(&members.edges);
        assert_eq!(edges.get(&room).unwrap().keys().collect::<Vec<_>>(), [&2]);
    }

    #[test]
    fn moves_travel_as_json_and_become_one_frame_of_pushes() {
        let members = Members::default();
        let card = Payload::from_json(Bytes::from_static(b"{\"name\":\"x\"}")).unwrap();
        members.edge(Channel::Room(5), &edge(1, true, 2), "a".to_owned(), Some(card));
        members.edge(Channel::Room(5), &edge(2, false, 1), "b".to_owned(), None);
        let moved = lock(&members.edges).remove(&Channel::Room(5)).unwrap();
        let json = serde_json::to_vec(&Moves { members: moved.into_values().collect() }).unwrap();
        assert!(json.starts_with(MOVES_BEGIN));
        let moves: Moves = serde_json::from_slice(&json).unwrap();
        for encoding in Encoding::ALL {
            let frame = pushes(encoding, "room:5", &moves).unwrap();
            let messages = decode_replies(encoding, &frame.message.into_data());
            let joined = messages.iter().filter(|message| {
                let Ok(ServerMessage::Push(push)) = message else { return false };
                push.channel == "room:5" && matches!(push.body, PushBody::Join(_) | PushBody::Leave(_))
            });
            assert_eq!(joined.count(), 2, "{encoding:?}");
        }
    }
}
