//! A private Redis or Valkey server.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Durability;
use crate::guardian::{Charge, Guardian};
use crate::log::Log;
use crate::place::{self, Home};
use crate::programs::{Program, Programs};

/// How long a server may take to be ready: it may have a long log to load.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Between TERM and KILL of a durable server, in seconds.
const GRACE_SECONDS: u32 = 10;
/// How many free ports are tried before giving up: another program can take one before the server has it.
const PORT_TRIES: u32 = 5;

/// How to run a Redis server.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// What becomes of its data: a durable one logs every write and syncs the log once a second.
    pub durability: Durability,
    /// Its port on 127.0.0.1; none for a free one.
    pub port: Option<u16>,
}

/// A running Redis or Valkey server, which listens on 127.0.0.1 only.
///
/// Dropping it ends the server without waiting for it: a durable one is told to shut down and killed 10 s
/// later, a throw-away one is killed and its data removed.
#[derive(Debug)]
pub struct RedisServer {
    guardian: Guardian,
    port: u16,
    version: String,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// One sentence that says what to do: the program is missing, the data is broken, another run uses
    /// it, or the port is taken.
    pub async fn start(programs: &Programs, options: RedisOptions) -> Result<Self> {
        Self::start_with(programs, options, &[]).await
    }

    /// With more lines of configuration, as words of a command line.
    pub(crate) async fn start_with(
        programs: &Programs,
        options: RedisOptions,
        more: &[OsString],
    ) -> Result<Self> {
        let program = programs.redis()?;
        for _ in 0..PORT_TRIES {
            let port = match options.port {
                Some(port) => port,
                None => free_port()?,
            };
            let durability = options.durability.clone();
            let home = tokio::task::spawn_blocking(move || match durability {
                Durability::Durable { data_dir } => place::durable_home(&data_dir),
                Durability::Throwaway => place::throwaway_home("redis"),
            })
            .await??;
            match Self::start_in(program, home, port, more).await? {
                Some(server) => return Ok(server),
                None if options.port.is_some() => {
                    bail!(
                        "port {port} is taken by another program: end that one or choose another port for Redis"
                    )
                }
                None => {}
            }
        }
        bail!("{PORT_TRIES} free ports in turn were taken by other programs before Redis had them: try again")
    }

    /// None: the port is taken.
    async fn start_in(program: &Program, home: Home, port: u16, more: &[OsString]) -> Result<Option<Self>> {
        let data = home.dir.join("data");
        place::create_private_dir(&data)?;
        let mut remove = Vec::new();
        if home.throwaway {
            remove.push(home.dir.clone());
        }
        let mut guardian = Guardian::spawn(Charge {
            name: program.name(),
            command: [command(program, &data, port, home.throwaway), more.to_vec()].concat(),
            grace_seconds: if home.throwaway { 0 } else { GRACE_SECONDS },
            remove,
            log: Log::open(home.dir.join("server.log"))?,
            input: None,
            lock: home.lock,
        })
        .await?;
        let pid = guardian.pid();
        tokio::select! {
            ready = answers(port, pid) => ready?,
            sentence = guardian.exited() => {
                if guardian.log().says("Address already in use") {
                    return Ok(None);
                }
                bail!(
                    "{} could not start on the data in {}; to begin with empty data run again with --fresh ({sentence})",
                    program.name(),
                    data.display()
                );
            }
        }
        Ok(Some(Self { guardian, port, version: program.version().to_owned() }))
    }

    /// `redis://127.0.0.1:PORT/`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's own process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.guardian.pid()
    }

    /// The server's log.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        self.guardian.log().path()
    }

    /// Its version, such as `7.0.15`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Resolves when the server has ended though nobody stopped it, with a sentence that says how. Cancel-safe.
    pub async fn exited(&mut self) -> String {
        self.guardian.exited().await
    }

    /// Shuts the server down and waits for its end (at most 15 s).
    ///
    /// # Errors
    /// When it could not even be killed.
    pub async fn stop(self) -> Result<()> {
        self.guardian.stop().await
    }
}

fn command(program: &Program, data: &PathBuf, port: u16, throwaway: bool) -> Vec<OsString> {
    let mut words = program.command_line();
    words.extend(["--port".into(), port.to_string().into(), "--dir".into(), data.into()]);
    // The server reads its arguments as lines of a configuration: `save ""` makes no snapshots.
    words.extend(["--bind", "127.0.0.1", "--daemonize", "no", "--save", ""].map(OsString::from));
    let purpose: &[&str] = if throwaway {
        &["--appendonly", "no"]
    } else {
        &["--appendonly", "yes", "--appendfsync", "everysec"]
    };
    words.extend(purpose.iter().map(OsString::from));
    words
}

pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port of 127.0.0.1 is free")?;
    Ok(listener.local_addr()?.port())
}

/// Resolves when our own server answers on the port.
async fn answers(port: u16, pid: u32) -> Result<()> {
    let since = Instant::now();
    while since.elapsed() < START_LIMIT {
        if ask_process_id(port).await == Some(pid) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("Redis did not answer on port {port} within {} s", START_LIMIT.as_secs())
}

/// The process id of the Redis server on `port`, once it has loaded its data.
async fn ask_process_id(port: u16) -> Option<u32> {
    let text = ask(port, "PING\r\nINFO server").await.ok()?;
    // While it loads, PING gets -LOADING.
    if !text.starts_with("+PONG") {
        return None;
    }
    text.lines().find_map(|line| line.strip_prefix("process_id:"))?.trim().parse().ok()
}

/// What the server on `port` answers to a command (or several, a line each), as it is on the wire.
pub(crate) async fn ask(port: u16, command: &str) -> Result<String> {
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.take(64 * 1024).read_to_end(&mut bytes).await?;
        Ok(String::from_utf8(bytes)?)
    };
    tokio::time::timeout(Duration::from_secs(2), ask)
        .await
        .with_context(|| format!("Redis on port {port} does not answer"))?
}
