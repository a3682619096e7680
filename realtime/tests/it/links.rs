//! Links to Redis that lose things or stand still (realtime.md §5): found, rebuilt, and nothing is missing afterwards.

use std::time::{Duration, Instant};

use protocol::codec::Encoding;
use protocol::frame::PushBody;
use serde_json::json;
use telemetry::Readiness;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::client::event_of;
use crate::stand::{Stand, command, key, n};

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_alive_but_deaf_is_found_and_rebuilt_and_what_was_missed_is_delivered() {
    let (stand, proxy) = Stand::behind_a_proxy(1, |_| {}).await;
    let user = stand.user("amal").await;
    let channel = format!("user:{user}");
    let mut client = stand.client(0, user).await;
    let ready = stand.nodes[0].hub.readiness();
    stand.publish(&channel, 1).await;
    let (first, _) = client.event(&channel).await;
    assert_eq!((ready(), proxy.subscribers()), (Readiness::Ready, 1));

    let since = Instant::now();
    proxy.set_deaf(true);
    for number in 2..=5 {
        stand.publish(&channel, number).await;
    }
    Stand::eventually(async || matches!(ready(), Readiness::NotReady(_))).await;
    let noticed = since.elapsed();
    for number in 2..=5 {
        let (offset, event) = client.event(&channel).await;
        assert_eq!((offset, n(&event)), (first + number - 1, number));
    }
    let delivered = since.elapsed();
    Stand::eventually(async || ready() == Readiness::Ready).await;
    println!(
        "deaf link: not ready after {noticed:?}, missed events delivered after {delivered:?}, {} bytes lost, {} links",
        proxy.lost_bytes(),
        proxy.subscribers()
    );
    assert!(proxy.lost_bytes() > 0 && proxy.subscribers() == 2, "the same link would not have heard again");
    assert!(delivered < Duration::from_secs(11), "{delivered:?}");
    // And it goes on as before.
    stand.publish(&channel, 6).await;
    assert_eq!(n(&client.event(&channel).await.1), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pub_sub_lost_in_a_channel_that_is_quiet_afterwards_is_found_by_the_check() {
    let (stand, proxy) =
        Stand::behind_a_proxy(1, |settings| settings.socket.quiet_check = Duration::from_secs(4)).await;
    let user = stand.user("amal").await;
    let room = format!("room:{}", stand.room().await);
    let mut client = stand.client(0, user).await;
    client.subscribe_to(&room).await.unwrap();
    stand.publish(&room, 1).await;
    let (first, _) = client.event(&room).await;
    // Far shorter than what makes a link deaf: nothing but the hole tells of it.
    proxy.set_deaf(true);
    stand.publish(&room, 2).await;
    stand.publish(&room, 3).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    proxy.set_deaf(false);
    let since = Instant::now();
    for number in [2, 3] {
        let (offset, event) = client.event(&room).await;
        assert_eq!((offset, n(&event)), (first + number - 1, number));
    }
    println!("a hole in a quiet channel was healed after {:?} (check within 4 s)", since.elapsed());
    // 3.6 s at most until it is looked at, a second for an event that may be on its way, and a busy machine.
    assert!(since.elapsed() <= Duration::from_secs(6), "{:?}", since.elapsed());
    assert_eq!(proxy.subscribers(), 1, "the link was never rebuilt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_channel_is_checked_once_a_node_and_not_once_a_socket() {
    let stand =
        Stand::with_own_redis_and(1, |settings| settings.socket.quiet_check = Duration::from_secs(2)).await;
    let room = format!("room:{}", stand.room().await);
    let mut clients = Vec::new();
    let user = stand.user("amal").await;
    for _ in 0..50 {
        let mut client = stand.client(0, user).await;
        client.subscribe_to(&room).await.unwrap();
        clients.push(client);
    }
    // The members are told of, and the channel is quiet.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let url = stand.redis.as_ref().unwrap().url();
    let address = url.trim_start_matches("redis://").split('/').next().unwrap();
    let mut monitor = TcpStream::connect(address).await.unwrap();
    monitor.write_all(b"MONITOR\r\n").await.unwrap();
    let mut lines = BufReader::new(monitor).lines();
    let (mut checks, mut commands) = (0, 0);
    let until = tokio::time::Instant::now() + Duration::from_secs(8);
    let meta = format!("{{{room}}}:meta");
    while let Ok(line) = tokio::time::timeout_at(until, lines.next_line()).await {
        let line = line.unwrap().unwrap();
        // What a script does inside is told too, marked as its own.
        if !line.contains(" lua] ") {
            commands += 1;
            checks += u32::from(line.contains(&meta));
        }
    }
    println!(
        "50 sockets on one quiet channel, 8 s, a check each 2 s: {checks} checks of {commands} commands"
    );
    assert!((3..=6).contains(&checks), "{checks}");
    assert!(commands < 60, "an idle node asks little: {commands}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_redis_that_stood_still_for_five_seconds_everything_goes_on() {
    let stand = Stand::with_own_redis(2).await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut sender = stand.client_speaking(0, amal, Encoding::Protobuf).await;
    let mut hearer = stand.client(1, badr).await;
    let room = format!("room:{}", stand.room().await);
    hearer.subscribe_to(&room).await.unwrap();
    let send = |body: String, key: protocol::IdempotencyKey| json!({"client_id": key, "user_id": badr, "body": body});
    sender.rpc("chat.send_message", &send("before".to_owned(), key())).await.unwrap();

    command(&stand.redis.as_ref().unwrap().url(), &["CLIENT", "PAUSE", "5000", "ALL"]).await;
    let since = Instant::now();
    // What is acknowledged is heard, and what is not is sent again, with the same key.
    let mut tries = 0;
    for number in 0..20 {
        let message = send(format!("during {number}"), key());
        while let Err(error) = sender.rpc("chat.send_message", &message).await {
            assert!(error.temporary, "{error:?}");
            tries += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let acknowledged = since.elapsed();
    let mut bodies = Vec::new();
    while bodies.len() < 21 {
        let PushBody::Publication(publication) = hearer.push().await.unwrap().body else { continue };
        let event = event_of(&publication).1;
        if event["type"] == "chat.message_created" {
            let body = event["data"]["message"]["body"].as_str().unwrap().to_owned();
            // A repeat publishes again, with the same id: apps drop it.
            if !bodies.contains(&body) {
                bodies.push(body);
            }
        }
    }
    let expected: Vec<_> = std::iter::once("before".to_owned())
        .chain((0..20).map(|number| format!("during {number}")))
        .collect();
    assert_eq!(bodies, expected);
    println!(
        "redis paused for 5 s: 20 messages acknowledged after {acknowledged:?} with {tries} repeats, all heard in order"
    );
    // The sockets are the same ones, and the nodes are well.
    for node in &stand.nodes {
        let ready = node.hub.readiness();
        Stand::eventually(async || ready() == Readiness::Ready).await;
        assert_eq!(node.hub.occupancy().connections, 1);
    }
    stand.publish(&room, 7).await;
    assert_eq!(n(&hearer.event(&room).await.1), 7);
}
