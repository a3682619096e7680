//! Telling somebody: for every domain, in the unit of what happened.

use base::id::UserId;
use base::{CommonFault, Lang, Time};
use chrono::TimeDelta;
use config::MorphStyle;
use protocol::Event;
use protocol::channel::Channel;
use protocol::notifications::{Notification, NotificationActor, NotificationKind, NotificationSubject};
use serde_json::{Map, Value, json};
use store::notifications::{HeadKey, NewNotification};

use super::unread;
use crate::App;
use crate::fault::of_store;
use crate::morph::Morph;
use crate::unit::Unit;
use crate::uploads::picture_url;

/// Where Laravel's notification classes are.
const NAMESPACE: &str = r"App\Notifications\";
/// What happens again within this time is told by the same notification, while that is unread.
const TOGETHER: TimeDelta = TimeDelta::hours(24);

/// What is to be told.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    /// What happened.
    pub kind: NotificationKind,
    /// To whom.
    pub to: UserId,
    /// Who caused it; nobody for what the system does.
    pub actor: Option<UserId>,
    /// What it is about.
    pub subject: Option<(Morph, u64)>,
    /// What fills the kind's sentence beside `{actor}`: `title`, `amount`, `currency`, `number`.
    pub params: Map<String, Value>,
    /// Where an app should lead: a path such as `/posts/1`.
    pub url: Option<String>,
}

impl Notice {
    /// Without particulars.
    pub(crate) fn new(kind: NotificationKind, to: UserId) -> Self {
        Self { kind, to, actor: None, subject: None, params: Map::new(), url: None }
    }

    /// Caused by a user.
    pub(crate) fn by(mut self, actor: UserId) -> Self {
        self.actor = Some(actor);
        self
    }

    /// About a thing, which an app finds at a path.
    pub(crate) fn about(mut self, what: Morph, id: u64, url: impl Into<String>) -> Self {
        self.subject = Some((what, id));
        self.url = Some(url.into());
        self
    }

    /// With a word that the kind's sentence has room for.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }
}

/// Writes a notification and tells its owner's devices; near the end of a unit, after the rows that it is about. Nothing
/// is told to the actor themselves, across a block, or to an account that is gone. The same kind about the same thing,
/// unread and within 24 h, is told by the same notification, with a higher `count` and the latest actor.
///
/// # Errors
/// Those of the store.
pub(crate) async fn notify(app: &App, unit: &mut Unit, notice: Notice) -> Result<(), CommonFault> {
    if notice.actor == Some(notice.to) {
        return Ok(());
    }
    if let Some(actor) = notice.actor
        && store::social::has_block(unit, actor, notice.to).await.map_err(of_store)?
    {
        return Ok(());
    }
    let Some(lang) = store::profiles::find_language(unit, notice.to).await.map_err(of_store)? else {
        return Ok(());
    };
    let lang = Lang::from_code(&lang).unwrap_or(Lang::Ar);
    let actor = match notice.actor {
        None => None,
        Some(id) => store::users::list_cards_of(unit, &[id]).await.map_err(of_store)?.pop(),
    };
    let subject = notice
        .subject
        .map(|(what, id)| NotificationSubject { kind: what.column(MorphStyle::Alias).to_owned(), id });
    let key = HeadKey {
        user_id: notice.to,
        kind: notice.kind.as_str(),
        subject: subject.as_ref().map_or(("", 0), |subject| (subject.kind.as_str(), subject.id)),
    };
    let now = Time::now_in_seconds();
    let since = now.as_chrono() - TOGETHER;
    let earlier = store::notifications::lock_head(unit, key, since).await.map_err(of_store)?;
    let count = earlier.as_ref().map_or(1, |head| {
        let told = head.data.get("count").and_then(Value::as_u64).unwrap_or(1);
        u32::try_from(told.saturating_add(1)).unwrap_or(u32::MAX)
    });
    let actor =
        actor.map(|card| NotificationActor { id: Some(card.id), name: card.name, avatar: card.avatar });
    let data = json!({
        "kind": notice.kind, "actor": actor, "subject": subject, "count": count,
        "title_key": notice.kind.as_str(), "params": notice.params, "url": notice.url,
    });
    let (id, created_at) = match earlier {
        Some(head) => {
            let actor_id = notice.actor;
            store::notifications::update_collapsed(unit, &head.id, &data, actor_id, now.as_chrono())
                .await
                .map_err(of_store)?;
            (head.id, head.created_at.map_or(now, Time::from))
        }
        None => {
            let id = uuid::Uuid::new_v4().to_string();
            let new = NewNotification {
                id: &id,
                class: &format!("{NAMESPACE}{}", notice.kind.class()),
                notifiable_type: Morph::User.column(app.settings.morph),
                user_id: notice.to,
                data: &data,
                actor_id: notice.actor,
                at: now.as_chrono(),
            };
            store::notifications::insert_notification(unit, &new).await.map_err(of_store)?;
            (id, now)
        }
    };
    store::notifications::upsert_head(unit, key, &id, now.as_chrono()).await.map_err(of_store)?;
    let unread_count = unread::count(unit, notice.to).await?;
    // The row keeps the stored path: an address would not outlive it.
    let actor = actor.map(|actor| NotificationActor { avatar: picture_url(app, actor.avatar), ..actor });
    let title = notice.kind.sentence(lang, actor.as_ref().map(|actor| actor.name.as_str()), &notice.params);
    let notification = Box::new(Notification {
        id,
        kind: notice.kind.as_str().to_owned(),
        title,
        actor,
        subject,
        count,
        params: notice.params,
        url: notice.url,
        read_at: None,
        created_at,
        updated_at: now,
    });
    unit.emit(Channel::User(notice.to), Event::NotificationCreated { notification, unread_count });
    Ok(())
}
