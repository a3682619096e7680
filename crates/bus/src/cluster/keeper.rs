//! The task that keeps the view of the cluster true: looks every few seconds, and at once when somebody doubts it.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::{Address, Template, Topology};
use crate::error::BusError;
use crate::link::connection_config;

/// How often the view is looked after though nobody doubts it.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The shortest time between two looks.
const LEAST_PAUSE: Duration = Duration::from_millis(200);
/// What one node may take to answer: the next one may know.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// The view, where to say doubts, and the task to end.
type Begun = (watch::Receiver<Arc<Topology>>, mpsc::Sender<Option<Address>>, AbortHandle);

/// Finds the first view and begins to keep it.
pub(super) async fn begin(
    template: Template,
    seeds: Vec<Address>,
    timeout: Duration,
) -> Result<Begun, BusError> {
    let mut keeper = Keeper { template, seeds, known: Arc::default() };
    let first = match tokio::time::timeout(timeout, keeper.look(None)).await {
        Ok(outcome) => outcome?,
        Err(_elapsed) => {
            return Err(BusError::Unavailable(format!("no node of the cluster answered within {timeout:?}")));
        }
    };
    keeper.known = Arc::new(first);
    let (sender, receiver) = watch::channel(Arc::clone(&keeper.known));
    let (doubts, queue) = mpsc::channel(16);
    Ok((receiver, doubts, tokio::spawn(keeper.run(sender, queue)).abort_handle()))
}

struct Keeper {
    template: Template,
    seeds: Vec<Address>,
    known: Arc<Topology>,
}

impl Keeper {
    async fn run(mut self, told: watch::Sender<Arc<Topology>>, mut doubts: mpsc::Receiver<Option<Address>>) {
        loop {
            let looked = Instant::now();
            let ask_first = match tokio::time::timeout(LOOK_EVERY, doubts.recv()).await {
                Ok(None) => return,
                Ok(Some(doubt)) => {
                    tokio::time::sleep_until(looked + LEAST_PAUSE).await;
                    // Those that came meanwhile are about the same.
                    let mut ask_first = doubt;
                    while let Ok(doubt) = doubts.try_recv() {
                        ask_first = doubt.or(ask_first);
                    }
                    ask_first
                }
                Err(_elapsed) => None,
            };
            match self.look(ask_first).await {
                Ok(view) if view != *self.known => {
                    let masters: Vec<_> =
                        view.masters.iter().map(|(address, _)| address.to_string()).collect();
                    let moved = view.masters != self.known.masters;
                    self.known = Arc::new(view);
                    // An election alone changes nothing for those who watch.
                    if moved {
                        tracing::info!(?masters, "the cluster serves its slots in another way");
                        metrics::counter!("bus_cluster_changes_total").increment(1);
                        told.send_replace(Arc::clone(&self.known));
                    }
                }
                Ok(_same) => {}
                Err(error) => tracing::debug!(%error, "the cluster cannot be looked at"),
            }
        }
    }

    /// Asks one node after the other until one gives a view that can be trusted.
    async fn look(&self, ask_first: Option<Address>) -> Result<Topology, BusError> {
        let mut order: Vec<&Address> = self.known.nodes.iter().chain(&self.seeds).collect();
        // Any node may be the one that is cut off: not always the same is asked first.
        rand::seq::SliceRandom::shuffle(order.as_mut_slice(), &mut rand::rng());
        let mut last = BusError::Unavailable("no node of the cluster is known".into());
        for address in ask_first.iter().chain(order) {
            match tokio::time::timeout(ANSWER_LIMIT, Box::pin(self.ask(address))).await {
                Ok(Ok(view)) if view.epoch >= self.known.epoch => return Ok(view),
                Ok(Ok(_older)) => last = BusError::Unavailable(format!("{address} is behind the cluster")),
                Ok(Err(error @ BusError::Misconfigured(_))) => return Err(error),
                Ok(Err(error)) => last = error,
                Err(_elapsed) => last = BusError::Unavailable(format!("{address} does not answer")),
            }
        }
        Err(last)
    }

    /// The view of one node, if it is connected to the rest: one that is cut off still says what it was.
    async fn ask(&self, address: &Address) -> Result<Topology, BusError> {
        let client = self.template.client(address)?;
        let config = connection_config(ANSWER_LIMIT);
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut both = redis::pipe();
        both.cmd("CLUSTER").arg("INFO").cmd("CLUSTER").arg("SLOTS");
        let answers = connection.send_packed_commands(&both, 0, 2).await?;
        let Ok([info, slots]) = <[Value; 2]>::try_from(answers) else {
            return Err(BusError::Corrupt("CLUSTER INFO and SLOTS: no two answers".into()));
        };
        if let Value::ServerError(error) = &info
            && error.details().is_some_and(|text| text.contains("cluster support disabled"))
        {
            return Err(BusError::Misconfigured(format!(
                "several addresses mean a Redis Cluster, but {address} is not part of one"
            )));
        }
        let info: String = redis::from_redis_value(info.extract_error()?)
            .map_err(|error| BusError::Corrupt(format!("CLUSTER INFO: {error}")))?;
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        if field("cluster_state") != Some("ok") {
            return Err(BusError::Unavailable(format!("{address} says that the cluster does not serve")));
        }
        let epoch = field("cluster_current_epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
        Topology::read(epoch, slots.extract_error()?, address)
            .ok_or_else(|| BusError::Corrupt(format!("CLUSTER SLOTS of {address} cannot be read")))
    }
}
