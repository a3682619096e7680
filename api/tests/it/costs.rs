//! What a page costs: statements and Redis commands of each list, which do not grow with what is listed, and nothing beside
//! them. And a database that goes away between two requests.

use std::collections::BTreeMap;

use reqwest::Method;
use sandbox::{Durability, Programs, RedisOptions, RedisServer, Search};
use serde_json::json;
use store::Conn;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{Person, World, key, send};

/// Connections of a test's store.
const CONNECTIONS: usize = 8;
/// What [`asked`] itself runs.
const OWN: u64 = 2 * 8;

/// Statements run and pings sent so far, on all connections together.
async fn asked(world: &World) -> (u64, u64) {
    let mut lent = Vec::new();
    for _ in 0..CONNECTIONS {
        lent.push(world.app.store.reader().await.unwrap());
    }
    let mut sums = (0, 0);
    for mut conn in lent {
        // A connection whose server has not answered yet asks for it before anything but SELECT.
        let _proof = number(&mut conn, "SELECT 1").await;
        let rows: Vec<(String, String)> =
            sqlx::query_as("SHOW SESSION STATUS WHERE Variable_name IN ('Questions', 'Com_admin_commands')")
                .fetch_all(&mut conn)
                .await
                .unwrap();
        let counter =
            |name: &str| rows.iter().find(|row| row.0 == name).map_or(0, |row| row.1.parse().unwrap());
        let (run, pings): (u64, u64) = (counter("Questions"), counter("Com_admin_commands"));
        sums = (sums.0 + run, sums.1 + pings);
    }
    sums
}

async fn number(conn: &mut Conn, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(conn).await.unwrap()
}

/// Commands that Redis has run by name, those of scripts too.
async fn commands(redis: &RedisServer) -> BTreeMap<String, u64> {
    let mut socket = TcpStream::connect(("127.0.0.1", redis.port())).await.unwrap();
    socket.write_all(b"INFO commandstats\r\nQUIT\r\n").await.unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    text.lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
        })
        .collect()
}

/// Statements, pings and Redis commands of one answer, after a first one that fills caches.
async fn cost(world: &World, redis: &RedisServer, path: &str, who: Option<&Person>) -> (u64, u64, u64) {
    let ask = async || {
        let request = world.request(Method::GET, path, who.map(|who| who.token.as_str()));
        send(request).await.expect(200)
    };
    ask().await;
    let mut least = (u64::MAX, u64::MAX, u64::MAX);
    // What goes on in the background may fall between; not three times.
    for _ in 0..3 {
        let (before, known) = (asked(world).await, commands(redis).await);
        ask().await;
        let (after, now) = (asked(world).await, commands(redis).await);
        let sent = now.iter().filter(|(name, _)| !["info", "quit"].contains(&name.as_str()));
        let sent: u64 = sent.map(|(name, calls)| calls - known.get(name).copied().unwrap_or(0)).sum();
        let (run, pings) = (after.0 - before.0 - OWN, after.1 - before.1);
        least = (least.0.min(run), least.1.min(pings), least.2.min(sent));
    }
    least
}

async fn redis() -> RedisServer {
    let programs = Programs::find_or_fetch(&Search::from_env(None), &|_| {}).await.unwrap();
    RedisServer::start(&programs, RedisOptions { durability: Durability::Throwaway, port: None })
        .await
        .unwrap()
}

/// Path, who asks, statements, and Redis commands at most by how many rooms or people are listed.
type ListPage<'a> = (String, Option<&'a Person>, u64, fn(u64) -> u64);

/// Something of everything that is listed; each call adds as much again.
struct Scene {
    admin: Person,
    host: Person,
    me: Person,
    room: u64,
    conversation: u64,
}

impl Scene {
    async fn new(world: &World) -> Self {
        let admin = world.person_with_role("super-admin").await;
        let host = world.person_with_role("speaker").await;
        let me = world.person().await;
        world
            .sql("INSERT INTO gifts (id, name, icon, price, is_active) VALUES (1, 'Rose', '/rose.png', 1.00, 1)")
            .await;
        let room = Self::open_room(world, &host).await;
        let opened = world.post("/conversations", &me, json!({"user_id": host.id})).await.expect(201);
        let conversation = opened.body["data"]["id"].as_u64().unwrap();
        Self { admin, host, me, room, conversation }
    }

    async fn open_room(world: &World, host: &Person) -> u64 {
        let today = chrono::Utc::now().format("%Y-%m-%d").to_string();
        let body = json!({
            "title": "مجلس", "start_date": today, "start_time": "00:00", "end_time": "23:59:59", "timezone": "UTC",
            "access_type": "free", "price": "0.00", "duration_type": "month",
        });
        let made = world.post("/live-rooms", host, body).await.expect(201);
        let id = made.body["data"]["id"].as_u64().unwrap();
        send(world.request(Method::POST, &format!("/live-rooms/{id}/start"), Some(&host.token)))
            .await
            .expect(200);
        id
    }

    async fn add(&self, world: &World) {
        let Self { admin, host, me, room, conversation } = self;
        for _ in 0..3 {
            Self::open_room(world, host).await;
            let path = format!("/admin/wallets/{}/adjustments", me.id);
            let body = json!({"amount": "5.00", "direction": "credit", "reason": "For the test"});
            world.post_with_key(&path, admin, &key(), body).await.expect(201);
            let gift = json!({"giftable_type": "live_room", "giftable_id": room, "quantity": 1});
            world.post_with_key("/gifts/1/send", me, &key(), gift).await.expect(201);
            let words = || json!({"client_id": key(), "body": "salam"});
            world.post(&format!("/conversations/{conversation}/messages"), host, words()).await.expect(201);
            let said = world.post(&format!("/live-rooms/{room}/messages"), me, words()).await.expect(201);
            let message = said.body["data"]["id"].as_u64().unwrap();
            let path = format!("/live-room-messages/{message}/reaction");
            let reaction = world.request(Method::PUT, &path, Some(&me.token)).json(&json!({"type": "love"}));
            send(reaction).await.expect(200);
            let other = world.person().await;
            let opened = world.post("/conversations", &other, json!({"user_id": me.id})).await.expect(201);
            let other_id = opened.body["data"]["id"].as_u64().unwrap();
            world.post(&format!("/conversations/{other_id}/messages"), &other, words()).await.expect(201);
            let enemy = world.person().await;
            let block = format!("/users/{}/block", enemy.id);
            send(world.request(Method::POST, &block, Some(&me.token))).await.expect(200);
            let seat =
                world.request(Method::POST, &format!("/live-rooms/{room}/register"), Some(&other.token));
            send(seat).await.expect(201);
        }
    }

    fn pages(&self) -> Vec<ListPage<'_>> {
        let me = Some(&self.me);
        let Self { room, conversation, .. } = self;
        // Who asks is looked up.
        let signed = |_| 1;
        vec![
            ("/gifts".to_owned(), None, 1, |_| 0),
            ("/gifts".to_owned(), me, 1, signed),
            ("/live-rooms".to_owned(), None, 1, |rooms| 2 * rooms),
            ("/live-rooms".to_owned(), me, 1, |rooms| 1 + 2 * rooms),
            ("/live-rooms?filter[status]=scheduled".to_owned(), None, 1, |_| 0),
            ("/users".to_owned(), me, 1, signed),
            ("/me/blocks".to_owned(), me, 1, signed),
            ("/me/gifts".to_owned(), me, 1, signed),
            ("/wallet/transactions".to_owned(), me, 1, signed),
            ("/auth/tokens".to_owned(), me, 2, signed),
            ("/conversations".to_owned(), me, 3, |people| 3 + people),
            (format!("/conversations/{conversation}/messages"), me, 2, signed),
            (format!("/live-rooms/{room}/messages"), me, 4, signed),
            (format!("/live-rooms/{room}/participants"), Some(&self.admin), 4, signed),
            (format!("/live-rooms/{room}/gifts"), None, 1, |_| 5),
        ]
    }
}

#[tokio::test]
async fn each_list_costs_a_few_statements_however_long_it_is_and_no_ping() {
    let redis = redis().await;
    let world = World::on(&redis.url(), &[("MAJLIS_LIMITS", "off")]).await;
    let scene = Scene::new(&world).await;
    for round in 1..=2 {
        scene.add(&world).await;
        // Rooms opened so far; the people of the conversations are fewer.
        let listed = 1 + 3 * round;
        for (path, who, statements, most) in scene.pages() {
            let (run, pings, sent) = cost(&world, &redis, &path, who).await;
            println!(
                "{path} ({}): {run} statements, {sent} Redis commands",
                who.map_or("guest", |_| "signed in")
            );
            assert_eq!((run, pings), (statements, 0), "{path}: statements, pings");
            assert!(sent <= most(listed), "{path}: {sent} Redis commands, more than {}", most(listed));
        }
    }
    world.close().await;
}

#[tokio::test]
async fn connections_that_the_database_ended_between_two_requests_fail_nobody() {
    let world = World::new().await;
    let person = world.person().await;
    let conversations = "/conversations";
    for _ in 0..3 {
        // All that are open at the moment: by operators, or as a server does that starts again.
        let mut lent = Vec::new();
        let mut ids = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut conn = world.app.store.reader().await.unwrap();
            ids.push(number(&mut conn, "SELECT CAST(CONNECTION_ID() AS SIGNED)").await);
            lent.push(conn);
        }
        drop(lent);
        for id in ids {
            world.sql(&format!("KILL {id}")).await;
        }
        let readers = (0..16).map(|_| world.get(conversations, &person));
        for reply in futures_util::future::join_all(readers).await {
            reply.expect(200);
        }
        // And a write, which is run once.
        let other = world.person().await;
        world.post(conversations, &person, json!({"user_id": other.id})).await.expect(201);
    }
    world.close().await;
}
