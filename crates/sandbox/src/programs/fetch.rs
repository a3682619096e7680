//! Server programs from the packages of Debian or Ubuntu, downloaded and unpacked, not installed: it needs no
//! right to install, starts no service, and changes nothing outside the given folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use super::{Wanted, major_minor};
use crate::place;

/// A package whose version decides, the oldest version that serves, and the packages that hold the program.
type Offer = (&'static str, (u32, u32), &'static [&'static str]);

const MYSQL_OFFERS: [Offer; 3] = [
    ("mariadb-server-core", (10, 11), &["mariadb-server-core"]),
    ("mysql-server-core-8.0", (8, 0), &["mysql-server-core-8.0"]),
    ("mysql-server-core-8.4", (8, 4), &["mysql-server-core-8.4"]),
];
// Both keep the program itself in the package of the tools, and a link to it in the server's.
const REDIS_OFFERS: [Offer; 2] = [
    ("redis-server", (7, 0), &["redis-server", "redis-tools"]),
    ("valkey-server", (7, 2), &["valkey-server", "valkey-tools"]),
];

/// The C library must be the machine's own: another one does not fit its dynamic linker.
const NEVER_UNPACKED: [&str; 3] = ["libc6", "libc-bin", "libc6-dev"];

/// Downloads and unpacks `wanted` with the packages that it needs into a folder of `place`.
///
/// # Errors
/// When apt is missing, has no package that is new enough, or fails.
pub(super) async fn fetch(wanted: Wanted, place: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<()> {
    let place = std::path::absolute(place)?;
    place::create_private_dir(&place)?;
    let lock = place::open_lock(&place.join("lock"))?;
    // Held to the end: tests that start together wait for one download.
    let _lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;
    let root = place.join(wanted.folder());
    if has_program(&root, wanted) {
        return Ok(());
    }
    let work = tempfile::Builder::new().prefix("apt-").tempdir_in(&place)?;
    let apt = Apt { work: work.path().to_owned() };
    for dir in ["lists/partial", "cache/archives/partial", "debs", "root"] {
        fs::create_dir_all(apt.work.join(dir))?;
    }
    progress("asking apt for its list of packages");
    apt.run("apt-get", ["-qq", "update"]).await?;
    let offers: &[Offer] = match wanted {
        Wanted::MySql => &MYSQL_OFFERS,
        Wanted::Redis => &REDIS_OFFERS,
    };
    let packages = apt.choose(offers).await?;
    progress(&format!("downloading {}", packages.first().map_or("", String::as_str)));
    let mut words = vec!["-qq".to_owned(), "download".to_owned()];
    words.extend(packages);
    apt.run("apt-get", words).await?;
    progress("unpacking");
    let unpacked = apt.work.join("root");
    for package in fs::read_dir(apt.work.join("debs"))? {
        let package = package?.path();
        let output = Command::new("dpkg").arg("-x").arg(&package).arg(&unpacked).output().await;
        succeeded("dpkg", output.context("cannot run dpkg")?)?;
    }
    if !has_program(&unpacked, wanted) {
        bail!("the packages hold no server program");
    }
    place::remove_dir(&root)?;
    fs::rename(&unpacked, &root).with_context(|| format!("cannot write {}", root.display()))
}

fn has_program(root: &Path, wanted: Wanted) -> bool {
    ["usr/sbin", "usr/bin"]
        .iter()
        .any(|dir| wanted.names().iter().any(|name| root.join(dir).join(name).exists()))
}

/// apt with lists and downloads of its own, for those of the system can be stale, absent or not ours to write.
struct Apt {
    work: PathBuf,
}

impl Apt {
    async fn run<W: AsRef<OsStr>>(
        &self,
        program: &str,
        words: impl IntoIterator<Item = W>,
    ) -> Result<String> {
        let output = Command::new(program)
            .arg("-o")
            .arg(format!("Dir::State::Lists={}", self.work.join("lists").display()))
            .arg("-o")
            .arg(format!("Dir::Cache={}", self.work.join("cache").display()))
            // As root, apt would download as a user who may not write here.
            .args(["-o", "APT::Sandbox::User=root"])
            .args(words)
            .env("LC_ALL", "C")
            .current_dir(self.work.join("debs"))
            .stdin(std::process::Stdio::null())
            .output()
            .await
            .with_context(|| format!("cannot run {program}: this is no Debian or Ubuntu"))?;
        succeeded(program, output)
    }

    /// The packages to unpack: the first offer that is new enough, and whatever it needs that is not installed.
    async fn choose(&self, offers: &[Offer]) -> Result<Vec<String>> {
        for (package, oldest, packages) in offers {
            let policy = self.run("apt-cache", ["policy", package]).await?;
            let candidate =
                policy.lines().find_map(|line| line.trim().strip_prefix("Candidate:")).unwrap_or_default();
            // "5:7.0.15-1": the epoch before the colon is Debian's own count.
            let version = candidate.trim().rsplit(':').next().unwrap_or_default();
            if major_minor(version.split(['-', '+', '~']).next().unwrap_or_default()) < *oldest {
                continue;
            }
            let mut words = vec!["-s", "install", "--no-install-recommends"];
            words.extend_from_slice(packages);
            let plan = self.run("apt-get", words).await?;
            let mut all: Vec<String> = packages.iter().map(|&it| it.to_owned()).collect();
            for needed in
                plan.lines().filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next())
            {
                let bare = needed.split(':').next().unwrap_or(needed);
                if !NEVER_UNPACKED.contains(&bare) && !all.iter().any(|it| it == needed) {
                    all.push(needed.to_owned());
                }
            }
            return Ok(all);
        }
        let names: Vec<&str> = offers.iter().map(|(package, ..)| *package).collect();
        bail!("apt offers no version of {} that is new enough", names.join(" or "))
    }
}

fn succeeded(program: &str, output: Output) -> Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("nothing");
    bail!("{program} said: {last}")
}

/// The directories of shared libraries in an unpacked root.
pub(super) fn library_dirs(root: &Path) -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    for base in [root.join("usr/lib"), root.join("lib")] {
        for entry in fs::read_dir(&base).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().contains("-linux-") && entry.path().is_dir() {
                dirs.push(entry.path());
            }
        }
    }
    dirs.sort();
    dirs
}
