//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use protocol::codec::Encoding;

/// Load tester of the Majlis hub: many sockets, exact accounts of what was heard.
#[derive(Debug, Parser)]
// Scripts give options of their own before those of their caller, and the last one counts.
#[command(name = "loadtest", version, about, long_about = None, after_help = AFTER_HELP, args_override_self = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  cargo run --release -p loadtest -- chat
      50 people in pairs across the hubs, 50 messages a second, for 20 s
  cargo run --release -p loadtest -- chat --users 200 --rate 500 --seconds 60 --json chat.json --html chat.html
  cargo run --release -p loadtest -- chat --slo p99=50ms,lost=0
  cargo run --release -p loadtest -- chat --kill-hub 5
      the same while one hub is killed after 5 s: nothing acknowledged may be lost
  cargo run --release -p loadtest -- room --subscribers 2000 --rate 20
      one live room with 2,000 listeners
  cargo run --release -p loadtest -- room --up other/.majlis --encoding msgpack
  cargo run --release -p loadtest -- evening --users 5000 --html evening.html
      a realistic mix, scaled to 5,000 sockets
  cargo run --release -p loadtest -- chat --api http://10.0.0.5:7400 --hub ws://10.0.0.6:7401/connection/websocket \\
      --login a@example.org:secret --login b@example.org:secret

Scenarios are files (loadtest/scenarios/*.toml); `run FILE` runs one of your own, --set changes any value of one.
Without --up or --api it uses the `majlis up` that runs in .majlis; where none runs it starts one for the test
(with --no-limits, its data in target/majlis-loadtest) and stops it afterwards. For a `majlis up` of your own use --no-limits too.

Exit code: 0 all was heard once and in order; 1 something was lost, duplicated, out of order or never acknowledged, or
nothing was delivered, or a limit of --slo or --budget was missed; 2 the test could not be run.";

/// The scenarios, and what else there is.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sockets that only hold on: memory of a connection.
    Idle(Box<RunOptions>),
    /// 1:1 messages between pairs of users on different hubs.
    Chat(Box<RunOptions>),
    /// Live rooms with many listeners.
    Room(Box<RunOptions>),
    /// Users come and go while others watch them.
    Presence(Box<RunOptions>),
    /// Gifts in live rooms, paid and seen once.
    Gifts(Box<RunOptions>),
    /// Everybody is cut off at once and comes back.
    Reconnect(Box<RunOptions>),
    /// List pages over HTTP.
    Rest(Box<RunOptions>),
    /// A realistic mix of all of them, with a ramp.
    Evening(Box<RunOptions>),
    /// A scenario file of your own.
    Run(Box<RunFileOptions>),
    /// Names and titles of the scenarios in this program.
    List,
    #[command(flatten)]
    Measure(crate::measure::Measurement),
}

/// Options of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunFileOptions {
    /// The scenario file.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) run: RunOptions,
}

/// Options of every scenario.
#[derive(Clone, Debug, Args)]
#[command(after_help = crate::slo::names())]
pub(crate) struct RunOptions {
    /// Users; a scenario with several activities is scaled to so many sockets, its rates in proportion.
    #[arg(long)]
    pub(crate) users: Option<u32>,
    /// Sockets that listen to rooms (room).
    #[arg(long)]
    pub(crate) subscribers: Option<u32>,
    /// Sockets that post in rooms, besides the listeners (room).
    #[arg(long)]
    pub(crate) publishers: Option<u32>,
    /// Messages or requests a second, over all who send.
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// How long the load goes on, 1 to 600.
    #[arg(long)]
    pub(crate) seconds: Option<u32>,
    /// Seconds in which the sockets are opened; 0: as fast as they come.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) ramp: Option<u32>,
    /// The (first) room; left out: the first active one in up.json.
    #[arg(long, value_name = "ID")]
    pub(crate) room: Option<u64>,
    /// Change any value of the scenario file: seconds=10, KIND.KEY=5 or activity.PLACE.KEY=5; repeat for each.
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// Afterwards the same fan-out by the bare server (scenarios of one room): both costs side by side.
    #[arg(long)]
    pub(crate) baseline: bool,
    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

/// What is tested, how the sockets write, and where the figures go.
#[derive(Clone, Debug, Args)]
pub(crate) struct CommonOptions {
    /// Data folder of the running `majlis up` to test [default: .majlis, if one runs there].
    #[arg(long, value_name = "DIR", conflicts_with_all = ["api", "own_stack"])]
    pub(crate) up: Option<PathBuf>,
    /// Start a `majlis up` of our own even if another one runs.
    #[arg(long, conflicts_with = "api")]
    pub(crate) own_stack: bool,
    /// Hub processes of a `majlis up` that we start [default: the scenario's].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(crate) hubs: Option<u16>,
    /// API of an installation without up.json (http://HOST:PORT); needs --hub and --login too.
    #[arg(long, value_name = "URL", requires = "hub", requires = "login")]
    pub(crate) api: Option<String>,
    /// A hub's socket address (ws://HOST:PORT/connection/websocket); repeat for each hub.
    #[arg(long, value_name = "URL", requires = "api")]
    pub(crate) hub: Vec<String>,
    /// An account to use, EMAIL:PASSWORD; repeat for each.
    #[arg(long, value_name = "EMAIL:PASSWORD", requires = "api")]
    pub(crate) login: Vec<String>,
    /// At most so many accounts sign in, besides those that an activity needs to itself; sockets share them.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) accounts: u32,
    /// How frames are written.
    #[arg(long, value_enum, default_value_t = EncodingName::Json)]
    pub(crate) encoding: EncodingName,
    /// Unacknowledged messages that one sender may have under way.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) in_flight: u16,
    /// Length of a message's text.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(32..=480))]
    pub(crate) body_bytes: u16,
    /// Seconds that are waited for the last messages, at most.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(crate) settle: u32,
    /// Kill the first hub (`kill -9`) after so many seconds of the load; needs an up.json on this machine.
    #[arg(long, value_name = "SECONDS", conflicts_with = "api")]
    pub(crate) kill_hub: Option<u32>,
    /// Write the figures to this file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write a report with plots to this file: one page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Limits that decide over the exit code, such as p99=50ms,lost=0.
    #[arg(long, value_name = "LIST")]
    pub(crate) slo: Option<String>,
    /// What a release must keep, by its name in budgets.toml; without a name: the scenario's own.
    #[arg(long, value_name = "NAME|off", num_args = 0..=1, default_missing_value = "")]
    pub(crate) budget: Option<String>,
}

/// The encodings by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EncodingName {
    /// Text frames.
    Json,
    /// What the official Swift, Java and Dart SDKs use.
    Protobuf,
    /// MessagePack.
    Msgpack,
}

impl From<EncodingName> for Encoding {
    fn from(name: EncodingName) -> Self {
        match name {
            EncodingName::Json => Self::Json,
            EncodingName::Protobuf => Self::Protobuf,
            EncodingName::Msgpack => Self::MessagePack,
        }
    }
}

impl Command {
    /// The built-in scenario that it names, and its options.
    pub(crate) fn scenario(&self) -> Option<(&'static str, &RunOptions)> {
        Some(match self {
            Self::Idle(options) => ("idle", options),
            Self::Chat(options) => ("chat", options),
            Self::Room(options) => ("room", options),
            Self::Presence(options) => ("presence", options),
            Self::Gifts(options) => ("gifts", options),
            Self::Reconnect(options) => ("reconnect", options),
            Self::Rest(options) => ("rest", options),
            Self::Evening(options) => ("evening", options),
            Self::Run(_) | Self::List | Self::Measure(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Cli, Command};
    use crate::scenario::{BUILT_IN, Scenario};

    #[test]
    fn the_commands_of_the_readme_are_understood() {
        Cli::command().debug_assert();
        for (command, sockets, seconds) in [
            ("chat", 50, 20),
            ("chat --users 200 --rate 500 --seconds 60 --json chat.json", 200, 60),
            ("chat --kill-hub 5", 50, 20),
            ("room --subscribers 2000 --rate 20", 2004, 15),
        ] {
            let words = std::iter::once("loadtest").chain(command.split(' '));
            let cli = Cli::try_parse_from(words).unwrap();
            let (name, options) = cli.command.scenario().unwrap();
            let scenario = Scenario::built_in(name, options).unwrap();
            assert_eq!((scenario.sockets(), scenario.seconds), (sockets, seconds), "{command}");
        }
    }

    #[test]
    fn every_scenario_is_a_command_of_its_name() {
        for (name, _) in BUILT_IN {
            let cli = Cli::try_parse_from(["loadtest", name]).unwrap();
            assert_eq!(cli.command.scenario().unwrap().0, *name);
        }
        let cli = Cli::try_parse_from(["loadtest", "run", "mine.toml", "--users", "7"]).unwrap();
        assert!(matches!(cli.command, Command::Run(options) if options.run.users == Some(7)));
    }

    #[test]
    fn addresses_come_all_or_none() {
        for wrong in [
            vec!["chat", "--api", "http://127.0.0.1:1"],
            vec!["chat", "--hub", "ws://127.0.0.1:1/connection/websocket"],
            vec!["chat", "--hubs", "0"],
            vec!["run"],
            vec!["dance"],
        ] {
            let error =
                Cli::try_parse_from(std::iter::once("loadtest").chain(wrong.iter().copied())).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{wrong:?}");
        }
    }
}
