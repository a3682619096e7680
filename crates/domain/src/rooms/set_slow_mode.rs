//! Slow mode: how often members may write (domain.md §4.3 `hub_room_settings`).

use base::{Problem, Violations};
use protocol::Event;
use protocol::channel::Channel;
use protocol::rooms::{SetSlowMode, SlowMode};

use super::RoomError;
use super::authority::lock_as_staff;
use super::facts::facts_key;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Seconds between two messages of one member at most.
const SLOWEST: u32 = 3_600;

/// Sets the least time between two messages of one member; 0 is off. For the host and moderators, who are not bound by
/// it. Setting the same again changes nothing.
///
/// # Errors
/// [`base::CommonFault::Forbidden`], `not_found`; violations of `seconds`.
pub async fn set_slow_mode(app: &App, actor: &Actor, input: SetSlowMode) -> Result<SlowMode, RoomError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_slow_mode(unit, actor, &input))
}

async fn write_slow_mode(unit: &mut Unit, actor: &Actor, input: &SetSlowMode) -> Result<SlowMode, RoomError> {
    let room_id = lock_as_staff(unit, actor, input.room_id).await?.id;
    if input.seconds > SLOWEST {
        return Err(Violations::one("seconds", Problem::TooGreat(SLOWEST.to_string())).into());
    }
    let slow_mode_seconds = input.seconds;
    if store::rooms::find_slow_mode(unit, room_id).await? != slow_mode_seconds {
        store::rooms::update_slow_mode(unit, room_id, slow_mode_seconds).await?;
        unit.emit(Channel::Room(room_id), Event::RoomSlowModeChanged { room_id, slow_mode_seconds });
    }
    unit.forget(facts_key(room_id));
    Ok(SlowMode { room_id, slow_mode_seconds })
}
