//! Tokens and sessions that ended before their time, in memory: asked on every request and every connect.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use base::id::UserId;
use base::{CommonFault, Time};
use bus::ControlMessage;

use crate::fault::of_store;
use crate::{Actor, App};

/// What was revoked → until when that matters. The truth is `hub_revoked_tokens`; a control message brings news
/// at once, and [`load_revocations`] whatever a message did not bring.
#[derive(Debug, Default)]
pub struct Revocations {
    /// Subject → Unix seconds. A subject is a session id, a `jti`, or `token:{id}` of a Sanctum token.
    subjects: RwLock<HashMap<String, i64>>,
    /// User → (access tokens signed until then are void, how long that matters), Unix seconds.
    users: RwLock<HashMap<UserId, (i64, i64)>>,
}

impl Revocations {
    /// Notes that a subject ended.
    pub(crate) fn note(&self, subject: impl Into<String>, until: Time) {
        let mut subjects = self.subjects.write().unwrap_or_else(PoisonError::into_inner);
        let end = subjects.entry(subject.into()).or_default();
        *end = (*end).max(until.unix_seconds());
    }

    /// Notes that all of a user's access tokens signed so far ended.
    fn note_user(&self, user_id: UserId, until: Time) {
        let now = Time::now().unix_seconds();
        let mut users = self.users.write().unwrap_or_else(PoisonError::into_inner);
        users.insert(user_id, (now, until.unix_seconds()));
    }

    /// Has this very token, or its session, ended?
    pub(crate) fn covers(&self, actor: &Actor, issued_at: Option<i64>) -> bool {
        let now = Time::now().unix_seconds();
        {
            let subjects = self.subjects.read().unwrap_or_else(PoisonError::into_inner);
            let revoked = |subject: &str| subjects.get(subject).is_some_and(|&end| end > now);
            if revoked(actor.token_id()) || actor.session_id().is_some_and(revoked) {
                return true;
            }
        }
        let Some(issued_at) = issued_at else { return false };
        let users = self.users.read().unwrap_or_else(PoisonError::into_inner);
        users.get(&actor.user_id()).is_some_and(|&(signed_until, _)| issued_at <= signed_until)
    }

    /// Forgets what matters no more.
    fn forget_old(&self) {
        let now = Time::now().unix_seconds();
        self.subjects.write().unwrap_or_else(PoisonError::into_inner).retain(|_, end| *end > now);
        self.users.write().unwrap_or_else(PoisonError::into_inner).retain(|_, (_, end)| *end > now);
    }
}

/// Reads all revocations that matter from MySQL: at the start, and every half minute for what no message brought
/// (a node that was deaf, a Redis that was emptied).
///
/// # Errors
/// [`CommonFault::Unavailable`].
pub async fn load_revocations(app: &App) -> Result<(), CommonFault> {
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let rows = store::revocations::list_revocations(&mut conn, Time::now().as_chrono()).await;
    drop(conn);
    for row in rows.map_err(of_store)? {
        app.revocations.note(row.subject, Time::from(row.expires_at));
    }
    app.revocations.forget_old();
    Ok(())
}

/// Keeps the memory of revocations true. Every process that hears the bus calls it with every control message,
/// before it acts on the message itself.
pub fn observe_control(app: &App, message: &ControlMessage) {
    if let ControlMessage::SessionRevoked { user_id, subject, all } = message {
        let until = revoked_until(app);
        if *all {
            app.revocations.note_user(*user_id, until);
        } else {
            app.revocations.note(subject.as_str(), until);
        }
    }
}

/// When the last access token of a session that ends now has ended by itself.
pub(super) fn revoked_until(app: &App) -> Time {
    let ttl = i64::try_from(app.settings.auth.access_ttl.as_secs()).unwrap_or(i64::MAX);
    // A minute more: clocks differ, and a Sanctum token's row may be cached for 30 s.
    Time::now_in_seconds().plus_seconds(ttl.saturating_add(60))
}

#[cfg(test)]
mod tests {
    use base::Time;

    use super::Revocations;
    use crate::Actor;

    fn actor(session: Option<&str>, token: &str) -> Actor {
        Actor {
            user_id: 7,
            session_id: session.map(ToOwned::to_owned),
            token_id: token.to_owned(),
            abilities: Vec::new(),
        }
    }

    #[test]
    fn tokens_sessions_and_users_end() {
        let revocations = Revocations::default();
        let later = Time::now().plus_seconds(60);
        assert!(!revocations.covers(&actor(Some("S"), "J"), Some(0)));
        revocations.note("S", later);
        assert!(revocations.covers(&actor(Some("S"), "J"), None));
        assert!(!revocations.covers(&actor(None, "J"), None));
        revocations.note("token:3", later);
        assert!(revocations.covers(&actor(None, "token:3"), None));
        let now = Time::now().unix_seconds();
        revocations.note_user(7, later);
        assert!(revocations.covers(&actor(None, "J"), Some(now)));
        assert!(!revocations.covers(&actor(None, "J"), Some(now + 5)), "signed in again");
    }

    #[test]
    fn old_ones_are_forgotten() {
        let revocations = Revocations::default();
        revocations.note("S", Time::now().plus_seconds(-1));
        assert!(!revocations.covers(&actor(Some("S"), "J"), None));
        revocations.forget_old();
        assert!(revocations.subjects.read().unwrap().is_empty());
    }
}
