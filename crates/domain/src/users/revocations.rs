//! Tokens and sessions that ended before their time, in memory: asked on every request and every connect.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use base::id::UserId;
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
    /// Of these users all access tokens that belong to no session and were signed until then (Unix seconds), with the
    /// second until which that matters. Their subject is [`all_of_user`].
    users: RwLock<HashMap<UserId, (i64, i64)>>,
    /// Told after each reading from MySQL.
    loaded: watch::Sender<()>,
}

/// Rows looked for with one statement.
const ROWS: usize = 5_000;

impl Revocations {
    /// Notes that a subject ended.
    pub(crate) fn note(&self, subject: impl Into<String>, until: Time) {
        let subject = subject.into();
        if let Some((user_id, signed_until)) = read_all_of_user(&subject) {
            let mut users = self.users.write().unwrap_or_else(PoisonError::into_inner);
            let noted = users.entry(user_id).or_default();
            *noted = (noted.0.max(signed_until), noted.1.max(until.unix_seconds()));
            return;
        }
        let mut subjects = self.subjects.write().unwrap_or_else(PoisonError::into_inner);
        let end = subjects.entry(subject).or_default();
        *end = (*end).max(until.unix_seconds());
    }

    /// Has this very token, or its session, ended?
    pub(crate) fn covers(&self, actor: &Actor) -> bool {
        let now = Time::now().unix_seconds();
        let subjects = self.subjects.read().unwrap_or_else(PoisonError::into_inner);
        let revoked = |subject: &str| subjects.get(subject).is_some_and(|&end| end > now);
        let one = revoked(actor.token_id()) || actor.session_id().is_some_and(revoked);
        drop(subjects);
        one || self.covers_all_of(actor, now)
    }

    /// Have all of the user's tokens without a session ended that are as old as this one?
    fn covers_all_of(&self, actor: &Actor, now: i64) -> bool {
        let (None, Some(signed_at)) = (actor.session_id(), actor.signed_at) else { return false };
        let users = self.users.read().unwrap_or_else(PoisonError::into_inner);
        users.get(&actor.user_id()).is_some_and(|&(signed_until, end)| end > now && signed_at <= signed_until)
    }

    /// Forgets what matters no more.
    fn forget_old(&self) {
        let now = Time::now().unix_seconds();
        self.subjects.write().unwrap_or_else(PoisonError::into_inner).retain(|_, end| *end > now);
        self.users.write().unwrap_or_else(PoisonError::into_inner).retain(|_, (_, end)| *end > now);
    }
}

/// The `hub_revoked_tokens` subject of all of a user's access tokens that belong to no session and were signed until a
/// moment: `user:{id}:{Unix seconds}`.
pub(super) fn all_of_user(user_id: UserId, signed_until: Time) -> String {
    format!("user:{user_id}:{}", signed_until.unix_seconds())
}

fn read_all_of_user(subject: &str) -> Option<(UserId, i64)> {
    let (user_id, signed_until) = subject.strip_prefix("user:")?.split_once(':')?;
    Some((user_id.parse().ok()?, signed_until.parse().ok()?))
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
        let until = if read_all_of_user(subject).is_some() { revoked_for_long() } else { revoked_until(app) };
        app.revocations.note(subject.as_str(), until);
    }
}

/// When a token that belongs to no session has ended by itself: such a one may have been signed for long.
pub(super) fn revoked_for_long() -> Time {
    const YEAR: i64 = 366 * 24 * 3_600;
    Time::now_in_seconds().plus_seconds(YEAR)
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

    use super::{Revocations, all_of_user};
    use crate::Actor;

    fn actor(session: Option<&str>, token: &str) -> Actor {
        Actor {
            user_id: 7,
            session_id: session.map(ToOwned::to_owned),
            token_id: token.to_owned(),
            abilities: Vec::new(),
            signed_at: Some(Time::now().unix_seconds()),
        }
    }

    #[test]
    fn all_tokens_of_a_user_end_that_were_signed_before_and_have_no_session() {
        let revocations = Revocations::default();
        let (now, later) = (Time::now(), Time::now().plus_seconds(60));
        revocations.note(all_of_user(7, now), later);
        assert!(revocations.covers(&actor(None, "J")));
        assert!(!revocations.covers(&actor(Some("S"), "J")), "sessions are named one by one");
        let signed = |signed_at| Actor { signed_at, ..actor(None, "J") };
        assert!(
            !revocations.covers(&signed(Some(now.unix_seconds() + 1))) && !revocations.covers(&signed(None))
        );
        assert!(!revocations.covers(&Actor { user_id: 8, ..actor(None, "J") }));
        revocations.note(all_of_user(7, now.plus_seconds(-100)), now.plus_seconds(-50));
        assert!(revocations.covers(&actor(None, "J")), "an older one takes nothing back");
        assert!(revocations.subjects.read().unwrap().is_empty());
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
