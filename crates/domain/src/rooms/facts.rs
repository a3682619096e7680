//! What subscribing asks of a room, kept in Redis, so that a wave of reconnecting clients does not reach MySQL
//! (realtime.md §5). Writes of ours make it stale at once; what others write into the tables is seen after
//! [`FACTS_TTL`].

use std::time::Duration;

use base::id::{RoomId, UserId};
use protocol::channel::Channel;
use protocol::rooms::{AccessType, RoomMessage, RoomState, RoomStatus};
use serde::{Deserialize, Serialize};

use super::admission::{Claim, admit, decide};
use super::view::{access_type, message_view, room_status};
use super::{NO_ROOM, RoomError};
use crate::{Actor, App};

/// Short, because one entry serves everybody in the room: even this absorbs any wave.
const FACTS_TTL: Duration = Duration::from_secs(5);
/// A seat is one user's own entry, so it has to last from one wave to the next.
const SEAT_TTL: Duration = Duration::from_secs(600);
/// A room with more bans than this has each of them looked up.
const MOST_BANNED: u32 = 1_000;

/// A room as subscribers see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RoomFacts {
    pub id: RoomId,
    pub host_id: UserId,
    pub title: String,
    pub status: RoomStatus,
    pub access: AccessType,
    pub slow_mode_seconds: u32,
    pub pinned: Vec<RoomMessage>,
    /// `None`: too many to keep.
    pub banned: Option<Vec<UserId>>,
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
        self.banned.as_ref().is_some_and(|banned| !banned.contains(&user_id))
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
    let key = facts_key(room_id);
    let cached = app.bus.cache_get(&key).await?;
    // An entry of another release's shape counts as none.
    if let Some(facts) = cached.value.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok()) {
        return Ok(facts);
    }
    let facts = read_facts(app, room_id).await?;
    let bytes = serde_json::to_vec(&facts).map_err(base::CommonFault::internal)?;
    app.bus.cache_fill(&key, cached.version, &bytes, FACTS_TTL).await?;
    Ok(facts)
}

async fn read_facts(app: &App, room_id: RoomId) -> Result<RoomFacts, RoomError> {
    let mut conn = app.store.reader().await?;
    let room = store::rooms::find_room(&mut conn, room_id).await?.ok_or(NO_ROOM)?;
    let banned = store::rooms::list_banned(&mut conn, room_id, MOST_BANNED + 1).await?;
    let all = u32::try_from(banned.len()).is_ok_and(|count| count <= MOST_BANNED);
    let pinned = store::rooms::list_pinned(&mut conn, room_id).await?;
    Ok(RoomFacts {
        id: room.id,
        host_id: room.user_id,
        title: room.title,
        status: room_status(&room.status)?,
        access: access_type(&room.access_type)?,
        slow_mode_seconds: store::rooms::find_slow_mode(&mut conn, room_id).await?,
        pinned: pinned.into_iter().map(message_view).collect::<Result<_, _>>()?,
        banned: all.then_some(banned),
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
