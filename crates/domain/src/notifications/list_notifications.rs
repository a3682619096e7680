//! One's own notifications, newest first.

use base::Lang;
use base::paging::{Page, PageRequest, TimedCursor, uuid_number, uuid_text};
use chrono::DateTime;
use protocol::notifications::{Notification, NotificationFilter};
use store::notifications::NotificationQuery;

use super::{NotificationError, view};
use crate::morph::Morph;
use crate::{Actor, App};

/// A page of the actor's notifications, newest first; their sentences in `lang`, or in the actor's own language.
///
/// # Errors
/// Those of the store.
pub async fn list_notifications(
    app: &App,
    actor: &Actor,
    filter: NotificationFilter,
    page: PageRequest<TimedCursor>,
    lang: Option<Lang>,
) -> Result<Page<Notification, TimedCursor>, NotificationError> {
    actor.require("read")?;
    let id = page.cursor.map(|cursor| uuid_text(cursor.uuid)).unwrap_or_default();
    let at = page.cursor.map(|cursor| DateTime::from_timestamp(cursor.at, 0).unwrap_or_default());
    let which = NotificationQuery {
        notifiable_types: Morph::User.spellings(),
        user_id: actor.user_id(),
        unread: filter.unread,
        cursor: at.map(|at| (at, id.as_str())),
        forward: page.forward(),
        limit: page.fetch(),
    };
    let mut conn = app.store.reader().await?;
    let rows = store::notifications::list_notifications(&mut conn, which).await?;
    let lang = match lang {
        Some(lang) => lang,
        None => own_lang(&mut conn, actor).await?,
    };
    drop(conn);
    let items = rows.into_iter().map(|row| view::notification(app, row, lang)).collect();
    Ok(Page::from_places(page, items, |item: &Notification, forward| TimedCursor {
        at: item.created_at.unix_seconds(),
        uuid: uuid_number(&item.id).unwrap_or_default(),
        forward,
    }))
}

/// The language that the actor chose for themselves.
pub(super) async fn own_lang(conn: &mut store::Conn, actor: &Actor) -> Result<Lang, NotificationError> {
    let code = store::profiles::find_language(conn, actor.user_id()).await?;
    Ok(code.as_deref().and_then(Lang::from_code).unwrap_or_default())
}
