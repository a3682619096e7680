//! What subscribing asks of a room, kept in Redis, so that a wave of reconnecting clients does not reach MySQL
//! (realtime.md §5). Writes of ours make it stale at once; what others write into the tables is seen after
//! [`FACTS_TTL`], a seat that they take away after [`SEAT_TTL`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base::id::{RoomId, UserId};
use base::{CommonFault, Time};
use protocol::channel::Channel;
use protocol::rooms::{AccessType, RoomMessage, RoomState, RoomStatus};
use serde::{Deserialize, Serialize};

use super::admission::{Claim, admit, decide};
use super::view::{access_type, message_view, room_status};
use super::{NO_ROOM, RoomError};
use crate::fault::of_bus;
use crate::{Actor, App};

/// Short, because one entry serves everybody in the room: even this absorbs any wave.
const FACTS_TTL: Duration = Duration::from_secs(5);
/// A seat is one user's own entry, so it has to last from one wave to the next.
const SEAT_TTL: Duration = Duration::from_secs(3_600);
/// A room with more bans than this has each of them looked up.
const MOST_BANNED: u32 = 1_000;

/// A room as subscribers see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RoomFacts {
    pub id: RoomId,
    pub host_id: UserId,
    pub title: String,
    pub status: RoomStatus,
    pub access: AccessType,
    pub slow_mode_seconds: u32,
    pub pinned: Vec<RoomMessage>,
    /// `None`: too many to keep.
    pub banned: Option<Vec<Banned>>,
}

/// Somebody who may not come in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Banned {
    pub user_id: UserId,
    /// When that ends by itself, which may be before this entry of the cache does.
    pub until: Option<Time>,
}

/// The cache's entry of a room; forgotten by whoever changes its state, slow mode, pins or bans.
pub(super) fn facts_key(room_id: RoomId) -> String {
    format!("room:{room_id}")
}

/// The cache's entry of a user's seat; forgotten by whoever gives or takes the seat.
pub(super) fn seat_key(room_id: RoomId, user_id: UserId) -> String {
    format!("room:{room_id}:seat:{user_id}")
}

impl RoomFacts {
    fn is_known_unbanned(&self, user_id: UserId) -> bool {
        let now = Time::now();
        let holds = |ban: &Banned| ban.user_id == user_id && ban.until.is_none_or(|until| until > now);
        self.banned.as_ref().is_some_and(|banned| !banned.iter().any(holds))
    }

    /// The state for those inside.
    pub(super) fn into_state(self, viewers: u32) -> RoomState {
        RoomState {
            id: self.id,
            title: self.title,
            status: self.status,
            viewers,
            slow_mode_seconds: self.slow_mode_seconds,
            pinned: self.pinned,
        }
    }
}

/// The facts of a room.
///
/// # Errors
/// `not_found` for a room that is not there, or whose host's account is gone.
pub(super) async fn find_facts(app: &App, room_id: RoomId) -> Result<RoomFacts, RoomError> {
    let cached = app.bus.cache_get(&facts_key(room_id)).await?;
    if let Some(facts) = decode(cached.value.as_deref()) {
        return Ok(facts);
    }
    // Everybody who finds it gone at this moment asks MySQL together.
    let reader = app.clone();
    let facts = app.room_reads.ask(room_id, move |ids| {
        let app = reader.clone();
        async move { read_all_facts(&app, ids).await }
    });
    Ok(facts.await?.ok_or(NO_ROOM)?.map_err(|wrong| CommonFault::internal(wrong.to_string()))?)
}

/// An entry of another release's shape counts as none.
fn decode(value: Option<&[u8]>) -> Option<RoomFacts> {
    serde_json::from_slice(value?).ok()
}

/// Facts of a room, or what is wrong with its rows: one bad room must not fail those who ask for others.
pub(crate) type FactsRead = Result<RoomFacts, Arc<str>>;

async fn read_all_facts(app: &App, ids: Vec<RoomId>) -> Result<HashMap<RoomId, FactsRead>, CommonFault> {
    let mut all = HashMap::with_capacity(ids.len());
    for room_id in ids {
        let key = facts_key(room_id);
        let cached = app.bus.cache_get(&key).await.map_err(of_bus)?;
        // Read by those before, and still true: a change makes the entry stale.
        if let Some(facts) = decode(cached.value.as_deref()) {
            all.insert(room_id, Ok(facts));
            continue;
        }
        let facts = match read_facts(app, room_id).await {
            Ok(facts) => facts,
            Err(RoomError::Common(CommonFault::NotFound(_))) => continue,
            Err(RoomError::Common(CommonFault::Unavailable(cause))) => {
                return Err(CommonFault::Unavailable(cause));
            }
            Err(other) => {
                all.insert(room_id, Err(other.to_string().into()));
                continue;
            }
        };
        let bytes = serde_json::to_vec(&facts).map_err(CommonFault::internal)?;
        app.bus.cache_fill(&key, cached.version, &bytes, FACTS_TTL).await.map_err(of_bus)?;
        all.insert(room_id, Ok(facts));
    }
    Ok(all)
}

async fn read_facts(app: &App, room_id: RoomId) -> Result<RoomFacts, RoomError> {
    let mut conn = app.store.reader().await?;
    let room = store::rooms::find_room(&mut conn, room_id).await?.ok_or(NO_ROOM)?;
    let banned = store::rooms::list_banned(&mut conn, room_id, MOST_BANNED + 1).await?;
    let all = u32::try_from(banned.len()).is_ok_and(|count| count <= MOST_BANNED);
    let banned =
        banned.into_iter().map(|row| Banned { user_id: row.user_id, until: row.until.map(Time::from) });
    let pinned = store::rooms::list_pinned(&mut conn, room_id).await?;
    Ok(RoomFacts {
        id: room.id,
        host_id: room.user_id,
        title: room.title,
        status: room_status(&room.status)?,
        access: access_type(&room.access_type)?,
        slow_mode_seconds: store::rooms::find_slow_mode(&mut conn, room_id).await?,
        pinned: pinned.into_iter().map(message_view).collect::<Result<_, _>>()?,
        banned: all.then(|| banned.collect()),
    })
}

/// Admits the actor by the cached facts where they suffice, else by MySQL.
///
/// # Errors
/// Those of [`admit`].
pub(super) async fn admit_by_facts(app: &App, actor: &Actor, facts: &RoomFacts) -> Result<(), RoomError> {
    let user_id = actor.user_id();
    if facts.host_id == user_id {
        return Ok(());
    }
    let mut version = None;
    if facts.is_known_unbanned(user_id) {
        let open = Claim { status: facts.status, access: facts.access, registration: None, is_banned: false };
        if decide(open).is_ok() {
            return Ok(());
        }
        let cached = app.bus.cache_get(&seat_key(facts.id, user_id)).await?;
        if cached.value.is_some() && facts.status != RoomStatus::Cancelled {
            return Ok(());
        }
        version = Some(cached.version);
    }
    let has_seat = {
        let mut conn = app.store.reader().await?;
        let room = store::rooms::find_room(&mut conn, facts.id).await?.ok_or(NO_ROOM)?;
        admit(&mut conn, room, user_id).await?.has_seat()
    };
    if let Some(version) = version.filter(|_| has_seat) {
        app.bus.cache_fill(&seat_key(facts.id, user_id), version, b"1", SEAT_TTL).await?;
    }
    Ok(())
}

/// Distinct users who listen to a room now.
///
/// # Errors
/// Those of the bus.
pub(super) async fn count_viewers(app: &App, room_id: RoomId) -> Result<u32, RoomError> {
    let counts = app.bus.member_counts(&Channel::Room(room_id).to_string()).await?;
    Ok(u32::try_from(counts.users).unwrap_or(u32::MAX))
}
