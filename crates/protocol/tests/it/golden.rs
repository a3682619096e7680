//! Frames worked out by hand from the protocol's definition: what the SDKs send and expect, byte for byte.

use bytes::Bytes;
use protocol::codec::{
    Encoding, Payload, decode_commands, decode_replies, encode_command, encode_empty,
    encode_publication_push, encode_push, encode_reply, join,
};
use protocol::codes::{CloseCode, ProtocolError, UnsubscribeCode};
use protocol::frame::{
    Answer, Command, ConnectRequest, ConnectResult, HistoryRequest, Join, PingRequest, Publication, Push,
    PushBody, Reply, Request, RpcRequest, RpcResult, ServerMessage, StreamPosition, SubscribeRequest,
    SubscribeResult, UnsubscribeResult,
};

use crate::{hex, one_command, unhex};

fn json(text: &str) -> Bytes {
    Payload::from_json(text.as_bytes().to_vec()).unwrap().into_bytes()
}

/// The command is written so, and read back the same, in each encoding.
fn command(command: &Command, expected_json: &str, protobuf: &str, messagepack: &str) {
    let written = |encoding| encode_command(encoding, command).unwrap();
    assert_eq!(std::str::from_utf8(&written(Encoding::Json)).unwrap(), expected_json);
    assert_eq!(hex(&written(Encoding::Protobuf)), hex(&unhex(protobuf)));
    assert_eq!(hex(&written(Encoding::MessagePack)), hex(&unhex(messagepack)));
    for encoding in Encoding::ALL {
        assert_eq!(one_command(encoding, &written(encoding)).unwrap(), *command, "{encoding:?}");
    }
}

fn message(message: &ServerMessage, expected_json: &str, protobuf: &str, messagepack: &str) {
    let written = |encoding| match message {
        ServerMessage::Ping => encode_empty(encoding),
        ServerMessage::Reply(reply) => encode_reply(encoding, reply).unwrap(),
        ServerMessage::Push(push) => encode_push(encoding, push).unwrap(),
    };
    assert_eq!(std::str::from_utf8(&written(Encoding::Json)).unwrap(), expected_json);
    assert_eq!(hex(&written(Encoding::Protobuf)), hex(&unhex(protobuf)));
    assert_eq!(hex(&written(Encoding::MessagePack)), hex(&unhex(messagepack)));
    for encoding in Encoding::ALL {
        let read = decode_replies(encoding, &written(encoding));
        assert_eq!(read.len(), 1);
        assert_eq!(read.into_iter().next().unwrap().unwrap(), *message, "{encoding:?}");
    }
}

#[test]
fn connect_command_with_a_position() {
    let position = SubscribeRequest { recover: true, epoch: "e".into(), offset: 300, ..Default::default() };
    let request = ConnectRequest {
        token: "t".into(),
        subs: [("user:7".to_owned(), position)].into(),
        name: "js".into(),
        ..Default::default()
    };
    command(
        &Command { id: 1, request: Request::Connect(request) },
        r#"{"id":1,"connect":{"token":"t","subs":{"user:7":{"recover":true,"epoch":"e","offset":300}},"name":"js"}}"#,
        // 08 id; 22 connect; 0a token; 1a subs entry {0a key, 12 value {18 recover, 32 epoch, 38 offset}}; 22 name
        "1f 0801 221b 0a0174 1a12 0a06757365723a37 1208 1801 320165 38ac02 22026a73",
        "82 a26964 01 a7636f6e6e656374 83 a5746f6b656e a174 a473756273 81 a6757365723a37 83 a77265636f766572 c3 \
         a565706f6368 a165 a66f6666736574 cd012c a46e616d65 a26a73",
    );
}

#[test]
fn rpc_command_carries_the_payload_in_each_encodings_way() {
    let request = RpcRequest { method: "a.b".into(), data: json(r#"{"n":[1,-1,null]}"#) };
    command(
        &Command { id: 200, request: Request::Rpc(request) },
        r#"{"id":200,"rpc":{"data":{"n":[1,-1,null]},"method":"a.b"}}"#,
        "1d 08c801 6a18 0a11 7b226e223a5b312c2d312c6e756c6c5d7d 1203612e62",
        "82 a26964 ccc8 a3727063 82 a464617461 81 a16e 93 01 ff c0 a66d6574686f64 a3612e62",
    );
}

#[test]
fn history_command_with_a_negative_limit() {
    let request = HistoryRequest {
        channel: "room:5".into(),
        limit: -1,
        since: Some(StreamPosition { offset: 2, epoch: "e".into() }),
        reverse: true,
    };
    command(
        &Command { id: 3, request: Request::History(request) },
        r#"{"id":3,"history":{"channel":"room:5","limit":-1,"since":{"offset":2,"epoch":"e"},"reverse":true}}"#,
        "20 0803 521c 0a06726f6f6d3a35 38ffffffffffffffffff01 42050802120165 4801",
        "82 a26964 03 a7686973746f7279 84 a76368616e6e656c a6726f6f6d3a35 a56c696d6974 ff a573696e6365 82 a66f6666736574 02 \
         a565706f6368 a165 a772657665727365 c3",
    );
}

#[test]
fn empty_commands_are_pongs_and_empty_requests_are_not() {
    command(&Command { id: 0, request: Request::Empty }, "{}", "00", "80");
    command(
        &Command { id: 4, request: Request::Ping(PingRequest {}) },
        r#"{"id":4,"ping":{}}"#,
        "04 0804 5a00",
        "82 a26964 04 a470696e67 80",
    );
}

#[test]
fn empty_results_are_present() {
    message(&ServerMessage::Ping, "{}", "00", "80");
    message(
        &ServerMessage::Reply(Reply { id: 1, outcome: Ok(Answer::Connect(ConnectResult::default())) }),
        r#"{"id":1,"connect":{}}"#,
        "04 0801 2a00",
        "82 a26964 01 a7636f6e6e656374 80",
    );
    message(
        &ServerMessage::Reply(Reply { id: 2, outcome: Ok(Answer::Unsubscribe(UnsubscribeResult {})) }),
        r#"{"id":2,"unsubscribe":{}}"#,
        "04 0802 3a00",
        "82 a26964 02 ab756e737562736372696265 80",
    );
}

#[test]
fn replies() {
    message(
        &ServerMessage::Reply(Reply { id: 3, outcome: Err(ProtocolError::TooManyRequests.into()) }),
        r#"{"id":3,"error":{"code":111,"message":"too many requests","temporary":true}}"#,
        "1b 0803 1217 086f 1211 746f6f206d616e79207265717565737473 1801",
        "82 a26964 03 a56572726f72 83 a4636f6465 6f a76d657373616765 b1746f6f206d616e79207265717565737473 a974656d706f72617279 c3",
    );
    message(
        &ServerMessage::Reply(Reply {
            id: 4,
            outcome: Ok(Answer::Rpc(RpcResult { data: json(r#"{"a":1.5}"#) })),
        }),
        r#"{"id":4,"rpc":{"data":{"a":1.5}}}"#,
        "0f 0804 6a0b 0a09 7b2261223a312e357d",
        "82 a26964 04 a3727063 81 a464617461 81 a161 cb3ff8000000000000",
    );
    let missed = Publication { data: json("{}"), offset: 9, ..Default::default() };
    let result = SubscribeResult {
        recoverable: true,
        epoch: "e".into(),
        publications: vec![missed],
        recovered: true,
        offset: 9,
        positioned: true,
        was_recovering: true,
        ..Default::default()
    };
    message(
        &ServerMessage::Reply(Reply { id: 5, outcome: Ok(Answer::Subscribe(result)) }),
        concat!(
            r#"{"id":5,"subscribe":{"recoverable":true,"epoch":"e","publications":[{"data":{},"offset":9}],"#,
            r#""recovered":true,"offset":9,"positioned":true,"was_recovering":true}}"#
        ),
        "19 0805 3215 1801 320165 3a06 22027b7d 3009 4001 4809 5001 6001",
        "82 a26964 05 a9737562736372696265 87 ab7265636f76657261626c65 c3 a565706f6368 a165 ac7075626c69636174696f6e73 91 82 \
         a464617461 80 a66f6666736574 09 a97265636f7665726564 c3 a66f6666736574 09 aa706f736974696f6e6564 c3 \
         ae7761735f7265636f766572696e67 c3",
    );
}

#[test]
fn pushes() {
    let publication = Publication { data: json(r#"{"a":1}"#), offset: 130, ..Default::default() };
    message(
        &ServerMessage::Push(Push { channel: "room:5".into(), body: PushBody::Publication(publication) }),
        r#"{"push":{"channel":"room:5","pub":{"data":{"a":1},"offset":130}}}"#,
        "18 2216 1206726f6f6d3a35 220c 22077b2261223a317d 308201",
        "81 a470757368 82 a76368616e6e656c a6726f6f6d3a35 a3707562 82 a464617461 81 a161 01 a66f6666736574 cc82",
    );
    message(
        &ServerMessage::Push(Push { channel: "room:5".into(), body: PushBody::Join(Join::default()) }),
        r#"{"push":{"channel":"room:5","join":{}}}"#,
        "0c 220a 1206726f6f6d3a35 2a00",
        "81 a470757368 82 a76368616e6e656c a6726f6f6d3a35 a46a6f696e 80",
    );
    let end = PushBody::Unsubscribe(UnsubscribeCode::InsufficientState.into());
    message(
        &ServerMessage::Push(Push { channel: "room:5".into(), body: end }),
        r#"{"push":{"channel":"room:5","unsubscribe":{"code":2500,"reason":"insufficient state"}}}"#,
        "23 2221 1206726f6f6d3a35 3a17 10c413 1a12 696e73756666696369656e74207374617465",
        "81 a470757368 82 a76368616e6e656c a6726f6f6d3a35 ab756e737562736372696265 82 a4636f6465 cd09c4 \
         a6726561736f6e b2696e73756666696369656e74207374617465",
    );
    message(
        &ServerMessage::Push(Push {
            channel: String::new(),
            body: PushBody::Disconnect(CloseCode::Shutdown.into()),
        }),
        r#"{"push":{"disconnect":{"code":3001,"reason":"shutdown","reconnect":true}}}"#,
        "13 2211 5a0f 08b917 120873687574646f776e 1801",
        "81 a470757368 81 aa646973636f6e6e656374 83 a4636f6465 cd0bb9 a6726561736f6e a873687574646f776e \
         a97265636f6e6e656374 c3",
    );
}

#[test]
fn several_messages_share_a_frame() {
    for (encoding, expected) in [
        (Encoding::Json, hex(b"{\"id\":1,\"ping\":{}}\n{}")),
        (Encoding::Protobuf, "04 0801 5a00 00".replace(' ', "")),
        (Encoding::MessagePack, "82 a26964 01 a470696e67 80 80".replace(' ', "")),
    ] {
        let ping = Command { id: 1, request: Request::Ping(PingRequest {}) };
        let pong = Command { id: 0, request: Request::Empty };
        let messages = [&ping, &pong].map(|command| encode_command(encoding, command).unwrap());
        let frame = join(encoding, &messages);
        assert_eq!(hex(&frame), expected);
        let read: Vec<_> = decode_commands(encoding, &frame).map(Result::unwrap).collect();
        assert_eq!(read, [ping, pong]);
    }
}

#[test]
fn the_hot_path_writes_what_the_general_one_writes() {
    let payload = Payload::from_json(
        r#"{"type":"room.message_created","at":"…","data":{"n":1e3,"u":18446744073709551615}}"#,
    )
    .unwrap();
    for encoding in Encoding::ALL {
        for (channel, offset) in
            [("room:5", 0), ("user:18446744073709551615", u64::MAX), ("odd \"name\"\n", 127), ("é", 128)]
        {
            let publication = Publication { data: payload.clone().into(), offset, ..Default::default() };
            let push = Push { channel: channel.into(), body: PushBody::Publication(publication) };
            assert_eq!(
                encode_publication_push(encoding, channel, &payload, offset).unwrap(),
                encode_push(encoding, &push).unwrap(),
                "{encoding:?} {channel} {offset}"
            );
        }
    }
}

#[test]
fn unknown_fields_are_ignored() {
    let expected =
        Command { id: 1, request: Request::Rpc(RpcRequest { method: "m".into(), data: Bytes::new() }) };
    let json = br#"{"id":1,"later":{"x":[1]},"rpc":{"method":"m","more":"y","data":null}}"#;
    // field 6 of the rpc: fixed64, 7: fixed32, 99 of the command: bytes
    let protobuf = unhex("18 0801 6a11 12016d 310102030405060708 3d01020304 9a0600");
    let messagepack = unhex(
        "83 a26964 01 a56c61746572 92 c7010501 c4020102 a3727063 82 a66d6574686f64 a16d a16e 81 a178 ca3fc00000",
    );
    for (encoding, frame) in [
        (Encoding::Json, json.to_vec()),
        (Encoding::Protobuf, protobuf),
        (Encoding::MessagePack, messagepack),
    ] {
        assert_eq!(one_command(encoding, &frame).unwrap(), expected, "{encoding:?}");
    }
}
