//! Chat across nodes: what one participant does is heard by all devices of both, whatever node and encoding (realtime.md
//! §3, §4).

use std::time::{Duration, Instant};

use base::Time;
use protocol::codec::Encoding;
use serde_json::{Value, json};

use crate::client::Client;
use crate::stand::{Stand, key};

/// A device of a user on each node in each encoding, and the channel that they hear.
struct Devices {
    user_id: u64,
    channel: String,
    clients: Vec<Client>,
}

impl Devices {
    async fn of(stand: &Stand, user_id: u64) -> Self {
        let mut clients = Vec::new();
        for node in 0..stand.nodes.len() {
            for encoding in Encoding::ALL {
                clients.push(stand.client_speaking(node, user_id, encoding).await);
            }
        }
        Self { user_id, channel: format!("user:{user_id}"), clients }
    }

    /// The next event, which all devices hear alike.
    async fn hear(&mut self) -> Value {
        let mut heard = Vec::new();
        for client in &mut self.clients {
            heard.push(client.event(&self.channel).await);
        }
        assert!(heard.windows(2).all(|pair| pair[0] == pair[1]), "{heard:?}");
        heard.remove(0).1
    }

    /// As [`Self::hear`], of this type; gives its data.
    async fn hear_of(&mut self, name: &str) -> Value {
        let event = self.hear().await;
        assert_eq!(event["type"], name, "{event}");
        event["data"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_in_a_conversation_is_heard_on_every_node_in_every_encoding() {
    let stand = Stand::new().await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut writer = Devices::of(&stand, amal).await;
    let mut reader = Devices::of(&stand, badr).await;
    let mut version = 0;
    // A total of the reader's, with a greater version than the one before.
    let mut newer = |data: &Value, total: u32| {
        assert_eq!(data["unread_total"], total, "{data}");
        let next = data["unread_version"].as_u64().unwrap();
        assert!(next > version, "{next} after {version}");
        version = next;
    };

    let message = json!({"client_id": key(), "user_id": badr, "body": "salm"});
    let sent = writer.clients[0].rpc("chat.send_message", &message).await.unwrap();
    let (id, place) = (sent["message"]["id"].clone(), sent["message"]["conversation_id"].clone());
    newer(&reader.hear_of("chat.message_created").await, 1);
    assert_eq!(writer.hear_of("chat.message_created").await["unread_total"], 0);
    let second = json!({"client_id": key(), "conversation_id": place, "body": "second", "reply_to_id": id});
    let second = writer.clients[3].rpc("chat.send_message", &second).await.unwrap();
    newer(&reader.hear_of("chat.message_created").await, 2);
    writer.hear_of("chat.message_created").await;

    // An edit, on the other node than the message.
    let words = json!({"message_id": id, "body": "salam"});
    let edited = writer.clients[4].rpc("chat.edit_message", &words).await.unwrap();
    assert_eq!((&edited["message"]["body"], &edited["message"]["id"]), (&json!("salam"), &id));
    for devices in [&mut reader, &mut writer] {
        assert_eq!(devices.hear_of("chat.message_updated").await, edited);
    }
    let error = reader.clients[1].rpc("chat.edit_message", &words).await.unwrap_err();
    assert!(error.message.starts_with("forbidden: "), "{error:?}");

    // One device has read, the other ones of the same user hear their new total; the writer hears none.
    let marking = json!({"conversation_id": place, "up_to": id});
    let read = reader.clients[0].rpc("chat.mark_read", &marking).await.unwrap();
    assert_eq!((&read["up_to"], &read["unread_total"]), (&id, &json!(1)));
    let heard = reader.hear_of("chat.messages_read").await;
    assert_eq!((&heard["up_to"], &heard["reader_id"]), (&id, &json!(badr)));
    assert_eq!(heard["unread_version"], read["unread_version"]);
    newer(&heard, 1);
    let heard = writer.hear_of("chat.messages_read").await;
    assert_eq!(
        (&heard["up_to"], &heard["reader_id"], &heard["conversation_id"]),
        (&id, &json!(badr), &place)
    );
    assert!(heard.get("unread_total").is_none() && heard.get("unread_version").is_none(), "{heard}");

    // Typing, once in three seconds.
    let began = Instant::now();
    for client in [0, 3, 5] {
        let typing = json!({"conversation_id": place});
        assert_eq!(writer.clients[client].rpc("chat.start_typing", &typing).await.unwrap(), json!({}));
    }
    let typing = reader.hear_of("chat.typing_started").await;
    assert_eq!((&typing["user_id"], &typing["conversation_id"]), (&json!(amal), &place));
    let until: Time = serde_json::from_value(typing["until"].clone()).unwrap();
    assert!(until > Time::now() && until <= Time::now().plus_seconds(5), "{until}");

    // Taken back before it was read: the next event, so the typing was told once and not to the one who types.
    let gone = json!({"message_id": second["message"]["id"]});
    let tombstone = writer.clients[5].rpc("chat.delete_message", &gone).await.unwrap();
    assert_eq!(
        (&tombstone["message"]["deleted"], &tombstone["message"]["body"]),
        (&json!(true), &Value::Null)
    );
    let mut heard = reader.hear().await;
    while heard["type"] == "chat.typing_started" && began.elapsed() >= Duration::from_secs(3) {
        heard = reader.hear().await;
    }
    assert_eq!(heard["type"], "chat.message_deleted", "{heard}");
    let heard = heard["data"].clone();
    assert_eq!((&heard["message_id"], &heard["conversation_id"]), (&gone["message_id"], &place));
    newer(&heard, 0);
    assert_eq!(writer.hear_of("chat.message_deleted").await["unread_total"], 0);
    let answer =
        json!({"client_id": key(), "conversation_id": place, "body": "?", "reply_to_id": gone["message_id"]});
    let error = reader.clients[2].rpc("chat.send_message", &answer).await.unwrap_err();
    assert!(error.message.starts_with("chat.reply_not_found: "), "{error:?}");

    // A device that connects now is told the same total and version as those that were there.
    let mut late = Client::open(&stand.nodes[1].url(), Encoding::MessagePack).await;
    let connected = late.connect_with(&stand.token(reader.user_id).await).await;
    let told = crate::client::json(&connected.data);
    assert_eq!((&told["unread_total"], &told["unread_version"]), (&json!(0), &heard["unread_version"]));

    // The conversation goes, for both.
    domain::chat::delete_conversation(
        stand.app(),
        &domain::Actor::on_behalf_of(badr),
        place.as_u64().unwrap(),
    )
    .await
    .unwrap();
    for devices in [&mut reader, &mut writer] {
        assert_eq!(devices.hear_of("chat.conversation_deleted").await["conversation_id"], place);
    }
    let silence = Duration::from_millis(300);
    reader.clients[0].hears_nothing_for(silence).await;
    writer.clients[5].hears_nothing_for(silence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_window_is_gone_learns_the_same_from_sync() {
    let stand = Stand::new().await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut writer = stand.client(0, amal).await;
    let mut reader = stand.client_speaking(1, badr, Encoding::Protobuf).await;
    let mut ids = Vec::new();
    for body in ["one", "two", "three"] {
        let message = json!({"client_id": key(), "user_id": badr, "body": body});
        let sent = writer.rpc("chat.send_message", &message).await.unwrap();
        ids.push(sent["message"]["id"].clone());
        reader.event(&format!("user:{badr}")).await;
    }
    reader.close().await;
    let edit = json!({"message_id": ids[0], "body": "one!"});
    writer.rpc("chat.edit_message", &edit).await.unwrap();
    writer.rpc("chat.delete_message", &json!({"message_id": ids[1]})).await.unwrap();
    let four = json!({"client_id": key(), "user_id": badr, "body": "four"});
    let four = writer.rpc("chat.send_message", &four).await.unwrap()["message"].clone();

    let mut reader = stand.client_speaking(1, badr, Encoding::MessagePack).await;
    let learnt = reader.rpc("chat.sync", &json!({"after_message_id": ids[2]})).await.unwrap();
    let messages = learnt["messages"].as_array().unwrap();
    assert_eq!(messages.last(), Some(&four));
    assert_eq!(learnt["has_more"], false);
    let changed = learnt["changed"].as_array().unwrap();
    assert_eq!((&changed[0]["id"], &changed[0]["body"]), (&ids[0], &json!("one!")));
    assert_eq!((&changed[1]["id"], &changed[1]["deleted"]), (&ids[1], &json!(true)));
    assert_eq!(changed.len(), 2);
    // Page by page, as small as can be.
    let mut input = json!({"after_message_id": 0, "limit": 1});
    let mut walked = Vec::new();
    loop {
        let page = reader.rpc("chat.sync", &input).await.unwrap();
        walked.extend(page["messages"].as_array().unwrap().iter().map(|message| message["id"].clone()));
        if page["cursor"].is_null() {
            break;
        }
        input = json!({"cursor": page["cursor"], "limit": 1});
    }
    ids.push(four["id"].clone());
    assert_eq!(walked, ids);
    let error = reader.rpc("chat.sync", &json!({"cursor": "x"})).await.unwrap_err();
    assert_eq!(error.code, 1002, "{error:?}");
}
