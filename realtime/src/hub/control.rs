//! What every node hears: ended sessions, suspended users, access that changed (realtime.md §2, §3).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::id::UserId;
use bus::ControlMessage;
use domain::{presence, users};
use futures_util::StreamExt;
use protocol::channel::Channel;
use protocol::codes::{CloseCode, UnsubscribeCode};

use super::Hub;
use super::registry::Entry;
use crate::commands::subscribe::{Access, ask_access};
use crate::connection::outbox::Peer;
use crate::connection::session::Session;

/// Questions of access asked again at the same time.
pub(crate) const ASKING: usize = 16;
/// Tries, while the domain does not answer.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Acts on a message to all nodes. Does not wait: the task that calls it delivers events.
pub(crate) fn hear(hub: &Arc<Hub>, message: ControlMessage) {
    users::observe_control(&hub.app, &message);
    match message {
        ControlMessage::SessionRevoked { user_id, subject } => {
            hub.revocations.fetch_add(1, Ordering::AcqRel);
            for peer in hub.people.of_user(user_id) {
                // Noted a moment ago: what names all tokens of a user is known there, and not by the session.
                let ended = |session: &Session| {
                    session.is_meant_by(&subject) || users::is_revoked(&hub.app, &session.actor)
                };
                if peer.session().is_some_and(|session| ended(&session)) {
                    peer.close(CloseCode::SessionRevoked);
                }
            }
        }
        ControlMessage::UserSuspended { user_id } => {
            hub.revocations.fetch_add(1, Ordering::AcqRel);
            for peer in hub.people.of_user(user_id) {
                peer.close(CloseCode::AccountSuspended);
            }
        }
        ControlMessage::AccessRevoked { user_id, channel } => {
            if let Some(channel) = channel_of(&channel) {
                access_revoked(hub, user_id, channel);
            }
        }
        ControlMessage::AccessChanged { channel } => {
            if let Some(entry) = channel_of(&channel).and_then(|channel| hub.registry.find(channel)) {
                let hub = Arc::clone(hub);
                // One task for all listeners, however many they are.
                hub.clone().tasks.spawn(async move { hub.ask_all_again(&entry).await });
            }
        }
        ControlMessage::PostsRevoked { user_id } => {
            // Rare, and few users listen to posts: those of a node are gone through.
            if !hub.people.of_user(user_id).is_empty() {
                for entry in hub.registry.all() {
                    if let Channel::Post(_) = entry.channel {
                        access_revoked(hub, user_id, entry.channel);
                    }
                }
            }
        }
        // Nothing of a user is remembered here but the session, which holds until its token ends.
        ControlMessage::InvalidateUser { .. } => {}
    }
}

fn channel_of(name: &str) -> Option<Channel> {
    match name.parse() {
        Ok(channel) => Some(channel),
        Err(error) => {
            tracing::warn!(channel = name, %error, "access changed in a channel that is none of ours");
            None
        }
    }
}

fn access_revoked(hub: &Arc<Hub>, user_id: UserId, channel: Channel) {
    let Some(entry) = hub.registry.find(channel) else { return };
    let everybody = entry.lock().everybody();
    for (number, peer) in everybody {
        if peer.session().is_some_and(|session| session.user_id() == user_id) {
            let (hub, entry) = (Arc::clone(hub), Arc::clone(&entry));
            hub.clone().tasks.spawn(async move { hub.ask_again(&entry, number, &peer).await });
        }
    }
}

impl Hub {
    /// Asks for everybody here whether they may still listen, and ends the subscriptions of those who may not. Who may
    /// see a status is one question for all its watchers; in other channels each is asked for, [`ASKING`] at a time.
    pub(super) async fn ask_all_again(&self, entry: &Entry) {
        let mut everybody = entry.lock().everybody();
        if let Channel::Presence(user_id) = entry.channel {
            everybody = self.end_refused_watchers(entry, user_id, everybody).await;
        }
        // Only these wait at a time, so that others' questions get their turn at the semaphore.
        let asked = everybody.into_iter().map(|(number, peer)| async move {
            self.ask_again(entry, number, &peer).await;
        });
        futures_util::stream::iter(asked)
            .buffer_unordered(ASKING)
            .for_each(|()| std::future::ready(()))
            .await;
    }

    /// The watchers of a status: those who may not see it any more stop hearing. The answer is who is still to be asked
    /// for, which is everybody while the domain does not answer.
    async fn end_refused_watchers(
        &self,
        entry: &Entry,
        user_id: UserId,
        everybody: Vec<(u64, Arc<Peer>)>,
    ) -> Vec<(u64, Arc<Peer>)> {
        let sessions: Vec<_> = everybody.iter().map(|(_, peer)| peer.session()).collect();
        let watchers: Vec<UserId> = sessions.iter().flatten().map(|session| session.user_id()).collect();
        let refused = match presence::list_refused_watchers(&self.app, user_id, &watchers).await {
            Ok(refused) => refused,
            Err(error) => {
                tracing::warn!(%error, user_id, "who may see a status is asked for one by one");
                return everybody;
            }
        };
        for ((number, _), session) in everybody.iter().zip(&sessions) {
            if session.as_ref().is_some_and(|session| refused.contains(&session.user_id())) {
                entry.lock().evict(entry.channel, &entry.name, *number, UnsubscribeCode::Server);
                // Other tasks of this thread get their turn between thousands of them.
                tokio::task::consume_budget().await;
            }
        }
        Vec::new()
    }

    /// Asks whether a connection may still listen; if not, ends its subscription.
    pub(super) async fn ask_again(&self, entry: &Entry, number: u64, peer: &Peer) {
        let (Ok(_turn), Some(session)) = (self.asking.acquire().await, peer.session()) else { return };
        for _ in 0..TRIES {
            match ask_access(&self.app, &session, entry.channel).await {
                Access::Given(_) => return,
                Access::Refused(_) => {
                    let code = UnsubscribeCode::Server;
                    entry.lock().evict(entry.channel, &entry.name, number, code);
                    return;
                }
                Access::Unknown(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        // On doubt out, but in a way that lets the client subscribe again, which asks once more.
        entry.lock().evict(entry.channel, &entry.name, number, UnsubscribeCode::InsufficientState);
    }
}
