//! Rooms on two nodes: who is put out hears nothing more, the state in the reply is true, reactions come seldom.

use std::time::{Duration, Instant};

use protocol::codec::Encoding;
use protocol::frame::{PushBody, ServerMessage};
use serde_json::{Value, json};

use crate::client::{Client, event_of, json};
use crate::stand::{Stand, key};

/// A room that is live, and its host on the first node.
async fn room_and_host(stand: &Stand) -> (u64, Client) {
    let room = stand.room().await;
    let host = stand
        .database
        .number(&format!("SELECT CAST(user_id AS SIGNED) FROM live_rooms WHERE id = {room}"))
        .await;
    let host = u64::try_from(host.unwrap()).unwrap();
    (room, stand.client(0, host).await)
}

/// Everything that comes until nothing has come for a time.
async fn until_quiet(client: &mut Client, quiet: Duration) -> Vec<(String, PushBody)> {
    let mut heard = Vec::new();
    while let Ok(message) = tokio::time::timeout(quiet, client.next()).await {
        match message.expect("the socket stays open") {
            ServerMessage::Push(push) => heard.push((push.channel, push.body)),
            other => panic!("{other:?}"),
        }
    }
    heard
}

/// The events of a channel among what was heard.
fn events(heard: &[(String, PushBody)], channel: &str) -> Vec<Value> {
    let publications = heard.iter().filter_map(|(of, body)| match body {
        PushBody::Publication(publication) if of == channel => Some(event_of(publication).1),
        _ => None,
    });
    publications.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_put_out_hears_nothing_more_on_any_node_within_a_second() {
    let stand = Stand::new().await;
    let (room, mut host) = room_and_host(&stand).await;
    let channel = format!("room:{room}");
    let witness = stand.user("witness").await;
    let mut witness = stand.client(1, witness).await;
    witness.subscribe_to(&channel).await.unwrap();
    for (method, told, name) in [
        ("rooms.kick_user", "room.member_kicked", "kicked"),
        ("rooms.ban_user", "room.member_banned", "banned"),
    ] {
        let victim = stand.user(name).await;
        let own = format!("user:{victim}");
        // Two of their devices on the other node, one beside the host.
        let mut devices = Vec::new();
        for (node, encoding) in [(1, Encoding::Json), (1, Encoding::Protobuf), (0, Encoding::MessagePack)] {
            let mut device = stand.client_speaking(node, victim, encoding).await;
            device.subscribe_to(&channel).await.unwrap();
            devices.push(device);
        }
        let begun = Instant::now();
        let answer = host.rpc(method, &json!({"room_id": room, "user_id": victim})).await.unwrap();
        assert_eq!((&answer["banned"], &answer["user_id"]), (&json!(true), &json!(victim)));
        let mut before = Vec::new();
        for device in &mut devices {
            loop {
                let push = device.push().await.unwrap();
                if let PushBody::Unsubscribe(end) = &push.body {
                    assert_eq!((push.channel.as_str(), end.code), (channel.as_str(), 2000), "final to SDKs");
                    break;
                }
                before.push((push.channel, push.body));
            }
            let took = begun.elapsed();
            println!("{method}: unsubscribed after {took:?}");
            assert!(took < Duration::from_secs(1), "{took:?}");
        }
        // What is published from now on is heard by those who stayed, and by them alone.
        let post = json!({"client_id": key(), "room_id": room, "body": "among ourselves"});
        let posted = host.rpc("rooms.post_message", &post).await.unwrap();
        loop {
            let (_, event) = witness.event(&channel).await;
            if event["data"]["message"]["id"] == posted["message"]["id"] {
                break;
            }
        }
        for device in &mut devices {
            let mut heard = std::mem::take(&mut before);
            let after = until_quiet(device, Duration::from_millis(500)).await;
            assert!(events(&after, &channel).is_empty(), "{after:?}");
            heard.extend(after);
            assert!(events(&heard, &own).iter().any(|event| event["type"] == told), "{heard:?}");
            let refused = device.subscribe_to(&channel).await.unwrap_err();
            assert_eq!(refused.code, 103);
            let post = json!({"client_id": key(), "room_id": room, "body": "let me in"});
            let refused = device.rpc("rooms.post_message", &post).await.unwrap_err();
            assert!(refused.code == 1301 && refused.message.starts_with("rooms.banned"), "{refused:?}");
            before = heard;
        }
        let pardon = json!({"room_id": room, "user_id": victim});
        let answer = host.rpc("rooms.unban_user", &pardon).await.unwrap();
        assert_eq!(answer, json!({"user_id": victim, "banned": false, "until": null}));
        for device in &mut devices {
            device.subscribe_to(&channel).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_in_the_subscribe_reply_is_true_after_each_write() {
    let stand = Stand::new().await;
    let (room, mut host) = room_and_host(&stand).await;
    let channel = format!("room:{room}");
    let newcomer = stand.user("newcomer").await;
    let state = async || {
        let mut client = stand.client(1, newcomer).await;
        let reply = client.subscribe_to(&channel).await.unwrap();
        client.close().await;
        json(&reply.data)
    };
    let empty = state().await;
    assert_eq!((&empty["slow_mode_seconds"], &empty["pinned"]), (&json!(0), &json!([])));
    assert_eq!((&empty["status"], &empty["id"]), (&json!("active"), &json!(room)));

    let post = json!({"client_id": key(), "room_id": room, "body": "the rules"});
    let message = host.rpc("rooms.post_message", &post).await.unwrap()["message"]["id"].clone();
    let it = json!({"message_id": message});
    let pinned = host.rpc("rooms.pin_message", &it).await.unwrap();
    assert_eq!(pinned["message"]["pinned"], true);
    assert_eq!(state().await["pinned"], json!([pinned["message"]]));
    let slow = host.rpc("rooms.set_slow_mode", &json!({"room_id": room, "seconds": 30})).await.unwrap();
    assert_eq!(slow, json!({"room_id": room, "slow_mode_seconds": 30}));
    assert_eq!(state().await["slow_mode_seconds"], 30);
    // A reaction to what is on top is in the state when the room has heard of it.
    host.subscribe_to(&channel).await.unwrap();
    let love = json!({"message_id": message, "type": "love"});
    let reacted = host.rpc("rooms.react", &love).await.unwrap();
    assert_eq!(reacted, json!({"message_id": message, "reactions_count": 1, "my_reaction": "love"}));
    while host.event(&channel).await.1["type"] != "room.reactions_changed" {}
    assert_eq!(state().await["pinned"][0]["reactions_count"], 1);
    host.rpc("rooms.unpin_message", &it).await.unwrap();
    assert_eq!(state().await["pinned"], json!([]));
    host.rpc("rooms.pin_message", &it).await.unwrap();
    let gone = host.rpc("rooms.delete_message", &it).await.unwrap();
    assert_eq!((&gone["message"]["deleted"], &gone["message"]["body"]), (&json!(true), &Value::Null));
    assert_eq!(state().await["pinned"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_reactions_make_few_events_and_the_last_is_exact() {
    const PEOPLE: usize = 10;
    const ROUNDS: usize = 5;
    let stand = Stand::new().await;
    let (room, mut host) = room_and_host(&stand).await;
    let channel = format!("room:{room}");
    let post = json!({"client_id": key(), "room_id": room, "body": "who is here?"});
    let message = host.rpc("rooms.post_message", &post).await.unwrap()["message"]["id"].clone();
    let listener = stand.user("listener").await;
    let mut listener = stand.client(1, listener).await;
    listener.subscribe_to(&channel).await.unwrap();
    let mut people = Vec::new();
    for ordinal in 0..PEOPLE {
        let user = stand.user(&format!("person{ordinal}")).await;
        people.push(stand.client(ordinal % 2, user).await);
    }
    let types = ["like", "love", "haha", "wow", "sad", "angry"];
    let begun = Instant::now();
    for round in 0..ROUNDS {
        let each = people.iter_mut().enumerate().map(|(ordinal, person)| {
            let pick = types.get((ordinal + round) % 8);
            let input = json!({"message_id": message, "type": pick});
            async move { person.rpc("rooms.react", &input).await.unwrap() }
        });
        futures_util::future::join_all(each).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let reacting = begun.elapsed();
    let heard = until_quiet(&mut listener, Duration::from_millis(1_500)).await;
    let mut told = events(&heard, &channel);
    told.retain(|event| event["type"] == "room.reactions_changed");
    println!("{} reactions in {reacting:?}: {} events", PEOPLE * ROUNDS, told.len());
    let most = reacting.as_millis() / 500 + 2;
    assert!(told.len() >= 2 && u128::try_from(told.len()).unwrap() <= most, "{} > {most}", told.len());
    let last = &told.last().unwrap()["data"];
    let mut expected = serde_json::Map::new();
    for ordinal in 0..PEOPLE {
        if let Some(pick) = types.get((ordinal + ROUNDS - 1) % 8) {
            let count = expected.entry(*pick).or_insert(json!(0));
            *count = json!(count.as_u64().unwrap() + 1);
        }
    }
    let total: u64 = expected.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(
        last,
        &json!({"room_id": room, "message_id": message, "reactions_count": total, "reactions": expected})
    );
    let rows = stand.database.number("SELECT COUNT(*) FROM reactions").await.unwrap();
    assert_eq!(u64::try_from(rows).unwrap(), total);
    let counter = stand
        .database
        .number("SELECT CAST(reactions_count AS SIGNED) FROM live_room_messages")
        .await
        .unwrap();
    assert_eq!(u64::try_from(counter).unwrap(), total);
    // Nothing of it is kept: a client that comes back reads the counts, not the way there.
    let offsets = heard.iter().filter_map(|(_, body)| match body {
        PushBody::Publication(publication) => Some(publication.offset),
        _ => None,
    });
    assert_eq!(offsets.max(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_kept_in_order_through_the_socket() {
    let stand = Stand::new().await;
    let (room, mut host) = room_and_host(&stand).await;
    let channel = format!("room:{room}");
    let amal = stand.user("amal").await;
    let mut member = stand.client(1, amal).await;
    member.subscribe_to(&channel).await.unwrap();
    let here = json!({"room_id": room});
    member.rpc("rooms.join", &here).await.unwrap();
    assert_eq!(member.rpc("rooms.leave", &here).await.unwrap(), json!({}));
    assert_eq!(member.rpc("rooms.leave", &here).await.unwrap(), json!({}));

    let whom = json!({"room_id": room, "user_id": amal});
    let muted = host.rpc("rooms.mute_user", &whom).await.unwrap();
    assert_eq!(muted, json!({"user_id": amal, "muted": true, "until": null}));
    let post = |body: &str| json!({"client_id": key(), "room_id": room, "body": body});
    assert_eq!(member.rpc("rooms.post_message", &post("hm")).await.unwrap_err().code, 1302);
    let free = host.rpc("rooms.unmute_user", &whom).await.unwrap();
    assert_eq!(free, json!({"user_id": amal, "muted": false, "until": null}));
    let question = member.rpc("rooms.post_message", &post("why?")).await.unwrap()["message"]["id"].clone();
    let mut answer = post("because");
    answer["parent_id"] = question.clone();
    let answer = host.rpc("rooms.post_message", &answer).await.unwrap();
    assert_eq!(answer["message"]["parent_id"], question);
    let announced = host.rpc("rooms.announce", &post("quiet, please")).await.unwrap();
    assert_eq!(announced["message"]["type"], "announcement");

    for (method, input) in [
        ("rooms.announce", post("me too")),
        ("rooms.mute_user", whom.clone()),
        ("rooms.kick_user", whom.clone()),
        ("rooms.ban_user", whom.clone()),
        ("rooms.unban_user", whom.clone()),
        ("rooms.unmute_user", whom.clone()),
        ("rooms.set_slow_mode", json!({"room_id": room, "seconds": 5})),
        ("rooms.pin_message", json!({"message_id": question})),
        ("rooms.delete_message", json!({"message_id": announced["message"]["id"]})),
    ] {
        let refused = member.rpc(method, &input).await.unwrap_err();
        assert!(refused.code == 1004 && !refused.temporary, "{method}: {refused:?}");
    }
    let hosting = stand.database.number("SELECT CAST(user_id AS SIGNED) FROM live_rooms").await.unwrap();
    let own = host.rpc("rooms.ban_user", &json!({"room_id": room, "user_id": hosting})).await.unwrap_err();
    assert!(own.code == 1311 && own.message.starts_with("rooms.staff_protected"), "{own:?}");
    // Taking a reaction back is said, not left out.
    let silent = member.rpc("rooms.react", &json!({"message_id": question})).await.unwrap_err();
    assert_eq!(silent.code, 1002);
    let back = member.rpc("rooms.react", &json!({"message_id": question, "type": null})).await.unwrap();
    assert_eq!(back, json!({"message_id": question, "reactions_count": 0, "my_reaction": null}));

    let mut heard = Vec::new();
    while heard.last().map(String::as_str) != Some("announcement") {
        let (_, event) = member.event(&channel).await;
        let kind = event["type"].as_str().unwrap().to_owned();
        if kind == "room.viewers" {
            continue;
        }
        heard.push(if kind == "room.message_created" {
            event["data"]["message"]["type"].as_str().unwrap().to_owned()
        } else {
            kind
        });
    }
    let order = ["room.member_joined", "room.member_left", "room.member_muted", "room.member_unmuted"];
    assert_eq!(heard[..4], order);
    assert_eq!(heard[4..], ["text", "text", "announcement"]);
}
