//! A world of one's own: a database with the whole schema, keys with a prefix of their own, and the operations'
//! `App` on both.

use std::collections::VecDeque;
use std::ops::Deref;
use std::time::Duration;

use base::Lang;
use bus::{Bus, BusEvent, BusEvents, BusSettings, ControlMessage, HistoryQuery, Listener, ListenerSettings};
use config::Settings;
use domain::users::{self, ClientContext, NewUser, UserError};
use domain::{Actor, App, in_unit};
use protocol::channel::Channel;
use protocol::event::EventData;
use sandbox::TestServers;
use store::Store;
use store::testing::TestDatabase;

/// The password of everybody in a [`World`].
pub(crate) const PASSWORD: &str = "marhaba-ya-sadiqi";

/// What a test runs in. Its database stays on the throw-away server; both go with the test process.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) database: TestDatabase,
    prefix: String,
    settings: Settings,
}

impl Deref for World {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl World {
    /// With the settings' defaults, limits included, and the cheapest bcrypt.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With some settings changed.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let servers = TestServers::shared().await.unwrap();
        let database = TestDatabase::create(&servers.mysql().url("")).await.unwrap();
        let prefix = format!("t{:x}:", rand::random::<u64>());
        let redis = servers.redis().url();
        let mut settings = Settings::read(|name| match name {
            "DATABASE_URL" => Some(database.url.clone()),
            "REDIS_URL" => Some(redis.clone()),
            "MAJLIS_REDIS_PREFIX" => Some(prefix.clone()),
            "MAJLIS_JWT_SECRET" => Some("a test secret of more than 32 bytes!".to_owned()),
            "MAJLIS_DATABASE_CONNECTIONS" => Some("8".to_owned()),
            "BCRYPT_ROUNDS" => Some("4".to_owned()),
            _ => None,
        })
        .unwrap();
        change(&mut settings);
        let app = start(&settings, "n1").await;
        Self { app, database, prefix, settings }
    }

    /// Another process on the same database and keys.
    pub(crate) async fn another_node(&self, name: &str) -> App {
        start(&self.settings, name).await
    }

    /// An account named so, with [`PASSWORD`], and itself as actor.
    pub(crate) async fn user(&self, username: &str) -> (u64, Actor) {
        let password_hash = users::hash_password(&self.app, PASSWORD).await.unwrap();
        let user = NewUser {
            name: format!("{username} مستخدم"),
            username: username.to_owned(),
            email: format!("{username}@example.com"),
            phone: None,
            password_hash,
            is_verified: false,
            email_verified: false,
            language: Lang::Ar,
            timezone: "Asia/Riyadh".to_owned(),
            currency: "SAR".to_owned(),
        };
        let id = make(&self.app, user).await.unwrap();
        (id, Actor::on_behalf_of(id))
    }

    /// As [`World::user`], with a role (`domain::system::install_roles` is run before).
    pub(crate) async fn user_with_role(&self, username: &str, role: &str) -> (u64, Actor) {
        domain::system::install_roles(&self.app).await.unwrap();
        let (id, actor) = self.user(username).await;
        assign_role(&self.app, id, role).await.unwrap();
        (id, actor)
    }

    /// What was published to a channel so far, oldest first, as Redis keeps it.
    pub(crate) async fn events(&self, channel: Channel) -> Vec<EventData> {
        let query = HistoryQuery { since: None, limit: 1_000, reverse: false };
        let history = self.app.bus.history(&channel.to_string(), &query).await.unwrap();
        history.publications.iter().map(|(_, payload)| serde_json::from_slice(payload).unwrap()).collect()
    }

    /// An ear on the bus, as a node has it.
    pub(crate) async fn ear(&self) -> Ear {
        let (listener, events) = self.app.bus.listener(ListenerSettings::default()).await.unwrap();
        Ear { _listener: listener, events, controls: VecDeque::new() }
    }

    /// With what its keys in Redis begin.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Sends a command to Redis past every client of ours.
    pub(crate) async fn redis(&self, words: &[&str]) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let url = self.settings.redis.url.expose();
        let address = url.trim_start_matches("redis://").split('/').next().unwrap();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let sent: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
        stream.write_all(format!("*{}\r\n{sent}", words.len()).as_bytes()).await.unwrap();
        let mut answer = [0; 64];
        let read = stream.read(&mut answer).await.unwrap();
        assert!(read > 0 && answer[0] != b'-', "{}", String::from_utf8_lossy(&answer[..read]));
    }

    /// A bus whose server is not there.
    pub(crate) async fn without_redis(&self) -> App {
        let mut dead = self.settings.clone();
        dead.redis.prefix = format!("{}dead:", self.prefix);
        let private = sandbox::RedisServer::start(
            &sandbox::Programs::find(&sandbox::Search::from_env(None)),
            sandbox::RedisOptions { durability: sandbox::Durability::Throwaway, port: None },
        )
        .await
        .unwrap();
        let mut bus = BusSettings::new(private.url(), dead.redis.prefix.clone(), "dead");
        bus.command_timeout = Duration::from_millis(300);
        let bus = Bus::connect(bus).await.unwrap();
        let store = Store::connect(dead.database.url.expose(), 4).await.unwrap();
        let app = App::start(store, bus, dead).await.unwrap();
        private.stop().await.unwrap();
        app
    }
}

async fn make(app: &App, user: NewUser) -> Result<u64, UserError> {
    in_unit!(app, |unit| users::create_user(unit, user.clone()))
}

/// Gives a role in a unit of its own.
pub(crate) async fn assign_role(app: &App, id: u64, role: &str) -> Result<(), UserError> {
    in_unit!(app, |unit| users::assign_role(app, unit, id, role))
}

async fn start(settings: &Settings, node: &str) -> App {
    let store =
        Store::connect(settings.database.url.expose(), settings.database.max_connections).await.unwrap();
    let bus = BusSettings::new(settings.redis.url.expose(), settings.redis.prefix.clone(), node);
    App::start(store, Bus::connect(bus).await.unwrap(), settings.clone()).await.unwrap()
}

/// Hears control messages.
pub(crate) struct Ear {
    _listener: Listener,
    events: BusEvents,
    /// Heard and not asked for yet.
    controls: VecDeque<ControlMessage>,
}

impl Ear {
    /// The next control message; fails after 10 s.
    pub(crate) async fn next_control(&mut self) -> ControlMessage {
        let hearing = async {
            loop {
                if let Some(message) = self.controls.pop_front() {
                    return message;
                }
                let batch = self.events.recv_batch().await.unwrap();
                self.controls.extend(batch.into_iter().filter_map(|event| match event {
                    BusEvent::Control(message) => Some(message),
                    _ => None,
                }));
            }
        };
        tokio::time::timeout(Duration::from_secs(10), hearing).await.expect("a control message")
    }
}

/// A client at an address.
pub(crate) fn client(ip: &str) -> ClientContext {
    ClientContext { ip: Some(ip.parse().unwrap()), user_agent: Some("Tests/1".to_owned()) }
}
