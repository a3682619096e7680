//! Which server programs there are, and of what version.

mod fetch;

use std::ffi::OsString;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

const MYSQL_NAMES: [&str; 2] = ["mysqld", "mariadbd"];
const REDIS_NAMES: [&str; 2] = ["redis-server", "valkey-server"];
/// Servers lie here on Debian and Ubuntu; an ordinary user's PATH leaves it out.
const SYSTEM_DIRS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"];

/// What a server program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// MySQL, 8.0 or later.
    MySql,
    /// MariaDB, 10.11 or later.
    MariaDb,
    /// Redis, 7.0 or later.
    Redis,
    /// Valkey, 7.2 (its first) or later.
    Valkey,
}

impl Kind {
    /// The oldest version that serves, as (major, minor) (README.md of the specification, "What is fixed", 3).
    const fn oldest(self) -> (u32, u32) {
        match self {
            Self::MySql => (8, 0),
            Self::MariaDb => (10, 11),
            Self::Redis | Self::Valkey => (7, 0),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
        })
    }
}

/// Where to look for server programs.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// A MySQL or MariaDB server that was asked for by its path (`MAJLIS_MYSQLD`); nothing else is tried.
    pub mysqld: Option<PathBuf>,
    /// A Redis or Valkey server that was asked for by its path (`MAJLIS_REDIS`); nothing else is tried.
    pub redis: Option<PathBuf>,
    /// The directories to look in, first match wins.
    pub path: Vec<PathBuf>,
    /// Where fetched programs are kept, unpacked: looked in last, and filled by [`Programs::find_or_fetch`].
    pub fetched: Option<PathBuf>,
}

impl Search {
    /// What `MAJLIS_MYSQLD`, `MAJLIS_REDIS` and `PATH` say, and the system's own directories of servers.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox's own three variables; nothing of the product reads them"
    )]
    pub fn from_env(fetched: Option<PathBuf>) -> Self {
        let named = |name| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
        let mut path: Vec<PathBuf> =
            std::env::var_os("PATH").map(|it| std::env::split_paths(&it).collect()).unwrap_or_default();
        path.extend(SYSTEM_DIRS.iter().map(PathBuf::from));
        Self { mysqld: named("MAJLIS_MYSQLD"), redis: named("MAJLIS_REDIS"), path, fetched }
    }
}

/// A server program which was found and asked for its version.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    kind: Kind,
    version: String,
    /// The root of the unpacked packages that it came with, if it was fetched.
    root: Option<PathBuf>,
}

impl Program {
    /// Asks the program at `path` for its version. Blocks for some milliseconds.
    ///
    /// # Errors
    /// When it does not run, is something else, or is too old.
    fn probe(path: &Path, root: Option<&Path>) -> Result<Self> {
        let mut program = Self {
            path: std::path::absolute(path)?,
            kind: Kind::Redis,
            version: String::new(),
            root: root.map(Path::to_owned),
        };
        let is_redis = path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.contains("redis") || name.contains("valkey")
        });
        let line = program.command_line();
        let (first, rest) = line.split_first().context("an empty command")?;
        let mut command = Command::new(first);
        command.args(rest);
        if !is_redis {
            // First: an option file of the machine might hold options that this server does not know.
            command.arg("--no-defaults");
        }
        let output = command
            .arg("--version")
            .output()
            .with_context(|| format!("{} cannot be run as a server program", path.display()))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let Some((kind, version)) = parse_version(&text) else {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!(
                "{} is not a server program of MySQL, MariaDB, Redis or Valkey: asked for its version it said \"{}\"",
                path.display(),
                text.lines().chain(said.lines()).next().unwrap_or_default()
            );
        };
        let (major, minor) = kind.oldest();
        if major_minor(&version) < (major, minor) {
            bail!("{kind} {version} ({}) is too old: {major}.{minor} or later is needed", path.display());
        }
        program.kind = kind;
        program.version = version;
        Ok(program)
    }

    /// The program's absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its version, such as `10.11.6`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The root directory of its unpacked packages, for programs that were fetched.
    pub(crate) fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// For messages: "MariaDB 10.11.6".
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.kind, self.version)
    }

    /// A name for files that belong to this very program: kind, version, and a mark of its path.
    pub(crate) fn slug(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.path.hash(&mut hasher);
        format!("{}-{}-{:08x}", self.kind, self.version, hasher.finish() >> 32).to_lowercase()
    }

    /// The words that start the program; arguments follow.
    pub(crate) fn command_line(&self) -> Vec<OsString> {
        let libraries = self.root.as_deref().map(fetch::library_dirs).unwrap_or_default();
        if libraries.is_empty() {
            return vec![self.path.clone().into_os_string()];
        }
        // Through env, so that only the server sees the unpacked libraries, not the guardian's shell.
        let mut setting = OsString::from("LD_LIBRARY_PATH=");
        for (position, dir) in libraries.iter().enumerate() {
            if position > 0 {
                setting.push(":");
            }
            setting.push(dir);
        }
        vec!["/usr/bin/env".into(), setting, self.path.clone().into_os_string()]
    }
}

/// The server programs of this machine.
#[derive(Debug)]
pub struct Programs {
    mysql: Result<Program>,
    redis: Result<Program>,
}

impl Programs {
    /// Looks for the programs, without fetching any. Blocks for some milliseconds.
    #[must_use]
    pub fn find(search: &Search) -> Self {
        Self { mysql: find_one(search, Wanted::MySql), redis: find_one(search, Wanted::Redis) }
    }

    /// Looks for the programs, and fetches with apt what is missing, if `search.fetched` names a place for
    /// it. `progress` is told what takes time. The result may still lack programs: the accessors say why.
    ///
    /// # Errors
    /// Only when a background thread fails.
    pub async fn find_or_fetch(search: &Search, progress: &(dyn Fn(&str) + Sync)) -> Result<Self> {
        let mut found = Self::find_in_background(search).await?;
        let Some(place) = &search.fetched else { return Ok(found) };
        let mut failures = Vec::new();
        for (wanted, missing, named) in [
            (Wanted::MySql, found.mysql.is_err(), search.mysqld.is_some()),
            (Wanted::Redis, found.redis.is_err(), search.redis.is_some()),
        ] {
            if missing && !named {
                let fetched = fetch::fetch(wanted, place, progress).await;
                failures.push((wanted, fetched.err()));
            }
        }
        if failures.is_empty() {
            return Ok(found);
        }
        found = Self::find_in_background(search).await?;
        for (wanted, error) in failures {
            let Some(error) = error else { continue };
            let slot = match wanted {
                Wanted::MySql => &mut found.mysql,
                Wanted::Redis => &mut found.redis,
            };
            *slot = Err(anyhow::anyhow!("{}; fetching it with apt failed: {error:#}", wanted.advice()));
        }
        Ok(found)
    }

    async fn find_in_background(search: &Search) -> Result<Self> {
        let search = search.clone();
        Ok(tokio::task::spawn_blocking(move || Self::find(&search)).await?)
    }

    /// The MySQL or MariaDB server.
    ///
    /// # Errors
    /// Why there is none: a sentence that says what to install.
    pub fn mysql(&self) -> Result<&Program> {
        self.mysql.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))
    }

    /// The Redis or Valkey server.
    ///
    /// # Errors
    /// Why there is none: a sentence that says what to install.
    pub fn redis(&self) -> Result<&Program> {
        self.redis.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))
    }
}

/// One of the two servers that Majlis needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    MySql,
    Redis,
}

impl Wanted {
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::MySql => MYSQL_NAMES,
            Self::Redis => REDIS_NAMES,
        }
    }

    /// The folder of its unpacked packages.
    fn folder(self) -> &'static str {
        match self {
            Self::MySql => "mysql",
            Self::Redis => "redis",
        }
    }

    fn serves(self, kind: Kind) -> bool {
        match self {
            Self::MySql => matches!(kind, Kind::MySql | Kind::MariaDb),
            Self::Redis => matches!(kind, Kind::Redis | Kind::Valkey),
        }
    }

    /// What to do when it is missing.
    fn advice(self) -> &'static str {
        match self {
            Self::MySql => {
                "no MariaDB (10.11 or later) or MySQL (8.0 or later) server program was found: install one \
                 (Debian, Ubuntu: apt install mariadb-server; Fedora: dnf install mariadb-server; macOS: brew install \
                 mariadb) or set MAJLIS_MYSQLD to the path of its mysqld"
            }
            Self::Redis => {
                "no Redis (7.0 or later) or Valkey server program was found: install one (Debian, Ubuntu: apt install \
                 redis-server; Fedora: dnf install valkey; macOS: brew install redis) or set MAJLIS_REDIS to the path \
                 of its redis-server"
            }
        }
    }
}

fn find_one(search: &Search, wanted: Wanted) -> Result<Program> {
    let (named, variable) = match wanted {
        Wanted::MySql => (&search.mysqld, "MAJLIS_MYSQLD"),
        Wanted::Redis => (&search.redis, "MAJLIS_REDIS"),
    };
    if let Some(path) = named {
        let program = Program::probe(path, None)
            .with_context(|| format!("{variable} must be the path of a server program"))?;
        if !wanted.serves(program.kind) {
            bail!("{variable} must be another server program: {} is {}", path.display(), program.name());
        }
        return Ok(program);
    }
    let mut candidates: Vec<(PathBuf, Option<PathBuf>)> =
        search.path.iter().flat_map(|dir| wanted.names().map(|name| (dir.join(name), None))).collect();
    if let Some(fetched) = &search.fetched {
        let root = fetched.join(wanted.folder());
        for dir in ["usr/sbin", "usr/bin"] {
            candidates.extend(wanted.names().map(|name| (root.join(dir).join(name), Some(root.clone()))));
        }
    }
    let mut refused = None;
    for (path, root) in candidates {
        let executable =
            std::fs::metadata(&path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0);
        if !executable {
            continue;
        }
        match Program::probe(&path, root.as_deref()) {
            Ok(program) if wanted.serves(program.kind) => return Ok(program),
            Ok(_) => {}
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    match refused {
        Some(error) => bail!("{} ({error:#})", wanted.advice()),
        None => bail!("{}", wanted.advice()),
    }
}

/// Kind and version in what a server says to `--version`.
fn parse_version(text: &str) -> Option<(Kind, String)> {
    let (kind, rest) = if let Some((_, rest)) = text.split_once("Redis server v=") {
        (Kind::Redis, rest)
    } else if let Some((_, rest)) = text.split_once("Valkey server v=") {
        (Kind::Valkey, rest)
    } else {
        let (_, rest) = text.split_once("Ver ")?;
        (if rest.contains("MariaDB") { Kind::MariaDb } else { Kind::MySql }, rest)
    };
    let version: String =
        rest.trim_start().chars().take_while(|it| it.is_ascii_digit() || *it == '.').collect();
    (major_minor(&version) > (0, 0)).then_some((kind, version))
}

fn major_minor(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let said = |text: &str| parse_version(text).map(|(kind, version)| format!("{kind} {version}"));
        assert_eq!(
            said("mariadbd  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)")
                .as_deref(),
            Some("MariaDB 10.11.6")
        );
        assert_eq!(said("mysqld  Ver 9.7.0 for Linux on x86_64 ((Debian))").as_deref(), Some("MySQL 9.7.0"));
        assert_eq!(
            said("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc").as_deref(),
            Some("Redis 7.0.15")
        );
        assert_eq!(said("Valkey server v=8.1.1 sha=0").as_deref(), Some("Valkey 8.1.1"));
        assert_eq!(said("bash 5.2"), None);
        assert!(
            major_minor("10.6.18") < Kind::MariaDb.oldest() && major_minor("11.4") > Kind::MariaDb.oldest()
        );
    }

    #[test]
    fn an_empty_path_says_what_to_install() {
        let programs = Programs::find(&Search::default());
        assert!(programs.mysql().unwrap_err().to_string().contains("apt install mariadb-server"));
        assert!(programs.redis().unwrap_err().to_string().contains("apt install redis-server"));
    }

    #[test]
    fn a_named_program_that_is_none_is_refused() {
        let search = Search {
            mysqld: Some("/bin/true".into()),
            redis: Some("/nowhere/redis".into()),
            ..Search::default()
        };
        let programs = Programs::find(&search);
        assert!(programs.mysql().unwrap_err().to_string().contains("/bin/true is not a server program"));
        assert!(programs.redis().unwrap_err().to_string().contains("/nowhere/redis cannot be run"));
    }
}
