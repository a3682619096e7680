//! `majlis up` as scripts and people use it: the real program, on free ports, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A running `majlis up`; killed with all its children if a test fails.
pub(crate) struct Up {
    child: Child,
    pub(crate) data: tempfile::TempDir,
    log: PathBuf,
}

impl Up {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let log = data.path().join("output.txt");
        let output = std::fs::File::create(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_majlis"))
            .args(["up", "--port", "0", "--data"])
            .arg(data.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Self { child, data, log }
    }

    fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn file(&self) -> PathBuf {
        self.data.path().join("up.json")
    }

    /// Waits until `up.json` holds what is wanted.
    pub(crate) fn wait_for(&mut self, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(up) = read(&self.file()).filter(&wanted) {
                return up;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("ended with {status}: {}", self.output());
            }
            assert!(Instant::now() < deadline, "not within {limit:?}: {}", self.output());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn read(file: &Path) -> Option<Value> {
    serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()
}

fn pid(value: &Value) -> Pid {
    Pid::from_raw(i32::try_from(value.as_u64().unwrap()).unwrap()).unwrap()
}

/// A process that has ended but that nobody has asked about yet (a zombie) does not run.
fn is_running(pid: Pid) -> bool {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

fn wait_until_gone(pids: &[Pid], limit: Duration) {
    let deadline = Instant::now() + limit;
    while let Some(alive) = pids.iter().find(|&&pid| is_running(pid)) {
        assert!(Instant::now() < deadline, "{alive:?} is still there after {limit:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The server processes under a `majlis up`, found by their data folder in their command line.
fn servers(data: &Path) -> Vec<Pid> {
    let needle = data.canonicalize().unwrap().display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(number) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&needle)
            && (line.contains("mysqld") || line.contains("mariadbd"))
            && !line.contains(" up ")
        {
            found.extend(Pid::from_raw(number));
        }
    }
    found
}

pub(crate) const READY: Duration = Duration::from_secs(180);

#[test]
fn up_tells_scripts_everything_restarts_what_dies_and_ends_on_one_interrupt() {
    let mut up = Up::start(&["--no-check", "--hubs", "2"]);
    let file = up.wait_for(READY, |_| true);

    assert!(file["api"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert_eq!(file["api"].as_str().unwrap().matches('/').count(), 2, "the API has no path");
    let hubs = file["hubs"].as_array().unwrap();
    assert_eq!((hubs.len(), file["hub_pids"].as_array().unwrap().len()), (2, 2));
    assert!(hubs.iter().all(|hub| hub.as_str().unwrap().ends_with("/connection/websocket")));
    assert_eq!(file["admin"].as_array().unwrap().len(), 3);
    assert!(file["database_url"].as_str().unwrap().starts_with("mysql://root@localhost/"));
    assert!(file["redis_url"].as_str().unwrap().starts_with("redis://127.0.0.1:"));
    let accounts = file["accounts"].as_array().unwrap();
    assert!(accounts.len() >= 50, "{} accounts", accounts.len());
    assert!(accounts[..2].iter().all(|account| account["role"] == "learner"));
    for role in ["admin", "moderator", "speaker"] {
        assert!(accounts.iter().any(|account| account["role"] == role), "no {role}");
    }
    assert!(file["rooms"].as_array().unwrap().len() >= 2);

    // Every process has reported, and operators see them with the token of this start.
    assert!(file["admin_token"].as_str().unwrap().len() >= 16);
    let nodes = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_majlis"));
        let output = command.args(["nodes", "--data"]).arg(up.data.path()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while nodes().lines().filter(|line| line.contains(" hub ") || line.contains(" api ")).count() < 3 {
        assert!(Instant::now() < deadline, "{}", nodes());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(nodes().starts_with("node ") && nodes().contains("127.0.0.1:"), "{}", nodes());

    // A hub that dies is named and comes back on its port, with the file following.
    let victim = file["hub_pids"][0].clone();
    let died = Instant::now();
    kill_process(pid(&victim), Signal::KILL).unwrap();
    let after = up.wait_for(Duration::from_secs(5), |file| file["hub_pids"][0] != victim);
    let took = died.elapsed();
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    assert_eq!(after["hubs"], file["hubs"]);
    assert!(up.output().contains("hub 1"), "the dead is not named: {}", up.output());

    let mut pids: Vec<Pid> = after["hub_pids"].as_array().unwrap().iter().map(pid).collect();
    pids.push(pid(&after["api_pid"]));
    let found = servers(up.data.path());
    assert!(!found.is_empty(), "the database server was not found");
    assert!(found.contains(&pid(&after["database_pid"])), "{found:?} and {}", after["database_pid"]);

    // So does Redis.
    let victim = after["redis_pid"].clone();
    kill_process(pid(&victim), Signal::KILL).unwrap();
    let after = up.wait_for(Duration::from_secs(10), |file| file["redis_pid"] != victim);
    assert!(is_running(pid(&after["redis_pid"])));
    pids.extend(found);
    pids.push(pid(&after["redis_pid"]));
    let interrupted = Instant::now();
    kill_process(Pid::from_child(&up.child), Signal::INT).unwrap();
    let status = up.child.wait().unwrap();
    assert!(status.success(), "{status}: {}", up.output());
    assert!(interrupted.elapsed() < Duration::from_secs(15), "it took {:?}", interrupted.elapsed());
    wait_until_gone(&pids, Duration::from_secs(3));
    assert!(!up.file().exists(), "up.json is left");
}

#[test]
fn a_killed_up_leaves_no_process_behind() {
    let mut up = Up::start(&["--no-check", "--hubs", "1"]);
    let file = up.wait_for(READY, |_| true);
    let mut pids = vec![pid(&file["hub_pids"][0]), pid(&file["api_pid"])];
    pids.extend(servers(up.data.path()));
    up.child.kill().unwrap();
    up.child.wait().unwrap();
    wait_until_gone(&pids, Duration::from_secs(15));
}

#[test]
fn a_taken_port_is_one_clear_sentence_and_exit_code_1() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port().min(65_000).to_string();
    let data = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_majlis"))
        .args(["up", "--check", "--port", &port, "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert_eq!(complaint.trim().lines().count(), 1, "{complaint}");
    assert!(complaint.contains(&port) && complaint.contains("--port"), "{complaint}");
}
