//! Processes of the real program on servers of their own, and accounts and rooms in their database.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base::Lang;
use base::id::UserId;
use bus::{Bus, BusSettings};
use config::Settings;
use domain::unit::Unit;
use domain::users::{self, NewUser, UserError};
use domain::{Actor, App, in_unit};
use futures_util::StreamExt;
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};
use sandbox::{
    Durability, MySqlOptions, MySqlServer, Programs, RedisOptions, RedisServer, Search, TestServers,
};
use serde_json::json;
use store::Store;
use store::testing::TestDatabase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What a test wants to run on.
pub(super) struct Plan<'a> {
    /// Hub processes.
    pub(super) hubs: usize,
    /// An API process beside them?
    pub(super) api: bool,
    /// A database server that nobody else uses?
    pub(super) own_mysql: bool,
    /// Settings of all processes.
    pub(super) variables: &'a [(&'static str, &'a str)],
}

/// Servers and processes; all end with it.
pub(super) struct Stack {
    /// The API, where there is one.
    pub(super) api: Option<Process>,
    /// The hubs.
    pub(super) hubs: Vec<Process>,
    /// Operations on the same servers, in this process. No clock of it runs.
    pub(super) app: App,
    pub(super) database: TestDatabase,
    redis: RedisServer,
    _mysql: Option<MySqlServer>,
    _folder: tempfile::TempDir,
}

/// One process of the program.
pub(super) struct Process {
    program: PathBuf,
    command: &'static str,
    /// Where it listens.
    pub(super) address: SocketAddr,
    admin: SocketAddr,
    variables: BTreeMap<&'static str, String>,
    log: PathBuf,
    child: Option<Child>,
}

/// Somebody with an account.
#[derive(Clone)]
pub(super) struct Account {
    pub(super) id: UserId,
    /// Opens both doors for an hour.
    pub(super) token: String,
}

const READY: Duration = Duration::from_secs(60);
const TOKEN_LIFE: Duration = Duration::from_secs(3_600);
/// Accounts made in one unit.
const UNIT: usize = 100;
/// Questions asked at the same time while the stage is set.
const AT_ONCE: usize = 8;

impl Stack {
    pub(super) async fn start(plan: Plan<'_>) -> Self {
        raise_file_limit();
        let programs = Programs::find(&Search::from_env(None));
        let redis = RedisOptions { durability: Durability::Throwaway, port: None };
        let redis = RedisServer::start(&programs, redis).await.unwrap();
        let (mysql, server_url) = if plan.own_mysql {
            let options = MySqlOptions { durability: Durability::Throwaway, max_connections: 200 };
            let mysql = MySqlServer::start(&programs, options).await.unwrap();
            let url = mysql.url("");
            (Some(mysql), url)
        } else {
            (None, TestServers::shared_mysql().await.unwrap().url(""))
        };
        let database = TestDatabase::create(&server_url).await.unwrap();
        let mut variables = BTreeMap::from([
            ("DATABASE_URL", database.url.clone()),
            ("REDIS_URL", redis.url()),
            ("MAJLIS_JWT_SECRET", "a test secret of more than 32 bytes!".to_owned()),
            ("MAJLIS_LOG", "warn".to_owned()),
            ("BCRYPT_ROUNDS", "4".to_owned()),
        ]);
        variables.extend(plan.variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let settings = Settings::read(|name| variables.get(name).cloned()).unwrap();
        let app = start_app(settings).await;
        domain::system::install(&app).await.unwrap();

        let folder = tempfile::tempdir().unwrap();
        // What is started again later is what was started first, though a new build may have taken its place.
        let program = folder.path().join("majlis");
        let built = env!("CARGO_BIN_EXE_majlis");
        if std::fs::hard_link(built, &program).is_err() {
            std::fs::copy(built, &program).unwrap();
        }
        let mut ports = Ports::default();
        let mut process = |command: &'static str, number: usize| {
            let (address, admin) = (ports.next(), ports.next());
            let names = match command {
                "api" => ("MAJLIS_HTTP_LISTEN", "MAJLIS_HTTP_ADMIN_LISTEN"),
                _ => ("MAJLIS_SOCKET_LISTEN", "MAJLIS_SOCKET_ADMIN_LISTEN"),
            };
            let mut variables = variables.clone();
            variables.extend([(names.0, address.to_string()), (names.1, admin.to_string())]);
            let log = folder.path().join(format!("{command}{number}.log"));
            let program = program.clone();
            Process { program, command, address, admin, variables, log, child: None }
        };
        let api = plan.api.then(|| process("api", 0));
        let hubs = (0..plan.hubs).map(|number| process("hub", number)).collect();
        let mut stack = Self { api, hubs, app, database, redis, _mysql: mysql, _folder: folder };
        for process in stack.api.iter_mut().chain(&mut stack.hubs) {
            process.spawn();
        }
        for process in stack.api.iter_mut().chain(&mut stack.hubs) {
            process.ready().await;
        }
        stack
    }

    /// Accounts with tokens; their passwords are one and the same hash, so nothing is hashed for each.
    pub(super) async fn accounts(&self, prefix: &str, count: usize) -> Vec<Account> {
        let hash = users::hash_password(&self.app, "marhaba-ya-sadiqi").await.unwrap();
        let people: Vec<NewUser> = (0..count)
            .map(|number| NewUser {
                name: format!("{prefix} {number} مستخدم"),
                username: format!("{prefix}{number}"),
                email: format!("{prefix}{number}@example.com"),
                phone: None,
                password_hash: hash.clone(),
                is_verified: false,
                email_verified: false,
                language: Lang::En,
                timezone: "Asia/Riyadh".to_owned(),
                currency: "SAR".to_owned(),
            })
            .collect();
        let mut ids = Vec::with_capacity(count);
        for some in people.chunks(UNIT) {
            ids.extend(create(&self.app, some).await.unwrap());
        }
        let sign = |id: UserId| async move {
            Account { id, token: users::mint_access_token(&self.app, id, TOKEN_LIFE).await.unwrap() }
        };
        futures_util::stream::iter(ids).map(sign).buffered(AT_ONCE).collect().await
    }

    /// A free room that is live, whose host listens to nothing.
    pub(super) async fn room(&self, number: usize) -> u64 {
        let host = self.accounts(&format!("host{number}x"), 1).await[0].id;
        appoint(&self.app, host).await.unwrap();
        let actor = Actor::on_behalf_of(host);
        let room = json!({
            "title": "Majlis", "start_date": base::Time::now().to_string().split('T').next().unwrap(),
            "duration_type": "month", "start_time": "00:00", "end_time": "23:59:59", "timezone": "UTC",
            "access_type": "free",
        });
        let input = serde_json::from_value(room).unwrap();
        let room = domain::rooms::create_room(&self.app, &actor, input).await.unwrap();
        domain::rooms::start_room(&self.app, &actor, room.id).await.unwrap();
        room.id
    }

    /// Stops Redis as a machine stops that has no time for it: its sockets stay open and nothing answers.
    pub(super) async fn pause_redis(&self, length: Duration) {
        let pid = Pid::from_raw(i32::try_from(self.redis.pid()).unwrap()).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        tokio::time::sleep(length).await;
        kill_process(pid, Signal::CONT).unwrap();
    }

    /// Empties Redis.
    pub(super) async fn flush_redis(&self) {
        let mut stream =
            tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.redis.port())).await.unwrap();
        stream.write_all(b"FLUSHALL\r\n").await.unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"+OK\r\n");
    }

    pub(super) async fn count(&self, sql: &str) -> u64 {
        let sql = format!("SELECT CAST(({sql}) AS SIGNED)");
        u64::try_from(self.database.number(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")))
            .unwrap()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let failed = std::thread::panicking();
        for process in self.api.iter_mut().chain(&mut self.hubs) {
            process.kill();
            if failed {
                println!("the last words of {}:\n{}", process.log.display(), process.last_words(30));
            }
        }
    }
}

impl Process {
    /// Starts it; again at the same address where it ran before.
    pub(super) fn spawn(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(&self.log).unwrap();
        let child = Command::new(&self.program)
            .arg(self.command)
            .envs(&self.variables)
            .env("MAJLIS_EXIT_WITH_PARENT", "on")
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// Waits until it takes work.
    pub(super) async fn ready(&mut self) {
        let url = format!("http://{}/health/ready", self.admin);
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build().unwrap();
        let began = Instant::now();
        while began.elapsed() < READY {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "{} ended with {ended:?}: {}", self.command, self.last_words(5));
            if http.get(&url).send().await.is_ok_and(|response| response.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        panic!("{} is not ready after {READY:?}: {}", self.command, self.last_words(5));
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Scheme and address.
    pub(super) fn http(&self) -> String {
        format!("http://{}", self.address)
    }

    fn last_words(&self, lines: usize) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

/// Free ports below those that the system gives to outgoing connections: a hub that is started again finds its own.
#[derive(Default)]
struct Ports(Vec<u16>);

impl Ports {
    fn next(&mut self) -> SocketAddr {
        loop {
            let port = rand::random_range(20_000..32_000);
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            if !self.0.contains(&port) && TcpListener::bind(address).is_ok() {
                self.0.push(port);
                return address;
            }
        }
    }
}

async fn start_app(settings: Settings) -> App {
    let store = Store::connect(settings.database.url.expose(), 16).await.unwrap();
    let (url, prefix) = (settings.redis.url.expose().to_owned(), settings.redis.prefix.clone());
    let bus = Bus::connect(BusSettings::new(url, prefix, "stage")).await.unwrap();
    App::start(store, bus, settings).await.unwrap()
}

async fn create(app: &App, people: &[NewUser]) -> Result<Vec<UserId>, UserError> {
    in_unit!(app, |unit| create_some(unit, people))
}

async fn create_some(unit: &mut Unit, people: &[NewUser]) -> Result<Vec<UserId>, UserError> {
    let mut ids = Vec::with_capacity(people.len());
    for user in people {
        ids.push(users::create_user(unit, user.clone()).await?);
    }
    Ok(ids)
}

async fn appoint(app: &App, host: UserId) -> Result<(), UserError> {
    in_unit!(app, |unit| users::assign_role(app, unit, host, "speaker"))
}

/// A socket is an open file, here as in the hubs.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}
