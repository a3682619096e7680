//! `presence.set_visibility`: whether others may see one's status (domain.md §4.1 row 2 `show_online_status`).

use base::id::UserId;
use bus::ControlMessage;
use protocol::Event;
use protocol::channel::Channel;
use protocol::presence::{SetVisibility, Visibility};

use super::PresenceError;
use crate::unit::Unit;
use crate::users;
use crate::{Actor, App, in_unit};

/// Shows the actor's status to others, or hides it. Who watched it before it was hidden is asked again on every node and
/// stops hearing within a second; whoever is let in again after it is shown has to subscribe anew. Saying it again
/// changes nothing and tells nobody.
///
/// # Errors
/// Those of the store and the bus.
pub async fn set_visibility(
    app: &App,
    actor: &Actor,
    input: SetVisibility,
) -> Result<Visibility, PresenceError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_visibility(unit, actor.user_id(), input.visible))
}

async fn write_visibility(
    unit: &mut Unit,
    user_id: UserId,
    visible: bool,
) -> Result<Visibility, PresenceError> {
    let profile = users::lock_profile(unit, user_id).await?;
    if profile.show_online_status != visible {
        store::profiles::update_show_online_status(unit, user_id, visible).await?;
        tell_visibility(unit, user_id, visible);
    }
    Ok(Visibility { visible })
}

/// The commit tells the user's own devices, makes stale what is remembered, and, where the status is hidden now, has all
/// who watch it asked again.
pub(crate) fn tell_visibility(unit: &mut Unit, user_id: UserId, visible: bool) {
    unit.forget_user(user_id);
    unit.emit(Channel::User(user_id), Event::PresenceVisibilityChanged(Visibility { visible }));
    if !visible {
        unit.control(ControlMessage::AccessChanged { channel: Channel::Presence(user_id).to_string() });
    }
}
