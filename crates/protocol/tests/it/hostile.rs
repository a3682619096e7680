//! Frames that no honest client sends: errors, with the id where there is one, and never a panic.

use bytes::Bytes;
use proptest::prelude::*;
use protocol::codec::{Encoding, Problem, decode_commands, decode_replies, encode_command};
use protocol::frame::{Command, ConnectRequest, Request, RpcRequest, SubscribeRequest};

use crate::{one_command, unhex};

/// Ids of what could not be read, in the frame's order.
fn errors(encoding: Encoding, frame: &[u8]) -> Vec<Option<u32>> {
    decode_commands(encoding, frame).filter_map(Result::err).map(|error| error.id).collect()
}

#[test]
fn empty_frames_are_errors() {
    for encoding in Encoding::ALL {
        let error = one_command(encoding, b"").expect_err("nothing in it");
        assert!(matches!(error.problem, Problem::Empty) && error.id.is_none());
    }
    assert_eq!(errors(Encoding::Json, b" \n\r\n"), [None]);
}

#[test]
fn bad_json_is_answered_where_it_names_itself() {
    for (frame, ids) in [
        (r#"hello"#, vec![None]),
        (r#"[1]"#, vec![None]),
        (r#"{"id":7}"#, vec![Some(7)]),
        (r#"{"id":7,"dance":{}}"#, vec![Some(7)]),
        (r#"{"id":7,"connect":null}"#, vec![Some(7)]),
        (r#"{"id":7,"ping":{},"rpc":{}}"#, vec![Some(7)]),
        (r#"{"id":7,"rpc":{"method":5}}"#, vec![Some(7)]),
        (r#"{"rpc":{"method":5},"id":7}"#, vec![Some(7)]),
        (r#"{"id":7,"rpc":{"method":"m","data":{"a"#, vec![Some(7)]),
        (r#"{"rpc":{"method":"m","data":{"a"#, vec![None]),
        (r#"{"rpc":{"method":"m"}}"#, vec![None]),
        (r#"{"ping":{},"rpc":{}}"#, vec![None]),
        (r#"{"id":-1,"ping":{}}"#, vec![None]),
        (r#"{"id":4294967296,"ping":{}}"#, vec![None]),
        (r#"{"id":"7","ping":{}}"#, vec![None]),
        (r#"{"id":0,"dance":{}}"#, vec![]),
        ("{\"id\":1}\n{\"id\":2}\n{\"id\":3,\"ping\":{}}", vec![Some(1), Some(2)]),
        ("{\"id\":1}\nx\n{\"id\":2}", vec![Some(1), None]),
    ] {
        assert_eq!(errors(Encoding::Json, frame.as_bytes()), ids, "{frame}");
    }
    assert_eq!(errors(Encoding::Json, b"{\"id\":7,\"rpc\":{\"method\":\"\xff\"}}"), [Some(7)]);
    assert_eq!(errors(Encoding::Json, b"{\"id\":7,\"rpc\":{\"data\":\"\xff\"}}"), [Some(7)]);
}

#[test]
fn bad_protobuf_is_answered_where_it_names_itself() {
    for (frame, ids) in [
        // a length that is no varint, one that is huge, one beyond the frame
        ("ffffffffffffffffffffff", vec![None]),
        ("ffffffff7f 0807", vec![Some(7)]),
        ("ffffffffffffffffff01", vec![None]),
        ("05 0807 5a", vec![Some(7)]),
        ("80", vec![None]),
        // only an id; an unknown member; two members; a member of the wrong kind; a nested length beyond its end
        ("02 0807", vec![Some(7)]),
        ("04 0807 1a00", vec![Some(7)]),
        ("06 0807 5a00 6a00", vec![Some(7)]),
        ("04 0807 5805", vec![Some(7)]),
        ("04 0807 6a7f", vec![Some(7)]),
        // invalid UTF-8 in rpc.method; no id with a request; an id that does not fit
        ("07 0807 6a03 1201ff", vec![Some(7)]),
        ("02 5a00", vec![None]),
        // one bad command does not hide the next
        ("04 0807 6a7f 02 0808 04 0809 5a00", vec![Some(7), Some(8)]),
    ] {
        assert_eq!(errors(Encoding::Protobuf, &unhex(frame)), ids, "{frame}");
    }
}

#[test]
fn bad_messagepack_is_answered_where_it_names_itself() {
    for (frame, ids) in [
        ("c1", vec![None]),
        ("93 01 02 03", vec![None]),
        ("a5 68656c6c6f", vec![None]),
        ("81 a26964 07", vec![Some(7)]),
        ("82 a26964 07 a16e 80", vec![Some(7)]),
        ("83 a26964 07 a470696e67 80 a3727063 80", vec![Some(7)]),
        ("82 a26964 07 a3727063 05", vec![Some(7)]),
        ("82 a26964 07 a3727063 81 a66d6574686f64 05", vec![Some(7)]),
        // lengths beyond the frame: a string, an array, a map of 4 G, an extension
        ("82 a26964 07 a3727063 81 a464617461 dbffffffff", vec![Some(7)]),
        ("82 a26964 07 a3727063 81 a464617461 ddffffffff", vec![Some(7)]),
        ("dfffffffff a26964 07", vec![Some(7)]),
        ("82 a26964 07 a3727063 81 a464617461 c9ffffffff 01", vec![Some(7)]),
        ("81 a470696e67 80", vec![None]),
        ("82 a26964 07 a3727063 05 81 a26964 08 82 a26964 09 a470696e67 80", vec![Some(7), Some(8)]),
    ] {
        assert_eq!(errors(Encoding::MessagePack, &unhex(frame)), ids, "{frame}");
    }
}

#[test]
fn depth_bombs_are_errors() {
    let deep = 30_000;
    let json = format!(r#"{{"id":7,"rpc":{{"data":{}{}}}}}"#, "[".repeat(deep), "]".repeat(deep));
    assert_eq!(errors(Encoding::Json, json.as_bytes()), [Some(7)]);
    let unknown = format!(r#"{{"id":7,"later":{}{},"ping":{{}}}}"#, "[".repeat(deep), "]".repeat(deep));
    assert_eq!(errors(Encoding::Json, unknown.as_bytes()), [], "what is unknown is skipped, however deep");
    let mut messagepack = unhex("82 a26964 07 a3727063 81 a464617461");
    messagepack.extend(std::iter::repeat_n(0x91, deep));
    messagepack.push(0xc0);
    assert_eq!(errors(Encoding::MessagePack, &messagepack), [Some(7)]);
    // groups (field 20) in one another
    let mut groups = unhex("0807");
    for _ in 0..deep {
        groups.extend([0xa3, 0x01]);
    }
    let mut protobuf = Vec::new();
    prost::encode_length_delimiter(groups.len(), &mut protobuf).unwrap();
    protobuf.extend(groups);
    assert_eq!(errors(Encoding::Protobuf, &protobuf), [Some(7)]);
}

#[test]
fn every_truncation_of_a_good_command_is_an_error_and_keeps_the_id_once_it_is_there() {
    let sub = SubscribeRequest { recover: true, epoch: "epoch".into(), offset: 70_000, ..Default::default() };
    let requests = [
        Request::Rpc(RpcRequest {
            method: "chat.send_message".into(),
            data: Bytes::from_static(br#"{"a":[1,2.5,"x"]}"#),
        }),
        Request::Connect(ConnectRequest {
            token: "t".into(),
            subs: [("user:7".into(), sub)].into(),
            ..Default::default()
        }),
    ];
    for request in requests {
        let command = Command { id: 300, request };
        for encoding in Encoding::ALL {
            let frame = encode_command(encoding, &command).unwrap();
            // In each encoding the id stands before byte 12.
            for end in 0..frame.len() {
                let error = one_command(encoding, &frame[..end]).expect_err("half a command");
                if end >= 12 {
                    assert_eq!(error.id, Some(300), "{encoding:?} cut at {end}");
                }
            }
        }
    }
}

/// Reads everything a frame has, as server and as client; the number of messages is bounded by the frame.
fn read_all(frame: &[u8]) {
    for encoding in Encoding::ALL {
        let commands = decode_commands(encoding, frame).count();
        assert!(commands <= frame.len().max(1));
        assert!(decode_replies(encoding, frame).len() <= frame.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(frame in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&frame);
    }

    #[test]
    fn arbitrary_text_never_panics(frame in "(\\{\"(id|rpc|connect|data)\":|[\\[\\]{}0-9,\":e.-]|\\PC){0,40}") {
        read_all(frame.as_bytes());
    }

    #[test]
    fn damaged_commands_never_panic(id in any::<u32>(), method in ".{0,8}", at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let data = Bytes::from_static(br#"{"a":[1,{"b":"x"}]}"#);
        let command = Command { id, request: Request::Rpc(RpcRequest { method, data }) };
        for encoding in Encoding::ALL {
            let mut frame = encode_command(encoding, &command).unwrap().to_vec();
            let at = at.index(frame.len());
            frame[at] = byte;
            read_all(&frame);
        }
    }
}
