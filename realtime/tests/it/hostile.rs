//! What no honest client sends: never a panic, never a silent drop, and nobody else notices.

use std::time::Duration;

use bytes::Bytes;
use protocol::codec::{Encoding, encode_command};
use protocol::frame::{Command, PingRequest, Request, ServerMessage};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use futures_util::SinkExt;

use crate::client::Client;
use crate::stand::{Stand, n};

#[tokio::test(flavor = "multi_thread")]
async fn garbage_closes_with_3501_and_others_go_on() {
    let stand = Stand::with(1, |_| {}).await;
    let user = stand.user("amal").await;
    let mut witness = stand.client(0, user).await;
    let cases: Vec<(Encoding, Message)> = vec![
        (Encoding::Json, Message::text("{")),
        (Encoding::Json, Message::text("")),
        (Encoding::Json, Message::text("[]")),
        (Encoding::Json, Message::text("{\"id\":1}\nnonsense")),
        (Encoding::Json, Message::binary(b"{}".to_vec())),
        (Encoding::Json, Message::text("x".repeat(1_000_000))),
        (Encoding::Protobuf, Message::text("{}")),
        (Encoding::Protobuf, Message::binary(vec![0xff; 40])),
        (Encoding::Protobuf, Message::binary(vec![5, 1])),
        (Encoding::Protobuf, Message::binary(vec![0; 1_000_000])),
        (Encoding::MessagePack, Message::binary(vec![0xc1])),
        (Encoding::MessagePack, Message::binary(vec![0x81])),
        (Encoding::MessagePack, Message::text("{}")),
        // A fragment that nothing was begun for, and text that is no UTF-8.
        (
            Encoding::Json,
            Message::Frame(Frame::message(Bytes::from_static(b"x"), OpCode::Data(Data::Continue), true)),
        ),
        (
            Encoding::Json,
            Message::Frame(Frame::message(Bytes::from_static(&[0xff]), OpCode::Data(Data::Text), true)),
        ),
    ];
    for (encoding, message) in cases {
        let what = format!("{encoding:?} {:.60?}", message.to_string());
        let mut client = stand.client_speaking(0, user, encoding).await;
        // A large message may be refused before it is sent wholly.
        let _refused_early = client.socket.send(message).await;
        assert_eq!(client.closed().await, 3501, "{what}");
    }
    stand.publish(&format!("user:{user}"), 1).await;
    assert_eq!(n(&witness.event(&format!("user:{user}")).await.1), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_command_with_an_id_is_error_107_and_the_socket_lives() {
    let stand = Stand::with(1, |_| {}).await;
    let user = stand.user("amal").await;
    let mut client = stand.client(0, user).await;
    client.send_bytes(Bytes::from_static(b"{\"id\":71,\"subscribe\":{\"channel\":5}}")).await;
    client.send_bytes(Bytes::from_static(b"{\"id\":72}")).await;
    for id in [71, 72] {
        let Ok(ServerMessage::Reply(reply)) = client.next().await else { panic!() };
        assert_eq!((reply.id, reply.outcome.unwrap_err().code), (id, 107));
    }
    client.ask(Request::Ping(PingRequest {})).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_frame_waits_without_harm_and_ends_with_its_sender() {
    let stand = Stand::with(1, |_| {}).await;
    let user = stand.user("amal").await;
    let mut client = stand.client(0, user).await;
    let MaybeTlsStream::Plain(stream) = client.socket.get_mut() else { panic!() };
    // A masked text frame of 100 bytes, of which 3 come.
    stream.write_all(&[0x81, 0x80 | 100, 1, 2, 3, 4, 9, 9, 9]).await.unwrap();
    // What the server has to say goes on.
    stand.publish(&format!("user:{user}"), 1).await;
    assert_eq!(n(&client.event(&format!("user:{user}")).await.1), 1);
    drop(client);
    Stand::eventually(async || stand.nodes[0].hub.occupancy().connections == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_commands_are_refused_with_111_and_then_3013() {
    let stand = Stand::with(1, |settings| {
        settings.limits.enabled = true;
        settings.limits.commands_per_minute = 1;
        settings.limits.command_burst = 5;
    })
    .await;
    let user = stand.user("amal").await;
    let mut client = stand.client(0, user).await;
    let (mut answered, mut refused) = (0, 0);
    for id in 0..100 {
        let ping = Command { id: 1_000 + id, request: Request::Ping(PingRequest {}) };
        if client
            .socket
            .send(Message::text(
                String::from_utf8(encode_command(Encoding::Json, &ping).unwrap().to_vec()).unwrap(),
            ))
            .await
            .is_err()
        {
            break;
        }
    }
    let code = loop {
        match client.next().await {
            Ok(ServerMessage::Reply(reply)) => match reply.outcome {
                Ok(_) => answered += 1,
                Err(error) => {
                    assert!(error.code == 111 && error.temporary);
                    refused += 1;
                }
            },
            Ok(other) => panic!("{other:?}"),
            Err(code) => break code,
        }
    };
    // `connect` was one of the five.
    assert_eq!((answered, refused, code), (4, 30, 3013));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_does_not_read_is_closed_with_3008_and_delays_nobody() {
    let stand = Stand::with(1, |settings| settings.socket.max_queue_bytes = 256 * 1024).await;
    let room = format!("room:{}", stand.room().await);
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut slow = stand.client(0, amal).await;
    slow.subscribe_to(&room).await.unwrap();
    let mut quick = stand.client(0, badr).await;
    quick.subscribe_to(&room).await.unwrap();
    let mut numbers = 0..400;
    let mut send_to_quick = async |number| {
        stand.publish_padded(&room, number, 48 * 1024).await;
        let (_, event) = tokio::time::timeout(Duration::from_secs(3), quick.event(&room)).await.unwrap();
        assert_eq!(n(&event), number);
    };
    // More than the kernel's buffers take; the quick one reads each at once.
    while stand.nodes[0].hub.occupancy().users == 2 {
        send_to_quick(numbers.next().expect("one who does not read is let go")).await;
    }
    assert_eq!(stand.nodes[0].hub.occupancy().users, 1);
    // It has a few seconds to read why, so the others wait until it has.
    assert_eq!(slow.closed().await, 3008);
    for number in numbers {
        send_to_quick(number).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_only_asks_and_never_reads_is_held_back_not_served_without_end() {
    let stand = Stand::with(1, |settings| settings.socket.max_queue_bytes = 64 * 1024).await;
    let user = stand.user("amal").await;
    let mut client: Client = stand.client(0, user).await;
    let commands: Vec<u8> = (0..1_000)
        .flat_map(|id| {
            encode_command(Encoding::Json, &Command { id: id + 10, request: Request::Ping(PingRequest {}) })
                .unwrap()
                .to_vec()
                .into_iter()
                .chain([b'\n'])
        })
        .collect();
    let flood = async {
        loop {
            client.send_bytes(Bytes::from(commands.clone())).await;
        }
    };
    // TCP holds the sender back at last: it cannot send for ever.
    assert!(tokio::time::timeout(Duration::from_secs(4), flood).await.is_err());
    assert_eq!(stand.nodes[0].hub.occupancy().connections, 1);
}
