//! MySQL/MariaDB and Redis: those named in the environment, or private ones as child processes.

use std::path::Path;

use anyhow::{Context, Result, bail};
use config::ExistingServers;
use sandbox::{Durability, MySqlOptions, MySqlServer, Programs, RedisOptions, RedisServer, Search};

use crate::term::{Step, complain, say};

/// Name of the database on a private server.
const DATABASE: &str = "majlis";
/// Clients that a private server takes: our processes' pools, and room for 64 more and a load test.
const MAX_CONNECTIONS: u32 = 300;

/// The two servers.
pub(super) struct Servers {
    pub(super) database_url: String,
    pub(super) redis_url: String,
    programs: Option<Programs>,
    mysql: Option<MySqlServer>,
    redis: Option<RedisServer>,
    data: std::path::PathBuf,
}

impl Servers {
    /// Starts what the environment does not name.
    pub(super) async fn start(data: &Path) -> Result<Self> {
        let existing = ExistingServers::from_env();
        let mut servers = Self {
            database_url: existing.database_url.map(|url| url.expose().to_owned()).unwrap_or_default(),
            redis_url: existing.redis_url.map(|url| url.expose().to_owned()).unwrap_or_default(),
            programs: None,
            mysql: None,
            redis: None,
            data: data.to_owned(),
        };
        if servers.database_url.is_empty() || servers.redis_url.is_empty() {
            let step = Step::begin("Server programs");
            let search = Search::from_env(Some(data.join("servers")));
            let programs = Programs::find_or_fetch(&search, &|what: &str| step.progress(what)).await?;
            step.done("found");
            servers.programs = Some(programs);
        }
        if servers.database_url.is_empty() {
            let step = Step::begin("Database server");
            let mysql = start_mysql(servers.programs.as_ref(), data).await?;
            store::schema::ensure_database(&mysql.url(""), DATABASE)
                .await
                .context("the database cannot be created")?;
            servers.database_url = mysql.url(DATABASE);
            let kind = if mysql.is_mariadb() { "MariaDB" } else { "MySQL" };
            step.done(&format!("{kind} {}, pid {}", mysql.version(), mysql.pid()));
            servers.mysql = Some(mysql);
        } else {
            say("  ✓ Database server        the one in DATABASE_URL");
        }
        if servers.redis_url.is_empty() {
            let step = Step::begin("Redis");
            let redis = start_redis(servers.programs.as_ref(), data, None).await?;
            servers.redis_url = redis.url();
            step.done(&format!("{}, pid {}, port {}", redis.version(), redis.pid(), redis.port()));
            servers.redis = Some(redis);
        } else {
            say("  ✓ Redis                  the one in REDIS_URL");
        }
        Ok(servers)
    }

    /// Waits until a private server has died, and starts it again at the same place.
    pub(super) async fn restart_dead(&mut self) -> Result<()> {
        let Self { mysql, redis, .. } = self;
        let mysql_died = async {
            match mysql.as_mut() {
                Some(server) => server.exited().await,
                None => std::future::pending().await,
            }
        };
        let redis_died = async {
            match redis.as_mut() {
                Some(server) => server.exited().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            sentence = mysql_died => {
                complain(&format!("{sentence} Starting it again."));
                // The guardian holds the data folder's lock until it is dropped.
                self.mysql = None;
                let server = start_mysql(self.programs.as_ref(), &self.data).await?;
                let moved = server.url(DATABASE) != self.database_url;
                self.mysql = Some(server);
                if moved {
                    bail!("the database server came back at another place; start `majlis up` again");
                }
            }
            sentence = redis_died => {
                complain(&format!("{sentence} Starting it again."));
                let port = self.redis.take().map(|server| server.port());
                let server = start_redis(self.programs.as_ref(), &self.data, port).await?;
                self.redis = Some(server);
            }
        }
        Ok(())
    }

    /// The processes of the private servers: the database's, then Redis'.
    pub(super) fn pids(&self) -> (Option<u32>, Option<u32>) {
        (self.mysql.as_ref().map(MySqlServer::pid), self.redis.as_ref().map(RedisServer::pid))
    }

    /// Shuts the private servers down.
    pub(super) async fn stop(self) {
        let mysql = async {
            if let Some(server) = self.mysql
                && let Err(error) = server.stop().await
            {
                complain(&format!("the database server did not stop: {error:#}"));
            }
        };
        let redis = async {
            if let Some(server) = self.redis
                && let Err(error) = server.stop().await
            {
                complain(&format!("Redis did not stop: {error:#}"));
            }
        };
        tokio::join!(mysql, redis);
    }
}

async fn start_mysql(programs: Option<&Programs>, data: &Path) -> Result<MySqlServer> {
    let programs = programs.context("no server programs were looked for")?;
    let durability = Durability::Durable { data_dir: data.join("mysql") };
    MySqlServer::start(programs, MySqlOptions { durability, max_connections: MAX_CONNECTIONS }).await
}

async fn start_redis(programs: Option<&Programs>, data: &Path, port: Option<u16>) -> Result<RedisServer> {
    let programs = programs.context("no server programs were looked for")?;
    let durability = Durability::Durable { data_dir: data.join("redis") };
    RedisServer::start(programs, RedisOptions { durability, port }).await
}
