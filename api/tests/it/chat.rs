//! Chat over HTTP: keys, windows, pages.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, World, key, send};

#[tokio::test]
async fn the_same_key_is_the_same_message() {
    let world = World::new().await;
    let (one, two) = (world.person().await, world.person().await);
    let opened = world.post("/conversations", &one, json!({"user_id": two.id})).await.expect(201);
    let id = opened.body["data"]["id"].as_u64().unwrap();
    world.post("/conversations", &two, json!({"user_id": one.id})).await.expect(200);
    let path = format!("/conversations/{id}/messages");

    let client_id = key();
    let body = json!({"client_id": client_id, "body": "السلام عليكم"});
    let first = world.post(&path, &one, body.clone()).await.expect(201);
    assert_eq!(first.header("idempotent-replayed"), "");
    let message = first.body["data"].clone();
    assert_eq!(
        (message["sender_id"].as_u64(), message["body"].as_str()),
        (Some(one.id), Some("السلام عليكم"))
    );
    assert_eq!(first.header("location"), format!("/api/v1{path}?around={}", message["id"]));
    let again = world.post(&path, &one, body).await.expect(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.body["data"], message);
    // The header is the same key, upper case and quoted or not; the body may then leave it out.
    let quoted = format!("\"{}\"", client_id.to_uppercase());
    let again = world.post_with_key(&path, &one, &quoted, json!({"body": "السلام عليكم"})).await.expect(201);
    assert_eq!(again.body["data"]["id"], message["id"]);
    let other = json!({"client_id": client_id, "body": "something else"});
    world.post(&path, &one, other).await.problem(422, "idempotency_key_reused");
    let differing = json!({"client_id": key(), "body": "hello"});
    let refused =
        world.post_with_key(&path, &one, &client_id, differing).await.problem(422, "validation_failed");
    assert!(refused.body["errors"]["client_id"].is_array());
    world
        .post_with_key(&path, &one, "two words", json!({"body": "x"}))
        .await
        .problem(400, "malformed_request");
    world.post(&path, &one, json!({"body": "no key"})).await.problem(422, "validation_failed");

    // The other one's unread, sync, and reading it.
    let unread = world.get("/conversations/unread", &two).await.expect(200);
    assert_eq!(unread.body["data"]["unread_total"], 1);
    let synced = world.get("/sync?after_message_id=0", &two).await.expect(200);
    assert_eq!(synced.body["data"]["messages"][0]["id"], message["id"]);
    assert_eq!(synced.body["data"]["has_more"], false);
    let read = json!({"up_to": message["id"]});
    let read = world.post(&format!("/conversations/{id}/read"), &two, read).await.expect(200);
    assert_eq!(read.body["data"]["unread_total"], 0);
    let typing = world.request(Method::POST, &format!("/conversations/{id}/typing"), Some(&two.token));
    send(typing).await.expect(204);

    // Windows.
    for text in ["two", "three", "four"] {
        world.post(&path, &two, json!({"client_id": key(), "body": text})).await.expect(201);
    }
    let ids = |reply: &Value| -> Vec<u64> {
        reply["data"].as_array().unwrap().iter().map(|message| message["id"].as_u64().unwrap()).collect()
    };
    let all = ids(&world.get(&path, &one).await.expect(200).body);
    assert_eq!(all.len(), 4);
    assert!(all.is_sorted());
    let before = world.get(&format!("{path}?before={}&per_page=2", all[3]), &one).await.expect(200);
    assert_eq!(ids(&before.body), all[1..3]);
    let after = world.get(&format!("{path}?after={}", all[1]), &one).await.expect(200);
    assert_eq!(ids(&after.body), all[2..]);
    // Pages by cursor, from the newest to the oldest and back.
    let url = format!("{}/api/v1{path}", world.base);
    let newest = world.get(&format!("{path}?per_page=3"), &one).await.expect(200);
    assert_eq!(ids(&newest.body), all[1..]);
    assert_eq!((&newest.body["meta"]["path"], &newest.body["meta"]["per_page"]), (&json!(url), &json!(3)));
    assert!(newest.body["links"]["prev"].is_null());
    let next = newest.body["links"]["next"].as_str().unwrap();
    assert_eq!(newest.header("link"), format!("<{next}>; rel=\"next\""));
    let oldest = world.get(next.strip_prefix(&world.base).unwrap(), &one).await.expect(200);
    assert_eq!((ids(&oldest.body), &oldest.body["links"]["next"]), (all[..1].to_vec(), &Value::Null));
    let prev = oldest.body["links"]["prev"].as_str().unwrap();
    let back = world.get(prev.strip_prefix(&world.base).unwrap(), &one).await.expect(200);
    assert_eq!((ids(&back.body), &back.body["links"]["prev"]), (all[1..].to_vec(), &Value::Null));
    let around = world.get(&format!("{path}?around={}&per_page=2", all[2]), &one).await.expect(200);
    assert_eq!(ids(&around.body), all[1..3]);
    let next = around.body["links"]["next"].as_str().unwrap();
    assert!(!next.contains("around"), "{next}");
    assert_eq!(
        ids(&world.get(next.strip_prefix(&world.base).unwrap(), &one).await.expect(200).body),
        all[..1]
    );
    let prev = around.body["links"]["prev"].as_str().unwrap();
    assert_eq!(
        ids(&world.get(prev.strip_prefix(&world.base).unwrap(), &one).await.expect(200).body),
        all[3..]
    );
    let both = format!("{path}?before=9&cursor={}", newest.body["meta"]["next_cursor"].as_str().unwrap());
    world.get(&both, &one).await.problem(422, "validation_failed");
    world.get(&format!("{path}?after=1&before=9"), &one).await.problem(422, "validation_failed");

    let gone = world.request(Method::DELETE, &format!("/conversations/{id}"), Some(&one.token));
    send(gone).await.expect(204);
    world.get(&format!("/conversations/{id}"), &two).await.problem(404, "not_found");
    world.close().await;
}

#[tokio::test]
async fn a_list_is_walked_both_ways() {
    let world = World::new().await;
    let me = world.person().await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        let other = world.person().await;
        let opened = world.post("/conversations", &me, json!({"user_id": other.id})).await.expect(201);
        let id = opened.body["data"]["id"].as_u64().unwrap();
        let body = json!({"client_id": key(), "body": "hello"});
        world.post(&format!("/conversations/{id}/messages"), &me, body).await.expect(201);
        expected.insert(0, id);
    }
    let mut seen = Vec::new();
    let mut url = format!("{}/api/v1/conversations?per_page=2", world.base);
    let mut pages = Vec::new();
    loop {
        let path = url.strip_prefix(&world.base).unwrap().to_owned();
        let page = world.get(&path, &me).await.expect(200);
        let meta = &page.body["meta"];
        assert_eq!(meta["per_page"], 2);
        assert_eq!(meta["path"], format!("{}/api/v1/conversations", world.base));
        assert_eq!((&page.body["links"]["first"], &page.body["links"]["last"]), (&Value::Null, &Value::Null));
        seen.extend(page.body["data"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()));
        let next = page.body["links"]["next"].as_str().map(str::to_owned);
        assert_eq!(meta["next_cursor"].is_null(), next.is_none());
        pages.push(page);
        match next {
            Some(next) => {
                assert!(pages.last().unwrap().header("link").contains(&format!("<{next}>; rel=\"next\"")));
                url = next;
            }
            None => break,
        }
    }
    assert_eq!((seen, pages.len()), (expected.clone(), 3));
    // Back from the last page.
    let back = pages[2].body["links"]["prev"].as_str().unwrap().strip_prefix(&world.base).unwrap().to_owned();
    let back = world.get(&back, &me).await.expect(200);
    let ids: Vec<u64> =
        back.body["data"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, expected[2..4]);
    world.close().await;
}

#[tokio::test]
async fn a_message_is_edited_and_deleted_by_its_sender_alone() {
    let world = World::new().await;
    let (one, two, stranger) = (world.person().await, world.person().await, world.person().await);
    let opened = world.post("/conversations", &one, json!({"user_id": two.id})).await.expect(201);
    let place = opened.body["data"]["id"].as_u64().unwrap();
    let path = format!("/conversations/{place}/messages");
    let sent = world.post(&path, &one, json!({"client_id": key(), "body": "salm"})).await.expect(201);
    let id = sent.body["data"]["id"].as_u64().unwrap();
    let at = format!("/messages/{id}");
    let patch = async |who: Option<&Person>, path: &str, body: Value| {
        let token = who.map(|who| who.token.as_str());
        send(world.request(Method::PATCH, path, token).json(&body)).await
    };
    let delete = async |who: Option<&Person>, path: &str| {
        send(world.request(Method::DELETE, path, who.map(|who| who.token.as_str()))).await
    };
    let words = json!({"body": "salam"});

    for (who, status, code) in
        [(None, 401, "unauthenticated"), (Some(&stranger), 404, "not_found"), (Some(&two), 403, "forbidden")]
    {
        patch(who, &at, words.clone()).await.problem(status, code);
        // What is wrong with the body is told to nobody else.
        patch(who, &at, json!({"words": 7})).await.problem(status, code);
        delete(who, &at).await.problem(status, code);
    }
    patch(Some(&one), "/messages/999999", words.clone()).await.problem(404, "not_found");
    patch(Some(&one), "/messages/one", words.clone()).await.problem(404, "not_found");
    delete(Some(&one), "/messages/999999").await.problem(404, "not_found");
    for wrong in [json!({"words": 7}), json!({"body": ""}), json!({"body": "x", "type": "text"}), json!({})] {
        let refused = patch(Some(&one), &at, wrong).await.problem(422, "validation_failed");
        assert!(refused.body["errors"].is_object());
    }

    let edited = patch(Some(&one), &at, words.clone()).await.expect(200).body["data"].clone();
    assert_eq!((&edited["id"], &edited["body"]), (&json!(id), &json!("salam")));
    assert!(edited["edited_at"].is_string() && sent.body["data"]["edited_at"].is_null());
    assert_eq!(edited["media"], json!([]));
    assert_eq!(patch(Some(&one), &at, words.clone()).await.expect(200).body["data"], edited);
    let seen = world.get(&path, &two).await.expect(200);
    assert_eq!(seen.body["data"][0], edited);
    world.sql("UPDATE messages SET created_at = created_at - INTERVAL 16 MINUTE").await;
    patch(Some(&one), &at, json!({"body": "late"})).await.problem(409, "edit_window_over");

    for _ in 0..2 {
        assert_eq!(delete(Some(&one), &at).await.expect(204).text, "");
    }
    let seen = world.get(&path, &two).await.expect(200);
    let left = &seen.body["data"][0];
    assert_eq!((&left["id"], &left["body"], &left["deleted"]), (&json!(id), &Value::Null, &json!(true)));
    patch(Some(&one), &at, words).await.problem(422, "not_editable");
    let unread = world.get("/conversations/unread", &two).await.expect(200);
    assert_eq!(unread.body["data"]["unread_total"], 0);
    assert!(unread.body["data"]["unread_version"].as_u64().unwrap() >= 2);
    world.close().await;
}

#[tokio::test]
async fn what_was_missed_is_asked_for_page_by_page() {
    let world = World::new().await;
    let (one, two, stranger) = (world.person().await, world.person().await, world.person().await);
    let opened = world.post("/conversations", &one, json!({"user_id": two.id})).await.expect(201);
    let place = opened.body["data"]["id"].as_u64().unwrap();
    let path = format!("/conversations/{place}/messages");
    let mut ids = Vec::new();
    for body in ["one", "two", "three"] {
        let sent = world.post(&path, &one, json!({"client_id": key(), "body": body})).await.expect(201);
        ids.push(sent.body["data"]["id"].as_u64().unwrap());
    }
    world.guest(Method::GET, "/sync", json!({})).await.problem(401, "unauthenticated");
    let first = world.get("/sync?limit=2", &two).await.expect(200).body["data"].clone();
    assert_eq!((first["messages"].as_array().unwrap().len(), &first["has_more"]), (2, &json!(true)));
    let cursor = first["cursor"].as_str().unwrap();
    let next =
        world.get(&format!("/sync?limit=2&cursor={cursor}"), &two).await.expect(200).body["data"].clone();
    assert_eq!(
        (&next["messages"][0]["id"], &next["has_more"], &next["cursor"], &next["at"]),
        (&json!(ids[2]), &json!(false), &Value::Null, &first["at"])
    );
    let nothing = world.get("/sync", &stranger).await.expect(200).body["data"].clone();
    assert_eq!((&nothing["messages"], &nothing["reads"]), (&json!([]), &json!([])));

    // Later, with the time of the last answer as it is, its plus sign escaped or not.
    let since = next["at"].as_str().unwrap().to_owned();
    world.post(&format!("/conversations/{place}/read"), &two, json!({"up_to": ids[1]})).await.expect(200);
    send(world.request(Method::DELETE, &format!("/messages/{}", ids[0]), Some(&one.token))).await.expect(204);
    for since in [since.clone(), since.replace('Z', "+00:00"), since.replace('Z', "%2B00:00")] {
        let asked = format!("/sync?after_message_id={}&since={since}", ids[2]);
        let learnt = world.get(&asked, &one).await.expect(200).body["data"].clone();
        assert_eq!(
            (&learnt["changed"][0]["id"], &learnt["changed"][0]["deleted"]),
            (&json!(ids[0]), &json!(true)),
            "{since}"
        );
        let seen = json!([{"conversation_id": place, "reader_id": two.id, "up_to": ids[1]}]);
        assert_eq!(learnt["reads"], seen);
        assert_eq!(learnt["deleted_conversations"], json!([]));
    }
    send(world.request(Method::DELETE, &format!("/conversations/{place}"), Some(&two.token)))
        .await
        .expect(204);
    let learnt = world.get(&format!("/sync?after_message_id={}", ids[2]), &one).await.expect(200);
    assert_eq!(learnt.body["data"]["deleted_conversations"], json!([place]));
    for wrong in
        ["since=yesterday", "cursor=x", "limit=201", "after_message_id=x", "cursor=1.1.1.1.1.s.s&since=x"]
    {
        world.get(&format!("/sync?{wrong}"), &one).await.problem(422, "validation_failed");
    }
    world.close().await;
}
