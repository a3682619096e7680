//! Sessions that ended without this node having heard of it: the message was lost (a crash after the commit, a Redis
//! that did not answer), this node was deaf, or Laravel deleted a token's row without a word. Sockets are looked at in
//! memory whenever the revocations were read again, which `domain::system::run_clocks` does every half minute.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::CommonFault;
use base::id::UserId;
use domain::users;
use protocol::channel::Channel;
use protocol::codes::CloseCode;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Hub;
use crate::connection::outbox::Peer;

/// The rows of API tokens are looked for at every second reading of the revocations, which is once a minute; a moment
/// less, so that readings that are late by different amounts do not make it every third.
const TOKENS_EVERY: Duration = Duration::from_secs(59);
/// Between two rounds of asking for everything again: a node that cannot keep up must not be made slower still.
const RESPITE: Duration = Duration::from_secs(5);
/// Sockets looked at before other tasks get their turn.
const AT_ONCE: usize = 1_024;
/// Users asked for in one round trip.
const USERS: usize = 512;

/// Closes sockets whose sessions have ended, each time the revocations were read again, until the hub stops.
pub(crate) async fn watch(hub: Arc<Hub>, mut loaded: watch::Receiver<()>) {
    let mut tokens_at = Instant::now();
    loop {
        tokio::select! {
            () = hub.stopping.cancelled() => return,
            changed = loaded.changed() => if changed.is_err() { return },
        }
        let now = Instant::now();
        hub.close_revoked().await;
        if now >= tokens_at {
            match hub.close_deleted_tokens().await {
                Ok(()) => tokens_at = now + TOKENS_EVERY,
                Err(error) => {
                    tracing::warn!(%error, "API tokens could not be looked for; the next turn will")
                }
            }
        }
    }
}

/// Asks for all sessions and all access again after messages to all nodes may have been missed, until the hub stops.
/// Several reasons while one round runs make one more round.
pub(crate) async fn doubt(hub: Arc<Hub>) {
    loop {
        tokio::select! {
            () = hub.stopping.cancelled() => return,
            () = hub.in_doubt.notified() => {}
        }
        tokio::select! {
            () = hub.stopping.cancelled() => return,
            () = hub.ask_everything_again() => {}
        }
        tokio::select! {
            () = hub.stopping.cancelled() => return,
            () = tokio::time::sleep(RESPITE) => {}
        }
    }
}

impl Hub {
    /// Closes the sockets whose session or token is revoked, as far as this process knows.
    async fn close_revoked(&self) {
        // Before the look: a `connect` that the look does not find yet looks by itself.
        self.revocations.fetch_add(1, Ordering::AcqRel);
        for peers in self.people.all().chunks(AT_ONCE) {
            for peer in peers {
                if peer.session().is_some_and(|session| users::is_revoked(&self.app, &session.actor)) {
                    peer.close(CloseCode::SessionRevoked);
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Closes the sockets whose Sanctum token has no row any more.
    async fn close_deleted_tokens(&self) -> Result<(), CommonFault> {
        let sessions = self.people.all().into_iter().filter_map(|peer| peer.session());
        let mut ids: Vec<u64> = sessions.filter_map(|session| users::sanctum_id(&session.actor)).collect();
        ids.sort_unstable();
        ids.dedup();
        if users::note_deleted_tokens(&self.app, &ids).await? > 0 {
            self.close_revoked().await;
        }
        Ok(())
    }

    /// Closes the sockets of users who are suspended or gone.
    async fn close_inactive_users(&self) -> Result<(), CommonFault> {
        let mut here: HashMap<UserId, Vec<Arc<Peer>>> = HashMap::new();
        for peer in self.people.all() {
            if let Some(session) = peer.session() {
                here.entry(session.user_id()).or_default().push(peer);
            }
        }
        let ids: Vec<UserId> = here.keys().copied().collect();
        for ids in ids.chunks(USERS) {
            let states = users::find_states(&self.app, ids).await?;
            for active in states.into_iter().filter(|state| state.active) {
                here.remove(&active.id);
            }
        }
        for peer in here.into_values().flatten() {
            peer.close(CloseCode::AccountSuspended);
        }
        Ok(())
    }

    async fn ask_everything_again(&self) {
        if let Err(error) = users::load_revocations(&self.app).await {
            tracing::warn!(%error, "revocations could not be read; a clock will try again");
        }
        self.close_revoked().await;
        if let Err(error) = self.close_deleted_tokens().await {
            tracing::warn!(%error, "API tokens could not be looked for; the next turn will");
        }
        if let Err(error) = self.close_inactive_users().await {
            tracing::warn!(%error, "users could not be asked for; they are at their next connect");
        }
        for entry in self.registry.all() {
            if matches!(entry.channel, Channel::User(_)) {
                continue;
            }
            self.ask_all_again(&entry).await;
        }
    }
}
