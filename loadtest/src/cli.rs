//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use protocol::codec::Encoding;

/// Load tester of the Majlis hub: many sockets, exact accounts of what was heard.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, about, long_about = None, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) scenario: Scenario,
}

const AFTER_HELP: &str = "\
Examples:
  cargo run --release -p loadtest -- chat
      50 people in pairs across the hubs, 50 messages a second, for 20 s
  cargo run --release -p loadtest -- chat --users 200 --rate 500 --seconds 60 --json chat.json
  cargo run --release -p loadtest -- chat --kill-hub 5
      the same while one hub is killed after 5 s: nothing acknowledged may be lost
  cargo run --release -p loadtest -- room --subscribers 2000 --rate 20
      one live room with 2,000 listeners
  cargo run --release -p loadtest -- room --up other/.majlis --encoding msgpack
  cargo run --release -p loadtest -- chat --api http://10.0.0.5:7400 --hub ws://10.0.0.6:7401/connection/websocket \\
      --login a@example.org:secret --login b@example.org:secret

Without --up or --api it uses the `majlis up` that runs in .majlis; where none runs it starts one for the test
(with --no-limits, its data in target/majlis-loadtest) and stops it afterwards. For a `majlis up` of your own use --no-limits too.

Exit code: 0 all was heard once and in order; 1 something was lost, duplicated, out of order or never acknowledged, or
nothing was delivered; 2 the test could not be run.";

/// The scenarios.
#[derive(Debug, Subcommand)]
pub(crate) enum Scenario {
    /// 1:1 messages between pairs of users on different hubs.
    Chat(ChatOptions),
    /// One live room with many listeners.
    Room(RoomOptions),
}

/// Options of `chat`.
#[derive(Debug, Args)]
pub(crate) struct ChatOptions {
    /// Connected users; they go in pairs, and share the demo accounts where there are fewer of those.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub(crate) users: u32,
    /// Messages a second, over all users.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,
    /// How long messages are sent.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=MAX_SECONDS))]
    pub(crate) seconds: u32,
    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

/// Options of `room`.
#[derive(Debug, Args)]
pub(crate) struct RoomOptions {
    /// Sockets that listen to the room.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=15_000))]
    pub(crate) subscribers: u32,
    /// Messages a second, over all publishers.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,
    /// How long messages are posted.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=MAX_SECONDS))]
    pub(crate) seconds: u32,
    /// Sockets that post, besides the listeners.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) publishers: u32,
    /// The room; left out: the first active one in up.json.
    #[arg(long, value_name = "ID")]
    pub(crate) room: Option<u64>,
    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

/// An access token lives for 15 minutes, and a run uses the ones of its beginning.
const MAX_SECONDS: i64 = 600;

/// Options of every scenario.
#[derive(Clone, Debug, Args)]
pub(crate) struct CommonOptions {
    /// Data folder of the running `majlis up` to test [default: .majlis, if one runs there].
    #[arg(long, value_name = "DIR", conflicts_with_all = ["api", "own_stack"])]
    pub(crate) up: Option<PathBuf>,
    /// Start a `majlis up` of our own even if another one runs.
    #[arg(long, conflicts_with = "api")]
    pub(crate) own_stack: bool,
    /// Hub processes of a `majlis up` that we start.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(crate) hubs: u16,
    /// API of an installation without up.json (http://HOST:PORT); needs --hub and --login too.
    #[arg(long, value_name = "URL", requires = "hub", requires = "login")]
    pub(crate) api: Option<String>,
    /// A hub's socket address (ws://HOST:PORT/connection/websocket); repeat for each hub.
    #[arg(long, value_name = "URL", requires = "api")]
    pub(crate) hub: Vec<String>,
    /// An account to use, EMAIL:PASSWORD; repeat for each.
    #[arg(long, value_name = "EMAIL:PASSWORD", requires = "api")]
    pub(crate) login: Vec<String>,
    /// At most so many accounts sign in; sockets share them.
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
    /// Kill the first hub (`kill -9`) after so many seconds of sending; needs an up.json on this machine.
    #[arg(long, value_name = "SECONDS", conflicts_with = "api")]
    pub(crate) kill_hub: Option<u32>,
    /// Write the figures to this file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
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

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Cli, Scenario};

    #[test]
    fn the_commands_of_the_readme_are_understood() {
        Cli::command().debug_assert();
        let Scenario::Room(room) =
            Cli::try_parse_from(["loadtest", "room", "--subscribers", "2000", "--rate", "20"])
                .unwrap()
                .scenario
        else {
            panic!("another scenario");
        };
        assert_eq!((room.subscribers, room.rate, room.seconds), (2000, 20, 15));
        let Scenario::Chat(chat) = Cli::try_parse_from(["loadtest", "chat"]).unwrap().scenario else {
            panic!("another scenario");
        };
        assert_eq!((chat.users, chat.rate, chat.seconds), (50, 50, 20));
    }

    #[test]
    fn addresses_come_all_or_none_and_times_are_bounded() {
        for wrong in [
            vec!["chat", "--api", "http://127.0.0.1:1"],
            vec!["chat", "--hub", "ws://127.0.0.1:1/connection/websocket"],
            vec!["chat", "--seconds", "601"],
            vec!["chat", "--rate", "0"],
            vec!["dance"],
        ] {
            let error =
                Cli::try_parse_from(std::iter::once("loadtest").chain(wrong.iter().copied())).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{wrong:?}");
        }
    }
}
