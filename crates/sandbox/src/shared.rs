//! The servers that all tests of one test binary share.

use std::sync::OnceLock;
use std::sync::mpsc;

use anyhow::{Context as _, Result, anyhow};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use crate::{
    Durability, MySqlOptions, MySqlServer, Programs, RedisCluster, RedisOptions, RedisServer, Search, place,
};

/// Many tests at a time, each with a pool of its own.
const TEST_CONNECTIONS: u32 = 500;

static PROGRAMS: OnceCell<Programs> = OnceCell::const_new();
static MYSQL: OnceCell<MySqlServer> = OnceCell::const_new();
static REDIS: OnceCell<RedisServer> = OnceCell::const_new();
static REDIS_CLUSTER: OnceCell<RedisCluster> = OnceCell::const_new();

/// One throw-away MySQL/MariaDB and one throw-away Redis for the whole test process: started when first
/// asked for, ended with the process, however that ends. Tests share them, so each takes a database and a
/// key prefix of its own.
#[derive(Debug, Clone, Copy)]
pub struct TestServers {
    mysql: &'static MySqlServer,
    redis: &'static RedisServer,
}

impl TestServers {
    /// Both servers of this process.
    ///
    /// # Errors
    /// When one cannot be started: a sentence that says what to do.
    pub async fn shared() -> Result<Self> {
        let (mysql, redis) = tokio::try_join!(Self::shared_mysql(), Self::shared_redis())?;
        Ok(Self { mysql, redis })
    }

    /// The MySQL or MariaDB server of this process alone.
    ///
    /// # Errors
    /// As [`Self::shared`].
    pub async fn shared_mysql() -> Result<&'static MySqlServer> {
        MYSQL
            .get_or_try_init(|| async {
                let start = async {
                    let options =
                        MySqlOptions { durability: Durability::Throwaway, max_connections: TEST_CONNECTIONS };
                    MySqlServer::start(programs().await?, options).await
                };
                runtime()?.spawn(start).await?
            })
            .await
    }

    /// The Redis server of this process alone.
    ///
    /// # Errors
    /// As [`Self::shared`].
    pub async fn shared_redis() -> Result<&'static RedisServer> {
        REDIS
            .get_or_try_init(|| async {
                let start = async {
                    let options = RedisOptions { durability: Durability::Throwaway, port: None };
                    RedisServer::start(programs().await?, options).await
                };
                runtime()?.spawn(start).await?
            })
            .await
    }

    /// A Redis cluster of this process, for tests that leave all its nodes alone.
    ///
    /// # Errors
    /// As [`Self::shared`].
    pub async fn shared_redis_cluster() -> Result<&'static RedisCluster> {
        REDIS_CLUSTER
            .get_or_try_init(|| async {
                runtime()?.spawn(async { RedisCluster::start(programs().await?).await }).await?
            })
            .await
    }

    /// The MySQL or MariaDB server.
    #[must_use]
    pub fn mysql(&self) -> &'static MySqlServer {
        self.mysql
    }

    /// The Redis server.
    #[must_use]
    pub fn redis(&self) -> &'static RedisServer {
        self.redis
    }
}

async fn programs() -> Result<&'static Programs> {
    PROGRAMS
        .get_or_try_init(|| async {
            let search = Search::from_env(Some(place::cache_dir()?.join("servers")));
            Programs::find_or_fetch(&search, &|_| {}).await
        })
        .await
}

/// A runtime of the servers' own: every test has its own runtime and ends with it, the servers stay.
fn runtime() -> Result<&'static Handle> {
    static RUNTIME: OnceLock<Result<Handle, String>> = OnceLock::new();
    RUNTIME
        .get_or_init(|| start_runtime().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|error| anyhow!("{error}"))
}

fn start_runtime() -> Result<Handle> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::Builder::new().name("sandbox".to_owned()).spawn(move || {
        let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match built {
            Ok(runtime) => {
                // The receiver waits for exactly this.
                let _ = sender.send(Ok(runtime.handle().clone()));
                runtime.block_on(std::future::pending::<()>());
            }
            Err(error) => {
                let _ = sender.send(Err(error));
            }
        }
    })?;
    receiver
        .recv()
        .context("the thread of the test servers ended")?
        .context("cannot start a runtime for the test servers")
}
