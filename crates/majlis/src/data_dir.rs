//! The data folder of `majlis up`: the lock, the secrets of this installation, and `up.json`.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// A data folder that this process alone uses.
pub(crate) struct DataDir {
    path: PathBuf,
    /// Held as long as the process lives; the system lets go of it however that ends.
    _lock: File,
}

/// Secrets made for this folder alone. They protect a demo on loopback and nothing else.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// Signs the access tokens.
    pub(crate) jwt: String,
    /// Signs the Jitsi tokens.
    pub(crate) jitsi: String,
}

/// What scripts and load testers rely on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UpFile {
    /// The API, scheme and address without a path.
    pub(crate) api: String,
    /// The hubs' socket endpoints.
    pub(crate) hubs: Vec<String>,
    /// The admin ports: the API's, then the hubs'.
    pub(crate) admin: Vec<String>,
    /// Opens `/debug/nodes` on them; another one at every start.
    #[serde(default)]
    pub(crate) admin_token: String,
    /// `hub_pids[i]` is `hubs[i]`.
    pub(crate) hub_pids: Vec<u32>,
    /// The API's process.
    pub(crate) api_pid: u32,
    /// The private database server's process; `None`: the one of `DATABASE_URL` is used.
    #[serde(default)]
    pub(crate) database_pid: Option<u32>,
    /// The private Redis' process; `None`: the one of `REDIS_URL` is used.
    #[serde(default)]
    pub(crate) redis_pid: Option<u32>,
    /// The database, as a user who may create databases.
    pub(crate) database_url: String,
    /// Redis.
    pub(crate) redis_url: String,
    /// Every demo user.
    pub(crate) accounts: Vec<UpAccount>,
    /// The active rooms, a free one without limits first.
    pub(crate) rooms: Vec<UpRoom>,
}

/// A demo user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UpAccount {
    /// The user's id.
    pub(crate) id: u64,
    /// Signs in with it.
    pub(crate) email: String,
    /// A test password.
    pub(crate) password: String,
    /// `learner`, `speaker`, `moderator`, `admin` or `super-admin`.
    pub(crate) role: String,
}

/// An active live room.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UpRoom {
    /// The room's id.
    pub(crate) id: u64,
    /// Its host's id.
    pub(crate) host_id: u64,
}

impl DataDir {
    /// Takes the folder, making it where it is missing.
    ///
    /// # Errors
    /// Another `majlis up` has it, or it cannot be written.
    pub(crate) fn take(path: &Path) -> Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(path).with_context(|| {
            format!("the data folder {} cannot be made; name another with --data", path.display())
        })?;
        let path =
            path.canonicalize().with_context(|| format!("the data folder {} is gone", path.display()))?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .with_context(|| format!("the data folder {} cannot be written", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "another `majlis up` uses the folder {}; stop it first, or name another folder with --data",
                path.display()
            ),
            Err(TryLockError::Error(error)) => return Err(error).context("the data folder cannot be locked"),
        }
        // What an earlier run that was killed has left would mislead scripts.
        remove_file(&path.join("up.json"))?;
        Ok(Self { path, _lock: lock })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Throws the servers' data away, and the files that the database knows, unless it is somebody's own.
    pub(crate) fn empty(&self) -> Result<()> {
        let files = (!config::is_set("DATABASE_URL")).then_some("files");
        for name in ["mysql", "redis", "secrets.json"].into_iter().chain(files) {
            let target = self.path.join(name);
            let removed = if target.is_dir() { fs::remove_dir_all(&target) } else { remove_file(&target) };
            removed.with_context(|| format!("{} cannot be removed", target.display()))?;
        }
        Ok(())
    }

    /// The secrets of this folder, made when first asked for.
    pub(crate) fn secrets(&self) -> Result<Secrets> {
        let file = self.path.join("secrets.json");
        if file.exists() {
            let text = fs::read_to_string(&file)?;
            return serde_json::from_str(&text)
                .with_context(|| format!("{} is damaged; remove it", file.display()));
        }
        let secret = || base::id::random_text(48, base::id::ALPHANUMERIC);
        let secrets = Secrets { jwt: secret(), jitsi: secret() };
        self.write("secrets.json", &serde_json::to_vec_pretty(&secrets)?)?;
        Ok(secrets)
    }

    /// Writes `up.json` by rename, so that nobody reads half of it.
    pub(crate) fn write_up_file(&self, up: &UpFile) -> Result<()> {
        self.write("up.json", &serde_json::to_vec_pretty(up)?)
    }

    /// Removes `up.json`: nothing is up any more.
    pub(crate) fn remove_up_file(&self) -> Result<()> {
        Ok(remove_file(&self.path.join("up.json"))?)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let temporary = self.path.join(format!("{name}.new"));
        let mut file =
            File::options().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, self.path.join(name))?;
        Ok(())
    }
}

impl UpFile {
    /// Reads what a running `majlis up` wrote; `None` where none runs in that folder.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        match fs::read_to_string(folder.join("up.json")) {
            Ok(text) => Ok(Some(serde_json::from_str(&text).context("up.json is damaged")?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("up.json cannot be read"),
        }
    }
}

/// Reads the secrets of a folder that another process may hold.
pub(crate) fn read_secrets(folder: &Path) -> Result<Secrets> {
    let text = fs::read_to_string(folder.join("secrets.json"))
        .with_context(|| format!("{} has no secrets: run `majlis up` there first", folder.display()))?;
    serde_json::from_str(&text).context("secrets.json is damaged")
}

fn remove_file(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
