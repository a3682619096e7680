//! Who is online (realtime.md §6). Truth is in Redis; `users.is_online` follows it on the edges.

mod announce_edges;
mod query_presence;
mod reconcile_presence;
mod record_presence;
mod set_visibility;
mod visibility;
mod watch_presence;

pub use announce_edges::announce_edges;
pub use query_presence::{MAX_USERS, query_presence};
pub use reconcile_presence::{SETTLED_AFTER, reconcile_presence};
pub use record_presence::record_presence;
pub use set_visibility::set_visibility;
pub(crate) use set_visibility::tell_visibility;
pub use visibility::{find_online, list_refused_watchers, may_see_presence};
pub use watch_presence::watch_presence;

use base::{CommonFault, Fault, Rule, Time};

use crate::common_faults;

/// What can go wrong with presence.
#[derive(Debug, thiserror::Error)]
pub enum PresenceError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
}

impl Fault for PresenceError {
    fn rule(&self) -> Rule {
        let Self::Common(fault) = self;
        fault.rule()
    }

    fn inner(&self) -> Option<&dyn Fault> {
        let Self::Common(fault) = self;
        Some(fault)
    }
}

common_faults!(PresenceError);

/// `last_seen_at` as apps get it: `null` while online, or when never seen.
fn last_seen_at(state: &bus::PresenceState) -> Option<Time> {
    state.last_seen_ms.filter(|_| !state.online).and_then(Time::from_unix_millis)
}
