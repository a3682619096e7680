//! Ends: revoked sessions, suspended users, lost access, drain; and that nothing is left behind.

use std::time::{Duration, Instant};

use base::id::ulid;
use bus::ControlMessage;
use protocol::codec::Encoding;
use protocol::frame::PushBody;
use protocol::users::LogIn;
use realtime::Occupancy;
use serde_json::json;
use telemetry::Readiness;

use crate::client::Client;
use crate::stand::{CUT_PUBSUB, PASSWORD, Stand, command, key};

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_closes_the_sessions_sockets_on_every_node_within_a_second() {
    let stand = Stand::new().await;
    let user = stand.user("amal").await;
    let log_in = async || {
        let input: LogIn = serde_json::from_value(json!({"login": "amal", "password": PASSWORD})).unwrap();
        let client = domain::users::ClientContext::default();
        domain::users::log_in(stand.app(), &client, input).await.unwrap().access_token
    };
    let (ended, other) = (log_in().await, log_in().await);
    let mut sockets = Vec::new();
    for node in [0, 1] {
        let mut client = Client::open(&stand.nodes[node].url(), Encoding::Json).await;
        client.connect_with(&ended).await;
        sockets.push(client);
    }
    let mut stays = Client::open(&stand.nodes[1].url(), Encoding::Json).await;
    stays.connect_with(&other).await;
    let actor = domain::users::authenticate(stand.app(), &ended).await.unwrap().actor;
    let since = Instant::now();
    domain::users::log_out(stand.app(), &actor).await.unwrap();
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, 4501);
    }
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    stays.rpc("presence.query", &json!({"user_ids": [user]})).await.unwrap();
    // And the token is worth nothing any more, on the other node either.
    let mut again = Client::open(&stand.nodes[1].url(), Encoding::Json).await;
    let request = protocol::frame::ConnectRequest { token: ended, ..Default::default() };
    assert_eq!(again.ask(protocol::frame::Request::Connect(request)).await, Err(3500));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_user_is_closed_with_4503_everywhere_and_is_offline_at_once() {
    let stand = Stand::with(2, |settings| settings.socket.presence_grace = Duration::from_secs(60)).await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut watcher = stand.client(0, amal).await;
    let channel = format!("presence:{badr}");
    let mut sockets = [stand.client(0, badr).await, stand.client(1, badr).await];
    watcher.subscribe_to(&channel).await.unwrap();
    stand.app().bus.control(&ControlMessage::UserSuspended { user_id: badr }).await.unwrap();
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, 4503);
    }
    loop {
        if watcher.event(&channel).await.1["data"]["online"] == false {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_access_stops_hearing_with_code_2000_and_others_go_on() {
    let stand = Stand::new().await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let channel = format!("presence:{badr}");
    let mut watcher = stand.client(1, amal).await;
    watcher.subscribe_to(&channel).await.unwrap();
    let revoked = ControlMessage::AccessRevoked { user_id: amal, channel: channel.clone() };
    // Asked again, and still allowed.
    stand.app().bus.control(&revoked).await.unwrap();
    watcher.hears_nothing_for(Duration::from_millis(500)).await;
    // Badr hides; whatever is remembered of him goes.
    let hide = format!("UPDATE user_profiles SET show_online_status = 0 WHERE user_id = {badr}");
    assert_eq!(stand.database.execute(&hide).await.unwrap(), 1);
    let state = domain::users::state_key(badr);
    stand.app().bus.cache_invalidate(&[&state]).await.unwrap();
    stand.app().bus.control(&revoked).await.unwrap();
    let push = watcher.push().await.unwrap();
    let PushBody::Unsubscribe(gone) = push.body else { panic!("{push:?}") };
    assert_eq!((push.channel, gone.code), (channel.clone(), 2000));
    assert_eq!(watcher.subscribe_to(&channel).await.unwrap_err().code, 103);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_all_sockets_have_gone_nothing_is_left() {
    let stand = Stand::with(1, |settings| settings.socket.presence_grace = Duration::from_millis(200)).await;
    let room = format!("room:{}", stand.room().await);
    let mut clients = Vec::new();
    for index in 0..12 {
        let user = stand.user(&format!("u{index}0")).await;
        let mut client = stand.client_speaking(0, user, Encoding::ALL[index % 3]).await;
        client.subscribe_to(&room).await.unwrap();
        clients.push(client);
    }
    let hub = &stand.nodes[0].hub;
    let full = Occupancy { connections: 12, users: 12, channels: 13, subscriptions: 24 };
    assert_eq!(hub.occupancy(), full);
    // Some say goodbye, some do not.
    for (index, client) in clients.into_iter().enumerate() {
        if index % 2 == 0 {
            client.close().await;
        } else {
            drop(client);
        }
    }
    let empty = Occupancy { connections: 0, users: 0, channels: 0, subscriptions: 0 };
    Stand::eventually(async || hub.occupancy() == empty).await;
    Stand::eventually(async || stand.app().bus.member_counts(&[&room]).await.unwrap()[0].clients == 0).await;
    let node = stand.app().bus.node_id();
    Stand::eventually(async || stand.app().bus.node_user_count(node).await.unwrap() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_answers_what_was_asked_spreads_its_closes_and_takes_nobody_new() {
    let mut stand = Stand::with(2, |settings| settings.socket.drain = Duration::from_secs(1)).await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut hearer = stand.client(1, badr).await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(stand.client(0, amal).await);
    }
    // Asked before the drain, answered in any case.
    for client in &mut clients {
        let data = json!({"client_id": key(), "user_id": badr, "body": ulid()}).to_string();
        let request =
            protocol::frame::RpcRequest { method: "chat.send_message".to_owned(), data: data.into() };
        client.send(77, protocol::frame::Request::Rpc(request)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let node = stand.nodes.remove(0);
    let (url, ready) = (node.url(), node.hub.readiness());
    assert_eq!(ready(), Readiness::Ready);
    let since = Instant::now();
    let draining = tokio::spawn(node.hub.drain());
    let mut ends = Vec::new();
    for mut client in clients {
        ends.push(tokio::spawn(async move {
            let mut answered = false;
            loop {
                match client.next().await {
                    Ok(protocol::frame::ServerMessage::Reply(reply)) => answered |= reply.id == 77,
                    Ok(_) => {}
                    Err(code) => return (answered, code, since.elapsed()),
                }
            }
        }));
    }
    let mut last = Duration::ZERO;
    for end in ends {
        let (answered, code, after) = end.await.unwrap();
        assert_eq!((answered, code), (true, 3001));
        last = last.max(after);
    }
    assert!(last >= Duration::from_millis(300), "spread: {last:?}");
    assert!(matches!(ready(), Readiness::NotReady(_)));
    assert!(Client::open_with(&url, Encoding::Json, &[]).await.is_err());
    draining.await.unwrap();
    for _ in 0..10 {
        hearer.event(&format!("user:{badr}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_deaf_finds_out_what_ended_meanwhile() {
    let stand = Stand::with_own_redis(1).await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let token = stand.token(amal).await;
    let subject = domain::users::authenticate(stand.app(), &token).await.unwrap().actor.token_id().to_owned();
    let mut ended = Client::open(&stand.nodes[0].url(), Encoding::Json).await;
    ended.connect_with(&token).await;
    let mut stays = stand.client(0, badr).await;
    // As another process writes it; the message about it is never heard here.
    let revoked = format!(
        "INSERT INTO hub_revoked_tokens VALUES ('{subject}', {amal}, UTC_TIMESTAMP() + INTERVAL 1 HOUR)"
    );
    assert_eq!(stand.database.execute(&revoked).await.unwrap(), 1);
    ended.hears_nothing_for(Duration::from_millis(300)).await;
    command(&stand.redis.as_ref().unwrap().url(), CUT_PUBSUB).await;
    assert_eq!(ended.closed().await, 4501);
    stays.hears_nothing_for(Duration::from_millis(500)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_a_node_is_not_ready_keeps_its_sockets_and_asks_to_try_again() {
    let mut stand = Stand::with_own_redis(1).await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut client = stand.client(0, amal).await;
    let ready = stand.nodes[0].hub.readiness();
    assert_eq!(ready(), Readiness::Ready);
    stand.redis.take().unwrap().stop().await.unwrap();
    Stand::eventually(async || matches!(ready(), Readiness::NotReady(_))).await;
    let message = json!({"client_id": key(), "user_id": badr, "body": "salam"});
    let error = client.rpc("chat.send_message", &message).await.unwrap_err();
    assert!(error.temporary, "{error:?}");
    let error = client.subscribe_to(&format!("presence:{badr}")).await.unwrap_err();
    assert!(error.code == 100 && error.temporary, "{error:?}");
}
