//! The command lines of the measurements.

use std::net::TcpListener;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};

use crate::bare::server::Server;
use crate::term::say;

/// The measurements.
#[derive(Debug, Subcommand)]
pub(crate) enum Measurement {
    /// The hub's processor time of a delivery beside that of a bare epoll server, in one run.
    Fanout(FanoutOptions),
    /// A hub's processor time of a delivery with 1, 2, 4 nodes that have as many subscribers each.
    Scaleout(ScaleoutOptions),
    /// Acknowledged 1:1 messages a second beside the single-row commits of plain clients; or posts into one room.
    Durable(DurableOptions),
    /// Requests a second of a list page beside a bare handler that runs the same statement.
    Reads(ReadsOptions),
    /// The bare broadcast server, for the others to start.
    #[command(hide = true)]
    BareServer(BareServerOptions),
    /// The bare list page, for `reads` to start.
    #[command(hide = true)]
    BareReads(BareReadsOptions),
}

/// Options of every measurement.
#[derive(Clone, Debug, Args)]
pub(crate) struct MeasureOptions {
    /// Rounds of each server, in turns; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub(crate) rounds: u32,
    /// Length of a round.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub(crate) seconds: u32,
    /// Write the figures to this file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Options of `fanout`.
#[derive(Clone, Debug, Args)]
pub(crate) struct FanoutOptions {
    /// Sockets that listen, on one hub.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=18_000))]
    pub(crate) subscribers: u32,
    /// Messages under way: a next one is sent when every subscriber has one. Several, with commas, are measured in turn.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8], value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) in_flight: Vec<u32>,
    /// What the bare server sends: the bytes of the hub's own frame, frames of 64 bytes, or one after the other.
    #[arg(long, value_enum, default_value_t = Payload::Both)]
    pub(crate) payload: Payload,
    /// Which hub the messages are posted through: another than the subscribers', or theirs.
    #[arg(long, value_enum, default_value_t = Through::Other)]
    pub(crate) publish_through: Through,
    /// Sockets that post [default: one for each message under way].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) publishers: Option<u32>,
    /// Measure the hub also while so many messages a second go to a room that nobody on it listens to.
    #[arg(long, value_name = "RATE", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) idle_rooms: Option<u32>,
    /// The hub's cost may be at most so many times the bare server's (frames of the same bytes).
    #[arg(long, value_name = "RATIO")]
    pub(crate) at_most: Option<f64>,
    #[command(flatten)]
    pub(crate) common: MeasureOptions,
}

/// What the bare server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Payload {
    /// The hub's own frames.
    Hub,
    /// Frames of 64 bytes, header included.
    #[value(name = "64")]
    Small,
    /// Both, one after the other.
    Both,
}

/// Where messages are posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Through {
    /// On another hub than the subscribers'.
    Other,
    /// On the subscribers' own.
    Same,
}

/// Options of `bare-server`.
#[derive(Clone, Debug, Args)]
pub(crate) struct BareServerOptions {
    /// Where it listens; its first line of output is the address.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
}

impl BareServerOptions {
    /// Serves until standard input ends.
    ///
    /// # Errors
    /// The address is taken, or the system's own.
    pub(crate) fn serve(&self) -> Result<()> {
        crate::raise_file_limit();
        let listener =
            TcpListener::bind(&self.listen).with_context(|| format!("{} cannot be had", self.listen))?;
        say(&listener.local_addr()?.to_string());
        Server::new(listener)?.run(std::io::stdin()).context("the bare server failed")
    }
}

/// Options of `scaleout`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ScaleoutOptions {
    /// The most nodes.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(crate) nodes: u32,
    /// Sockets that listen on each node.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=15_000))]
    pub(crate) subscribers: u32,
    /// Messages a second.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rate: u32,
    /// The cost with more nodes may be at most so many times that with one.
    #[arg(long, value_name = "RATIO")]
    pub(crate) at_most: Option<f64>,
    #[command(flatten)]
    pub(crate) common: MeasureOptions,
}

/// Options of `durable`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DurableOptions {
    /// Plain clients that commit single rows, each on a connection of its own.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) clients: u32,
    /// Accounts; they go in pairs.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub(crate) accounts: u32,
    /// Devices of each account, over both hubs; all of them write, and hear everything of their account.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) devices: u32,
    /// Messages that each device has under way.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) in_flight: u32,
    /// Post into one room instead, by the clock, and see whether a queue grows.
    #[arg(long)]
    pub(crate) room: bool,
    /// Posts a second, with --room.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,
    /// Sockets that listen to the room.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) listeners: u32,
    /// Sockets that post into it.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=2000))]
    pub(crate) writers: u32,
    /// At least so many times the commits; with --room, this share of what was written must be acknowledged [0.98].
    #[arg(long, value_name = "RATIO")]
    pub(crate) at_least: Option<f64>,
    #[command(flatten)]
    pub(crate) common: MeasureOptions,
}

/// Options of `reads`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReadsOptions {
    /// The page, with its query.
    #[arg(long, default_value = "/api/v1/live-rooms")]
    pub(crate) path: String,
    /// Ask as a guest; otherwise the first demo account asks.
    #[arg(long)]
    pub(crate) guest: bool,
    /// Connections, each with one request under way.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) connections: u32,
    /// Database connections of the bare server; the API has 16 where nothing else is set.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) pool: u32,
    /// At least so many times the bare server's requests.
    #[arg(long, value_name = "RATIO")]
    pub(crate) at_least: Option<f64>,
    #[command(flatten)]
    pub(crate) common: MeasureOptions,
}

/// Options of `bare-reads`.
#[derive(Clone, Debug, Args)]
pub(crate) struct BareReadsOptions {
    /// Where it listens; its first line of output is the address.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// The database.
    #[arg(long)]
    database: String,
    /// Its connections.
    #[arg(long, default_value_t = 16)]
    pool: u32,
    /// Leave out sqlx's question whether a connection still lives, before each use.
    #[arg(long)]
    unasked: bool,
    /// What it runs for each request.
    #[arg(long)]
    statement: String,
}

impl BareReadsOptions {
    /// Serves until standard input ends.
    ///
    /// # Errors
    /// The address is taken, or the database cannot be reached.
    pub(crate) async fn serve(&self) -> Result<()> {
        crate::bare::page::serve(&self.listen, &self.database, self.pool, !self.unasked, &self.statement)
            .await
    }
}
