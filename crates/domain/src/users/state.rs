//! What every request needs of a user, kept in Redis so that a wave of reconnects does not reach MySQL
//! (realtime.md §5).

use std::collections::HashMap;
use std::time::Duration;

use base::id::UserId;
use base::{CommonFault, Lang};
use serde::{Deserialize, Serialize};
use store::users::StateRow;

use crate::App;
use crate::fault::of_store;

/// How long an entry stays without being made stale by a write.
const KEPT: Duration = Duration::from_secs(600);
/// How long it is remembered that somebody may not act: another application may lift it.
const KEPT_INACTIVE: Duration = Duration::from_secs(30);

/// What every request needs of a user. After changing any of it in a unit: `unit.forget_user(id)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserState {
    /// The user's id.
    pub id: UserId,
    /// The user's name.
    pub name: String,
    /// The user's unique handle.
    pub username: String,
    /// The user's picture.
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
        }
    }
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

/// The states of those of the users that exist, in the order asked.
///
/// # Errors
/// [`CommonFault::Unavailable`] when MySQL, too, does not answer.
pub async fn find_states(app: &App, user_ids: &[UserId]) -> Result<Vec<UserState>, CommonFault> {
    let keys: Vec<String> = user_ids.iter().map(|&id| state_key(id)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let reads = match app.bus.cache_get_many(&keys).await {
        Ok(reads) => reads.into_iter().map(Some).collect(),
        Err(error) => {
            tracing::warn!(%error, "states of users are read from MySQL");
            vec![None; user_ids.len()]
        }
    };
    let mut states: HashMap<UserId, UserState> = HashMap::with_capacity(user_ids.len());
    let mut missing = Vec::new();
    for ((&id, &key), read) in user_ids.iter().zip(&keys).zip(reads) {
        let version = read.as_ref().map(|read| read.version);
        // An entry of an older release that cannot be read counts as missing.
        match read.and_then(|read| read.value).and_then(|value| serde_json::from_slice(&value).ok()) {
            Some(state) => drop(states.insert(id, state)),
            None => missing.push((id, key, version)),
        }
    }
    if !missing.is_empty() {
        let ids: Vec<UserId> = missing.iter().map(|&(id, _, _)| id).collect();
        let mut conn = app.store.reader().await.map_err(of_store)?;
        let rows = store::users::list_states(&mut conn, &ids).await;
        drop(conn);
        states.extend(rows.map_err(of_store)?.into_iter().map(|row| (row.id, UserState::from(row))));
        for (id, key, version) in missing {
            // That there is nobody is not remembered: an account can be made without Redis.
            let (Some(version), Some(state)) = (version, states.get(&id)) else { continue };
            let value = serde_json::to_vec(state).map_err(CommonFault::internal)?;
            let kept = if state.active { KEPT } else { KEPT_INACTIVE };
            if let Err(error) = app.bus.cache_fill(key, version, &value, kept).await {
                tracing::warn!(%error, user_id = id, "the state of a user is not cached");
            }
        }
    }
    Ok(user_ids.iter().filter_map(|id| states.get(id).cloned()).collect())
}
