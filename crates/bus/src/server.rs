//! What Redis is: one server, or the masters of a cluster. The same calls for both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, Value};

use crate::cluster::{Cluster, ClusterLinks};
use crate::error::BusError;
use crate::link::Link;
use crate::settings::BusSettings;

/// Where commands and subscriptions go.
#[derive(Clone)]
pub(crate) enum Server {
    One(Client),
    Cluster(Arc<Cluster>),
}

impl Server {
    /// Makes it out of the settings, checking them; a cluster is asked who serves what.
    ///
    /// # Errors
    /// [`BusError::Misconfigured`]; [`BusError::Unavailable`] if no node of a cluster answers.
    pub(crate) async fn find(settings: &BusSettings) -> Result<Self, BusError> {
        for (what, text) in [("prefix", &settings.prefix), ("node id", &settings.node_id)] {
            if text.contains(['{', '}', '\n', '\r']) {
                return Err(BusError::Misconfigured(format!(
                    "the {what} must not contain braces or line ends"
                )));
            }
        }
        let urls = settings.url.split(',').map(str::trim).filter(|url| !url.is_empty());
        let infos: Vec<ConnectionInfo> = urls.map(connection_info).collect::<Result<_, _>>()?;
        if settings.url.contains(',') {
            return Ok(Self::Cluster(Arc::new(Cluster::find(&infos, settings.command_timeout).await?)));
        }
        match infos.into_iter().next() {
            Some(info) => Ok(Self::One(Client::open(info)?)),
            None => Err(BusError::Misconfigured("no address of Redis".into())),
        }
    }

    /// Links for one kind of commands, which connect by themselves.
    pub(crate) fn links(&self, name: &'static str, timeout: Duration) -> Links {
        match self {
            Self::One(client) => Links::One(Link::open(client.clone(), name, timeout), timeout),
            Self::Cluster(cluster) => Links::Cluster(ClusterLinks::new(Arc::clone(cluster), name, timeout)),
        }
    }

    /// The word that publishes an event: in a cluster to those who listen at the master of its slot only.
    pub(crate) const fn publish_word(&self) -> &'static str {
        match self {
            Self::One(_) => "PUBLISH",
            Self::Cluster(_) => "SPUBLISH",
        }
    }
}

fn connection_info(url: &str) -> Result<ConnectionInfo, BusError> {
    let info = url.into_connection_info().map_err(|error| BusError::Misconfigured(error.to_string()))?;
    if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
        return Err(BusError::Misconfigured("TLS to Redis is not built in".into()));
    }
    // RESP3 tells at once when a connection ends, and brings pub/sub messages without a second parser.
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    Ok(info.set_redis_settings(redis).set_tcp_settings(tcp))
}

/// Links for one kind of commands.
pub(crate) enum Links {
    One(Link, Duration),
    Cluster(ClusterLinks),
}

impl Links {
    /// Sends commands at once and waits for all their answers, within the command timeout.
    ///
    /// # Errors
    /// The first error among the answers; the others may have taken effect.
    pub(crate) async fn exec(&self, name: &'static str, commands: &[Cmd]) -> Result<Vec<Value>, BusError> {
        let began = Instant::now();
        let outcome = match self {
            Self::One(link, timeout) => link.answers(commands, began + *timeout).await,
            Self::Cluster(links) => Box::pin(links.answers(commands)).await,
        };
        let outcome = outcome.and_then(|answers| {
            answers.into_iter().map(|answer| answer.extract_error().map_err(BusError::from)).collect()
        });
        tell(name, began, &outcome);
        outcome
    }

    /// Whether Redis answers; of a cluster: every master.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] if it does not within the command timeout.
    pub(crate) async fn ping(&self) -> Result<(), BusError> {
        match self {
            Self::One(..) => self.exec("ping", &[redis::cmd("PING")]).await.map(drop),
            Self::Cluster(links) => {
                let began = Instant::now();
                let outcome = Box::pin(links.ping()).await;
                tell("ping", began, &outcome);
                outcome
            }
        }
    }
}

fn tell<T>(name: &'static str, began: Instant, outcome: &Result<T, BusError>) {
    metrics::histogram!("bus_command_seconds", "command" => name).record(began.elapsed().as_secs_f64());
    if outcome.is_err() {
        metrics::counter!("bus_command_errors_total", "command" => name).increment(1);
    }
}
