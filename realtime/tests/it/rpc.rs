//! Operations through the socket door (realtime.md §4).

use protocol::codec::Encoding;
use protocol::frame::{Answer, Request, SendRequest};
use serde_json::json;

use crate::client::{Client, json};
use crate::stand::{PASSWORD, Stand, key};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_crosses_nodes_and_encodings_once_for_each_client_id() {
    let stand = Stand::new().await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut writer = stand.client_speaking(0, amal, Encoding::Json).await;
    let mut hearers = Vec::new();
    for (node, encoding) in [(0, Encoding::Protobuf), (1, Encoding::MessagePack), (1, Encoding::Json)] {
        hearers.push(stand.client_speaking(node, badr, encoding).await);
    }
    let mut second_device = stand.client_speaking(1, amal, Encoding::Protobuf).await;

    let message = json!({"client_id": key(), "user_id": badr, "body": "مرحبا"});
    let answer = writer.rpc("chat.send_message", &message).await.unwrap();
    let id = answer["message"]["id"].as_u64().unwrap();
    let mut event_ids = Vec::new();
    for hearer in &mut hearers {
        let (offset, event) = hearer.event(&format!("user:{badr}")).await;
        assert!(offset > 0);
        assert_eq!(
            (&event["type"], &event["data"]["unread_total"]),
            (&json!("chat.message_created"), &json!(1))
        );
        assert_eq!(event["data"]["message"]["body"], "مرحبا");
        assert_eq!(event["data"]["message"]["id"], id);
        event_ids.push(event["id"].clone());
    }
    let (_, own) = second_device.event(&format!("user:{amal}")).await;
    assert_eq!((&own["data"]["message"]["id"], &own["data"]["unread_total"]), (&json!(id), &json!(0)));

    // The same again: the same answer, and the same event once more.
    assert_eq!(writer.rpc("chat.send_message", &message).await.unwrap(), answer);
    let (_, repeated) = hearers[0].event(&format!("user:{badr}")).await;
    assert_eq!(repeated["id"], event_ids[0]);
    // The same client_id with other content.
    let other = json!({"client_id": message["client_id"], "user_id": badr, "body": "other"});
    let error = writer.rpc("chat.send_message", &other).await.unwrap_err();
    assert!(error.code >= 1000 && error.message.starts_with("idempotency_key_reused: "), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_is_answered_with_the_right_code() {
    let stand = Stand::with(1, |_| {}).await;
    let amal = stand.user("amal").await;
    let mut client = stand.client(0, amal).await;
    assert_eq!(client.rpc("chat.dance", &json!({})).await.unwrap_err().code, 104);
    let error = client.rpc("rooms.join", &json!({"room_id": "one"})).await.unwrap_err();
    assert!(error.code == 1002 && error.message.starts_with("validation_failed: "), "{error:?}");
    let error = client.rpc("rooms.join", &json!({"room_id": 999_999})).await.unwrap_err();
    assert!(error.code == 1003 && error.message.starts_with("not_found: ") && !error.temporary, "{error:?}");
    let message = json!({"client_id": key(), "user_id": amal, "body": "me"});
    let error = client.rpc("chat.send_message", &message).await.unwrap_err();
    assert!(error.message.starts_with("chat.self_conversation: "), "{error:?}");
    // The connection is as good as before.
    client.send(0, Request::Send(SendRequest { data: "{}".into() })).await;
    assert_eq!(
        client.rpc("presence.query", &json!({"user_ids": [amal]})).await.unwrap()["users"][0]["online"],
        true
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_one_connection_take_effect_in_their_order() {
    let stand = Stand::new().await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut hearer = stand.client(1, badr).await;
    let mut writer = stand.client(0, amal).await;
    // One frame with thirty commands.
    let commands: Vec<String> = (0..30)
        .map(|n| {
            let data = json!({"client_id": key(), "user_id": badr, "body": n.to_string()});
            json!({"id": 100 + n, "rpc": {"method": "chat.send_message", "data": data}}).to_string()
        })
        .collect();
    writer.send_bytes(commands.join("\n").into()).await;
    for n in 0..30 {
        let (_, event) = hearer.event(&format!("user:{badr}")).await;
        assert_eq!(event["data"]["message"]["body"], n.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_heard_on_both_nodes_and_tells_who_is_there() {
    let stand = Stand::new().await;
    let room = stand.room().await;
    let channel = format!("room:{room}");
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut one = stand.client(0, amal).await;
    one.subscribe_to(&channel).await.unwrap();
    let mut two = stand.client_speaking(1, badr, Encoding::MessagePack).await;
    two.subscribe_to(&channel).await.unwrap();

    let post = json!({"client_id": key(), "room_id": room, "body": "salam"});
    let answer = one.rpc("rooms.post_message", &post).await.unwrap();
    for client in [&mut one, &mut two] {
        let (offset, event) = client.event(&channel).await;
        assert!(offset > 0 && event["type"] == "room.message_created");
        assert_eq!(event["data"]["message"]["id"], answer["message"]["id"]);
    }
    let ask = |channel: &str| {
        Request::PresenceStats(protocol::frame::PresenceStatsRequest { channel: channel.to_owned() })
    };
    let both = async || {
        let Ok(Answer::PresenceStats(stats)) = one.ask(ask(&channel)).await.unwrap() else { panic!() };
        (stats.num_clients, stats.num_users) == (2, 2)
    };
    Stand::eventually(both).await;
    let list = Request::Presence(protocol::frame::PresenceRequest { channel: channel.clone() });
    let Ok(Answer::Presence(presence)) = two.ask(list).await.unwrap() else { panic!() };
    let mut names: Vec<_> =
        presence.presence.values().map(|info| json(&info.conn_info)["username"].clone()).collect();
    names.sort_by_key(ToString::to_string);
    assert_eq!(names, ["amal", "badr"]);
    assert_eq!(two.ask(ask(&format!("user:{badr}"))).await.unwrap().unwrap_err().code, 108);
    let history = |limit| {
        Request::History(protocol::frame::HistoryRequest {
            channel: channel.clone(),
            limit,
            ..Default::default()
        })
    };
    let Ok(Answer::History(kept)) = two.ask(history(-1)).await.unwrap() else { panic!() };
    assert!(kept.publications.iter().any(|event| json(&event.data)["type"] == "room.message_created"));
    let Ok(Answer::History(top)) = two.ask(history(0)).await.unwrap() else { panic!() };
    assert!(top.publications.is_empty() && top.offset == kept.offset);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_may_only_read_does_not_write_through_this_door_either() {
    let stand = Stand::with(1, |_| {}).await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let actor = domain::Actor::on_behalf_of(amal);
    let mut clients = Vec::new();
    for abilities in [&["read", "realtime"][..], &["realtime"][..]] {
        let input = json!({"name": "app", "password": PASSWORD, "abilities": abilities});
        let input = serde_json::from_value(input).unwrap();
        let made = domain::users::create_token(stand.app(), &actor, input).await.unwrap();
        let mut client = Client::open(&stand.nodes[0].url(), Encoding::Json).await;
        client.connect_with(&made.token).await;
        clients.push(client);
    }
    let presence = json!({"user_ids": [badr]});
    let message = json!({"client_id": key(), "user_id": badr, "body": "salam"});
    for (client, may_read) in clients.iter_mut().zip([true, false]) {
        for (method, input) in [
            ("chat.send_message", message.clone()),
            ("chat.mark_read", json!({"conversation_id": 1, "up_to": 1})),
            ("chat.start_typing", json!({"conversation_id": 1})),
            ("rooms.join", json!({"room_id": 1})),
        ] {
            let error = client.rpc(method, &input).await.unwrap_err();
            assert!(
                error.message.starts_with("missing_ability: ") && !error.temporary,
                "{method}: {error:?}"
            );
        }
        assert_eq!(client.rpc("presence.query", &presence).await.is_ok(), may_read);
    }
}
