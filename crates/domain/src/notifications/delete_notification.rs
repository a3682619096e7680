//! Taking a notification away.

use protocol::Event;
use protocol::channel::Channel;

use super::unread::count;
use super::{NO_NOTIFICATION, NotificationError};
use crate::morph::Morph;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Takes one of the actor's notifications away.
///
/// # Errors
/// [`base::CommonFault::NotFound`] for one that is another's, or nobody's.
pub async fn delete_notification(app: &App, actor: &Actor, id: &str) -> Result<(), NotificationError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_delete(unit, actor, id))
}

async fn write_delete(unit: &mut Unit, actor: &Actor, id: &str) -> Result<(), NotificationError> {
    let types = Morph::User.spellings();
    let row = store::notifications::lock_notification(unit, types, actor.user_id(), id).await?;
    let row = row.ok_or(NO_NOTIFICATION)?;
    store::notifications::delete_notification(unit, &row.id).await?;
    if row.read_at.is_none() {
        // To the other devices it is as if it had been read.
        let unread_count = count(unit, actor.user_id()).await?;
        let event = Event::NotificationRead { ids: Some(vec![row.id]), unread_count };
        unit.emit(Channel::User(actor.user_id()), event);
    }
    Ok(())
}
