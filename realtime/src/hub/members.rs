//! Who is in a room (realtime.md §3): told to Redis by one task, and to the listeners by another: who came and went, by
//! **user** and in rooms of at most 200, and how many there are. Redis gathers both; whichever node asks first in a second
//! tells the room, so that it hears at most one frame of each a second, however many nodes there are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::id::UserId;
use bus::{BusError, Member, MemberEdge, MemberMove, MemberNews, Publish, SweptNode};
use bytes::Bytes;
use futures_util::StreamExt;
use protocol::channel::Channel;
use protocol::codec::{self, Encoding, Payload};
use protocol::event::{Envelope, Event};
use protocol::frame::{Join, Leave, Push, PushBody};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::Hub;
use crate::connection::frame::{Class, Frame};
use crate::connection::session::Session;

/// Rooms whose changes are told to Redis at the same time.
const AT_ONCE: usize = 32;
/// After the first coming or going there is still so much time for others, before Redis is asked what is to be told.
const GATHERED: Duration = Duration::from_millis(500);
/// A room is told something at most this often, over all nodes.
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// Rooms asked for in one round trip.
const ROOMS: usize = 256;
/// Before another try when Redis does not answer.
const PAUSE: Duration = Duration::from_millis(500);
/// A node that ends tells what it still has to tell for so long; two turns of a room fit in.
const LAST_WORDS: Duration = Duration::from_millis(2_500);

/// What is to be told. Bounded by the number of subscriptions: only the last change of each is kept.
#[derive(Debug, Default)]
pub(crate) struct Members {
    changes: Mutex<HashMap<Channel, HashMap<Uuid, Change>>>,
    /// Rooms in which something has changed, and when Redis is to be asked what of it is to be told.
    news: Mutex<HashMap<Channel, Instant>>,
    /// There is something in `changes`.
    wake: Notify,
    /// There is something new in `news`.
    wake_news: Notify,
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
        self.change(channel, client, Change::Enter { user_id, card });
    }

    /// A connection is not in a room any more.
    pub(crate) fn leave(&self, channel: Channel, client: Uuid) {
        self.change(channel, client, Change::Leave);
    }

    fn change(&self, channel: Channel, client: Uuid, change: Change) {
        lock(&self.changes).entry(channel).or_default().insert(client, change);
        self.wake.notify_one();
    }

    /// What a node left behind was taken away. Its rooms are told what it had no time to tell, too.
    pub(crate) fn swept(&self, node: &SweptNode) {
        let at = Instant::now() + GATHERED;
        for channel in node.channels.iter().filter_map(|name| name.parse().ok()) {
            self.ask_at(channel, at);
        }
        self.wake_news.notify_one();
    }

    /// A user came or went, if the edge says so: the room is to be told.
    fn edge(&self, channel: Channel, edge: &MemberEdge) {
        if edge.first_of_user || edge.last_of_user {
            self.ask_at(channel, Instant::now() + GATHERED);
            self.wake_news.notify_one();
        }
    }

    /// Has Redis asked what a room is to be told, not later than `at`.
    fn ask_at(&self, channel: Channel, at: Instant) {
        let mut news = lock(&self.news);
        let due = news.entry(channel).or_insert(at);
        *due = at.min(*due);
    }

    /// Tells Redis what changed in a channel, in as few calls as can be.
    async fn tell(
        &self,
        hub: &Hub,
        channel: Channel,
        changes: &HashMap<Uuid, Change>,
    ) -> Result<(), BusError> {
        let (bus, name) = (&hub.app.bus, channel.to_string());
        let (mut coming, mut going) = (Vec::new(), Vec::new());
        for (client, change) in changes {
            match change {
                Change::Enter { user_id, card } => coming.push(Member {
                    client_id: client.to_string(),
                    user_id: *user_id,
                    info: card.clone(),
                }),
                Change::Leave => going.push(client.to_string()),
            }
        }
        // Coming first: a user who comes back with another socket does not go meanwhile.
        for edge in bus.members_enter(&name, bus.node_id(), &coming).await? {
            self.edge(channel, &edge);
        }
        let going: Vec<&str> = going.iter().map(String::as_str).collect();
        for edge in bus.members_leave(&name, bus.node_id(), &going).await?.into_iter().flatten() {
            self.edge(channel, &edge);
        }
        Ok(())
    }

    /// Tells Redis everything that changed; `false`: something is left for later.
    async fn tell_changes(&self, hub: &Hub) -> bool {
        let changes = std::mem::take(&mut *lock(&self.changes));
        let failed: Vec<_> = futures_util::stream::iter(changes)
            .map(|(channel, changes)| async move {
                let error = self.tell(hub, channel, &changes).await.err()?;
                Some((channel, changes, error))
            })
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await;
        let done = failed.is_empty();
        if let Some((_, _, error)) = failed.first() {
            tracing::warn!(%error, rooms = failed.len(), "members could not be told; it will be tried again");
        }
        let mut changes = lock(&self.changes);
        for (channel, untold, _) in failed {
            let newer = changes.entry(channel).or_default();
            for (client, change) in untold {
                newer.entry(client).or_insert(change);
            }
        }
        done
    }

    /// Rooms that are due by `now`, taken out, and when the next one will be.
    fn take_due(&self, now: Instant) -> (Vec<Channel>, Option<Instant>) {
        let mut news = lock(&self.news);
        let due: Vec<Channel> =
            news.extract_if(|_, at| *at <= now).map(|(channel, _)| channel).take(ROOMS).collect();
        (due, news.values().min().copied())
    }

    /// Asks Redis what some rooms are to be told, and tells it. A room is asked for until there is nothing new: then
    /// its last number has been told, whoever told it.
    async fn tell_news(&self, hub: &Hub, rooms: &[Channel]) -> Result<(), BusError> {
        let names: Vec<Arc<str>> = rooms.iter().map(|channel| channel.to_string().into()).collect();
        let asked: Vec<&str> = names.iter().map(|name| &**name).collect();
        let answers = hub.app.bus.members_news(&asked, TOLD_EVERY).await?;
        let (mut publishes, mut told) = (Vec::new(), Vec::new());
        for ((&channel, name), news) in rooms.iter().zip(&names).zip(answers) {
            let again = match news {
                MemberNews::Nothing => continue,
                MemberNews::Later(after) => after,
                MemberNews::Tell { users, moves } => {
                    let frames = [users.and_then(|users| viewers(channel, users)), moved(moves)];
                    let publish = |payload| Publish { channel: Arc::clone(name), payload, history: None };
                    publishes.extend(frames.into_iter().flatten().map(publish));
                    told.extend(users.map(|users| (&**name, users)));
                    TOLD_EVERY
                }
            };
            self.ask_at(channel, Instant::now() + again);
        }
        hub.app.bus.publish(&publishes).await?;
        hub.app.bus.members_told(&told).await
    }

    /// Tells what is due; the answer is when something will be due again.
    async fn tell_due(&self, hub: &Hub) -> Option<Instant> {
        let (due, next) = self.take_due(Instant::now());
        if due.is_empty() {
            return next;
        }
        if let Err(error) = self.tell_news(hub, &due).await {
            tracing::warn!(%error, "rooms could not be told of their members; it will be tried again");
            for channel in due {
                self.ask_at(channel, Instant::now() + PAUSE);
            }
        }
        lock(&self.news).values().min().copied()
    }

    /// Tells at the end of a drain what is still to be told, as far as the time allows.
    pub(crate) async fn publish(&self, hub: &Hub) {
        let until = Instant::now() + LAST_WORDS;
        // Nobody is here any more who could come or go.
        lock(&self.news).values_mut().for_each(|due| *due = Instant::now());
        while let Some(next) = self.tell_due(hub).await {
            if next > until {
                return;
            }
            tokio::time::sleep_until(next).await;
        }
    }
}

/// The event of how many listen to a room.
fn viewers(channel: Channel, users: u64) -> Option<Bytes> {
    let Channel::Room(room_id) = channel else { return None };
    let event = Event::RoomViewers { room_id, viewers: u32::try_from(users).unwrap_or(u32::MAX) };
    serde_json::to_vec(&Envelope::new(channel, event).data).ok().map(Bytes::from)
}

/// What hubs tell each other of who came and went.
fn moved(moves: Vec<MemberMove>) -> Option<Bytes> {
    if moves.is_empty() {
        return None;
    }
    let members = moves.into_iter().map(|one| Moved {
        came: one.came,
        user_id: one.user_id,
        client: one.client_id,
        card: Payload::from_json(one.info).ok(),
    });
    serde_json::to_vec(&Moves { members: members.collect() }).ok().map(Bytes::from)
}

/// Tells Redis who comes and goes, until the hub stops.
pub(crate) async fn keep(hub: Arc<Hub>) {
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
        }
    }
}

/// Tells the listeners who came and went and how many there are, until the hub stops.
pub(crate) async fn tell(hub: Arc<Hub>) {
    let members = &hub.members;
    loop {
        let next = members.tell_due(&hub).await;
        let due = async {
            match next {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = hub.stopping.cancelled() => return,
            () = members.wake_news.notified() => {}
            () = due => {}
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
    Some(Frame::message(encoding, Class::Signal, &codec::join(encoding, &messages)))
}

#[cfg(test)]
mod tests {
    use bus::{MemberEdge, MemberMove};
    use bytes::Bytes;
    use protocol::channel::Channel;
    use protocol::codec::{Encoding, decode_replies};
    use protocol::frame::{PushBody, ServerMessage};
    use tokio::time::Instant;

    use super::{GATHERED, MOVES_BEGIN, Members, Moves, moved, pushes, viewers};
    use crate::connection::frame::tests::read;

    fn edge(user_id: u64, first_of_user: bool, last_of_user: bool) -> MemberEdge {
        MemberEdge { user_id, first_of_user, last_of_user, users: 1, clients: 1 }
    }

    #[test]
    fn a_room_is_asked_for_a_while_after_the_first_user_came_or_went_and_not_for_further_clients() {
        let members = Members::default();
        let now = Instant::now();
        members.edge(Channel::Room(5), &edge(1, true, false));
        members.edge(Channel::Room(5), &edge(2, false, true));
        members.edge(Channel::Room(6), &edge(1, false, false));
        let (due, next) = members.take_due(now);
        assert!(due.is_empty() && next.is_some_and(|at| at >= now + GATHERED));
        let (due, next) = members.take_due(Instant::now() + GATHERED);
        assert_eq!((due, next), (vec![Channel::Room(5)], None));
    }

    #[test]
    fn the_number_travels_as_an_event_like_others() {
        let event: serde_json::Value =
            serde_json::from_slice(&viewers(Channel::Room(5), 12).unwrap()).unwrap();
        assert_eq!((&event["type"], &event["data"]["viewers"]), (&"room.viewers".into(), &12.into()));
        assert_eq!(event["data"]["room_id"], 5);
        assert!(event["id"].as_str().unwrap().len() == 26 && event["at"].is_string(), "{event}");
    }

    #[test]
    fn moves_travel_as_json_and_become_one_frame_of_pushes() {
        assert_eq!(moved(Vec::new()), None);
        let one = |user_id, came, info| MemberMove { user_id, client_id: "a".to_owned(), came, info };
        let json =
            moved(vec![one(1, true, Bytes::from_static(b"{\"name\":\"x\"}")), one(2, false, Bytes::new())]);
        let json = json.unwrap();
        assert!(json.starts_with(MOVES_BEGIN));
        let moves: Moves = serde_json::from_slice(&json).unwrap();
        for encoding in Encoding::ALL {
            let frame = pushes(encoding, "room:5", &moves).unwrap();
            let [message] = &*read(&frame.bytes) else { panic!("several frames") };
            let messages = decode_replies(encoding, &message.clone().into_data());
            let joined = messages.iter().filter(|message| {
                let Ok(ServerMessage::Push(push)) = message else { return false };
                push.channel == "room:5" && matches!(push.body, PushBody::Join(_) | PushBody::Leave(_))
            });
            assert_eq!(joined.count(), 2, "{encoding:?}");
        }
    }
}
