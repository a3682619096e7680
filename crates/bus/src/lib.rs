//! Everything that Majlis keeps in Redis or sends through it. The only crate that names `redis`.
//!
//! It knows no domain: channels are plain strings, payloads are bytes of JSON. What is here:
//!
//! | part | what it does | where the rule is from |
//! |---|---|---|
//! | [`Bus::publish`] | one Lua call orders, keeps and publishes an event | realtime.md §5 |
//! | [`Bus::history`], [`Bus::recover`], [`Bus::positions`] | the events of a channel after a position, all of them or none | realtime.md §5 |
//! | [`Bus::listener`] | the node's one pub/sub link, probed and rebuilt by itself | realtime.md §5, §7 |
//! | [`Bus::control`] | messages that every node hears | realtime.md §2, §3 |
//! | [`Bus::enter`], [`Bus::sweep_dead`] … | who is online, by leases of nodes | realtime.md §6 |
//! | [`Bus::members_enter`] … | who is in a channel | realtime.md §3 |
//! | [`Bus::report_node`], [`Bus::nodes`] | what every node says of itself, for operators | realtime.md §8 |
//! | [`Bus::take`] | token buckets | domain.md §5 |
//! | [`Bus::cache_get`] … | a cache that a late reader cannot make stale | realtime.md §5 |
//! | [`Bus::tally`], [`Bus::take_tally`] | counts that are written elsewhere, many together | domain.md §4.2 |
//! | [`Bus::set_ephemeral`], [`Bus::lease`] | "at most once in a while", "one node only" | |
//!
//! Every key of one channel (bucket, cache entry …) has the same `{hash tag}`, so that no script ever
//! touches two slots. Redis may be one server or a cluster: several addresses in [`BusSettings::url`] mean a cluster,
//! whose channels are sharded ones (realtime.md §7). Nothing else differs.

mod cache;
mod cluster;
mod control;
mod describe;
mod error;
mod frame;
mod history;
mod keys;
mod lease;
mod limit;
mod link;
mod listener;
mod members;
mod nodes;
mod presence;
mod publish;
mod reply;
mod script;
mod server;
mod settings;
mod tally;

use std::sync::Arc;

use redis::Cmd;

pub use crate::cache::{CacheHead, CacheRead};
pub use crate::control::ControlMessage;
pub use crate::error::BusError;
pub use crate::history::{History, HistoryQuery, Recovered};
pub use crate::limit::{Allowance, TokenBucket};
pub use crate::listener::{BusEvent, BusEvents, Listener, ListenerSettings, Publication};
pub use crate::members::{
    ChannelMembers, Member, MemberCounts, MemberEdge, MemberMove, MemberNews, SweptMember, SweptNode,
};
pub use crate::nodes::{HubReport, NODES_EVERY, NodeLine, NodeReport, nodes_table};
pub use crate::presence::{Edge, LeaseState, OnlinePage, PresenceState, Sweep};
pub use crate::publish::{HistoryPolicy, Position, Publish};
pub use crate::settings::BusSettings;

use crate::keys::Keys;
use crate::server::{Links, Server};

/// A handle on Redis: cheap to clone, safe to share, reconnects by itself. A command fails with
/// [`BusError::Unavailable`] within the command timeout when Redis cannot be reached.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

struct Inner {
    settings: BusSettings,
    keys: Keys,
    server: Server,
    /// Publishes have a connection of their own, so that a long history read does not delay them.
    publishes: Links,
    commands: Links,
}

impl Bus {
    /// Connects and loads the scripts: to one server, or to all masters of a cluster.
    ///
    /// # Errors
    /// [`BusError::Misconfigured`] for settings that can never work, [`BusError::Unavailable`] if Redis (of a cluster:
    /// any master) does not answer within the command timeout.
    pub async fn connect(settings: BusSettings) -> Result<Self, BusError> {
        describe::describe();
        let server = Server::find(&settings).await?;
        let publishes = server.links("publishes", settings.command_timeout);
        let commands = server.links("commands", settings.command_timeout);
        let keys = Keys::new(&settings.prefix);
        let bus = Self { inner: Arc::new(Inner { settings, keys, server, publishes, commands }) };
        bus.ping().await?;
        bus.inner.publishes.ping().await?;
        Ok(bus)
    }

    /// Whether Redis answers; of a cluster: every master.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] if it does not within the command timeout.
    pub async fn ping(&self) -> Result<(), BusError> {
        self.inner.commands.ping().await
    }

    /// The id of this node, as given in the settings.
    #[must_use]
    pub fn node_id(&self) -> &str {
        &self.inner.settings.node_id
    }

    fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    /// Runs commands in one round trip; one answer for each, in their order. On a cluster those for several masters
    /// run at the same time.
    async fn run(&self, name: &'static str, commands: Vec<Cmd>) -> Result<Vec<redis::Value>, BusError> {
        self.inner.commands.exec(name, &commands).await
    }

    /// Runs commands one after the other, even where their keys are on several masters; in one round trip where they
    /// are not. The first that fails is the last one.
    async fn run_in_turn(
        &self,
        name: &'static str,
        commands: Vec<Cmd>,
    ) -> Result<Vec<redis::Value>, BusError> {
        if matches!(self.inner.server, Server::One(_)) {
            return self.run(name, commands).await;
        }
        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            answers.extend(self.run(name, vec![command]).await?);
        }
        Ok(answers)
    }

    /// Runs one command and reads its answer.
    async fn run_one<T: redis::FromRedisValue>(
        &self,
        name: &'static str,
        command: Cmd,
    ) -> Result<T, BusError> {
        let answer = self.run(name, vec![command]).await?.pop().unwrap_or(redis::Value::Nil);
        reply::read(name, answer)
    }
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}
