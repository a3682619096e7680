//! Delivery (realtime.md §7).

use std::time::Duration;

use protocol::codec::Encoding;
use protocol::frame::PushBody;

use crate::stand::{Stand, event, n};

#[tokio::test(flavor = "multi_thread")]
async fn everybody_on_both_nodes_hears_everything_in_the_same_order() {
    let stand = Stand::new().await;
    let room = format!("room:{}", stand.room().await);
    let mut clients = Vec::new();
    for index in 0..30 {
        let user = stand.user(&format!("u{index}0")).await;
        let mut client = stand.client_speaking(index % 2, user, Encoding::ALL[index % 3]).await;
        client.subscribe_to(&room).await.unwrap();
        clients.push(client);
    }
    // Several publishers at once; the stream's order is everybody's order.
    let publishing = (0..4).map(|publisher| {
        let stand = &stand;
        let room = &room;
        async move {
            for number in 0..50 {
                stand.publish(room, publisher * 1_000 + number).await;
            }
        }
    });
    futures_util::future::join_all(publishing).await;
    let mut orders = Vec::new();
    for client in &mut clients {
        let mut order = Vec::new();
        while order.len() < 200 {
            order.push(n(&client.event(&room).await.1));
        }
        orders.push(order);
    }
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]));
    for publisher in 0..4 {
        let own: Vec<_> = orders[0].iter().filter(|number| **number / 1_000 == publisher).collect();
        assert!(own.is_sorted());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_are_heard_without_an_offset_and_other_channels_are_not_heard() {
    let stand = Stand::new().await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut one = stand.client(0, amal).await;
    let mut two = stand.client(0, badr).await;
    stand.app().bus.publish(&[event(&format!("user:{amal}"), 5, 0, None)]).await.unwrap();
    let push = one.push().await.unwrap();
    let PushBody::Publication(publication) = push.body else { panic!() };
    assert_eq!(publication.offset, 0);
    two.hears_nothing_for(Duration::from_millis(500)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_listener_leaving_gives_the_channel_up_late_and_a_return_finds_it() {
    let stand = Stand::with(1, |_| {}).await;
    let room = format!("room:{}", stand.room().await);
    let user = stand.user("amal").await;
    let mut client = stand.client(0, user).await;
    let leave = || {
        protocol::frame::Request::Unsubscribe(protocol::frame::UnsubscribeRequest { channel: room.clone() })
    };
    for number in 0..5 {
        client.subscribe_to(&room).await.unwrap();
        stand.publish(&room, number).await;
        assert_eq!(n(&client.event(&room).await.1), number);
        client.ask(leave()).await.unwrap().unwrap();
        stand.publish(&room, 99).await;
        // Before, at, and after the time at which the channel is given up.
        tokio::time::sleep(Duration::from_millis(900 * (number + 1) / 2)).await;
    }
    assert!(stand.nodes[0].hub.occupancy().channels <= 2);
    Stand::eventually(async || stand.nodes[0].hub.occupancy().channels == 1).await;
}
