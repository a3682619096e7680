//! Subscribing `room:{id}` (realtime.md §3).

use base::id::RoomId;
use protocol::rooms::RoomState;

use super::RoomError;
use super::facts::{admit_by_facts, find_facts, find_room_now};
use crate::{Actor, App};

/// May the actor listen to the room? Answers the room's state, which is the `data` of the subscribe reply. Served
/// from Redis where it can be.
///
/// # Errors
/// [`RoomError::Banned`], [`RoomError::NotRegistered`], [`RoomError::NotActive`]; `not_found`.
pub async fn enter_channel(app: &App, actor: &Actor, room_id: RoomId) -> Result<RoomState, RoomError> {
    actor.require("read")?;
    let (facts, viewers) = find_room_now(app, room_id).await?;
    admit_by_facts(app, actor, &facts).await?;
    Ok(facts.state(viewers))
}

/// Demands that the actor may be in the room, for a door that has to refuse a stranger before it tells what is wrong
/// with a body (domain.md §2.2).
///
/// # Errors
/// Those of admission, as for [`enter_channel`].
pub async fn demand_entry(app: &App, actor: &Actor, room_id: RoomId) -> Result<(), RoomError> {
    let facts = find_facts(app, room_id).await?;
    admit_by_facts(app, actor, &facts).await
}
