//! `presence.query`.

use std::collections::HashSet;

use base::id::UserId;
use base::{Problem, Violations};
use protocol::presence::{PresenceEntry, PresenceList, QueryPresence};

use super::{PresenceError, find_online, last_seen_at};
use crate::{Actor, App, users};

/// Users in one query at most (realtime.md §4).
pub const MAX_USERS: usize = 200;

/// The status of those users who let the actor see it, in the order asked, each once.
///
/// # Errors
/// A violation of `user_ids` for more than [`MAX_USERS`].
pub async fn query_presence(
    app: &App,
    actor: &Actor,
    input: QueryPresence,
) -> Result<PresenceList, PresenceError> {
    actor.require("read")?;
    if input.user_ids.len() > MAX_USERS {
        return Err(Violations::one("user_ids", Problem::Format("a list of at most 200 ids")).into());
    }
    let mut seen = HashSet::new();
    let ids: Vec<UserId> = input.user_ids.into_iter().filter(|&id| seen.insert(id)).collect();
    let states = users::find_states(app, &ids).await?;
    let online = find_online(app, actor.user_id(), &states).await?;
    let users = ids
        .iter()
        .filter_map(|id| online.get(id))
        .map(|state| PresenceEntry {
            id: state.user_id,
            online: state.online,
            last_seen_at: last_seen_at(state),
        })
        .collect();
    Ok(PresenceList { users })
}
