//! What follows a commit: it is done even if nobody waits for it, in its order, and made good where Redis was away.

use std::time::Duration;

use base::{Fault, Rule};
use bus::{BusEvent, ListenerSettings};
use domain::{chat, rooms, system, users};
use protocol::channel::Channel;
use protocol::chat::{MarkRead, MessageType, SendMessage};
use protocol::event::EventData;
use protocol::rooms::RoomStatus;
use protocol::{Envelope, Event};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::society::unlimited;
use crate::stage::{Stage, key, open_room, to_room};
use crate::world::{World, client};

fn to_user(user_id: u64, body: &str) -> SendMessage {
    SendMessage {
        client_id: key(),
        conversation_id: None,
        user_id: Some(user_id),
        message_type: MessageType::Text,
        body: Some(body.to_owned()),
        media: Vec::new(),
        reply_to_id: None,
    }
}

/// Waits, at most 10 s, until it is so.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

impl World {
    /// Time passes for what waits in the outbox.
    async fn age_outbox(&self) {
        let sql =
            "UPDATE hub_outbox SET created_at = created_at - INTERVAL 1 MINUTE WHERE published_at IS NULL";
        self.database.execute(sql).await.unwrap();
    }

    async fn waiting_in_outbox(&self) -> i64 {
        self.database.number("SELECT COUNT(*) FROM hub_outbox WHERE published_at IS NULL").await.unwrap()
    }

    /// What was published to a user, of one type.
    async fn told(&self, user_id: u64, name: &str) -> Vec<EventData> {
        let mut events = self.events(Channel::User(user_id)).await;
        events.retain(|data| data.event.name() == name);
        events
    }
}

#[tokio::test]
async fn what_is_committed_is_told_even_if_its_sender_has_gone() {
    let private = sandbox::RedisServer::start(
        &sandbox::Programs::find(&sandbox::Search::from_env(None)),
        sandbox::RedisOptions { durability: sandbox::Durability::Throwaway, port: None },
    )
    .await
    .unwrap();
    let world = World::with(|settings| {
        settings.limits.enabled = false;
        settings.redis.url = base::Secret::new(private.url());
    })
    .await;
    let (_, amal_acts) = world.user("amal").await;
    let (badr, _) = world.user("badr").await;
    // Redis keeps everybody waiting, so that the sender goes away between the commit and what follows it.
    redis(&world, "CLIENT PAUSE 1000 ALL\r\n").await;
    let sending = chat::send_message(&world, &amal_acts, to_user(badr, "salam"));
    assert!(tokio::time::timeout(Duration::from_millis(500), sending).await.is_err(), "it is answered last");
    assert_eq!(world.database.number("SELECT COUNT(*) FROM messages").await.unwrap(), 1, "it was committed");
    eventually("the message is heard", async || world.told(badr, "chat.message_created").await.len() == 1)
        .await;
}

#[tokio::test]
async fn a_read_that_redis_did_not_hear_of_is_told_by_the_relay_and_forgotten_by_the_repeat() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let sent = chat::send_message(&world, &amal_acts, to_user(badr, "salam")).await.unwrap().answer.message;
    assert_eq!(users::find_state(&world, badr).await.unwrap().unwrap().unread_total, 1);
    let deaf = world.without_redis().await;
    let input = MarkRead { conversation_id: sent.conversation_id, up_to: sent.id };

    let error = chat::mark_read(&deaf, &badr_acts, input.clone()).await.unwrap_err();
    assert_eq!(error.rule(), Rule::UNAVAILABLE);
    assert!(world.told(amal, "chat.messages_read").await.is_empty());
    let again = chat::mark_read(&world, &badr_acts, input).await.unwrap();
    assert_eq!((again.up_to, again.unread_total), (sent.id, 0), "it was committed");
    assert_eq!(users::find_state(&world, badr).await.unwrap().unwrap().unread_total, 0);

    world.age_outbox().await;
    assert_eq!(system::relay_outbox(&world).await.unwrap(), 1);
    assert_eq!(world.told(amal, "chat.messages_read").await.len(), 1);
    assert_eq!(world.told(badr, "chat.messages_read").await.len(), 1);
}

#[tokio::test]
async fn a_start_that_redis_did_not_hear_of_is_told_to_everybody_with_a_seat() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let (host, room) = stage.announced("host", open_room()).await;
    let guest = stage.person("guest").await;
    rooms::register_for_room(world, &guest, room, None).await.unwrap();
    // Far more of them than one row or one round trip holds, in one statement.
    let crowd = "INSERT INTO users (name, username, email, password, created_at, updated_at) \
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450) \
        SELECT 'x', CONCAT('crowd', i), CONCAT('crowd', i, '@example.com'), 'x', UTC_TIMESTAMP(), UTC_TIMESTAMP() FROM n";
    stage.run(crowd).await;
    stage
        .run(&format!(
            "INSERT INTO live_room_registrations (user_id, live_room_id, status, registered_at) \
             SELECT id, {room}, 'registered', UTC_TIMESTAMP() FROM users WHERE username LIKE 'crowd%'"
        ))
        .await;
    assert_eq!(rooms::enter_channel(world, &guest, room).await.unwrap().status, RoomStatus::Scheduled);
    let deaf = world.without_redis().await;

    let error = rooms::start_room(&deaf, &host, room).await.unwrap_err();
    assert_eq!(error.rule(), Rule::UNAVAILABLE);
    let again = rooms::start_room(world, &host, room).await.unwrap_err();
    assert_eq!(again.rule(), Rule::ILLEGAL_TRANSITION, "it was committed");
    assert_eq!(world.waiting_in_outbox().await, 3, "the room, the guest and the crowd, 200 a row");
    world.age_outbox().await;
    assert_eq!(system::relay_outbox(world).await.unwrap(), 3);

    assert_eq!(stage.heard_of(Channel::Room(room), "room.started").await.len(), 1);
    assert_eq!(world.told(guest.user_id(), "room.started").await.len(), 1);
    let last = stage.count("SELECT MAX(id) FROM users WHERE username LIKE 'crowd%'").await;
    assert_eq!(world.told(u64::try_from(last).unwrap(), "room.started").await.len(), 1);
    // What was remembered of the room is forgotten by the relay as well.
    assert_eq!(rooms::enter_channel(world, &guest, room).await.unwrap().status, RoomStatus::Active);
}

#[tokio::test]
async fn a_session_is_told_of_its_end_before_its_sockets_are_closed() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    let sign_in = async || {
        let input = protocol::users::LogIn {
            login: "sara".to_owned(),
            password: base::Secret::new(crate::world::PASSWORD),
            device_name: None,
        };
        let answer = users::log_in(&world, &client("203.0.113.7"), input).await.unwrap();
        users::authenticate(&world, &answer.access_token).await.unwrap().actor
    };
    let (one, two) = (sign_in().await, sign_in().await);
    let (listener, mut events) = world.bus.listener(ListenerSettings::default()).await.unwrap();
    listener.subscribe(&Channel::User(id).to_string()).await.unwrap();
    let mut hear = async || {
        let mut heard = Vec::new();
        let hearing = async {
            while heard.len() < 2 {
                for event in events.recv_batch().await.unwrap() {
                    match event {
                        BusEvent::Publication(_) => heard.push("event"),
                        BusEvent::Control(_) => heard.push("control"),
                        _ => {}
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), hearing).await.expect("both are heard");
        heard
    };

    users::log_out(&world, &one).await.unwrap();
    assert_eq!(hear().await, ["event", "control"]);
    // By the relay as well, where Redis was away.
    let deaf = world.without_redis().await;
    assert_eq!(users::log_out(&deaf, &two).await.unwrap_err().rule(), Rule::UNAVAILABLE);
    world.age_outbox().await;
    assert_eq!(system::relay_outbox(&world).await.unwrap(), 1);
    assert_eq!(hear().await, ["event", "control"]);
}

#[tokio::test]
async fn a_repeat_makes_stale_what_the_first_could_not() {
    let world = unlimited().await;
    let (_, amal_acts) = world.user("amal").await;
    let (badr, _) = world.user("badr").await;
    assert_eq!(users::find_state(&world, badr).await.unwrap().unwrap().unread_total, 0);
    let deaf = world.without_redis().await;
    let input = to_user(badr, "salam");
    let error = chat::send_message(&deaf, &amal_acts, input.clone()).await.unwrap_err();
    assert_eq!(error.rule(), Rule::UNAVAILABLE);

    assert!(chat::send_message(&world, &amal_acts, input).await.unwrap().replayed);
    assert_eq!(users::find_state(&world, badr).await.unwrap().unwrap().unread_total, 1);
    assert_eq!(world.told(badr, "chat.message_created").await.len(), 1);
}

#[tokio::test]
async fn a_gift_is_not_refused_because_redis_cannot_count_it() {
    let stage = Stage::with(|_| {}).await;
    let giver = stage.rich("giver", "5.00").await;
    let (host, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "1.00").await;
    let deaf = stage.world.without_redis().await;
    let input = to_room(rose, room);
    let error = domain::gifts::send_gift(&deaf, &giver, input.clone()).await.unwrap_err();
    assert_eq!(error.rule(), Rule::UNAVAILABLE, "it could not be told");
    assert_eq!(stage.balance(&giver).await, "4.00", "but it was given");
    assert!(domain::gifts::send_gift(&stage.app, &giver, input).await.unwrap().replayed);
    assert_eq!(stage.balance(&giver).await, "4.00");
    assert_eq!(stage.heard_of(Channel::User(host.user_id()), "gift.sent").await.len(), 1);
}

#[tokio::test]
async fn rows_that_cannot_be_told_keep_no_other_back() {
    let world = World::new().await;
    let (spoilt, _) = world.user("spoilt").await;
    let (sara, _) = world.user("sara").await;
    let mut conn = world.store.reader().await.unwrap();
    let event = |id: u64| Envelope::new(Channel::User(id), Event::SessionRevoked { session_id: None });
    let mut rows = vec![json!({"envelopes": [event(spoilt)]})];
    rows.extend((0..150).map(|_| json!({"envelopes": [{"of": "a newer release"}]})));
    rows.extend((0..3).map(|_| json!({"envelopes": [event(sara)]})));
    for row in rows {
        store::outbox::insert_events(&mut conn, &base::id::ulid(), row).await.unwrap();
    }
    world.age_outbox().await;
    // Redis refuses to count in what is no hash.
    let meta = format!("{}{{user:{spoilt}}}:meta", world.prefix());
    redis(&world, &format!("SET {meta} x\r\n")).await;

    assert_eq!(system::relay_outbox(&world).await.unwrap(), 3);
    assert_eq!(world.told(sara, "session.revoked").await.len(), 3);
    assert_eq!(world.waiting_in_outbox().await, 151);
    redis(&world, &format!("DEL {meta}\r\n")).await;
    assert_eq!(system::relay_outbox(&world).await.unwrap(), 1, "it was kept for later");
    assert_eq!(world.told(spoilt, "session.revoked").await.len(), 1);
    assert_eq!(world.waiting_in_outbox().await, 150);
}

/// Sends Redis a command of its inline form, which it takes.
async fn redis(world: &World, command: &str) {
    let url = world.app.settings.redis.url.expose().to_owned();
    let address = url.trim_start_matches("redis://").trim_end_matches('/');
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(command.as_bytes()).await.unwrap();
    let mut answer = [0; 64];
    let length = socket.read(&mut answer).await.unwrap();
    assert!(matches!(answer[..length].first(), Some(b'+' | b':')), "{command} {answer:?}");
}
