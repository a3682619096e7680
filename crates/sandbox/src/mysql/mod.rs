//! A private MySQL or MariaDB server.

mod data;
mod flags;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;

use crate::guardian::{Charge, Guardian};
use crate::log::Log;
use crate::place::{self, Home};
use crate::programs::{Kind, Program, Programs};
use crate::{Durability, mysql::flags::RunFlags};

/// How long a server may take to be ready: it may have to recover from a crash first.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Between TERM and KILL of a durable server, in seconds. InnoDB survives the latter too.
const GRACE_SECONDS: u32 = 10;

/// How to run a MySQL or MariaDB server.
#[derive(Debug, Clone)]
pub struct MySqlOptions {
    /// What becomes of its data.
    pub durability: Durability,
    /// How many clients it takes at a time.
    pub max_connections: u32,
}

/// A running MySQL or MariaDB server. Its only user is `root` without a password, over the Unix socket; the
/// databases are utf8mb4 with utf8mb4_unicode_ci, the time zone is UTC.
///
/// Dropping it ends the server without waiting for it: a durable one is told to shut down and killed 10 s
/// later, a throw-away one is killed and its data removed.
#[derive(Debug)]
pub struct MySqlServer {
    guardian: Guardian,
    socket: PathBuf,
    kind: Kind,
    version: String,
}

impl MySqlServer {
    /// Starts a server and waits until it answers. An absent data directory is initialised first (seconds);
    /// throw-away servers copy one that was initialised once for all.
    ///
    /// # Errors
    /// One sentence that says what to do: the program is missing, the data is broken or of the other engine,
    /// or another run uses it.
    pub async fn start(programs: &Programs, options: MySqlOptions) -> Result<Self> {
        let program = programs.mysql()?;
        let durability = options.durability.clone();
        let home = tokio::task::spawn_blocking(move || match durability {
            Durability::Durable { data_dir } => place::durable_home(&data_dir),
            Durability::Throwaway => place::throwaway_home("mysql"),
        })
        .await??;
        let dir = home.dir.clone();
        let throwaway = home.throwaway;
        let started = Self::start_in(program, home, options.max_connections).await;
        if started.is_err() && throwaway {
            // The guardian removes it too, if it came to that.
            let _ = place::remove_dir(&dir);
        }
        started
    }

    async fn start_in(program: &Program, home: Home, max_connections: u32) -> Result<Self> {
        let data = home.dir.join("data");
        if home.throwaway {
            data::copy_template(program, &data).await?;
        } else if data.exists() {
            data::check(program, &data)?;
        } else {
            data::initialise(program, &data, &home.lock).await?;
        }
        let (socket, socket_dir) = place::socket_path(&home.dir, "mysql.sock")?;
        let scratch = home.dir.join("tmp");
        place::remove_dir(&scratch)?;
        place::create_private_dir(&scratch)?;
        let command = flags::run_command(
            program,
            &RunFlags {
                home: &home.dir,
                data: &data,
                socket: &socket,
                max_connections,
                throwaway: home.throwaway,
            },
        )?;
        let mut remove: Vec<PathBuf> = socket_dir.into_iter().collect();
        if home.throwaway {
            remove.push(home.dir.clone());
        }
        let mut guardian = Guardian::spawn(Charge {
            name: program.name(),
            command,
            grace_seconds: if home.throwaway { 0 } else { GRACE_SECONDS },
            remove,
            log: Log::open(home.dir.join("error.log"))?,
            input: None,
            lock: home.lock,
        })
        .await?;
        tokio::select! {
            ready = answers(&socket) => ready,
            sentence = guardian.exited() => Err(start_failure(program, &data, &sentence)),
        }?;
        Ok(Self { guardian, socket, kind: program.kind(), version: program.version().to_owned() })
    }

    /// The URL of a database of this server, in the form that sqlx takes:
    /// `mysql://root@localhost/DATABASE?socket=/absolute/path`. An empty name selects no database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("mysql://root@localhost/{database}?socket={}", place::url_encoded(&self.socket))
    }

    /// The absolute path of the Unix socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
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

    /// Its version, such as `10.11.6`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether it is MariaDB rather than MySQL.
    #[must_use]
    pub fn is_mariadb(&self) -> bool {
        self.kind == Kind::MariaDb
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

/// Resolves when the server greets a client.
async fn answers(socket: &Path) -> Result<()> {
    let since = Instant::now();
    while since.elapsed() < START_LIMIT {
        if greets(socket).await {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("the database server did not answer on {} within {} s", socket.display(), START_LIMIT.as_secs())
}

/// Whether the server's first packet is a greeting: 4 bytes of header, then the protocol version, 10
/// (MySQL's "Protocol::HandshakeV10"); an error would begin with 255.
async fn greets(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket).await else { return false };
    let mut head = [0; 5];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut head)).await;
    matches!(read, Ok(Ok(_))) && head.last() == Some(&10)
}

fn start_failure(program: &Program, data: &Path, sentence: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "{} could not start on the data in {}; to begin with empty data run again with --fresh ({sentence})",
        program.name(),
        data.display()
    )
}

/// Runs a program of the server to its end, under a guardian like the server itself.
async fn run_once(charge: Charge) -> Result<()> {
    let name = charge.name.clone();
    let mut guardian = Guardian::spawn(charge).await?;
    if !guardian.ended().await? {
        let confined = if guardian.log().says("Permission denied")
            && Path::new("/etc/apparmor.d/usr.sbin.mysqld").exists()
        {
            " (AppArmor may confine it: see /etc/apparmor.d/usr.sbin.mysqld)"
        } else {
            ""
        };
        bail!("{name} could not make an empty data directory{confined}: {}", guardian.log().complaint());
    }
    guardian.stop().await.context("after making a data directory")
}
