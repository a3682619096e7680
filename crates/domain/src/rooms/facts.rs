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

use super::admission::{Claim, admit, decide, has_seat};
use super::view::{access_type, message_view, registration_status, room_status};
use super::{NO_ROOM, RoomError};
use crate::fault::{of_bus, of_store};
use crate::{Actor, App};

/// Short, because one entry serves everybody in the room: even this absorbs any wave.
const FACTS_TTL: Duration = Duration::from_secs(5);
/// A seat is one user's own entry, so it has to last from one wave to the next.
const SEAT_TTL: Duration = Duration::from_secs(3_600);
/// Redis is asked for rooms at most so often by each node: so a wave into a room costs it a few hundred commands a second,
/// however many come, and nobody waits for longer than this.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(5);
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
    pub(super) fn state(&self, viewers: u32) -> RoomState {
        RoomState {
            id: self.id,
            title: self.title.clone(),
            status: self.status,
            viewers,
            slow_mode_seconds: self.slow_mode_seconds,
            pinned: self.pinned.clone(),
        }
    }
}

/// What Redis has of a room: its facts, if they are there, and how many users listen to it at the moment.
#[derive(Clone)]
pub(crate) struct RoomLook {
    facts: Option<Arc<RoomFacts>>,
    viewers: u32,
}

/// Facts of a room, or what is wrong with its rows: one bad room must not fail those who ask for others.
pub(crate) type FactsRead = Result<Arc<RoomFacts>, Arc<str>>;

/// The facts of a room, and how many users listen to it at the moment. Everybody who asks at the same time asks together.
///
/// # Errors
/// `not_found` for a room that is not there, or whose host's account is gone.
pub(super) async fn find_room_now(app: &App, room_id: RoomId) -> Result<(Arc<RoomFacts>, u32), RoomError> {
    let reader = app.clone();
    let look = app.room_looks.ask(room_id, move |ids| {
        let app = reader.clone();
        async move { look_at_rooms(&app, ids).await }
    });
    let RoomLook { facts, viewers } = look.await?.ok_or(NO_ROOM)?;
    if let Some(facts) = facts {
        return Ok((facts, viewers));
    }
    let reader = app.clone();
    let facts = app.room_reads.ask(room_id, move |ids| {
        let app = reader.clone();
        async move { read_all_facts(&app, ids).await }
    });
    let facts = facts.await?.ok_or(NO_ROOM)?;
    Ok((facts.map_err(|wrong| CommonFault::internal(wrong.to_string()))?, viewers))
}

/// The facts of a room.
///
/// # Errors
/// As for [`find_room_now`].
pub(super) async fn find_facts(app: &App, room_id: RoomId) -> Result<Arc<RoomFacts>, RoomError> {
    Ok(find_room_now(app, room_id).await?.0)
}

/// An entry of another release's shape counts as none.
fn decode(value: Option<&[u8]>) -> Option<RoomFacts> {
    serde_json::from_slice(value?).ok()
}

async fn look_at_rooms(app: &App, ids: Vec<RoomId>) -> Result<HashMap<RoomId, RoomLook>, CommonFault> {
    let keys: Vec<String> = ids.iter().map(|&id| facts_key(id)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let names: Vec<String> = ids.iter().map(|&id| Channel::Room(id).to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (cached, counts) =
        tokio::try_join!(app.bus.cache_get_many(&keys), app.bus.member_counts(&names)).map_err(of_bus)?;
    let look = |((room_id, cached), counts): ((RoomId, bus::CacheRead), bus::MemberCounts)| {
        let facts = decode(cached.value.as_deref()).map(Arc::new);
        (room_id, RoomLook { facts, viewers: u32::try_from(counts.users).unwrap_or(u32::MAX) })
    };
    Ok(ids.into_iter().zip(cached).zip(counts).map(look).collect())
}

async fn read_all_facts(app: &App, ids: Vec<RoomId>) -> Result<HashMap<RoomId, FactsRead>, CommonFault> {
    let mut all = HashMap::with_capacity(ids.len());
    for room_id in ids {
        let key = facts_key(room_id);
        let cached = app.bus.cache_get(&key).await.map_err(of_bus)?;
        // Read by those before, and still true: a change makes the entry stale.
        if let Some(facts) = decode(cached.value.as_deref()) {
            all.insert(room_id, Ok(Arc::new(facts)));
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
        all.insert(room_id, Ok(Arc::new(facts)));
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
        pinned: pinned.into_iter().map(|row| message_view(app, row)).collect::<Result<_, _>>()?,
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
    if facts.is_known_unbanned(user_id) {
        let open = Claim { status: facts.status, access: facts.access, registration: None, is_banned: false };
        if decide(open).is_ok() {
            return Ok(());
        }
        if facts.status != RoomStatus::Cancelled && find_seat(app, facts.id, user_id).await? {
            return Ok(());
        }
    }
    let mut conn = app.store.reader().await?;
    let room = store::rooms::find_room(&mut conn, facts.id).await?.ok_or(NO_ROOM)?;
    admit(&mut conn, room, user_id).await.map(drop)
}

/// Whether the user has, or had, a seat: from Redis, or from MySQL together with all who are missed there at that moment.
async fn find_seat(app: &App, room_id: RoomId, user_id: UserId) -> Result<bool, CommonFault> {
    if app.bus.cache_peek(&seat_key(room_id, user_id)).await.map_err(of_bus)?.is_some() {
        return Ok(true);
    }
    let reader = app.clone();
    let seat = app.seat_reads.ask((room_id, user_id), move |asked| {
        let app = reader.clone();
        async move { read_seats(&app, asked).await }
    });
    Ok(seat.await?.is_some())
}

/// Those of the asked who have a seat. Redis is asked once more: a read that ended meanwhile may have brought some.
async fn read_seats(
    app: &App,
    asked: Vec<(RoomId, UserId)>,
) -> Result<HashMap<(RoomId, UserId), ()>, CommonFault> {
    let keys: Vec<String> = asked.iter().map(|&(room_id, user_id)| seat_key(room_id, user_id)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let cached = app.bus.cache_get_many(&keys).await.map_err(of_bus)?;
    let mut seats = HashMap::with_capacity(asked.len());
    let mut missing: HashMap<(RoomId, UserId), u64> = HashMap::new();
    for (place, cached) in asked.into_iter().zip(cached) {
        if cached.value.is_some() {
            seats.insert(place, ());
        } else {
            missing.insert(place, cached.version);
        }
    }
    if missing.is_empty() {
        return Ok(seats);
    }
    let places: Vec<(RoomId, UserId)> = missing.keys().copied().collect();
    let standings = {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        store::rooms::list_standings(&mut conn, &places).await.map_err(of_store)?
    };
    for standing in standings {
        let place = (standing.live_room_id, standing.user_id);
        let registration = standing.registration.as_deref().map(registration_status).transpose();
        if !standing.is_host_active || standing.is_banned || !has_seat(registration.map_err(of_store)?) {
            continue;
        }
        if let Some(&version) = missing.get(&place) {
            app.bus.cache_fill(&seat_key(place.0, place.1), version, b"1", SEAT_TTL).await.map_err(of_bus)?;
        }
        seats.insert(place, ());
    }
    Ok(seats)
}

/// Distinct users who listen to a room now.
///
/// # Errors
/// Those of the bus.
pub(super) async fn count_viewers(app: &App, room_id: RoomId) -> Result<u32, RoomError> {
    Ok(count_all_viewers(app, &[room_id]).await?.into_iter().next().unwrap_or(0))
}

/// Distinct users who listen to each of the rooms now, in their order: one question for all.
///
/// # Errors
/// Those of the bus.
pub(super) async fn count_all_viewers(app: &App, room_ids: &[RoomId]) -> Result<Vec<u32>, RoomError> {
    let channels: Vec<String> = room_ids.iter().map(|&id| Channel::Room(id).to_string()).collect();
    let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
    let counts = app.bus.member_counts(&channels).await?;
    Ok(counts.into_iter().map(|counts| u32::try_from(counts.users).unwrap_or(u32::MAX)).collect())
}
