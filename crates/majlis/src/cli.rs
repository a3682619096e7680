//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Majlis (مجلس): a realtime hub and its REST API for an e-learning and social platform.
#[derive(Debug, Parser)]
#[command(name = "majlis", version, about, long_about = None, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// What to do; `up` where left out.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const AFTER_HELP: &str = "Without a command: `majlis up`.\n\
بدون أمر: يبدأ كل شيء ويريك أنه يعمل.\n\
Servers of your own: set DATABASE_URL and REDIS_URL; all variables are listed in README.md.";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start everything on this machine, show that it works, and stay up until Ctrl-C.
    Up(UpOptions),
    /// Serve the REST API (settings from the environment).
    Api,
    /// Serve sockets (settings from the environment).
    Hub,
    /// Create or update the tables.
    Migrate(Place),
    /// Fill the database with the demo world; running it again changes nothing.
    Seed(Place),
    /// Compare the live schema with the expected one and say what differs; exit code 1 on errors.
    Doctor(DoctorOptions),
    /// Compare every cached counter with what it counts and say what differs; exit code 1 where something is left so.
    Recount(RecountOptions),
    /// Run every check of the ledger and say what is wrong; exit code 1 on a finding.
    Reconcile(Place),
    /// Print an access token for a user, for scripts and tests.
    Token(TokenOptions),
    /// Print the OpenAPI document of the REST API.
    Openapi,
    /// Print the AsyncAPI document of the socket.
    Asyncapi,
    /// Print the socket's guide for people (docs/realtime.md).
    RealtimeGuide,
    /// Print the environment variables as a Markdown table.
    Variables,
    /// Print what happens on a channel (`room:1`) of the running `majlis up`, as a demo user.
    Watch(WatchOptions),
    /// Print the processes of the running `majlis up`: who they are and how they do.
    Nodes(Place),
}

impl Default for Command {
    fn default() -> Self {
        Self::Up(UpOptions::default())
    }
}

/// Where a tool works.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// Data folder of `majlis up`, whose servers are used while it runs; else DATABASE_URL and REDIS_URL count.
    #[arg(long, default_value = ".majlis", value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// Options of `up`.
#[derive(Clone, Debug, Args)]
pub(crate) struct UpOptions {
    /// Hub processes (1 to 16).
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(crate) hubs: u16,
    /// The API's port; the hubs take the following ones, the admin ports are 100 higher. 0 takes free ones.
    #[arg(long, default_value_t = DEFAULT_PORT)]
    pub(crate) port: u16,
    /// Begin with empty data.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Exit after the self-check: 0 only if all of it holds.
    #[arg(long, conflicts_with = "no_check")]
    pub(crate) check: bool,
    /// Leave the self-check out.
    #[arg(long)]
    pub(crate) no_check: bool,
    /// Rate, connection, admission and accept limits off, for load tests.
    #[arg(long)]
    pub(crate) no_limits: bool,
    /// Data folder.
    #[arg(long, default_value = ".majlis", value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// The API's port unless told otherwise.
pub(crate) const DEFAULT_PORT: u16 = 7400;

impl Default for UpOptions {
    fn default() -> Self {
        Self {
            hubs: 2,
            port: DEFAULT_PORT,
            fresh: false,
            check: false,
            no_check: false,
            no_limits: false,
            data: PathBuf::from(".majlis"),
        }
    }
}

/// Options of `doctor`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DoctorOptions {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Print the live schema as the expected description instead of comparing (after a new migration).
    #[arg(long)]
    pub(crate) describe: bool,
}

/// Options of `recount`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RecountOptions {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Mend what differs. Money is never mended so: `majlis reconcile` says what is wrong with it.
    #[arg(long)]
    pub(crate) fix: bool,
}

/// Options of `token`.
#[derive(Clone, Debug, Args)]
pub(crate) struct TokenOptions {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The user: id or username.
    pub(crate) user: String,
    /// Life of the token in seconds.
    #[arg(long, default_value_t = 900)]
    pub(crate) seconds: u64,
}

/// Options of `watch`.
#[derive(Clone, Debug, Args)]
pub(crate) struct WatchOptions {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The channel: `room:ID`, `presence:ID`, or `user:ID` of a demo user.
    pub(crate) channel: String,
    /// Stop after so many seconds.
    #[arg(long)]
    pub(crate) seconds: Option<u64>,
}
