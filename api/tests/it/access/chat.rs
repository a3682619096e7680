//! Who may do what in conversations, and who sees who is online.

use serde_json::{Value, json};

use super::{Scene, probe};
use crate::world::{World, key};

/// The owner and a friend have written to each other.
pub(crate) async fn scene(world: &World) -> Scene {
    let (stranger, owner, friend) = (world.person().await, world.person().await, world.person().await);
    let staff = world.person_with_role("super-admin").await;
    let opening = json!({"user_id": friend.id});
    let opened = world.post("/conversations", &owner, opening.clone()).await.expect(201);
    let id = opened.body["data"]["id"].as_u64().unwrap();
    let messages = format!("/conversations/{id}/messages");
    let words = || json!({"client_id": key(), "body": "أهلًا"});
    let theirs = world.post(&messages, &friend, words()).await.expect(201).body["data"]["id"].as_u64().unwrap();
    let own = world.post(&messages, &owner, words()).await.expect(201).body["data"]["id"].as_u64().unwrap();
    let none = Value::Null;
    let (everybody, members) = ([401, 200, 200, 200], [401, 404, 200, 404]);
    let said = [401, 404, 204, 404];
    let probes = vec![
        probe("list_conversations", "/conversations", none.clone(), everybody),
        // The owner's is there already.
        probe("open_conversation", "/conversations", opening, [401, 201, 200, 201]),
        probe("count_unread", "/conversations/unread", none.clone(), everybody),
        probe("find_conversation", format!("/conversations/{id}"), none.clone(), members),
        probe("list_messages", messages.clone(), none.clone(), members),
        probe("send_message", messages, json!({"body": "مرحبا"}), [401, 404, 201, 404]),
        probe("edit_message", format!("/messages/{own}"), json!({"body": "أهلًا بك"}), members),
        // Not even the other one of the two.
        probe("edit_message", format!("/messages/{theirs}"), json!({"body": "x"}), [401, 404, 403, 404]),
        probe("mark_read", format!("/conversations/{id}/read"), json!({"up_to": theirs}), members),
        probe("start_typing", format!("/conversations/{id}/typing"), none.clone(), said),
        probe("sync_messages", "/sync?after_message_id=0", none.clone(), everybody),
        probe("query_presence", format!("/presence?user_ids[]={}", owner.id), none.clone(), everybody),
        probe("delete_message", format!("/messages/{own}"), none.clone(), said),
        probe("delete_conversation", format!("/conversations/{id}"), none, said),
    ];
    Scene { stranger, owner, staff, probes }
}
