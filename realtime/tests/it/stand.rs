//! One or more hubs on a database and keys of their own, and people to use them.

use std::sync::Arc;
use std::time::Duration;

use base::{Lang, Money, Time};
use bus::{Bus, BusSettings, HistoryPolicy, ListenerSettings, Publish};
use bytes::Bytes;
use config::Settings;
use domain::users::{self, NewUser};
use domain::{Actor, App, in_unit};
use protocol::IdempotencyKey;
use protocol::codec::Encoding;
use protocol::rooms::{AccessType, CreateRoom, DurationType};
use realtime::{Hub, RunningHub};
use sandbox::{Durability, Programs, RedisCluster, RedisOptions, RedisServer, Search, TestServers};
use serde_json::{Value, json};
use store::Store;
use store::testing::TestDatabase;

use crate::client::Client;
use crate::proxy::Proxy;

/// An answer to a ping may take so long.
const PATIENT_PONG: Duration = Duration::from_secs(600);
/// Everybody's.
pub(crate) const PASSWORD: &str = "marhaba-ya-sadiqi";

pub(crate) struct Stand {
    pub(crate) nodes: Vec<Node>,
    /// A server of its own, for tests that empty or stop it.
    pub(crate) redis: Option<RedisServer>,
    pub(crate) database: Arc<TestDatabase>,
    settings: Settings,
}

pub(crate) struct Node {
    pub(crate) app: App,
    pub(crate) hub: RunningHub,
}

impl Node {
    pub(crate) fn url(&self) -> String {
        format!("ws://{}/connection/websocket", self.hub.address())
    }
}

impl Stand {
    /// Two hubs, limits off.
    pub(crate) async fn new() -> Self {
        Self::with(2, |_| {}).await
    }

    pub(crate) async fn with(hubs: usize, change: impl FnOnce(&mut Settings)) -> Self {
        let servers = TestServers::shared().await.unwrap();
        Self::on(servers.redis().url(), None, hubs, change).await
    }

    /// On a Redis of its own.
    pub(crate) async fn with_own_redis(hubs: usize) -> Self {
        Self::with_own_redis_and(hubs, |_| {}).await
    }

    /// On a Redis of its own, with other settings.
    pub(crate) async fn with_own_redis_and(hubs: usize, change: impl FnOnce(&mut Settings)) -> Self {
        let redis = own_redis().await;
        Self::on(redis.url(), Some(redis), hubs, change).await
    }

    /// On a Redis Cluster.
    pub(crate) async fn with_cluster(cluster: &RedisCluster, hubs: usize) -> Self {
        // The tests' clients are busy reconnecting.
        Self::on(cluster.urls(), None, hubs, |settings| settings.socket.pong_timeout = PATIENT_PONG).await
    }

    /// On a Redis of its own, to which the hubs have a wire that can lose what pub/sub brings.
    pub(crate) async fn behind_a_proxy(hubs: usize, change: impl FnOnce(&mut Settings)) -> (Self, Proxy) {
        let redis = own_redis().await;
        let proxy = Proxy::to(&redis.url()).await;
        (Self::on(proxy.url.clone(), Some(redis), hubs, change).await, proxy)
    }

    async fn on(
        redis_url: String,
        redis: Option<RedisServer>,
        hubs: usize,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let servers = TestServers::shared().await.unwrap();
        let database = Arc::new(TestDatabase::create(&servers.mysql().url("")).await.unwrap());
        let prefix = format!("t{:x}:", rand::random::<u64>());
        let mut settings = Settings::read(|name| match name {
            "DATABASE_URL" => Some(database.url.clone()),
            "REDIS_URL" => Some(redis_url.clone()),
            "MAJLIS_REDIS_PREFIX" => Some(prefix.clone()),
            "MAJLIS_JWT_SECRET" => Some("a test secret of more than 32 bytes!".to_owned()),
            "MAJLIS_DATABASE_CONNECTIONS" => Some("8".to_owned()),
            "MAJLIS_SOCKET_LISTEN" => Some("127.0.0.1:0".to_owned()),
            "MAJLIS_LIMITS" => Some("off".to_owned()),
            "BCRYPT_ROUNDS" => Some("4".to_owned()),
            _ => None,
        })
        .unwrap();
        settings.socket.presence_grace = Duration::from_secs(1);
        settings.socket.drain = Duration::from_millis(500);
        change(&mut settings);
        let mut stand = Self { nodes: Vec::new(), redis, database, settings };
        for _ in 0..hubs {
            stand.add_node().await;
        }
        domain::system::install_roles(&stand.nodes[0].app).await.unwrap();
        domain::system::ensure_platform(&stand.nodes[0].app).await.unwrap();
        stand
    }

    pub(crate) async fn add_node(&mut self) {
        self.add_node_with(ListenerSettings::default()).await;
    }

    pub(crate) async fn add_node_with(&mut self, listener: ListenerSettings) {
        let settings = self.settings.clone();
        let store = Store::connect(settings.database.url.expose(), 8).await.unwrap();
        let name = format!("n{}-{:x}", self.nodes.len(), rand::random::<u32>());
        let bus = BusSettings::new(settings.redis.url.expose(), settings.redis.prefix.clone(), name);
        let app = App::start(store, Bus::connect(bus).await.unwrap(), settings).await.unwrap();
        let hub = Hub::start_with(app.clone(), listener).await.unwrap();
        self.nodes.push(Node { app, hub });
    }

    pub(crate) fn app(&self) -> &App {
        &self.nodes[0].app
    }

    /// The Redis that is used and what its keys begin with, for those who go past every client of ours.
    pub(crate) fn redis_keys(&self) -> (String, String) {
        let redis = &self.settings.redis;
        (redis.url.expose().to_owned(), redis.prefix.clone())
    }

    pub(crate) async fn user(&self, username: &str) -> u64 {
        let app = self.app();
        let user = NewUser {
            name: format!("{username} مستخدم"),
            username: username.to_owned(),
            email: format!("{username}@example.com"),
            phone: None,
            password_hash: users::hash_password(app, PASSWORD).await.unwrap(),
            is_verified: false,
            email_verified: false,
            language: Lang::En,
            timezone: "Asia/Riyadh".to_owned(),
            currency: "SAR".to_owned(),
        };
        let make = async |app: &App| -> Result<u64, users::UserError> {
            in_unit!(app, |unit| users::create_user(unit, user.clone()))
        };
        make(app).await.unwrap()
    }

    pub(crate) async fn token(&self, user_id: u64) -> String {
        self.token_for(user_id, Duration::from_secs(600)).await
    }

    pub(crate) async fn token_for(&self, user_id: u64, ttl: Duration) -> String {
        users::mint_access_token(self.app(), user_id, ttl).await.unwrap()
    }

    /// A signed-in client on a node.
    pub(crate) async fn client(&self, node: usize, user_id: u64) -> Client {
        self.client_speaking(node, user_id, Encoding::Json).await
    }

    pub(crate) async fn client_speaking(&self, node: usize, user_id: u64, encoding: Encoding) -> Client {
        let mut client = Client::open(&self.nodes[node].url(), encoding).await;
        client.connect_with(&self.token(user_id).await).await;
        client
    }

    /// A free room that is live, hosted by a new user.
    pub(crate) async fn room(&self) -> u64 {
        let (room, host) = self.announced_room().await;
        domain::rooms::start_room(self.app(), &Actor::on_behalf_of(host), room).await.unwrap();
        room
    }

    /// A free room whose time it is, and its host, a new user.
    pub(crate) async fn announced_room(&self) -> (u64, u64) {
        let host = self.user(&format!("host{}", rand::random::<u16>())).await;
        self.appoint(host, "speaker").await;
        let room = CreateRoom {
            title: "Majlis".to_owned(),
            description: None,
            category_id: None,
            cover_url: None,
            start_date: Time::now().to_string().split('T').next().unwrap().to_owned(),
            duration_type: DurationType::Month,
            start_time: "00:00".to_owned(),
            end_time: "23:59:59".to_owned(),
            timezone: Some("UTC".to_owned()),
            access_type: AccessType::Free,
            price: Money::ZERO,
            max_participants: None,
        };
        let room = domain::rooms::create_room(self.app(), &Actor::on_behalf_of(host), room).await.unwrap();
        (room.id, host)
    }

    /// Gives somebody a role.
    pub(crate) async fn appoint(&self, user_id: u64, role: &'static str) {
        let appoint = async |app: &App| -> Result<(), users::UserError> {
            in_unit!(app, |unit| users::assign_role(app, unit, user_id, role))
        };
        appoint(self.app()).await.unwrap();
    }

    /// Publishes past the domain, as a node does, `{"type":"test","id":…,"at":…,"data":{"n":n}}`.
    pub(crate) async fn publish(&self, channel: &str, n: u64) {
        self.publish_padded(channel, n, 0).await;
    }

    pub(crate) async fn publish_padded(&self, channel: &str, n: u64, padding: usize) {
        let history = Some(HistoryPolicy { max_events: 1_000, ttl: Duration::from_secs(600) });
        self.app().bus.publish(&[event(channel, n, padding, history)]).await.unwrap();
    }

    /// Waits until a condition holds.
    pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
        let waiting = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it never held");
    }
}

pub(crate) fn event(channel: &str, n: u64, padding: usize, history: Option<HistoryPolicy>) -> Publish {
    let event: Value = json!({
        "type": "test",
        "id": format!("T{n}"),
        "at": Time::now(),
        "data": {"n": n, "padding": "x".repeat(padding)},
    });
    Publish { channel: channel.into(), payload: Bytes::from(event.to_string()), history }
}

async fn own_redis() -> RedisServer {
    let programs = Programs::find(&Search::from_env(None));
    RedisServer::start(&programs, RedisOptions { durability: Durability::Throwaway, port: None })
        .await
        .unwrap()
}

/// A new idempotency key.
pub(crate) fn key() -> IdempotencyKey {
    uuid::Uuid::new_v4().to_string().parse().unwrap()
}

/// The `n` of a test event.
pub(crate) fn n(event: &Value) -> u64 {
    event["data"]["n"].as_u64().unwrap()
}

/// Cuts every pub/sub link.
pub(crate) const CUT_PUBSUB: &[&str] = &["CLIENT", "KILL", "TYPE", "pubsub"];

/// Sends a command to Redis past every client of ours.
pub(crate) async fn command(url: &str, words: &[&str]) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = url.trim_start_matches("redis://").split('/').next().unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let words_of_it: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    stream.write_all(format!("*{}\r\n{words_of_it}", words.len()).as_bytes()).await.unwrap();
    let mut answer = [0; 64];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(read > 0 && answer[0] != b'-', "{}", String::from_utf8_lossy(&answer[..read]));
}
