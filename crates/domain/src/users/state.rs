//! What every request needs of a user, kept in Redis so that a wave of reconnects does not reach MySQL
//! (realtime.md §5).

use std::collections::HashMap;
use std::time::Duration;

use base::id::UserId;
use base::{CommonFault, Lang};
use bus::CacheHead;
use futures_util::future::{join_all, try_join_all};
use serde::{Deserialize, Serialize};
use store::users::StateRow;

use crate::App;
use crate::fault::{of_bus, of_store};
use crate::unit::UnreadNow;
use crate::uploads::picture_url;

/// How long an entry stays without being made stale by a write.
const KEPT: Duration = Duration::from_secs(600);
/// How long it is remembered that somebody may not act: another application may lift it.
const KEPT_INACTIVE: Duration = Duration::from_secs(30);

/// What every request needs of a user. After changing any of it in a unit: `unit.forget_user(id)`; the unread total is
/// renewed in place (`Unit::renew_unread`), since every message changes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserState {
    /// The user's id.
    pub id: UserId,
    /// The user's name.
    pub name: String,
    /// The user's unique handle.
    pub username: String,
    /// The user's picture: an address, as [`find_states`] gives it out.
    pub avatar: Option<String>,
    /// Checked by the platform?
    pub is_verified: bool,
    /// May the account act (not suspended)?
    pub active: bool,
    /// The account's language.
    pub language: Lang,
    /// Others may see whether the user is online?
    pub show_online_status: bool,
    /// Unread chat messages over all conversations.
    pub unread_total: u32,
    /// How often that total has changed: of two totals the one with the greater version is the newer.
    pub unread_version: u64,
}

impl From<StateRow> for UserState {
    fn from(row: StateRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            username: row.username,
            avatar: row.avatar,
            is_verified: row.is_verified,
            active: row.is_active,
            language: row.language.as_deref().and_then(Lang::from_code).unwrap_or_default(),
            show_online_status: row.show_online_status.unwrap_or(true),
            unread_total: row.unread_total.unwrap_or(0),
            unread_version: row.unread_version.unwrap_or(0),
        }
    }
}

impl UserState {
    /// As it is cached: the unread total in the head, the rest as JSON.
    fn encode(&self) -> Result<Vec<u8>, CommonFault> {
        let head = CacheHead { number: self.unread_version, text: self.unread_total.to_string() };
        Ok(head.before(&serde_json::to_vec(self).map_err(CommonFault::internal)?))
    }

    /// `None` for an entry of an older release, which counts as missing.
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let (head, rest) = CacheHead::split(value)?;
        let state: Self = serde_json::from_slice(rest).ok()?;
        Some(Self { unread_total: head.text.parse().ok()?, unread_version: head.number, ..state })
    }
}

/// Gives the cache unread totals that a commit has changed.
///
/// # Errors
/// [`CommonFault::Unavailable`].
pub(crate) async fn renew_unread(app: &App, totals: &[UnreadNow]) -> Result<(), CommonFault> {
    let keys: Vec<String> = totals.iter().map(|now| state_key(now.user_id)).collect();
    let heads: Vec<(&str, CacheHead)> = keys
        .iter()
        .zip(totals)
        .map(|(key, now)| (key.as_str(), CacheHead { number: now.version, text: now.total.to_string() }))
        .collect();
    app.bus.cache_renew(&heads).await.map_err(of_bus)
}

/// The entry's key in the cache.
#[must_use]
pub fn state_key(user_id: UserId) -> String {
    format!("user:{user_id}")
}

/// A user's state; `None` for one who does not exist or was deleted.
///
/// # Errors
/// [`CommonFault::Unavailable`] when MySQL, too, does not answer.
pub async fn find_state(app: &App, user_id: UserId) -> Result<Option<UserState>, CommonFault> {
    Ok(find_states(app, &[user_id]).await?.pop())
}

/// The states of those of the users that exist, in the order asked. Whoever is not in Redis is asked of MySQL together
/// with all others who are missed at that moment.
///
/// # Errors
/// [`CommonFault::Unavailable`] when MySQL, too, does not answer.
pub async fn find_states(app: &App, user_ids: &[UserId]) -> Result<Vec<UserState>, CommonFault> {
    let mut states = peek(app, user_ids).await;
    let missing: Vec<UserId> = user_ids.iter().copied().filter(|id| !states.contains_key(id)).collect();
    if !missing.is_empty() {
        let reads = missing.into_iter().map(|id| {
            let reader = app.clone();
            app.state_reads.ask(id, move |ids| {
                let app = reader.clone();
                async move { read_states(&app, &ids).await }
            })
        });
        for state in try_join_all(reads).await?.into_iter().flatten() {
            states.insert(state.id, state);
        }
    }
    // Redis keeps the stored path of a picture; who asks gets an address that is good now.
    let shown =
        |state: &UserState| UserState { avatar: picture_url(app, state.avatar.clone()), ..state.clone() };
    Ok(user_ids.iter().filter_map(|id| states.get(id).map(shown)).collect())
}

/// What Redis has of users' states. A look costs it less than a reading that may have to fill what is missing.
async fn peek(app: &App, user_ids: &[UserId]) -> HashMap<UserId, UserState> {
    let keys: Vec<String> = user_ids.iter().map(|&id| state_key(id)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    match app.bus.cache_peek_many(&keys).await {
        Ok(values) => {
            let states = values.into_iter().flatten().filter_map(|value| UserState::decode(&value));
            states.map(|state| (state.id, state)).collect()
        }
        Err(error) => {
            tracing::warn!(%error, "states of users are read from MySQL");
            HashMap::new()
        }
    }
}

/// A user whose state is not in Redis.
struct Missed {
    id: UserId,
    /// The entry's version; `None` where Redis does not answer.
    version: Option<u64>,
}

async fn read_cache(app: &App, user_ids: &[UserId]) -> (HashMap<UserId, UserState>, Vec<Missed>) {
    let keys: Vec<String> = user_ids.iter().map(|&id| state_key(id)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let reads = match app.bus.cache_get_many(&keys).await {
        Ok(reads) => reads.into_iter().map(Some).collect(),
        // Said already by those who ask.
        Err(_unavailable) => vec![None; user_ids.len()],
    };
    let mut states = HashMap::with_capacity(user_ids.len());
    let mut missing = Vec::new();
    for (&id, read) in user_ids.iter().zip(reads) {
        let version = read.as_ref().map(|read| read.version);
        match read.and_then(|read| read.value).and_then(|value| UserState::decode(&value)) {
            Some(state) => drop(states.insert(id, state)),
            None => missing.push(Missed { id, version }),
        }
    }
    (states, missing)
}

/// Reads states for all who wait for them, and caches them. Redis is asked once more: a read that ended meanwhile may
/// have brought some.
async fn read_states(app: &App, user_ids: &[UserId]) -> Result<HashMap<UserId, UserState>, CommonFault> {
    let (mut states, missing) = read_cache(app, user_ids).await;
    if missing.is_empty() {
        return Ok(states);
    }
    let ids: Vec<UserId> = missing.iter().map(|missed| missed.id).collect();
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let rows = store::users::list_states(&mut conn, &ids).await;
    drop(conn);
    states.extend(rows.map_err(of_store)?.into_iter().map(|row| (row.id, UserState::from(row))));
    let fills = missing.iter().filter_map(|missed| {
        // That there is nobody is not remembered: an account can be made without Redis.
        Some(fill(app, missed.version?, states.get(&missed.id)?))
    });
    join_all(fills).await;
    Ok(states)
}

async fn fill(app: &App, version: u64, state: &UserState) {
    let kept = if state.active { KEPT } else { KEPT_INACTIVE };
    let filled = async {
        let value = state.encode()?;
        app.bus.cache_fill(&state_key(state.id), version, &value, kept).await.map_err(of_bus)
    };
    if let Err(error) = filled.await {
        tracing::warn!(%error, user_id = state.id, "the state of a user is not cached");
    }
}
