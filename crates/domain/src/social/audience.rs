//! Who hears of what somebody posts: followers who are online (domain.md §5.3).

use base::CommonFault;
use base::id::UserId;
use protocol::channel::Channel;
use protocol::{Envelope, Event};

use super::SocialError;
use crate::App;
use crate::fault::{of_bus, of_store};
use crate::unit::Unit;

/// Authors with more followers than this have their posts read, not sent: who is online gets a hint.
const MOST: u32 = 5_000;
/// Followers asked for at once.
const PART: u32 = 1_000;

/// Whom a unit tells.
#[derive(Debug)]
pub(super) struct Audience {
    author: UserId,
    /// Followers who are online; nobody where they are too many.
    online: Vec<UserId>,
    is_large: bool,
}

impl Audience {
    /// The followers of an author, before the unit that tells them.
    ///
    /// # Errors
    /// Those of the store. Without Redis nobody is known to be online, and nobody is told.
    pub(super) async fn of(app: &App, author: UserId) -> Result<Self, SocialError> {
        let followers = {
            let mut conn = app.store.reader().await?;
            store::social::list_follower_ids(&mut conn, author, 0, MOST.saturating_add(1)).await?
        };
        let is_large = u32::try_from(followers.len()).is_ok_and(|count| count > MOST);
        let ids: Vec<UserId> = followers.into_iter().map(|(_, id)| id).collect();
        let online = if is_large { Vec::new() } else { online_among(app, &ids).await };
        Ok(Self { author, online, is_large })
    }

    /// The author's own devices and the followers hear this after the commit.
    pub(super) fn tell(&self, unit: &mut Unit, event: &Event) {
        for user_id in std::iter::once(self.author).chain(self.online.iter().copied()) {
            unit.emit(Channel::User(user_id), event.clone());
        }
    }

    /// Tells the followers of a large audience, in the background and as far as they are online, to read their feed again.
    pub(super) fn hint(&self, app: &App) {
        if !self.is_large {
            return;
        }
        let (app, author) = (app.clone(), self.author);
        tokio::spawn(async move {
            if let Err(error) = hint_all(&app, author).await {
                // A feed is read again anyway, only later.
                tracing::warn!(%error, author, "followers could not be told of a post");
            }
        });
    }
}

async fn hint_all(app: &App, author: UserId) -> Result<(), CommonFault> {
    let mut after = 0;
    loop {
        let part = {
            let mut conn = app.store.reader().await.map_err(of_store)?;
            store::social::list_follower_ids(&mut conn, author, after, PART).await.map_err(of_store)?
        };
        let Some((last, _)) = part.last() else { return Ok(()) };
        after = *last;
        let ids: Vec<UserId> = part.into_iter().map(|(_, id)| id).collect();
        let stale = |id| Envelope::new(Channel::User(id), Event::FeedStale { user_id: author });
        let told: Vec<Envelope> = online_among(app, &ids).await.into_iter().map(stale).collect();
        app.publish(&told).await?;
    }
}

async fn online_among(app: &App, ids: &[UserId]) -> Vec<UserId> {
    match app.bus.online(ids).await.map_err(of_bus) {
        Ok(states) => states.into_iter().filter(|state| state.online).map(|state| state.user_id).collect(),
        Err(error) => {
            tracing::warn!(%error, "followers who are online could not be found");
            Vec::new()
        }
    }
}
