//! The socket's description against real frames: every method is called and every event heard on a real hub; what goes
//! over the wire must fit the schemas of the AsyncAPI document, in which nothing else is allowed, and look like the
//! document's examples. Events that no method causes are carried as their examples have them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::gifts::{gift, rich};
use crate::stand::Stand;

const PATIENCE: Duration = Duration::from_secs(15);

/// Frames by kind (`methods`, `events`, `frames`), name and part.
#[derive(Default)]
struct Recording(BTreeMap<&'static str, BTreeMap<String, Map<String, Value>>>);

impl Recording {
    fn keep(&mut self, kind: &'static str, name: &str, part: &str, frame: &Value) {
        let parts = self.0.entry(kind).or_default().entry(name.to_owned()).or_default();
        parts.entry(part).or_insert_with(|| without_secrets(frame));
    }

    fn into_value(self) -> Value {
        serde_json::to_value(self.0).unwrap()
    }

    /// The name of a message of the document, and the frame.
    fn messages(&self) -> Vec<(String, &Value)> {
        let mut messages = Vec::new();
        for (kind, names) in &self.0 {
            for (name, parts) in names {
                for (part, frame) in parts {
                    let message = match (*kind, part.as_str()) {
                        (_, "reply") => format!("{name}.reply"),
                        ("frames", "push") => format!("push.{name}"),
                        _ => name.clone(),
                    };
                    messages.push((message, frame));
                }
            }
        }
        messages
    }
}

fn without_secrets(frame: &Value) -> Value {
    let mut frame = frame.clone();
    for pointer in ["/connect/token", "/refresh/token", "/rpc/data/jitsi/jwt"] {
        if let Some(secret) = frame.pointer_mut(pointer) {
            *secret = json!("…");
        }
    }
    frame
}

/// A connection that takes down what goes over it.
struct Wire<'a> {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    recording: &'a std::sync::Mutex<Recording>,
    next_id: u32,
}

impl<'a> Wire<'a> {
    async fn open(
        stand: &Stand,
        node: usize,
        user: u64,
        recording: &'a std::sync::Mutex<Recording>,
    ) -> Wire<'a> {
        let (socket, _) = tokio_tungstenite::connect_async(stand.nodes[node].url()).await.unwrap();
        let mut wire = Self { socket, recording, next_id: 1 };
        wire.command("connect", json!({ "token": stand.token(user).await, "name": "test" })).await;
        wire
    }

    /// Sends a command and gives the reply's member of the same name.
    async fn command(&mut self, name: &str, body: Value) -> Value {
        self.exchange("frames", name, name, body).await
    }

    async fn rpc(&mut self, method: &str, data: Value) -> Value {
        self.exchange("methods", method, "rpc", json!({ "method": method, "data": data })).await["data"]
            .take()
    }

    async fn exchange(&mut self, kind: &'static str, name: &str, member: &str, body: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        let command = json!({ "id": id, member: body });
        self.recording.lock().unwrap().keep(kind, name, "command", &command);
        self.socket.send(Message::text(command.to_string())).await.unwrap();
        let answer = async {
            loop {
                for mut frame in self.read().await {
                    if frame["id"] == id {
                        self.recording.lock().unwrap().keep(kind, name, "reply", &frame);
                        assert!(frame["error"].is_null(), "{name}: {frame}");
                        return frame[member].take();
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| panic!("{name} is not answered"))
    }

    /// Reads one frame; pushes are taken down.
    async fn read(&mut self) -> Vec<Value> {
        let message = self.socket.next().await;
        let text = message.unwrap().unwrap().into_text().unwrap();
        let frames: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for frame in &frames {
            if *frame == json!({}) {
                self.socket.send(Message::text("{}")).await.unwrap();
            }
            self.take_down(frame);
        }
        frames
    }

    fn take_down(&self, frame: &Value) {
        let Some(push) = frame["push"].as_object() else { return };
        let mut recording = self.recording.lock().unwrap();
        for (name, body) in push.iter().filter(|(name, _)| *name != "channel") {
            match body["data"]["type"].as_str() {
                Some(event) => recording.keep("events", event, "push", frame),
                None => recording.keep("frames", name, "push", frame),
            }
        }
    }

    /// Reads until an event, or a push of the protocol, has been heard.
    async fn hear(&mut self, name: &str) {
        let hearing = async {
            while !self.has_heard(name) {
                self.read().await;
            }
        };
        tokio::time::timeout(PATIENCE, hearing).await.unwrap_or_else(|_| panic!("{name} is not heard"));
    }

    fn has_heard(&self, name: &str) -> bool {
        let recording = self.recording.lock().unwrap();
        let heard = |kind: &str| {
            recording
                .0
                .get(kind)
                .is_some_and(|names| names.get(name).is_some_and(|parts| parts.contains_key("push")))
        };
        heard("events") || heard("frames")
    }
}

fn key() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Two friends write to each other.
async fn talk(stand: &Stand, recording: &std::sync::Mutex<Recording>, amal: u64, badr: u64) {
    let mut one = Wire::open(stand, 0, amal, recording).await;
    let mut two = Wire::open(stand, 1, badr, recording).await;
    let first = one
        .rpc("chat.send_message", json!({ "client_id": key(), "user_id": badr, "body": "السلام عليكم" }))
        .await;
    let conversation = first["message"]["conversation_id"].clone();
    two.hear("chat.message_created").await;
    let answer = json!({
        "client_id": key(), "conversation_id": conversation, "body": "وعليكم السلام", "reply_to_id": first["message"]["id"]
    });
    two.rpc("chat.send_message", answer).await;
    two.rpc("chat.mark_read", json!({ "conversation_id": conversation, "up_to": first["message"]["id"] }))
        .await;
    two.hear("chat.messages_read").await;
    two.rpc("chat.start_typing", json!({ "conversation_id": conversation })).await;
    one.hear("chat.typing_started").await;
    one.rpc(
        "chat.edit_message",
        json!({ "message_id": first["message"]["id"], "body": "السلام عليكم ورحمة الله" }),
    )
    .await;
    two.hear("chat.message_updated").await;
    two.rpc("chat.sync", json!({ "after_message_id": 0 })).await;
    one.rpc("chat.delete_message", json!({ "message_id": first["message"]["id"] })).await;
    two.hear("chat.message_deleted").await;
    let actor = domain::Actor::on_behalf_of(amal);
    domain::chat::delete_conversation(stand.app(), &actor, conversation.as_u64().unwrap()).await.unwrap();
    two.hear("chat.conversation_deleted").await;
    let again = protocol::chat::OpenConversation { user_id: badr };
    domain::chat::open_conversation(stand.app(), &actor, again).await.unwrap();
    two.hear("chat.conversation_restored").await;

    two.command("subscribe", json!({ "channel": format!("presence:{amal}") })).await;
    two.rpc("presence.query", json!({ "user_ids": [amal] })).await;
    drop(one);
    two.hear("presence.changed").await;
    let token = stand.token(badr).await;
    two.command("refresh", json!({ "token": token })).await;
    two.rpc("presence.set_visibility", json!({ "visible": false })).await;
    two.hear("presence.visibility_changed").await;
}

/// A host's room with guests.
async fn gather(stand: &Stand, recording: &std::sync::Mutex<Recording>, amal: u64, badr: u64) {
    let (room, host) = stand.announced_room().await;
    domain::rooms::start_room(stand.app(), &domain::Actor::on_behalf_of(host), room).await.unwrap();
    let channel = format!("room:{room}");
    let mut host_wire = Wire::open(stand, 0, host, recording).await;
    let mut guest = Wire::open(stand, 1, amal, recording).await;
    guest.command("subscribe", json!({ "channel": channel })).await;
    host_wire.command("subscribe", json!({ "channel": channel })).await;
    guest.hear("join").await;
    guest.hear("room.viewers").await;
    guest.rpc("rooms.join", json!({ "room_id": room })).await;
    guest.hear("room.member_joined").await;
    guest.command("presence", json!({ "channel": channel })).await;
    guest.command("presence_stats", json!({ "channel": channel })).await;
    let posted = json!({ "client_id": key(), "room_id": room, "body": "مرحبا بالجميع" });
    let message = guest.rpc("rooms.post_message", posted).await["message"]["id"].take();
    guest.hear("room.message_created").await;
    guest.command("history", json!({ "channel": channel, "limit": 10 })).await;
    host_wire.rpc("rooms.announce", json!({ "client_id": key(), "room_id": room, "body": "نبدأ الآن" })).await;
    host_wire.rpc("rooms.pin_message", json!({ "message_id": message })).await;
    guest.hear("room.message_pinned").await;
    guest.rpc("rooms.react", json!({ "message_id": message, "type": "love" })).await;
    guest.hear("room.reactions_changed").await;
    host_wire.rpc("rooms.unpin_message", json!({ "message_id": message })).await;
    guest.hear("room.message_unpinned").await;
    host_wire.rpc("rooms.set_slow_mode", json!({ "room_id": room, "seconds": 5 })).await;
    guest.hear("room.slow_mode_changed").await;

    let (giver, gift) = (rich(stand, "giver", "100.00").await, gift(stand, 1, "5.00").await);
    let mut giver_wire = Wire::open(stand, 0, giver, recording).await;
    let given = json!({ "client_id": key(), "gift_id": gift, "giftable_type": "live_room", "giftable_id": room, "quantity": 2 });
    giver_wire.rpc("gifts.send_gift", given).await;
    guest.hear("gift.sent").await;
    host_wire.hear("wallet.updated").await;

    let mut troll = Wire::open(stand, 0, badr, recording).await;
    troll.command("subscribe", json!({ "channel": channel })).await;
    let person = json!({ "room_id": room, "user_id": badr });
    host_wire.rpc("rooms.mute_user", json!({ "room_id": room, "user_id": badr, "seconds": 60 })).await;
    troll.hear("room.member_muted").await;
    host_wire.rpc("rooms.unmute_user", person.clone()).await;
    troll.hear("room.member_unmuted").await;
    host_wire.rpc("rooms.kick_user", person.clone()).await;
    troll.hear("room.member_kicked").await;
    troll.hear("unsubscribe").await;
    host_wire.rpc("rooms.ban_user", person.clone()).await;
    guest.hear("room.member_banned").await;
    host_wire.rpc("rooms.unban_user", person).await;
    guest.hear("room.member_unbanned").await;
    host_wire.rpc("rooms.delete_message", json!({ "message_id": message })).await;
    guest.hear("room.message_deleted").await;
    guest.rpc("rooms.leave", json!({ "room_id": room })).await;
    host_wire.hear("room.member_left").await;
    guest.command("unsubscribe", json!({ "channel": channel })).await;
    host_wire.hear("leave").await;
}

/// An author writes on at a course while an administrator listens to it.
async fn study(stand: &Stand, recording: &std::sync::Mutex<Recording>, badr: u64) {
    use protocol::courses::{CreateCategory, CreateSection};
    let author = stand.user("author").await;
    stand.appoint(author, "admin").await;
    let (app, author_acts) = (stand.app(), domain::Actor::on_behalf_of(author));
    let category = CreateCategory {
        name_en: "Language".to_owned(),
        name_ar: "لغة".to_owned(),
        icon: None,
        is_active: None,
    };
    let category = domain::courses::create_category(app, &author_acts, None, category).await.unwrap().id;
    let course = serde_json::from_value(json!({ "title": "النحو الميسر", "category_id": category })).unwrap();
    let course = domain::courses::create_course(app, &author_acts, course).await.unwrap().id;
    let channel = format!("course:{course}");
    let mut listener = Wire::open(stand, 0, author, recording).await;
    listener.command("subscribe", json!({ "channel": channel })).await;
    let section = CreateSection { title: "الجملة الاسمية".to_owned(), description: None };
    domain::courses::create_section(app, &author_acts, course, section).await.unwrap();
    listener.hear("course.updated").await;
    // A stranger may not listen.
    let mut stranger = stand.client(1, badr).await;
    assert_eq!(stranger.subscribe_to(&channel).await.unwrap_err().code, 103);
}

/// A programme of several days begins while somebody with a seat waits for it; a session ends.
async fn begin_and_end(stand: &Stand, recording: &std::sync::Mutex<Recording>, amal: u64) {
    let (room, host) = stand.announced_room().await;
    let actor = domain::Actor::on_behalf_of(amal);
    domain::rooms::register_for_room(stand.app(), &actor, room, None).await.unwrap();
    let mut guest = Wire::open(stand, 0, amal, recording).await;
    domain::rooms::start_room(stand.app(), &domain::Actor::on_behalf_of(host), room).await.unwrap();
    guest.hear("room.started").await;
    let admin = stand.user("admin").await;
    stand.appoint(admin, "admin").await;
    let admin = domain::Actor::on_behalf_of(admin);
    domain::users::force_log_out(stand.app(), &admin, amal).await.unwrap();
    guest.hear("session.revoked").await;
}

/// What is caused over REST alone is caused in the tests of its domain; here it is carried: every event that was not heard yet
/// is published as its example has it, read into its type and written again, and heard by its owner's device.
async fn carry(stand: &Stand, recording: &std::sync::Mutex<Recording>, amal: u64) {
    let document = protocol::asyncapi::document();
    let mut device = Wire::open(stand, 0, amal, recording).await;
    let channel = protocol::channel::Channel::User(amal);
    for (name, message) in document["components"]["messages"].as_object().unwrap() {
        let example = &message["examples"][0]["payload"]["push"]["pub"]["data"];
        if !example.is_object() || device.has_heard(name) {
            continue;
        }
        let mut event: protocol::event::EventData = serde_json::from_value(example.clone())
            .unwrap_or_else(|error| panic!("the example of {name} is not one: {error}"));
        assert_eq!(event.event.name(), name);
        event.id = base::id::ulid();
        let payload = serde_json::to_vec(&event).unwrap().into();
        let publish = bus::Publish { channel: channel.to_string().into(), payload, history: None };
        stand.app().bus.publish(&[publish]).await.unwrap();
        device.hear(name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_that_of_real_frames() {
    let stand = Stand::new().await;
    let recording = std::sync::Mutex::new(Recording::default());
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    talk(&stand, &recording, amal, badr).await;
    gather(&stand, &recording, amal, badr).await;
    study(&stand, &recording, badr).await;
    begin_and_end(&stand, &recording, amal).await;
    carry(&stand, &recording, badr).await;
    let recording = recording.into_inner().unwrap();

    let document = protocol::asyncapi::document();
    let mut seen = 0;
    for (name, frame) in recording.messages() {
        let problems = problems_with(&document, &name, frame);
        assert!(problems.is_empty(), "{name} is not as described: {problems:#?}\n{frame:#}");
        seen += 1;
    }
    let described: Vec<&String> = document["components"]["messages"].as_object().unwrap().keys().collect();
    let recorded: Vec<String> = recording.messages().into_iter().map(|(name, _)| name).collect();
    let unseen: Vec<_> = described.iter().filter(|name| !recorded.contains(name)).collect();
    assert!(unseen.is_empty(), "described, but never seen on the wire: {unseen:?}");

    // The examples are real frames of an earlier run: same members, same types.
    let fresh = recording.into_value();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples.json");
    std::fs::write(&path, serde_json::to_string_pretty(&fresh).unwrap() + "\n").unwrap();
    for (name, message) in document["components"]["messages"].as_object().unwrap() {
        let example = &message["examples"][0]["payload"];
        let problems = problems_with(&document, name, example);
        assert!(
            example.is_object() && problems.is_empty(),
            "the example of {name} is not as described: {problems:#?}; `cp {} crates/protocol/src/asyncapi/examples.json` \
             takes over the frames of this run",
            path.display()
        );
    }
    println!("{seen} frames of {} messages fit the document", described.len());
}

/// What a schema says against a frame, where it may have no member that is not described.
fn problems_with(document: &Value, message: &str, frame: &Value) -> Vec<String> {
    let mut schema = json!({
        "components": { "schemas": document["components"]["schemas"] },
        "allOf": [document["components"]["messages"][message]["payload"]],
    });
    assert!(schema["allOf"][0].is_object(), "{message} is not described");
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(frame).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Forbids members that are not described.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
