//! Bad input through both doors of a running `majlis up`: each is answered clearly, and nothing is lost or changed.
//! `cargo test -p majlis --test it -- --nocapture bad_input` prints what came back.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use client::{Rest, SignedIn, Socket, SocketError};
use futures_util::{SinkExt, StreamExt};
use protocol::codec::Encoding;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

use crate::up::{READY, Up};

struct Scene {
    up: Up,
    file: Value,
    rest: Rest,
    me: SignedIn,
}

impl Scene {
    fn hub(&self) -> &str {
        self.file["hubs"][0].as_str().unwrap()
    }

    async fn socket(&self) -> Socket {
        Socket::connect(self.hub(), Encoding::Json, &self.me.access_token, &BTreeMap::new()).await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        self.rest.get(path, &self.me.access_token).await.unwrap()
    }

    /// Sends one raw message after `connect` and gives the close code.
    async fn close_code_after(&self, message: Message) -> u16 {
        let (mut stream, _) = tokio_tungstenite::connect_async(self.hub()).await.unwrap();
        let connect = json!({"id": 1, "connect": {"token": self.me.access_token}}).to_string();
        stream.send(Message::text(connect)).await.unwrap();
        assert!(stream.next().await.unwrap().unwrap().into_text().unwrap().contains("\"client\""));
        stream.send(message).await.unwrap();
        loop {
            if let Message::Close(frame) = stream.next().await.unwrap().unwrap() {
                return frame.unwrap().code.into();
            }
        }
    }
}

fn refused(outcome: Result<Value, SocketError>) -> (u32, String) {
    match outcome {
        Err(SocketError::Refused(error)) => (error.code, error.message),
        other => panic!("not refused: {other:?}"),
    }
}

fn told(what: &str, came: &str) {
    println!("{what:<46} {came}");
}

#[tokio::test]
async fn bad_input_gets_a_clear_error_and_nothing_is_lost() {
    let mut up = Up::start(&["--no-check"]);
    let file = up.wait_for(READY, |_| true);
    let rest = Rest::new(file["api"].as_str().unwrap()).unwrap();
    let account = |index: usize| file["accounts"][index].clone();
    let me = rest
        .log_in(account(0)["email"].as_str().unwrap(), account(0)["password"].as_str().unwrap())
        .await
        .unwrap();
    let friend = account(1)["id"].as_u64().unwrap();
    let scene = Scene { up, file: file.clone(), rest, me };
    let token = scene.me.access_token.as_str();
    let send = |key: &str, body: &str| json!({"client_id": key, "user_id": friend, "body": body});
    let key = || uuid::Uuid::new_v4().to_string();

    // A witness: whatever happens to others, this connection goes on.
    let mut witness = scene.socket().await;
    let first_key = key();
    let first = witness.rpc("chat.send_message", &send(&first_key, "one")).await.unwrap();
    let id = first["message"]["id"].clone();
    let messages = format!("/conversations/{}/messages", first["message"]["conversation_id"]);
    let before = scene.get(&messages).await;
    let balance = scene.get("/wallet").await["balance"].clone();

    for (what, message) in [
        ("garbage bytes", Message::binary(vec![0xff, 0x00, 0xfe, 0x81])),
        ("garbage text", Message::text("{{{nope")),
        ("a message of 1 MB", Message::text("x".repeat(1_000_000))),
    ] {
        let code = scene.close_code_after(message).await;
        told(what, &format!("close {code}"));
        assert_eq!(code, 3501, "{what}");
    }

    let address = scene.hub().trim_start_matches("ws://").split('/').next().unwrap().to_owned();
    let mut raw = tokio::net::TcpStream::connect(&address).await.unwrap();
    let upgrade = format!(
        "GET /connection/websocket HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    raw.write_all(upgrade.as_bytes()).await.unwrap();
    let mut answer = [0; 512];
    let length = raw.read(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer[..length]).starts_with("HTTP/1.1 101"));
    raw.write_all(&[0x81, 0xfe, 0x01]).await.unwrap();
    drop(raw);
    let missing = witness.rpc("chat.dance", &json!({})).await;
    told("half a frame, then the end", "the others go on");
    let (code, message) = refused(missing);
    told("an unknown method", &format!("error {code} {message}"));
    assert_eq!(code, 104);

    let (code, message) = refused(witness.rpc("chat.send_message", &send(&first_key, "two")).await);
    told("the same client_id with other text", &format!("error {code} {message}"));
    assert!(code >= 1000 && message.starts_with("idempotency_key_reused"));
    let again = witness.rpc("chat.send_message", &send(&first_key, "one")).await.unwrap();
    assert_eq!(again["message"]["id"], id, "the first stands");

    let (code, message) = refused(witness.rpc("chat.send_message", &send(&key(), &"x".repeat(5000))).await);
    told("a message of 5,000 characters", &format!("error {code} {message}"));
    assert!(message.starts_with("validation_failed"));

    let people = scene.get("/users?filter[q]=mei.t").await;
    let shy = people[0]["id"].as_u64().unwrap();
    let input = json!({"client_id": key(), "user_id": shy, "body": "hello"});
    let (code, message) = refused(witness.rpc("chat.send_message", &input).await);
    told("a message to one who does not accept it", &format!("error {code} {message}"));
    assert!(message.starts_with("chat.messages_not_accepted"));
    let open = json!({"user_id": shy});
    let (status, problem) =
        scene.rest.ask(Method::POST, "/conversations", Some(token), Some(&open), None).await.unwrap();
    told("  the same over REST", &format!("{status} {}", problem["code"]));
    assert_eq!((status.as_u16(), problem["code"].as_str()), (403, Some("messages_not_accepted")));

    let gifts = scene.get("/gifts").await;
    let dearest = gifts.as_array().unwrap().last().unwrap()["id"].clone();
    let room = file["rooms"][0]["id"].clone();
    let gift = json!({"giftable_type": "live_room", "giftable_id": room, "quantity": 999});
    let mut by_socket = gift.clone();
    by_socket["gift_id"] = dearest.clone();
    by_socket["client_id"] = json!(key());
    let (code, message) = refused(witness.rpc("gifts.send_gift", &by_socket).await);
    told("a gift dearer than the wallet", &format!("error {code} {message}"));
    assert!(message.starts_with("wallet.insufficient_funds"));
    let path = format!("/gifts/{dearest}/send");
    let (status, problem) =
        scene.rest.ask(Method::POST, &path, Some(token), Some(&gift), Some(&key())).await.unwrap();
    told("  the same over REST", &format!("{status} {} {}", problem["code"], problem["message"]));
    assert_eq!((status.as_u16(), problem["code"].as_str()), (402, Some("insufficient_funds")));
    let (status, problem) =
        scene.rest.ask(Method::POST, &path, Some(token), Some(&gift), None).await.unwrap();
    told("  and without a key", &format!("{status} {}", problem["code"]));
    assert_eq!((status.as_u16(), problem["code"].as_str()), (400, Some("idempotency_key_required")));

    let minted = Command::new(env!("CARGO_BIN_EXE_majlis"))
        .args(["token", &scene.me.user_id.to_string(), "--seconds", "1", "--data"])
        .arg(scene.up.data.path())
        .output()
        .unwrap();
    let expired = String::from_utf8(minted.stdout).unwrap().trim().to_owned();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let outcome = Socket::connect(scene.hub(), Encoding::Json, &expired, &BTreeMap::new()).await;
    let (code, message) = refused(outcome.map(|_| Value::Null));
    told("an expired token", &format!("error {code} {message}"));
    assert_eq!(code, 109);
    let (status, problem) = scene.rest.ask(Method::GET, "/me", Some(&expired), None, None).await.unwrap();
    told("  the same over REST", &format!("{status} {}", problem["code"]));
    assert_eq!((status.as_u16(), problem["code"].as_str()), (401, Some("token_expired")));

    assert_eq!(scene.get(&messages).await, before, "a message was lost or made");
    assert_eq!(scene.get("/wallet").await["balance"], balance, "money moved");
    told("afterwards", "the same messages, the same balance");
}
