//! Subscribing `presence:{user_id}`.

use base::CommonFault;
use base::id::UserId;
use protocol::presence::PresenceState;

use super::{PresenceError, find_online, last_seen_at};
use crate::{Actor, App, users};

/// Admits the actor to `presence:{user_id}` and gives the present status, the `data` of the subscribe reply.
///
/// # Errors
/// 404 for a user who is gone or suspended, [`CommonFault::Forbidden`] for one who does not show it to the actor.
pub async fn watch_presence(
    app: &App,
    actor: &Actor,
    user_id: UserId,
) -> Result<PresenceState, PresenceError> {
    actor.require("read")?;
    let state = users::find_state(app, user_id).await?.filter(|state| state.active);
    let state = state.ok_or(CommonFault::NotFound("user"))?;
    let online = find_online(app, actor.user_id(), &[state]).await?;
    let presence = online.get(&user_id).ok_or(CommonFault::Forbidden)?;
    Ok(PresenceState { user_id, online: presence.online, last_seen_at: last_seen_at(presence) })
}
