//! Private MySQL/MariaDB and Redis servers as child processes: for `majlis up`, for tests, for the load tester.
//!
//! A server listens only on a Unix socket in a directory of mode 0700 (MySQL) or on a free port of
//! 127.0.0.1 (Redis), and never outlives its owner, not even when that is killed with `kill -9`: it runs
//! under a small shell guardian which ends it when a pipe held by the owner closes.
//!
//! - [`Programs`] finds the server programs, or fetches them unpacked with apt;
//! - [`MySqlServer`] and [`RedisServer`] start, watch and stop one server each;
//! - [`RedisCluster`] starts six small Redis servers, three masters with a replica each, for tests;
//! - [`TestServers`] is the pair that all tests of one test binary share.

mod guardian;
mod log;
mod mysql;
mod place;
mod programs;
mod redis;
mod redis_cluster;
mod shared;

use std::path::PathBuf;

pub use crate::mysql::{MySqlOptions, MySqlServer};
pub use crate::programs::{Kind, Program, Programs, Search};
pub use crate::redis::{RedisOptions, RedisServer};
pub use crate::redis_cluster::RedisCluster;
pub use crate::shared::TestServers;

/// What becomes of a server's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Durability {
    /// Kept in `data_dir` (created if absent, mode 0700) and safe against a crash of the machine.
    Durable {
        /// The directory which holds data, log, lock and, where its path is short enough, the socket.
        data_dir: PathBuf,
    },
    /// As fast as can be: no fsync, in memory where there is room, removed when the server ends.
    Throwaway,
}
