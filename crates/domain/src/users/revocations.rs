//! Tokens and sessions that ended before their time, in memory: asked on every request and every connect.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use base::{CommonFault, Time};
use bus::ControlMessage;
use tokio::sync::watch;

use super::session::token_subject;
use crate::fault::of_store;
use crate::{Actor, App};

/// What was revoked → until when that matters. The truth is `hub_revoked_tokens`; a control message brings news
/// at once, and [`load_revocations`] whatever a message did not bring.
#[derive(Debug, Default)]
pub struct Revocations {
    /// Subject → Unix seconds. A subject is a session id, a `jti`, or `token:{id}` of a Sanctum token.
    subjects: RwLock<HashMap<String, i64>>,
    /// Told after each reading from MySQL.
    loaded: watch::Sender<()>,
}

/// Rows looked for with one statement.
const ROWS: usize = 5_000;

impl Revocations {
    /// Notes that a subject ended.
    pub(crate) fn note(&self, subject: impl Into<String>, until: Time) {
        let mut subjects = self.subjects.write().unwrap_or_else(PoisonError::into_inner);
        let end = subjects.entry(subject.into()).or_default();
        *end = (*end).max(until.unix_seconds());
    }

    /// Has this very token, or its session, ended?
    pub(crate) fn covers(&self, actor: &Actor) -> bool {
        let now = Time::now().unix_seconds();
        let subjects = self.subjects.read().unwrap_or_else(PoisonError::into_inner);
        let revoked = |subject: &str| subjects.get(subject).is_some_and(|&end| end > now);
        revoked(actor.token_id()) || actor.session_id().is_some_and(revoked)
    }

    /// Forgets what matters no more.
    fn forget_old(&self) {
        let now = Time::now().unix_seconds();
        self.subjects.write().unwrap_or_else(PoisonError::into_inner).retain(|_, end| *end > now);
    }
}

/// Reads all revocations that matter from MySQL: at the start, and every half minute for what no message brought
/// (a node that was deaf, a Redis that was emptied, a process that ended between its commit and the message). Then
/// tells whoever [watches](watch_revocations).
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
    app.revocations.loaded.send_replace(());
    Ok(())
}

/// Changes whenever the revocations were read again. Hubs then look at their open sockets, whose tokens nobody presents
/// a second time.
#[must_use]
pub fn watch_revocations(app: &App) -> watch::Receiver<()> {
    app.revocations.loaded.subscribe()
}

/// Is the actor's token or session revoked, as far as this process knows? A look into memory; the user's own state
/// is not asked for.
#[must_use]
pub fn is_revoked(app: &App, actor: &Actor) -> bool {
    app.revocations.covers(actor)
}

/// Looks which of these Sanctum tokens have no row any more, since Laravel deletes rows without telling anybody. They
/// are noted in this process as revoked; the answer is how many they were. One query for thousands of tokens.
///
/// # Errors
/// [`CommonFault::Unavailable`].
pub async fn note_deleted_tokens(app: &App, token_ids: &[u64]) -> Result<usize, CommonFault> {
    let mut deleted = 0;
    for ids in token_ids.chunks(ROWS) {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        let existing = store::tokens::list_existing_tokens(&mut conn, ids).await;
        drop(conn);
        let existing: HashSet<u64> = existing.map_err(of_store)?.into_iter().collect();
        for &id in ids.iter().filter(|id| !existing.contains(id)) {
            app.revocations.note(token_subject(id), revoked_until(app));
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// Keeps the memory of revocations true. Every process that hears the bus calls it with every control message,
/// before it acts on the message itself.
pub fn observe_control(app: &App, message: &ControlMessage) {
    if let ControlMessage::SessionRevoked { subject, .. } = message {
        app.revocations.note(subject.as_str(), revoked_until(app));
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
    fn tokens_and_sessions_end() {
        let revocations = Revocations::default();
        let later = Time::now().plus_seconds(60);
        assert!(!revocations.covers(&actor(Some("S"), "J")));
        revocations.note("S", later);
        assert!(revocations.covers(&actor(Some("S"), "J")));
        assert!(!revocations.covers(&actor(None, "J")));
        revocations.note("token:3", later);
        assert!(revocations.covers(&actor(None, "token:3")));
    }

    #[test]
    fn old_ones_are_forgotten() {
        let revocations = Revocations::default();
        revocations.note("S", Time::now().plus_seconds(-1));
        assert!(!revocations.covers(&actor(Some("S"), "J")));
        revocations.forget_old();
        assert!(revocations.subjects.read().unwrap().is_empty());
    }
}
