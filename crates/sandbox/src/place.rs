//! Where servers keep their files: locked directories, throw-away homes, the cache, short socket paths.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// The longest path of a Unix socket, in bytes (`sun_path` less its final zero).
const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
/// Throw-away data goes into memory only when this much is free there, in KiB.
const ROOM_IN_MEMORY: u64 = 3 * 1024 * 1024;
/// How long a start waits for the previous owner's server, which gets 10 s for its own end.
const LOCK_PATIENCE: Duration = Duration::from_secs(13);

/// A directory which one server uses, and the lock that says so.
pub(crate) struct Home {
    pub(crate) dir: PathBuf,
    pub(crate) lock: File,
    /// Removed with the server: a throw-away home.
    pub(crate) throwaway: bool,
}

/// The id of the user whom we run as.
pub(crate) fn user_id() -> Result<u32> {
    Ok(tempfile::tempfile().context("cannot create a temporary file")?.metadata()?.uid())
}

/// Makes `dir` (and its parents) with mode 0700.
pub(crate) fn create_private_dir(dir: &Path) -> Result<()> {
    let sentence = || format!("cannot create the directory {}: check who owns it", dir.display());
    DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(sentence)?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).with_context(sentence)
}

/// Takes `dir` for one server. Blocks up to 13 s while a server of an earlier owner still ends.
pub(crate) fn durable_home(dir: &Path) -> Result<Home> {
    let dir = std::path::absolute(dir)?;
    create_private_dir(&dir)?;
    let mut lock = open_lock(&dir.join("lock"))?;
    let since = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if since.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                lock.read_to_string(&mut owner)?;
                bail!(
                    "{} is in use by another run (process {}): stop that one first",
                    dir.display(),
                    owner.trim()
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", dir.display()));
            }
        }
    }
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())?;
    Ok(Home { dir, lock, throwaway: false })
}

/// Makes a new directory for one throw-away server, and removes those whose server is gone.
pub(crate) fn throwaway_home(kind: &str) -> Result<Home> {
    let base = throwaway_base()?;
    // Held while a home is made, so that no sweeper sees one that is not locked yet.
    let door = open_lock(&base.join("lock"))?;
    door.lock().with_context(|| format!("cannot lock {}", base.display()))?;
    for entry in fs::read_dir(&base)?.flatten() {
        let leftover = entry.path();
        if !leftover.is_dir() {
            continue;
        }
        let abandoned = File::open(leftover.join("lock")).map_or(true, |lock| lock.try_lock().is_ok());
        if abandoned {
            // Whatever cannot be removed now is tried again by the next.
            let _ = fs::remove_dir_all(&leftover);
        }
    }
    let dir = private_dir_builder(&format!("{kind}-"))
        .tempdir_in(&base)
        .with_context(|| format!("cannot create a directory in {}", base.display()))?
        .keep();
    let lock = open_lock(&dir.join("lock"))?;
    lock.lock().with_context(|| format!("cannot lock {}", dir.display()))?;
    Ok(Home { dir, lock, throwaway: true })
}

/// tempfile's own default is what the umask leaves.
fn private_dir_builder(prefix: &str) -> tempfile::Builder<'_, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).permissions(fs::Permissions::from_mode(0o700));
    builder
}

/// Opens a lock file without emptying it.
pub(crate) fn open_lock(path: &Path) -> Result<File> {
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open {}: check who owns it", path.display()))
}

/// The directory in which throw-away servers live: in memory where there is room for it.
fn throwaway_base() -> Result<PathBuf> {
    let user = user_id()?;
    let name = format!("majlis-sandbox-{user}");
    let memory = Path::new("/dev/shm");
    let roots = if has_room(memory) {
        vec![memory.to_owned(), std::env::temp_dir()]
    } else {
        vec![std::env::temp_dir()]
    };
    for root in roots {
        let base = root.join(&name);
        // Both are directories of everybody: one that another user made in our name is not ours.
        if create_private_dir(&base).is_ok()
            && fs::symlink_metadata(&base).is_ok_and(|it| it.is_dir() && it.uid() == user)
        {
            return Ok(base);
        }
    }
    bail!(
        "cannot use the temporary directory {}: set TMPDIR to one that can be written",
        std::env::temp_dir().display()
    )
}

fn has_room(memory: &Path) -> bool {
    let available = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            text.lines().find_map(|line| line.strip_prefix("MemAvailable:").map(str::trim).map(str::to_owned))
        })
        .and_then(|amount| amount.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0);
    available > ROOM_IN_MEMORY && free_space(memory).is_some_and(|free| free > ROOM_IN_MEMORY)
}

/// What is free in the file system of `dir`, in KiB.
fn free_space(dir: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg(dir).output().ok().filter(|it| it.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().last()?.split_whitespace().nth(3)?.parse().ok()
}

/// Where initialised data directories and fetched programs are kept for tests: `sandbox` in the build
/// directory that the running program lies in, else in the system's temporary directory.
pub(crate) fn cache_dir() -> Result<PathBuf> {
    let program = std::env::current_exe().context("cannot tell where the running program lies")?;
    // Cargo marks its build directory with this file (https://bford.info/cachedir/).
    let target = program.ancestors().skip(1).find(|dir| dir.join("CACHEDIR.TAG").is_file());
    if let Some(target) = target {
        let dir = target.join("sandbox");
        if create_private_dir(&dir).is_ok() {
            return Ok(dir);
        }
    }
    let dir = std::env::temp_dir().join(format!("majlis-sandbox-cache-{}", user_id()?));
    create_private_dir(&dir)?;
    Ok(dir)
}

/// Where a server of `home` puts its socket; the second value is a directory to remove with the server,
/// made because the path in `home` would be too long for a socket.
pub(crate) fn socket_path(home: &Path, name: &str) -> Result<(PathBuf, Option<PathBuf>)> {
    let path = home.join(name);
    if path.as_os_str().len() <= MAX_SOCKET_PATH {
        return Ok((path, None));
    }
    for root in [std::env::temp_dir(), PathBuf::from("/tmp")] {
        let Ok(dir) = private_dir_builder("majlis-").tempdir_in(&root) else { continue };
        let path = dir.path().join(name);
        if path.as_os_str().len() <= MAX_SOCKET_PATH {
            return Ok((path, Some(dir.keep())));
        }
    }
    bail!(
        "the socket path {} is longer than {MAX_SOCKET_PATH} bytes and no shorter place was found: set TMPDIR to a short path",
        path.display()
    )
}

/// Copies a directory with all that is in it.
pub(crate) fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    create_private_dir(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)
                .with_context(|| format!("cannot copy to {}: is the disk full?", target.display()))?;
        }
    }
    Ok(())
}

/// Removes a directory if it is there.
pub(crate) fn remove_dir(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// `path` as it stands in the query of a URL.
pub(crate) fn url_encoded(path: &Path) -> String {
    let mut encoded = String::new();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_a_url() {
        assert_eq!(url_encoded(Path::new("/a b/é+&.sock")), "/a%20b/%C3%A9%2B%26.sock");
    }

    #[test]
    fn a_long_socket_path_gets_a_short_place() {
        let (short, none) = socket_path(Path::new("/var/x"), "mysql.sock").unwrap();
        assert_eq!((short.as_path(), none), (Path::new("/var/x/mysql.sock"), None));
        let (path, made) =
            socket_path(&PathBuf::from(format!("/{}", "x".repeat(100))), "mysql.sock").unwrap();
        let made = made.unwrap();
        assert!(path.as_os_str().len() <= MAX_SOCKET_PATH && path.starts_with(&made));
        assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700);
        fs::remove_dir(made).unwrap();
    }
}
