//! Rows to views. A row may be of another application, which writes what it likes into `data`.

use base::{Lang, Time};
use protocol::notifications::{Notification, NotificationActor, NotificationKind, NotificationSubject};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::notifications::NotificationRow;

use crate::App;
use crate::uploads::picture_url;

/// What we write into `data`; whatever does not fit is as if it were not there.
#[derive(Default, Deserialize)]
struct Content {
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    actor: Option<NotificationActor>,
    #[serde(default)]
    subject: Option<NotificationSubject>,
    #[serde(default)]
    count: Option<u32>,
    #[serde(default)]
    params: Option<Map<String, Value>>,
    #[serde(default)]
    url: Option<String>,
    /// Where other applications put their sentence.
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// A notification in its owner's language.
pub(super) fn notification(app: &App, row: NotificationRow, lang: Lang) -> Notification {
    let content: Content = serde_json::from_str(&row.data).unwrap_or_default();
    let params = content.params.unwrap_or_default();
    let known = content.kind.as_deref().and_then(NotificationKind::from_name);
    let class = row.class.rsplit('\\').next().unwrap_or(&row.class).to_owned();
    // Somebody caused it whose account is gone: the column was set to NULL with the account.
    let mut actor = content.actor;
    if let Some(actor) = &mut actor
        && row.actor_id.is_none()
    {
        actor.id = None;
        actor.name = lang.pick("مستخدم محذوف", "Deleted user").to_owned();
        actor.avatar = None;
    }
    let title = match known {
        Some(kind) => kind.sentence(lang, actor.as_ref().map(|actor| actor.name.as_str()), &params),
        None => content.title.or(content.message).unwrap_or_else(|| class.clone()),
    };
    let created_at = row.created_at.map_or_else(Time::now_in_seconds, Time::from);
    // The row keeps the stored path.
    let actor = actor.map(|actor| NotificationActor { avatar: picture_url(app, actor.avatar), ..actor });
    Notification {
        id: row.id,
        kind: known.map_or(class, |kind| kind.as_str().to_owned()),
        title,
        actor,
        subject: content.subject,
        count: content.count.unwrap_or(1),
        params,
        url: content.url,
        read_at: row.read_at.map(Time::from),
        created_at,
        updated_at: row.updated_at.map_or(created_at, Time::from),
    }
}
