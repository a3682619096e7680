//! What is tested: an installation that runs already, or a `majlis up` started for the test and ended after it.

use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::cli::CommonOptions;
use crate::term::{Progress, complain};
use crate::wire::Hub;

/// What `majlis up` writes to `up.json`, as far as it is needed here.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct UpFile {
    /// The API, scheme and address without a path.
    pub(crate) api: String,
    /// The hubs' socket endpoints.
    pub(crate) hubs: Vec<String>,
    /// `hub_pids[i]` is `hubs[i]`.
    pub(crate) hub_pids: Vec<u32>,
    /// The API's process.
    pub(crate) api_pid: Option<u32>,
    /// The database server's process, where `majlis up` has started one.
    pub(crate) database_pid: Option<u32>,
    /// Redis' process, where `majlis up` has started one.
    pub(crate) redis_pid: Option<u32>,
    /// The database.
    pub(crate) database_url: Option<String>,
    /// Every demo user.
    pub(crate) accounts: Vec<Login>,
    /// The active rooms, a free one without limits first.
    pub(crate) rooms: Vec<Room>,
}

/// Who signs in.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Login {
    /// E-mail, phone or username.
    pub(crate) email: String,
    /// The password.
    pub(crate) password: String,
    /// `learner`, `speaker` …, if known.
    pub(crate) role: Option<String>,
}

/// An active room.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Room {
    /// Its id.
    pub(crate) id: u64,
}

/// Where the test goes.
pub(crate) struct Target {
    /// The API, scheme and address without a path.
    pub(crate) api: String,
    /// The hubs.
    pub(crate) hubs: Vec<Hub>,
    /// Who may sign in.
    pub(crate) logins: Vec<Login>,
    /// Active rooms, if known.
    pub(crate) rooms: Vec<Room>,
    /// The database, if known.
    pub(crate) database_url: Option<String>,
    /// The folder of up.json, if there is one.
    pub(crate) folder: Option<PathBuf>,
}

impl Target {
    /// The process ids of the hubs now; empty where they are not known.
    pub(crate) fn hub_pids(&self) -> Vec<u32> {
        self.up_file().map(|up| up.hub_pids).unwrap_or_default()
    }

    /// The processes of the installation now, by role (`hub 1`, `api`, `database`, `redis`); empty where they are not
    /// known.
    pub(crate) fn processes(&self) -> Vec<(String, u32)> {
        let Some(up) = self.up_file() else { return Vec::new() };
        let hubs = up.hub_pids.iter().zip(1..).map(|(pid, number)| (format!("hub {number}"), *pid));
        let others = [("api", up.api_pid), ("database", up.database_pid), ("redis", up.redis_pid)];
        hubs.chain(others.into_iter().filter_map(|(role, pid)| Some((role.to_owned(), pid?)))).collect()
    }

    fn up_file(&self) -> Option<UpFile> {
        read_up_file(self.folder.as_ref()?).ok().flatten()
    }

    /// Kills the first hub as `kill -9` does; gives its process id.
    ///
    /// # Errors
    /// It is not known or cannot be killed.
    pub(crate) fn kill_first_hub(&self) -> Result<u32> {
        let pid = *self.hub_pids().first().context("up.json names no hub process")?;
        signal(pid, Signal::KILL).with_context(|| format!("hub {pid} cannot be killed"))?;
        Ok(pid)
    }
}

/// A `majlis up` of our own; [`Self::stop`] ends it.
pub(crate) struct Stack {
    child: Child,
    /// Ends the child when this pipe closes, which it does however we end.
    leash: Option<(Child, ChildStdin)>,
    log: PathBuf,
}

/// Longer than building the demo world takes on a slow machine.
const START_LIMIT: Duration = Duration::from_secs(180);
/// `majlis up` promises 15 s.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// Runs beside the child: waits for the end of its standard input, then interrupts the child.
const LEASH: &str = "read -r _; kill -INT \"$1\"";

/// Finds the installation to test, starting one where the options and the machine have none.
///
/// # Errors
/// One sentence saying what is missing.
pub(crate) async fn find_or_start(
    options: &CommonOptions,
    hubs: u16,
    stack: &mut Option<Stack>,
) -> Result<Target> {
    if let Some(api) = &options.api {
        return named(api, options).await;
    }
    if !options.own_stack {
        let folder = options.up.clone().unwrap_or_else(|| PathBuf::from(".majlis"));
        if let Some(up) = read_up_file(&folder)? {
            if answers(&up.api).await {
                complain(&format!(
                    "  {:<14} {} and {} hubs, of {}",
                    "testing",
                    up.api,
                    up.hubs.len(),
                    folder.display()
                ));
                return target_of(up, folder).await;
            }
            if options.up.is_some() {
                bail!(
                    "{} names {}, where nothing answers: start `majlis up` again",
                    folder.display(),
                    up.api
                );
            }
        } else if options.up.is_some() {
            bail!("no `majlis up` runs in {}: start one there, or leave --up out", folder.display());
        }
    }
    let (target, _pid) = start_ours(hubs, &[], stack).await?;
    Ok(target)
}

/// Starts an installation, with these variables for all its processes; gives the process id of its `majlis up` too.
///
/// # Errors
/// One sentence saying why it does not start.
pub(crate) async fn start_ours(
    hubs: u16,
    variables: &[(&str, &str)],
    stack: &mut Option<Stack>,
) -> Result<(Target, u32)> {
    let (started, folder) = Stack::start(hubs, variables).await?;
    let started = stack.insert(started);
    let up = started.wait_until_ready(&folder).await?;
    let pid = started.child.id().context("`majlis up` has ended")?;
    Ok((target_of(up, folder).await?, pid))
}

async fn target_of(up: UpFile, folder: PathBuf) -> Result<Target> {
    Ok(Target {
        hubs: hubs(&up.hubs).await?,
        api: up.api,
        logins: up.accounts,
        rooms: up.rooms,
        database_url: up.database_url,
        folder: Some(folder),
    })
}

/// The installation that the options name.
async fn named(api: &str, options: &CommonOptions) -> Result<Target> {
    let api = api.trim_end_matches('/').to_owned();
    if !answers(&api).await {
        bail!("nothing answers at {api}/health/live: is it the address of an API?");
    }
    let logins = options
        .login
        .iter()
        .map(|login| {
            let (email, password) = login.split_once(':').context("--login is EMAIL:PASSWORD")?;
            Ok(Login { email: email.to_owned(), password: password.to_owned(), role: None })
        })
        .collect::<Result<Vec<_>>>()?;
    let hubs = hubs(&options.hub).await?;
    Ok(Target { api, hubs, logins, rooms: Vec::new(), database_url: None, folder: None })
}

async fn hubs(urls: &[String]) -> Result<Vec<Hub>> {
    let mut hubs = Vec::with_capacity(urls.len());
    for url in urls {
        let address =
            address_of(url).await.with_context(|| format!("the hub address {url} cannot be used"))?;
        hubs.push(Hub { url: url.clone(), address });
    }
    if hubs.is_empty() {
        bail!("there is no hub to connect to");
    }
    Ok(hubs)
}

async fn address_of(url: &str) -> Result<SocketAddr> {
    let rest = url.strip_prefix("ws://").context("it must begin with ws:// (the tester speaks no TLS)")?;
    let host = rest.split('/').next().unwrap_or(rest);
    let host = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    tokio::net::lookup_host(&host).await?.next().with_context(|| format!("{host} has no address"))
}

async fn answers(api: &str) -> bool {
    let Ok(http) = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3)).build() else {
        return false;
    };
    http.get(format!("{api}/health/live")).send().await.is_ok_and(|response| response.status().is_success())
}

fn read_up_file(folder: &Path) -> Result<Option<UpFile>> {
    let file = folder.join("up.json");
    match std::fs::read_to_string(&file) {
        Ok(text) => {
            let up = serde_json::from_str(&text)
                .with_context(|| format!("{} cannot be understood", file.display()))?;
            Ok(Some(up))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
}

impl Stack {
    /// Starts `majlis up` without limits and self-check, on free ports.
    async fn start(hubs: u16, variables: &[(&str, &str)]) -> Result<(Self, PathBuf)> {
        let program = find_or_build().await?;
        let folder = program
            .parent()
            .and_then(Path::parent)
            .context("the program has no folder")?
            .join("majlis-loadtest");
        std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let log = folder.join("up.log");
        let output =
            std::fs::File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let mut child = Command::new(&program)
            .args([
                "up",
                "--no-limits",
                "--no-check",
                "--fresh",
                "--port",
                "0",
                "--hubs",
                &hubs.to_string(),
                "--data",
            ])
            .arg(&folder)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // A Ctrl-C in the terminal reaches us alone.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let pid = child.id().context("`majlis up` ended at once")?;
        let leash = match leash(pid) {
            Ok(leash) => leash,
            Err(error) => {
                let _ended = child.kill().await;
                return Err(error);
            }
        };
        Ok((Self { child, leash: Some(leash), log }, folder))
    }

    async fn wait_until_ready(&mut self, folder: &Path) -> Result<UpFile> {
        let limit = START_LIMIT.as_secs();
        let mut progress = Progress::begin("majlis up", limit);
        let began = Instant::now();
        while began.elapsed() < START_LIMIT {
            if let Some(status) = self.child.try_wait()? {
                bail!("`majlis up` ended ({status}): {}", self.last_words());
            }
            // An earlier run that was killed has left its own file; `up` removes it before anything else.
            if began.elapsed() > Duration::from_millis(500)
                && let Some(up) = read_up_file(folder)?
                && answers(&up.api).await
            {
                progress.done(&format!("{} and {} hubs, ours, without limits", up.api, up.hubs.len()));
                return Ok(up);
            }
            progress.show(began.elapsed().as_secs(), &self.last_words());
            sleep(Duration::from_millis(100)).await;
        }
        bail!("`majlis up` was not ready after {limit} s: {}", self.last_words())
    }

    /// Interrupts it and waits until everything it started has ended.
    pub(crate) async fn stop(mut self) {
        let asked = self.child.id().is_some_and(|pid| signal(pid, Signal::INT).is_ok());
        let ended: std::io::Result<ExitStatus> = match timeout(STOP_LIMIT, self.child.wait()).await {
            Ok(ended) => ended,
            Err(_elapsed) => {
                complain("`majlis up` did not end in time and is killed");
                self.child.kill().await.and(self.child.wait().await)
            }
        };
        if let (true, Err(error)) = (asked, ended) {
            complain(&format!("`majlis up` could not be ended: {error}"));
        }
        // Only now: it would interrupt whoever has the number next.
        if let Some((mut shell, pipe)) = self.leash.take() {
            let _ended = shell.kill().await;
            drop(pipe);
        }
    }

    /// The end of what it printed.
    fn last_words(&self) -> String {
        let mut text = String::new();
        let read = std::fs::File::open(&self.log).and_then(|mut file| file.read_to_string(&mut text));
        if read.is_err() {
            return format!("see {}", self.log.display());
        }
        text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("starting").to_owned()
    }
}

fn leash(pid: u32) -> Result<(Child, ChildStdin)> {
    let mut shell = Command::new("/bin/sh")
        .args(["-c", LEASH, "leash", &pid.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("/bin/sh cannot be started")?;
    let pipe = shell.stdin.take().context("the pipe to /bin/sh is missing")?;
    Ok((shell, pipe))
}

fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no process has this number")?;
    Ok(kill_process(pid, signal)?)
}

/// The `majlis` program beside this one, built now where it is missing.
async fn find_or_build() -> Result<PathBuf> {
    let this = std::env::current_exe().context("the tester's own place is not known")?;
    let folder = this.parent().context("the tester's own place is not known")?;
    let program = folder.join("majlis");
    if program.is_file() {
        return Ok(program);
    }
    let release = folder.file_name().is_some_and(|name| name == "release");
    let workspace =
        folder.ancestors().find(|folder| folder.join("Cargo.toml").is_file()).with_context(|| {
            format!("there is no majlis program in {}, and no source to build it from", folder.display())
        })?;
    let mut arguments = vec!["build", "-p", "majlis"];
    if release {
        arguments.push("--release");
    }
    complain(&format!("  {:<14} cargo {} (the first time takes minutes)", "building", arguments.join(" ")));
    let status = Command::new("cargo")
        .args(&arguments)
        .current_dir(workspace)
        .kill_on_drop(true)
        .status()
        .await
        .context("cargo cannot be started; build the majlis program yourself")?;
    if !status.success() || !program.is_file() {
        bail!("`cargo {}` failed, so there is nothing to test", arguments.join(" "));
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::{UpFile, address_of};

    #[tokio::test]
    async fn addresses_are_understood_or_refused() {
        assert_eq!(address_of("ws://127.0.0.1:7401/connection/websocket").await.unwrap().port(), 7401);
        assert_eq!(address_of("ws://127.0.0.1/x").await.unwrap().port(), 80);
        assert!(address_of("wss://127.0.0.1:7401/x").await.unwrap_err().to_string().contains("TLS"));
    }

    #[test]
    fn the_documented_up_json_is_read() {
        let up: UpFile = serde_json::from_value(serde_json::json!({
            "api": "http://127.0.0.1:7400", "hubs": ["ws://127.0.0.1:7401/connection/websocket"],
            "admin": ["http://127.0.0.1:7500"], "hub_pids": [12], "api_pid": 11, "database_pid": 9, "redis_pid": null,
            "database_url": "mysql://root@localhost/majlis?socket=/x", "redis_url": "redis://127.0.0.1:1",
            "accounts": [{"id": 1, "email": "a@example.org", "password": "p", "role": "learner"}],
            "rooms": [{"id": 3, "host_id": 4}],
        }))
        .unwrap();
        assert_eq!((up.hub_pids[0], up.rooms[0].id, up.accounts[0].email.as_str()), (12, 3, "a@example.org"));
        assert_eq!((up.api_pid, up.database_pid, up.redis_pid), (Some(11), Some(9), None));
    }
}
