//! The listener on a cluster: one link to each master, and every request to the one that serves its slot. Links are
//! replaced when the cluster changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::BusEvent;
use super::QUEUED_REQUESTS;
use super::health::Health;
use super::link::{Request, Shared, SubscriberLink};
use super::reach::Reach;
use crate::cluster::{Address, Cluster, Slots, Topology, slot_of};
use crate::error::BusError;

/// One master's link.
struct Shard {
    slots: Slots,
    requests: mpsc::Sender<Request>,
    health: Arc<Health>,
    task: JoinHandle<()>,
}

impl Drop for Shard {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) struct Switchboard {
    shared: Shared,
    cluster: Arc<Cluster>,
    changes: watch::Receiver<Arc<Topology>>,
    shards: BTreeMap<Address, Shard>,
}

impl Switchboard {
    /// Begins to open the links; each receiver hears when one is open.
    pub(super) fn open(
        shared: Shared,
        cluster: Arc<Cluster>,
    ) -> Result<(Self, Vec<oneshot::Receiver<()>>), BusError> {
        let mut changes = cluster.watch();
        let topology = Arc::clone(&changes.borrow_and_update());
        let mut switchboard = Self { shared, cluster, changes, shards: BTreeMap::new() };
        let mut opened = Vec::new();
        for (address, slots) in &topology.masters {
            let (ready, is_open) = oneshot::channel();
            switchboard.open_shard(address, slots, Some(ready))?;
            opened.push(is_open);
        }
        switchboard.tell_ears();
        Ok((switchboard, opened))
    }

    fn open_shard(
        &mut self,
        address: &Address,
        slots: &Slots,
        ready: Option<oneshot::Sender<()>>,
    ) -> Result<(), BusError> {
        let client = self.cluster.client(address)?;
        let reach = Reach::Shard { client, slots: slots.clone(), cluster: Arc::clone(&self.cluster) };
        let link = SubscriberLink::new(self.shared.clone(), reach);
        let health = link.health();
        let (requests, queue) = mpsc::channel(QUEUED_REQUESTS);
        let task = tokio::spawn(link.run(queue, ready));
        self.shards.insert(address.clone(), Shard { slots: slots.clone(), requests, health, task });
        Ok(())
    }

    fn tell_ears(&self) {
        self.shared.ears.set(self.shards.values().map(|shard| Arc::clone(&shard.health)).collect());
    }

    /// Passes requests on until nobody is left who could make one.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        loop {
            tokio::select! {
                biased;
                changed = self.changes.changed() => match changed {
                    Ok(()) => self.follow().await,
                    Err(_closed) => return,
                },
                request = requests.recv() => match request {
                    Some(request) => self.pass_on(request),
                    None => return,
                },
            }
        }
    }

    /// Replaces the links to masters that serve other slots now, and opens those to new ones.
    async fn follow(&mut self) {
        let topology = Arc::clone(&self.changes.borrow_and_update());
        let serves = |address: &Address, slots: &Slots| {
            topology.masters.iter().any(|(master, served)| master == address && served == slots)
        };
        let gone: Vec<Address> = self
            .shards
            .iter()
            .filter(|(address, shard)| !serves(address, &shard.slots))
            .map(|(address, _)| address.clone())
            .collect();
        if !gone.is_empty() {
            self.shared.inbox.notice(BusEvent::LinkLost);
        }
        for address in gone {
            if let Some(mut shard) = self.shards.remove(&address) {
                // It must have ended before its channels are subscribed elsewhere: whatever it confirmed until then has
                // a route, which the new link finds; what it did not confirm has none.
                shard.task.abort();
                let _ = (&mut shard.task).await;
            }
        }
        for (address, slots) in &topology.masters {
            if !self.shards.contains_key(address)
                && let Err(error) = self.open_shard(address, slots, None)
            {
                tracing::error!(%address, %error, "no pub/sub link to a master");
            }
        }
        self.tell_ears();
    }

    /// To the link that serves the channel's slot.
    fn pass_on(&self, request: Request) {
        let channel = match &request {
            Request::Subscribe { channel, .. } | Request::Unsubscribe { channel } => channel,
        };
        let name = self.shared.bus.keys().channel(channel);
        let slot = slot_of(name.as_bytes());
        let shard = self.shards.values().find(|shard| shard.slots.contains(slot));
        let refused = match shard.map(|shard| &shard.requests) {
            Some(requests) => match requests.try_send(request) {
                Ok(()) => return,
                Err(TrySendError::Full(request) | TrySendError::Closed(request)) => request,
            },
            None => request,
        };
        match refused {
            Request::Subscribe { done, .. } => {
                let _ = done.send(Err(BusError::Unavailable("the pub/sub link takes no requests".into())));
            }
            // Nothing of it is heard any more; Redis goes on sending it until the link is opened again.
            Request::Unsubscribe { .. } => self.shared.inbox.remove_route(&name),
        }
    }
}
