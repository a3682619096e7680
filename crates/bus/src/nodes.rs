//! What every process of the cluster says of itself, for operators (realtime.md §8): one line each in a hash that all
//! can read, written every few seconds and left out when it is old. Nothing else depends on it.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::BusError;
use crate::reply::millis;
use crate::{Bus, script};

/// How often a node reports.
pub const NODES_EVERY: Duration = Duration::from_secs(3);
/// A node that has said nothing for so long is not listed any more: as long as the lease of presence lives.
const GONE_AFTER: Duration = Duration::from_secs(10);
/// When nobody reports any more the whole list goes.
const LIST_TTL: Duration = Duration::from_secs(60);

/// What a node says of itself. What a service does not have (an API has no sockets) is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// `hub` or `api`.
    pub service: String,
    /// The program's version.
    pub version: String,
    /// Where it listens for clients, `host:port`.
    pub address: String,
    /// Since when it runs, RFC 3339.
    pub since: String,
    /// What is special about a hub.
    #[serde(default, skip_serializing_if = "Option::is_none", flatten)]
    pub hub: Option<HubReport>,
}

/// What a hub says of itself besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubReport {
    /// Open sockets.
    pub connections: u64,
    /// Signed-in users, those in their grace included.
    pub users: u64,
    /// Channels subscribed in Redis.
    pub channels: u64,
    /// Subscriptions of its sockets.
    pub subscriptions: u64,
    /// Bytes that wait for its sockets.
    pub queue_bytes: u64,
    /// Milliseconds from an event's `at` until a socket took it, median of the last minute; `None` without events.
    pub lag_p50_ms: Option<u64>,
    /// The same, 99th percentile.
    pub lag_p99_ms: Option<u64>,
    /// It hears nothing from Redis.
    pub deaf: bool,
    /// It is about to end.
    pub draining: bool,
}

/// A node's line in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeLine {
    /// The node's id, new at every start.
    pub node: String,
    /// Milliseconds since its last report, by the clock of Redis.
    pub seen_ms_ago: u64,
    /// What it said.
    #[serde(flatten)]
    pub report: NodeReport,
}

impl Bus {
    /// Writes this node's line.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn report_node(&self, report: &NodeReport) -> Result<(), BusError> {
        let json = serde_json::to_string(report).map_err(|error| BusError::Corrupt(error.to_string()))?;
        let mut command = script::NODE_REPORT.call(&[&self.keys().nodes()]);
        command.arg(self.node_id()).arg(json).arg(millis(LIST_TTL));
        self.run_one::<u8>("report_node", command).await.map(drop)
    }

    /// Takes this node's line away, at the end of a drain.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: it goes by itself.
    pub async fn forget_node(&self) -> Result<(), BusError> {
        let mut command = redis::cmd("HDEL");
        command.arg(self.keys().nodes()).arg(self.node_id());
        self.run("forget_node", vec![command]).await.map(drop)
    }

    /// Every node that has reported within the last 10 s, hubs first, by address.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn nodes(&self) -> Result<Vec<NodeLine>, BusError> {
        let mut command = script::NODE_LIST.call(&[&self.keys().nodes()]);
        command.arg(millis(GONE_AFTER));
        let rows: Vec<(String, u64, String)> = self.run_one("nodes", command).await?;
        // A line of another version that cannot be read is left out: it is for people.
        let mut nodes: Vec<NodeLine> = rows
            .into_iter()
            .filter_map(|(node, seen_ms_ago, json)| {
                let report = serde_json::from_str(&json).ok()?;
                Some(NodeLine { node, seen_ms_ago, report })
            })
            .collect();
        nodes.sort_by(|a, b| {
            let key = |line: &NodeLine| (line.report.hub.is_none(), line.report.address.clone());
            key(a).cmp(&key(b))
        });
        Ok(nodes)
    }
}

/// The list as a table for people, columns aligned, one line a node.
#[must_use]
pub fn nodes_table(nodes: &[NodeLine]) -> String {
    const HEAD: [&str; 14] = [
        "node",
        "service",
        "version",
        "address",
        "since",
        "connections",
        "users",
        "channels",
        "subscriptions",
        "queue",
        "lag p50",
        "lag p99",
        "state",
        "seen",
    ];
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(nodes.iter().map(row));
    let mut widths = [0; HEAD.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut table = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            // Writing into a string cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

fn row(line: &NodeLine) -> [String; 14] {
    let NodeLine { node, seen_ms_ago, report } = line;
    let hub = report.hub.as_ref();
    let number = |of: fn(&HubReport) -> u64| hub.map_or_else(dash, |hub| of(hub).to_string());
    let lag = |of: fn(&HubReport) -> Option<u64>| hub.and_then(of).map_or_else(dash, |ms| format!("{ms} ms"));
    let state = match hub {
        Some(HubReport { draining: true, .. }) => "draining",
        Some(HubReport { deaf: true, .. }) => "deaf",
        _ => "ok",
    };
    [
        node.clone(),
        report.service.clone(),
        report.version.clone(),
        report.address.clone(),
        report.since.clone(),
        number(|hub| hub.connections),
        number(|hub| hub.users),
        number(|hub| hub.channels),
        number(|hub| hub.subscriptions),
        number(|hub| hub.queue_bytes),
        lag(|hub| hub.lag_p50_ms),
        lag(|hub| hub.lag_p99_ms),
        state.to_owned(),
        format!("{:.1} s ago", Duration::from_millis(*seen_ms_ago).as_secs_f64()),
    ]
}

fn dash() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use super::{HubReport, NodeLine, NodeReport, nodes_table};

    #[test]
    fn the_table_is_aligned_and_says_what_a_service_does_not_have() {
        let hub = HubReport { connections: 12, lag_p99_ms: Some(8), deaf: true, ..HubReport::default() };
        let report = NodeReport { service: "hub".into(), hub: Some(hub), ..NodeReport::default() };
        let lines = [
            NodeLine { node: "n1".into(), seen_ms_ago: 1_240, report },
            NodeLine {
                node: "another".into(),
                seen_ms_ago: 0,
                report: NodeReport { service: "api".into(), ..NodeReport::default() },
            },
        ];
        let table = nodes_table(&lines);
        let rows: Vec<&str> = table.lines().collect();
        assert_eq!(rows.len(), 3, "{table}");
        let starts: Vec<_> =
            [(0, "service"), (1, "hub"), (2, "api")].map(|(row, word)| rows[row].find(word)).into();
        assert!(starts[0].is_some() && starts.iter().all(|at| *at == starts[0]), "{table}");
        assert!(
            rows[1].contains("8 ms") && rows[1].contains("deaf") && rows[1].ends_with("1.2 s ago"),
            "{table}"
        );
        assert!(rows[2].contains(" -  "), "{table}");
    }

    #[test]
    fn a_line_travels_as_flat_json() {
        let hub = HubReport { users: 3, ..HubReport::default() };
        let report = NodeReport { service: "hub".into(), hub: Some(hub), ..NodeReport::default() };
        let line = NodeLine { node: "n".into(), seen_ms_ago: 5, report };
        let json = serde_json::to_value(&line).unwrap();
        assert_eq!((&json["node"], &json["users"], &json["deaf"]), (&"n".into(), &3.into(), &false.into()));
        assert_eq!(serde_json::from_value::<NodeLine>(json).unwrap(), line);
        let api = NodeReport { service: "api".into(), ..NodeReport::default() };
        let json = serde_json::to_string(&api).unwrap();
        assert_eq!(serde_json::from_str::<NodeReport>(&json).unwrap(), api);
    }
}
