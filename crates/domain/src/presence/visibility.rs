//! Who may see whose status: everybody, where its owner shows it and neither blocks the other; oneself always.

use std::collections::{HashMap, HashSet};

use base::CommonFault;
use base::id::UserId;

use crate::App;
use crate::fault::of_bus;
use crate::users::{self, UserState};

/// May the viewer see the user's status? Nobody sees that of an account that is gone or suspended.
///
/// # Errors
/// Those of the store.
pub async fn may_see_presence(app: &App, viewer: UserId, user_id: UserId) -> Result<bool, CommonFault> {
    let states: Vec<UserState> = users::find_state(app, user_id).await?.into_iter().collect();
    Ok(!list_visible(app, viewer, &states).await?.is_empty())
}

/// The presence of those of the users whose status the viewer may see: two round trips to Redis, however many they are,
/// and a query only where the viewer's blocks are not in Redis.
///
/// # Errors
/// [`CommonFault::Unavailable`].
pub async fn find_online(
    app: &App,
    viewer: UserId,
    states: &[UserState],
) -> Result<HashMap<UserId, bus::PresenceState>, CommonFault> {
    let visible = list_visible(app, viewer, states).await?;
    let online = app.bus.online(&visible).await.map_err(of_bus)?;
    Ok(online.into_iter().map(|state| (state.user_id, state)).collect())
}

/// Those of the watchers who may not see the user's status (any more): two round trips to Redis, however many they are.
///
/// # Errors
/// [`CommonFault::Unavailable`].
pub async fn list_refused_watchers(
    app: &App,
    user_id: UserId,
    watchers: &[UserId],
) -> Result<HashSet<UserId>, CommonFault> {
    let state = users::find_state(app, user_id).await?.filter(|state| state.active);
    let others = || watchers.iter().copied().filter(|&watcher| watcher != user_id);
    match state {
        None => Ok(watchers.iter().copied().collect()),
        Some(state) if !state.show_online_status => Ok(others().collect()),
        // A block holds both ways, so the user's own entry knows of all of them.
        Some(_) => users::find_blocked_among(app, user_id, &others().collect::<Vec<_>>()).await,
    }
}

/// Those whose status the viewer may see.
async fn list_visible(app: &App, viewer: UserId, states: &[UserState]) -> Result<Vec<UserId>, CommonFault> {
    let shown: Vec<UserId> = states
        .iter()
        .filter(|state| state.active && (state.show_online_status || state.id == viewer))
        .map(|state| state.id)
        .collect();
    let others: Vec<UserId> = shown.iter().copied().filter(|&id| id != viewer).collect();
    if others.is_empty() {
        return Ok(shown);
    }
    let blocked = users::find_blocked_among(app, viewer, &others).await?;
    Ok(shown.into_iter().filter(|id| !blocked.contains(id)).collect())
}
