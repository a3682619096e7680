//! Subscribing `room:{id}` (realtime.md §3).

use base::id::RoomId;
use protocol::rooms::RoomState;

use super::RoomError;
use super::facts::{admit_by_facts, count_viewers, find_facts};
use crate::{Actor, App};

/// May the actor listen to the room? Answers the room's state, which is the `data` of the subscribe reply. Served
/// from Redis where it can be.
///
/// # Errors
/// [`RoomError::Banned`], [`RoomError::NotRegistered`], [`RoomError::NotActive`]; `not_found`.
pub async fn enter_channel(app: &App, actor: &Actor, room_id: RoomId) -> Result<RoomState, RoomError> {
    let facts = find_facts(app, room_id).await?;
    admit_by_facts(app, actor, &facts).await?;
    let viewers = count_viewers(app, room_id).await?;
    Ok(facts.into_state(viewers))
}
