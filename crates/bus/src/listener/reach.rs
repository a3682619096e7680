//! What one pub/sub link serves: everything, or the slots of one master of a cluster.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{Client, RedisError};

use crate::cluster::{Cluster, Slots};
use crate::keys::Keys;

/// The server behind a link, and how channels are subscribed there.
pub(super) enum Reach {
    /// The only server.
    Everything(Client),
    /// One master of a cluster: its channels are sharded ones.
    Shard { client: Client, slots: Slots, cluster: Arc<Cluster> },
}

impl Reach {
    pub(super) const fn client(&self) -> &Client {
        match self {
            Self::Everything(client) | Self::Shard { client, .. } => client,
        }
    }

    /// Whether a pub/sub channel is heard here.
    pub(super) fn covers(&self, name: &[u8]) -> bool {
        match self {
            Self::Everything(_) => true,
            Self::Shard { slots, .. } => slots.serves(name),
        }
    }

    /// The channel through which a link hears itself: its slot has to be one of those served here.
    pub(super) fn probe(&self, keys: &Keys, node: &str) -> String {
        let listener: u64 = rand::random();
        // One of so many numbers hits even a single slot.
        (0..1_000_000_u32)
            .map(|number| keys.probe(node, listener, number))
            .find(|name| self.covers(name.as_bytes()))
            .unwrap_or_else(|| keys.probe(node, listener, 0))
    }

    /// The link is in trouble: the cluster may have changed.
    pub(super) fn doubt(&self) {
        if let Self::Shard { cluster, .. } = self {
            cluster.doubt(None);
        }
    }

    /// Subscribes and waits for all confirmations.
    ///
    /// # Errors
    /// Any channel was refused, or they are not all confirmed in time.
    pub(super) async fn subscribe<N: AsRef<[u8]> + Sync>(
        &self,
        connection: &mut MultiplexedConnection,
        names: &[N],
    ) -> Result<(), RedisError> {
        let names = names.iter().map(AsRef::as_ref);
        match self {
            Self::Everything(_) => connection.subscribe(names.collect::<Vec<&[u8]>>()).await,
            Self::Shard { .. } => each("SSUBSCRIBE", connection, names).await,
        }
    }

    /// Unsubscribes and waits for all confirmations.
    ///
    /// # Errors
    /// As [`Self::subscribe`].
    pub(super) async fn unsubscribe<N: AsRef<[u8]> + Sync>(
        &self,
        connection: &mut MultiplexedConnection,
        names: &[N],
    ) -> Result<(), RedisError> {
        let names = names.iter().map(AsRef::as_ref);
        match self {
            Self::Everything(_) => connection.unsubscribe(names.collect::<Vec<&[u8]>>()).await,
            Self::Shard { .. } => each("SUNSUBSCRIBE", connection, names).await,
        }
    }
}

/// One command for each channel, sent together: a command must not name sharded channels of two slots.
async fn each(
    command: &'static str,
    connection: &mut MultiplexedConnection,
    names: impl Iterator<Item = &[u8]>,
) -> Result<(), RedisError> {
    let mut pipeline = redis::pipe();
    for name in names {
        pipeline.cmd(command).arg(name);
    }
    if pipeline.is_empty() {
        return Ok(());
    }
    let count = pipeline.len();
    let confirmations = connection.send_packed_commands(&pipeline, 0, count).await?;
    confirmations.into_iter().try_for_each(|confirmation| confirmation.extract_error().map(drop))
}
