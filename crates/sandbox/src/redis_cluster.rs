//! A small Redis cluster for tests: three masters with a replica each.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::programs::Programs;
use crate::redis::{ask, free_port};
use crate::{Durability, RedisOptions, RedisServer};

/// Masters; each has one replica.
const MASTERS: usize = 3;
/// Hash slots of every Redis cluster.
const SLOTS: usize = 16_384;
/// How long the nodes may take to agree.
const AGREEMENT_LIMIT: Duration = Duration::from_secs(60);
/// A master that is silent for so long is taken for dead, ms; its replica takes over about a second later.
const NODE_TIMEOUT: &str = "2000";

/// Six throw-away Redis servers of 127.0.0.1 which make a cluster. Dropping it ends all of them.
#[derive(Debug)]
pub struct RedisCluster {
    /// The masters, then their replicas in the same order; none: killed.
    nodes: Vec<Option<RedisServer>>,
    ports: Vec<u16>,
}

impl RedisCluster {
    /// Starts the servers, makes the cluster and waits until all of them serve.
    ///
    /// # Errors
    /// One sentence: the program is missing or older than Redis 7, or the nodes do not agree within a minute.
    pub async fn start(programs: &Programs) -> Result<Self> {
        let mut nodes = Vec::new();
        let mut bus_ports = Vec::new();
        for _ in 0..2 * MASTERS {
            let bus_port = free_port()?;
            nodes.push(start_node(programs, bus_port).await?);
            bus_ports.push(bus_port);
        }
        let ports: Vec<u16> = nodes.iter().map(RedisServer::port).collect();
        let cluster = Self { nodes: nodes.into_iter().map(Some).collect(), ports };
        cluster.join(&bus_ports).await?;
        Ok(cluster)
    }

    async fn join(&self, bus_ports: &[u16]) -> Result<()> {
        let (masters, replicas) = self.ports.split_at(MASTERS);
        for (number, &port) in masters.iter().enumerate() {
            // Epochs of their own, so that no two masters have to settle whose is whose.
            command(port, &format!("CLUSTER SET-CONFIG-EPOCH {}", number.saturating_add(1))).await?;
            let (from, to) = (number * SLOTS / MASTERS, number.saturating_add(1) * SLOTS / MASTERS);
            command(port, &format!("CLUSTER ADDSLOTSRANGE {from} {}", to.saturating_sub(1))).await?;
        }
        let first = *self.ports.first().context("a cluster has nodes")?;
        for (port, bus_port) in self.ports.iter().zip(bus_ports).skip(1) {
            command(first, &format!("CLUSTER MEET 127.0.0.1 {port} {bus_port}")).await?;
        }
        let known = format!("cluster_known_nodes:{}", self.ports.len());
        self.wait("all nodes to know each other", "CLUSTER INFO", |_, answer| answer.contains(&known))
            .await?;
        for (&master, &replica) in masters.iter().zip(replicas) {
            let id = ask(master, "CLUSTER MYID").await?;
            let id = id.lines().nth(1).context("a node has no id")?.to_owned();
            // A replica that was just met may not know that the other one is a master.
            let since = Instant::now();
            while let Err(error) = command(replica, &format!("CLUSTER REPLICATE {id}")).await {
                ensure!(since.elapsed() < AGREEMENT_LIMIT, "no replica could be made: {error:#}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        self.wait("the replicas to follow", "INFO replication", |port, answer| {
            let is_master = masters.contains(&port);
            answer.contains(if is_master { "connected_slaves:1" } else { "master_link_status:up" })
        })
        .await?;
        self.until_well().await
    }

    /// Waits until every node that lives says that all slots are served, each by a master that lives.
    ///
    /// # Errors
    /// After a minute.
    pub async fn until_well(&self) -> Result<()> {
        let of_nodes = self.nodes.iter().zip(&self.ports);
        let dead: Vec<String> = of_nodes
            .filter(|(node, _)| node.is_none())
            .map(|(_, port)| format!(" 127.0.0.1:{port}@"))
            .collect();
        self.wait("the cluster to be well", "CLUSTER INFO\r\nCLUSTER NODES", |_, answer| {
            let masters = answer.lines().filter(|line| line.contains("master ") && !line.contains("fail"));
            let all_live = !masters.clone().any(|line| dead.iter().any(|address| line.contains(address)));
            answer.contains("cluster_state:ok") && masters.count() == MASTERS && all_live
        })
        .await
    }

    /// Waits until every node that lives answers as it should.
    async fn wait(&self, what: &str, question: &str, good: impl Fn(u16, &str) -> bool) -> Result<()> {
        let since = Instant::now();
        for node in self.nodes.iter().flatten() {
            loop {
                let answer = ask(node.port(), question).await.unwrap_or_default();
                if good(node.port(), &answer) {
                    break;
                }
                ensure!(since.elapsed() < AGREEMENT_LIMIT, "waited a minute for {what}: {answer}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    /// The addresses of all nodes, `redis://127.0.0.1:PORT/` each, separated by commas.
    #[must_use]
    pub fn urls(&self) -> String {
        self.ports.iter().map(|port| format!("redis://127.0.0.1:{port}/")).collect::<Vec<_>>().join(",")
    }

    /// The ports of the nodes: the masters that the cluster began with, then the replica of each.
    #[must_use]
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// The process ids of the nodes that live.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.nodes.iter().flatten().map(RedisServer::pid).collect()
    }

    /// Ends one of the masters that the cluster began with (0 to 2) with SIGKILL and waits for its process to be gone.
    /// Its replica takes over some 3 s later; see [`Self::until_well`].
    ///
    /// # Errors
    /// When there is no such master, or no more.
    pub async fn kill_master(&mut self, number: usize) -> Result<()> {
        let node = self.nodes.get_mut(number).filter(|_| number < MASTERS).and_then(Option::take);
        // A throw-away server gets no time to end well.
        node.with_context(|| format!("master {number} does not live"))?.stop().await
    }
}

async fn start_node(programs: &Programs, bus_port: u16) -> Result<RedisServer> {
    let bus_port = bus_port.to_string();
    let words = [
        ["--cluster-enabled", "yes"],
        ["--cluster-port", &bus_port],
        ["--cluster-config-file", "nodes.conf"],
        ["--cluster-node-timeout", NODE_TIMEOUT],
        // A replica takes over however long it was without its master; the test decides what is lost.
        ["--cluster-replica-validity-factor", "0"],
        ["--repl-diskless-sync-delay", "0"],
    ];
    let words: Vec<OsString> = words.as_flattened().iter().map(OsString::from).collect();
    let options = RedisOptions { durability: Durability::Throwaway, port: None };
    RedisServer::start_with(programs, options, &words).await
}

/// A command that has to be answered with OK.
async fn command(port: u16, words: &str) -> Result<()> {
    let answer = ask(port, words).await?;
    if !answer.starts_with("+OK") {
        bail!("Redis on port {port} answered {words} with {}", answer.lines().next().unwrap_or_default());
    }
    Ok(())
}
