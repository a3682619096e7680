//! What may be a payload, and what becomes of it on its way through the encodings.

use protocol::codec::{
    Encoding, MAX_DEPTH, Payload, Problem, decode_commands, encode_command, encode_publication_push,
};
use protocol::frame::{Command, Request, RpcRequest};

use crate::{one_command, unhex};

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn payloads_are_one_json_value() {
    for text in ["null", "true", "-0.5e-3", "\"\\u00e9\\n\"", " [1, {\"a\" : []}] ", &nested(MAX_DEPTH)] {
        assert!(Payload::from_json(text.to_owned()).is_ok(), "{text}");
    }
    for text in [
        "",
        " ",
        "{",
        "1 2",
        "{'a':1}",
        "NaN",
        "1e999",
        "\"\\ud800\"",
        "\"a\nb\"",
        "[1,]",
        &nested(MAX_DEPTH + 1),
    ] {
        assert!(Payload::from_json(text.to_owned()).is_err(), "{text}");
    }
    assert!(Payload::from_json(b"\"\xff\"".to_vec()).is_err());
    assert!(Payload::from_json("[".repeat(1 << 20)).is_err());
}

#[test]
fn line_breaks_never_reach_a_json_frame() {
    let payload = Payload::from_json("{\r\n  \"a\": \"x\\ny\"\n}").unwrap();
    assert_eq!(payload.as_bytes(), br#"{    "a": "x\ny" }"#);
    let frame = encode_publication_push(Encoding::Json, "room:5", &payload, 1).unwrap();
    assert!(!frame.contains(&b'\n'));
}

#[test]
fn values_of_ours_become_payloads() {
    let payload = Payload::from_value(&serde_json::json!({"a": [1, "é"]})).unwrap();
    assert_eq!(payload.as_bytes(), r#"{"a":[1,"é"]}"#.as_bytes());
    assert_eq!(serde_json::to_string(&[payload]).unwrap(), r#"[{"a":[1,"é"]}]"#);
}

#[test]
fn numbers_and_order_survive_messagepack() {
    let text =
        r#"{"z":18446744073709551615,"a":-9223372036854775808,"m":[0.1,-1,4294967296,"ط",true,null,{}]}"#;
    let request = RpcRequest { method: "m".into(), data: Payload::from_json(text).unwrap().into() };
    let command = Command { id: 1, request: Request::Rpc(request) };
    let frame = encode_command(Encoding::MessagePack, &command).unwrap();
    assert_eq!(one_command(Encoding::MessagePack, &frame).unwrap(), command);
}

#[test]
fn messagepack_values_that_json_lacks_are_refused_with_the_id() {
    for (value, what) in [
        ("cb 7ff8000000000000", "NaN"),
        ("ca 7f800000", "infinity"),
        ("c4 02 0102", "bytes"),
        ("d4 01 02", "an extension"),
        ("81 01 02", "a number as key"),
        ("a1 ff", "no UTF-8"),
        ("81 a16e cb 7ff0000000000000", "infinity inside"),
    ] {
        let frame = unhex(&format!("82 a26964 05 a3727063 81 a464617461 {value}"));
        let error = one_command(Encoding::MessagePack, &frame).expect_err(what);
        assert_eq!(error.id, Some(5), "{what}");
    }
    // A float of 32 bits keeps its short form.
    let read = one_command(Encoding::MessagePack, &unhex("82 a26964 05 a3727063 81 a464617461 ca 3dcccccd"))
        .unwrap();
    let Request::Rpc(rpc) = read.request else { panic!("an rpc") };
    assert_eq!(rpc.data, "0.1");
}

#[test]
fn protobuf_payloads_are_checked() {
    // {id 5, rpc {data "{"}} and then a ping
    let frame = unhex("07 0805 6a03 0a017b 04 0806 5a00");
    let read: Vec<_> = decode_commands(Encoding::Protobuf, &frame).collect();
    let error = read[0].as_ref().expect_err("half an object");
    assert!(matches!((error.id, &error.problem), (Some(5), Problem::Payload(_))), "{error:?}");
    assert_eq!(read[1].as_ref().unwrap().id, 6);
}
