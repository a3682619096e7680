//! Redis Cluster (realtime.md §7): which master serves which slot, commands sent to the right one, in order. The
//! listener's side of it is in `listener/switchboard.rs`.

mod keeper;
mod links;
mod slots;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{Client, ConnectionAddr, ConnectionInfo};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::error::BusError;

pub(crate) use self::links::ClusterLinks;
pub(crate) use self::slots::{Slots, Topology, slot_of};

/// Where a node is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Address {
    /// `host:port` as a redirection names it; an empty host is that of the node which said so.
    fn parse(text: &str, said_by: &Self) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = if host.is_empty() { said_by.host.as_str() } else { host };
        Some(Self { host: host.to_owned(), port: port.parse().ok()? })
    }
}

/// What all connections to the nodes have in common: user, password, protocol.
#[derive(Clone)]
pub(crate) struct Template(ConnectionInfo);

impl Template {
    /// A client of one node.
    pub(crate) fn client(&self, address: &Address) -> Result<Client, BusError> {
        let address = ConnectionAddr::Tcp(address.host.clone(), address.port);
        Client::open(self.0.clone().set_addr(address)).map_err(BusError::from)
    }
}

/// What is known of the cluster, kept true by a task which ends with this handle.
pub(crate) struct Cluster {
    template: Template,
    topology: watch::Receiver<Arc<Topology>>,
    doubts: mpsc::Sender<Option<Address>>,
    keeper: AbortHandle,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Cluster {
    /// Asks the nodes in turn until one that serves says who serves what.
    ///
    /// # Errors
    /// [`BusError::Misconfigured`] if the nodes are no cluster, [`BusError::Unavailable`] if none serves.
    pub(crate) async fn find(infos: &[ConnectionInfo], timeout: Duration) -> Result<Self, BusError> {
        let seeds: Vec<Address> = infos.iter().map(seed).collect::<Result<_, _>>()?;
        let first = infos.first().ok_or_else(|| BusError::Misconfigured("no address of a cluster".into()))?;
        let template = Template(first.clone());
        let (topology, doubts, keeper) = keeper::begin(template.clone(), seeds, timeout).await?;
        Ok(Self { template, topology, doubts, keeper })
    }

    /// Who serves what, as far as is known.
    pub(crate) fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.topology.borrow())
    }

    /// Tells of changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Topology>> {
        self.topology.clone()
    }

    /// Something is not where it should be: look again soon, at first where a node pointed to.
    pub(crate) fn doubt(&self, ask_first: Option<Address>) {
        // What does not fit in is one more doubt among many.
        let _ = self.doubts.try_send(ask_first);
    }

    /// A client of one node.
    pub(crate) fn client(&self, address: &Address) -> Result<Client, BusError> {
        self.template.client(address)
    }
}

fn seed(info: &ConnectionInfo) -> Result<Address, BusError> {
    let ConnectionAddr::Tcp(host, port) = info.addr() else {
        return Err(BusError::Misconfigured("a cluster is reached at redis:// addresses".into()));
    };
    if info.redis_settings().db() != 0 {
        return Err(BusError::Misconfigured("a cluster has no numbered databases".into()));
    }
    Ok(Address { host: host.clone(), port: *port })
}
