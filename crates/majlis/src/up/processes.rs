//! The API and the hubs as child processes: started, watched, started again, stopped.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep, timeout};

use super::ports::Ports;
use crate::data_dir::{DataDir, UpFile};
use crate::term::complain;

/// How long a process may take to be ready.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// How long a process may take to end: the hubs' drain of 2 s, 5 s for sockets that do not answer the close, and what
/// is outstanding. The servers get the rest of the 15 s.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Deaths are looked for this often.
const WATCH_EVERY: Duration = Duration::from_millis(50);

/// One process.
struct Process {
    name: String,
    command: &'static str,
    admin: SocketAddr,
    variables: Vec<(&'static str, String)>,
    log: PathBuf,
    child: Option<Child>,
    /// The process's id; the child itself forgets it once it has ended.
    pid: u32,
    /// The process ends when this pipe does: also when we are killed.
    leash: Option<ChildStdin>,
    started: Instant,
    /// When it died, until it is started again.
    ended_at: Option<Instant>,
}

/// The API and the hubs.
pub(super) struct Processes {
    program: PathBuf,
    common: BTreeMap<&'static str, String>,
    api: Process,
    hubs: Vec<Process>,
    http: reqwest::Client,
}

impl Processes {
    pub(super) fn new(data: &DataDir, common: BTreeMap<&'static str, String>, ports: &Ports) -> Self {
        let log = data.path().join("log");
        let process = |name: &str, command, admin, variables| Process {
            name: name.to_owned(),
            command,
            admin,
            variables,
            log: log.join(format!("{}.log", name.replace(' ', "-"))),
            child: None,
            pid: 0,
            leash: None,
            started: Instant::now(),
            ended_at: None,
        };
        let api = process(
            "api",
            "api",
            ports.api_admin,
            vec![
                ("MAJLIS_HTTP_LISTEN", ports.api.to_string()),
                ("MAJLIS_HTTP_ADMIN_LISTEN", ports.api_admin.to_string()),
            ],
        );
        let hubs = ports
            .hubs
            .iter()
            .zip(1..)
            .map(|(hub, number)| {
                process(
                    &format!("hub {number}"),
                    "hub",
                    hub.admin,
                    vec![
                        ("MAJLIS_SOCKET_LISTEN", hub.listen.to_string()),
                        ("MAJLIS_SOCKET_ADMIN_LISTEN", hub.admin.to_string()),
                    ],
                )
            })
            .collect();
        // This very program, also after a new build has taken its place on the disk.
        let program = std::env::current_exe()
            .ok()
            .filter(|path| path.exists())
            .unwrap_or_else(|| PathBuf::from("/proc/self/exe"));
        Self { program, common, api, hubs, http: reqwest::Client::new() }
    }

    /// Starts all and waits until each is ready.
    pub(super) async fn start_all(&mut self) -> Result<()> {
        let Self { program, common, api, hubs, http } = self;
        for process in std::iter::once(&mut *api).chain(hubs.iter_mut()) {
            process.spawn(program, common)?;
        }
        for process in std::iter::once(api).chain(hubs) {
            process.ready(http).await?;
        }
        Ok(())
    }

    /// Waits until at least one process has died, names all that have, and starts them again on their ports. It does
    /// not wait until they are ready: another one may die meanwhile.
    pub(super) async fn restart_dead(&mut self) -> Result<()> {
        loop {
            let Self { program, common, api, hubs, .. } = self;
            let mut restarted = false;
            for process in std::iter::once(api).chain(hubs) {
                if let Some(status) = process.ended()? {
                    complain(&format!(
                        "{} (pid {}) died ({status}); starting it again. Its log: {}",
                        process.name,
                        process.pid,
                        process.log.display()
                    ));
                    process.ended_at = Some(Instant::now());
                }
                if process.may_start() {
                    process.spawn(program, common)?;
                    restarted = true;
                }
            }
            if restarted {
                return Ok(());
            }
            sleep(WATCH_EVERY).await;
        }
    }

    /// Puts the process ids into `up.json`'s content.
    pub(super) fn fill_pids(&self, up: &mut UpFile) {
        up.api_pid = self.api.pid;
        up.hub_pids = self.hubs.iter().map(|hub| hub.pid).collect();
    }

    /// Lets all end by themselves, then ends those that do not.
    pub(super) async fn stop(self) {
        let mut processes: Vec<Process> = std::iter::once(self.api).chain(self.hubs).collect();
        for process in &mut processes {
            process.leash = None;
        }
        let deadline = Instant::now() + STOP_LIMIT;
        for process in &mut processes {
            if let Some(child) = process.child.as_mut()
                && timeout(deadline.saturating_duration_since(Instant::now()), child.wait()).await.is_err()
            {
                complain(&format!("{} did not end by itself and is killed", process.name));
                let _ended = child.kill().await;
            }
        }
    }
}

impl Process {
    fn spawn(&mut self, program: &PathBuf, common: &BTreeMap<&'static str, String>) -> Result<()> {
        if let Some(folder) = self.log.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("{} cannot be written", self.log.display()))?;
        let mut child = Command::new(program)
            .arg(self.command)
            .envs(common)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("MAJLIS_EXIT_WITH_PARENT", "on")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A Ctrl-C in the terminal reaches us alone.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", self.name))?;
        self.pid = child.id().unwrap_or_default();
        self.leash = child.stdin.take();
        self.child = Some(child);
        self.started = Instant::now();
        self.ended_at = None;
        Ok(())
    }

    /// How it ended, told once.
    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended_at.is_some() {
            return Ok(None);
        }
        Ok(match self.child.as_mut() {
            Some(child) => child.try_wait()?,
            None => None,
        })
    }

    /// Is it dead, and long enough? One that dies at once is not started in a tight loop.
    fn may_start(&self) -> bool {
        self.ended_at.is_some_and(|ended| {
            let lived = ended.duration_since(self.started);
            lived >= Duration::from_secs(1) || ended.elapsed() >= Duration::from_secs(1)
        })
    }

    async fn ready(&mut self, http: &reqwest::Client) -> Result<()> {
        let url = format!("http://{}/health/ready", self.admin);
        let deadline = Instant::now() + READY_LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = self.ended()? {
                bail!("{} ended at once ({status}): {}", self.name, self.last_words());
            }
            let answer = http.get(&url).timeout(Duration::from_secs(2)).send().await;
            if answer.is_ok_and(|response| response.status().is_success()) {
                return Ok(());
            }
            sleep(Duration::from_millis(30)).await;
        }
        bail!("{} is not ready after {} s: {}", self.name, READY_LIMIT.as_secs(), self.last_words())
    }

    /// The end of its log, on one line.
    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let mut lines: Vec<&str> = text.lines().rev().take(3).collect();
        lines.reverse();
        lines.join(" / ")
    }
}
