//! What a [`Bus`](crate::Bus) needs to know.

use std::fmt;
use std::time::Duration;

/// Settings of one process's link to Redis. Not printed with its address: it may hold a password.
#[derive(Clone)]
pub struct BusSettings {
    /// `redis://[user:password@]host:port[/db]`, or `redis+unix:///path/to.sock`. Several addresses, separated by
    /// commas, mean a Redis Cluster of which these nodes are asked for all others; user and password of the first one
    /// are those of all.
    pub url: String,
    /// Begins every key and pub/sub channel, e.g. `majlis:`. Must not contain `{` or `}`.
    pub prefix: String,
    /// Who this process is among the nodes; new at every start (realtime.md §6). Neither braces nor line ends.
    pub node_id: String,
    /// The longest that a command may take, connecting included.
    pub command_timeout: Duration,
}

impl BusSettings {
    /// Settings with a command timeout of 2 s.
    #[must_use]
    pub fn new(url: impl Into<String>, prefix: impl Into<String>, node_id: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: prefix.into(),
            node_id: node_id.into(),
            command_timeout: Duration::from_secs(2),
        }
    }
}

impl fmt::Debug for BusSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusSettings")
            .field("prefix", &self.prefix)
            .field("node_id", &self.node_id)
            .field("command_timeout", &self.command_timeout)
            .finish_non_exhaustive()
    }
}
