//! Reading notifications, and taking that back. All devices of the owner are told.

use base::{Lang, Time};
use protocol::Event;
use protocol::channel::Channel;
use protocol::notifications::{Notification, UnreadNotifications};

use super::list_notifications::own_lang;
use super::unread::count;
use super::{NO_NOTIFICATION, NotificationError, view};
use crate::morph::Morph;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Notes that a notification was read. Once more changes nothing.
///
/// # Errors
/// [`base::CommonFault::NotFound`] for one that is another's, or nobody's.
pub async fn mark_read(
    app: &App,
    actor: &Actor,
    id: &str,
    lang: Option<Lang>,
) -> Result<Notification, NotificationError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_mark(app, unit, actor, id, true, lang))
}

/// Takes that back: the notification counts as unread again.
///
/// # Errors
/// [`base::CommonFault::NotFound`] for one that is another's, or nobody's.
pub async fn mark_unread(
    app: &App,
    actor: &Actor,
    id: &str,
    lang: Option<Lang>,
) -> Result<Notification, NotificationError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_mark(app, unit, actor, id, false, lang))
}

async fn write_mark(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: &str,
    read: bool,
    lang: Option<Lang>,
) -> Result<Notification, NotificationError> {
    let types = Morph::User.spellings();
    let row = store::notifications::lock_notification(unit, types, actor.user_id(), id).await?;
    let mut row = row.ok_or(NO_NOTIFICATION)?;
    let lang = match lang {
        Some(lang) => lang,
        None => own_lang(unit, actor).await?,
    };
    if row.read_at.is_some() != read {
        row.read_at = read.then(|| Time::now_in_seconds().as_chrono());
        store::notifications::update_read_at(unit, &row.id, row.read_at).await?;
        let unread_count = count(unit, actor.user_id()).await?;
        let event = if read {
            Event::NotificationRead { ids: Some(vec![row.id.clone()]), unread_count }
        } else {
            let notification = Box::new(view::notification(app, row.clone(), lang));
            Event::NotificationCreated { notification, unread_count }
        };
        unit.emit(Channel::User(actor.user_id()), event);
    }
    Ok(view::notification(app, row, lang))
}

/// Notes that all of the actor's notifications were read.
///
/// # Errors
/// Those of the store.
pub async fn mark_all_read(app: &App, actor: &Actor) -> Result<UnreadNotifications, NotificationError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_all_read(unit, actor))
}

async fn write_all_read(unit: &mut Unit, actor: &Actor) -> Result<UnreadNotifications, NotificationError> {
    let (types, now) = (Morph::User.spellings(), Time::now_in_seconds().as_chrono());
    let read = store::notifications::update_all_read(unit, types, actor.user_id(), now).await?;
    let unread_count = count(unit, actor.user_id()).await?;
    if read > 0 {
        let event = Event::NotificationRead { ids: None, unread_count };
        unit.emit(Channel::User(actor.user_id()), event);
    }
    Ok(UnreadNotifications { unread_count })
}
