//! Order, loss and recovery (realtime.md §5).

use std::time::Duration;

use protocol::codec::Encoding;
use protocol::frame::PushBody;
use protocol::frame::{ConnectRequest, ConnectResult, SubscribeRequest};

use crate::client::{Client, event_of, recovering};
use crate::stand::{CUT_PUBSUB, Stand, command, event, n};

async fn reconnect(stand: &Stand, node: usize, user: u64, from: SubscribeRequest) -> (Client, ConnectResult) {
    let mut client = Client::open(&stand.nodes[node].url(), Encoding::Protobuf).await;
    let subs = [(format!("user:{user}"), from)].into();
    let result =
        client.connect(ConnectRequest { token: stand.token(user).await, subs, ..Default::default() }).await;
    (client, result)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_comes_with_the_reply_wholly_or_not_at_all() {
    let stand = Stand::new().await;
    let user = stand.user("amal").await;
    let channel = format!("user:{user}");
    let mut client = Client::open(&stand.nodes[0].url(), Encoding::Json).await;
    let result = client.connect_with(&stand.token(user).await).await;
    let own = result.subs[&channel].clone();
    for number in 1..=3 {
        stand.publish(&channel, number).await;
        assert_eq!(client.event(&channel).await.0, own.offset + number);
    }
    client.close().await;
    for number in 4..=10 {
        stand.publish(&channel, number).await;
    }

    // On the other node, exactly what was missed.
    let from = recovering("", &own.epoch, own.offset + 3);
    let (mut back, result) = reconnect(&stand, 1, user, from).await;
    let sub = &result.subs[&channel];
    assert!(sub.was_recovering && sub.recovered);
    let missed: Vec<_> = sub.publications.iter().map(|one| n(&event_of(one).1)).collect();
    assert_eq!(missed, [4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(sub.offset, own.offset + 10);
    stand.publish(&channel, 11).await;
    assert_eq!(back.event(&channel).await.0, own.offset + 11);

    // Another epoch, and a position that the stream never had.
    for from in [recovering("", "another", own.offset), recovering("", &own.epoch, own.offset + 999)] {
        let (_, result) = reconnect(&stand, 0, user, from).await;
        let sub = &result.subs[&channel];
        assert!(sub.was_recovering && !sub.recovered && sub.publications.is_empty());
        assert_eq!((sub.offset, &sub.epoch), (own.offset + 11, &own.epoch));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_recovered_too_and_too_much_is_not() {
    let stand = Stand::new().await;
    let room = format!("room:{}", stand.room().await);
    let user = stand.user("amal").await;
    let mut client = stand.client(0, user).await;
    let start = client.subscribe_to(&room).await.unwrap();
    client.close().await;
    for number in 1..=50 {
        stand.publish(&room, number).await;
    }
    let mut client = stand.client(1, user).await;
    let again = client.subscribe(recovering(&room, &start.epoch, start.offset)).await.unwrap();
    assert!(again.recovered);
    let missed: Vec<_> = again.publications.iter().map(|one| n(&event_of(one).1)).collect();
    assert_eq!(missed, (1..=50).collect::<Vec<_>>());
    client.close().await;
    for number in 51..=1_500 {
        stand.publish(&room, number).await;
    }
    let mut client = stand.client(0, user).await;
    let late = client.subscribe(recovering(&room, &start.epoch, start.offset)).await.unwrap();
    assert!(!late.recovered && late.publications.is_empty() && late.offset == start.offset + 1_500);
}

/// The race that "subscribe first, read history second, merge third" is for.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_while_events_pour_hears_each_once_and_in_order() {
    let stand = Stand::new().await;
    let room = format!("room:{}", stand.room().await);
    let users = [stand.user("u0").await, stand.user("u1").await, stand.user("u2").await];
    let bus = stand.app().bus.clone();
    let channel = room.clone();
    let total = 600;
    let publisher = tokio::spawn(async move {
        for number in 1..=total {
            let history = Some(bus::HistoryPolicy { max_events: 1_000, ttl: Duration::from_secs(60) });
            bus.publish(&[event(&channel, number, 0, history)]).await.unwrap();
        }
    });
    let mut hearing = Vec::new();
    for round in 0..12 {
        let mut client = stand.client_speaking(round % 2, users[round % 3], Encoding::ALL[round % 3]).await;
        let start = client.subscribe_to(&room).await.unwrap();
        hearing.push(async move {
            let mut offset = start.offset;
            loop {
                let push = client.push().await.unwrap();
                let PushBody::Publication(publication) = push.body else { continue };
                if publication.offset == 0 {
                    // How many listen.
                    continue;
                }
                assert_eq!(publication.offset, offset + 1, "each once and in order");
                offset = publication.offset;
                if n(&event_of(&publication).1) == total {
                    return;
                }
            }
        });
    }
    futures_util::future::join_all(hearing).await;
    publisher.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_pub_sub_lost_are_read_from_the_stream() {
    let stand = Stand::with_own_redis(1).await;
    let user = stand.user("amal").await;
    let channel = format!("user:{user}");
    let mut client = stand.client(0, user).await;
    stand.publish(&channel, 1).await;
    let (first, _) = client.event(&channel).await;
    // The link is cut while events are published; the publishes go another way.
    let redis = stand.redis.as_ref().unwrap();
    for number in 2..=20 {
        if number % 5 == 0 {
            command(&redis.url(), CUT_PUBSUB).await;
        }
        stand.publish(&channel, number).await;
    }
    for number in 2..=20 {
        let (offset, event) = client.event(&channel).await;
        assert_eq!((offset, n(&event)), (first + number - 1, number));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_redis_makes_user_channels_reconnect_and_rooms_resubscribe() {
    let stand = Stand::with_own_redis(1).await;
    let room = format!("room:{}", stand.room().await);
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut one = stand.client(0, amal).await;
    stand.publish(&format!("user:{amal}"), 1).await;
    let (offset, _) = one.event(&format!("user:{amal}")).await;
    let mut two = stand.client(0, badr).await;
    two.subscribe_to(&room).await.unwrap();
    command(&stand.redis.as_ref().unwrap().url(), &["FLUSHALL"]).await;
    // The next event has another epoch.
    stand.publish(&format!("user:{amal}"), 2).await;
    stand.publish(&room, 3).await;
    assert_eq!(one.closed().await, 3010);
    let gone = loop {
        let push = two.push().await.unwrap();
        if let PushBody::Unsubscribe(gone) = push.body {
            break gone;
        }
    };
    assert_eq!(gone.code, 2500);
    two.subscribe_to(&room).await.unwrap();
    stand.publish(&room, 4).await;
    assert_eq!(n(&two.event(&room).await.1), 4);
    let (_, result) = reconnect(&stand, 0, amal, recovering("", "old", offset)).await;
    assert!(!result.subs[&format!("user:{amal}")].recovered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_window_of_the_longest_texts_is_recovered_and_what_no_reply_can_hold_is_not_in_part() {
    let stand = Stand::with(1, |settings| settings.socket.pong_timeout = Duration::from_secs(600)).await;
    let user = stand.user("amal").await;
    let texts = format!("room:{}", stand.room().await);
    let floods = format!("room:{}", stand.room().await);
    let mut client = stand.client(0, user).await;
    let start = client.subscribe_to(&texts).await.unwrap();
    let flood = client.subscribe_to(&floods).await.unwrap();
    client.close().await;
    // 4,000 letters of Arabic are 8,000 bytes.
    for number in 1..=1_000 {
        stand.publish_padded(&texts, number, 8_500).await;
    }
    for encoding in Encoding::ALL {
        let mut client = stand.client_speaking(0, user, encoding).await;
        let again = client.subscribe(recovering(&texts, &start.epoch, start.offset)).await.unwrap();
        assert!(again.recovered, "{encoding:?}");
        let missed: Vec<_> = again.publications.iter().map(|one| n(&event_of(one).1)).collect();
        assert_eq!(missed, (1..=1_000).collect::<Vec<_>>(), "{encoding:?}");
        // The socket is none the worse for it.
        stand.publish(&format!("user:{user}"), 7).await;
        assert_eq!(n(&client.event(&format!("user:{user}")).await.1), 7);
    }
    for number in 1..=400 {
        stand.publish_padded(&floods, number, 48 * 1024).await;
    }
    let mut client = stand.client(0, user).await;
    let again = client.subscribe(recovering(&floods, &flood.epoch, flood.offset)).await.unwrap();
    assert!(again.was_recovering && !again.recovered && again.publications.is_empty());
    assert_eq!(again.offset, flood.offset + 400);
}
