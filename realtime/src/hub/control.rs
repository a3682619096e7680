//! What every node hears: ended sessions, suspended users, access that changed (realtime.md §2, §3).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::id::UserId;
use bus::ControlMessage;
use domain::users;
use protocol::channel::Channel;
use protocol::codes::{CloseCode, UnsubscribeCode};

use super::Hub;
use super::registry::Entry;
use crate::commands::subscribe::{Access, ask_access};
use crate::connection::outbox::Peer;

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
                if peer.session().is_some_and(|session| session.is_meant_by(&subject)) {
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
        ControlMessage::AccessRevoked { user_id, channel } => match channel.parse() {
            Ok(channel) => access_revoked(hub, user_id, channel),
            Err(error) => {
                tracing::warn!(channel, %error, "access was revoked in a channel that is none of ours")
            }
        },
        // Nothing of a user is remembered here but the session, which holds until its token ends.
        ControlMessage::InvalidateUser { .. } => {}
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
