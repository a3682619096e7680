//! The social graph and the feed over HTTP: what only the door shows.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, Reply, World, send};

async fn ask(world: &World, method: Method, path: &str, who: &Person, body: Value) -> Reply {
    send(world.request(method, path, Some(&who.token)).json(&body)).await
}

#[tokio::test]
async fn requests_to_follow_are_answered_over_http() {
    let world = World::new().await;
    let (owner, asker) = (world.person().await, world.person().await);
    let private = ask(&world, Method::PATCH, "/me/profile", &owner, json!({"is_private": true})).await;
    assert_eq!(private.expect(200).body["data"]["is_private"], true);
    let follow = format!("/users/{}/follow", owner.id);
    let asked = ask(&world, Method::POST, &follow, &asker, Value::Null).await.expect(200);
    assert_eq!(asked.body["data"], json!({"user_id": owner.id, "status": "requested"}));
    let between = world.get(&format!("/users/relationships?id[]={}", owner.id), &asker).await.expect(200);
    assert_eq!(between.body["data"][0]["requested"], true);

    let list = world.get("/follow-requests?direction=in", &owner).await.expect(200);
    let request = &list.body["data"][0];
    assert_eq!((&request["user"]["id"], &request["status"]), (&json!(asker.id), &json!("pending")));
    assert_eq!(
        (&list.body["meta"]["next_cursor"], request["direction"].as_str()),
        (&Value::Null, Some("in"))
    );
    world.get("/follow-requests?direction=sideways", &owner).await.problem(422, "validation_failed");
    let id = request["id"].as_u64().unwrap();
    let accept = format!("/follow-requests/{id}/accept");
    ask(&world, Method::POST, &accept, &asker, Value::Null).await.problem(404, "not_found");
    let accepted = ask(&world, Method::POST, &accept, &owner, Value::Null).await.expect(200);
    assert_eq!(accepted.body["data"]["status"], "accepted");
    let again = ask(&world, Method::POST, &accept, &owner, Value::Null).await;
    let again = again.problem(409, "illegal_transition");
    assert_eq!((&again.body["from"], &again.body["allowed"]), (&json!("accepted"), &json!([])));

    // Both languages, and what a private account shows to a guest.
    let followers = format!("/users/{}/followers", owner.id);
    world.get(&followers, &asker).await.expect(200);
    let guest = world.guest(Method::GET, &followers, Value::Null).await.problem(403, "private_account");
    assert_eq!(guest.body["rule"], "social.private_account");
    let arabic = world.request(Method::GET, &followers, None).header("accept-language", "ar");
    assert_eq!(send(arabic).await.body["detail"], "هذا الحساب خاص، تابعه أولًا.");
    let own = world.get("/users/me/followers", &owner).await.expect(200);
    assert_eq!(own.body["data"][0]["id"], asker.id);
    assert!(own.body["data"][0]["followed_at"].is_string());
    world.guest(Method::GET, "/users/me/followers", Value::Null).await.problem(401, "unauthenticated");
    for nobody in ["999999", "x", "0"] {
        let path = format!("/users/{nobody}/follow");
        ask(&world, Method::POST, &path, &asker, Value::Null).await.problem(404, "not_found");
    }
    ask(&world, Method::POST, "/users/me/follow", &asker, Value::Null).await.problem(422, "self_follow");
    ask(&world, Method::DELETE, &follow, &asker, Value::Null).await.expect(204);
    world.get(&followers, &asker).await.problem(403, "private_account");
    world.close().await;
}

#[tokio::test]
async fn posts_have_versions_keys_and_pages() {
    let world = World::new().await;
    let (author, reader) = (world.person().await, world.person().await);
    let key = crate::world::key();
    let body = json!({"content": "صباح الخير"});
    let first = world.post_with_key("/posts", &author, &key, body.clone()).await.expect(201);
    let again = world.post_with_key("/posts", &author, &key, body).await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));
    let other = world.post_with_key("/posts", &author, &key, json!({"content": "x"})).await;
    other.problem(422, "idempotency_key_reused");
    let id = first.body["data"]["id"].as_u64().unwrap();
    let path = format!("/posts/{id}");
    assert_eq!(first.header("location"), format!("/api/v1{path}"));

    // ETag, 304, If-Match.
    let read = world.get(&path, &author).await.expect(200);
    let tag = read.header("etag").to_owned();
    let fresh = world.request(Method::GET, &path, Some(&author.token)).header("if-none-match", &tag);
    assert_eq!(send(fresh).await.status, 304);
    let patch = async |version: &str, body: Value| {
        let request = world.request(Method::PATCH, &path, Some(&author.token)).header("if-match", version);
        send(request.json(&body)).await
    };
    patch("\"old\"", json!({"content": "new"})).await.problem(412, "precondition_failed");
    // Access before the version, the version before the values.
    patch("\"old\"", json!({"content": ""})).await.problem(412, "precondition_failed");
    let changed = patch(&tag, json!({"content": "صباح النور"})).await.expect(200);
    assert_ne!(changed.header("etag"), tag);
    assert_eq!(world.get(&path, &author).await.header("etag"), changed.header("etag"));
    patch(&tag, json!({"content": "late"})).await.problem(412, "precondition_failed");
    patch("*", json!({"content": null})).await.problem(422, "validation_failed");
    patch("*", json!({"content": "x", "views_count": 9})).await.problem(422, "validation_failed");
    patch("*", json!({})).await.problem(422, "validation_failed");
    let foreign = ask(&world, Method::PATCH, &path, &reader, json!({"views_count": 9})).await;
    foreign.problem(403, "forbidden");

    // The feed, page by page, and what it does not take.
    ask(&world, Method::POST, &format!("/users/{}/follow", author.id), &reader, Value::Null)
        .await
        .expect(200);
    for number in 0..3 {
        world.post("/posts", &author, json!({"content": format!("{number}")})).await.expect(201);
    }
    let feed = world.get("/feed?per_page=3", &reader).await.expect(200);
    assert_eq!(feed.body["data"].as_array().unwrap().len(), 3);
    let next = feed.body["links"]["next"].as_str().unwrap().replace(&world.base, "");
    let next = world.get(&next, &reader).await.expect(200);
    assert_eq!((&next.body["data"][0]["id"], &next.body["links"]["next"]), (&json!(id), &Value::Null));
    world.get("/feed?filter[post_type]=essay", &reader).await.problem(422, "validation_failed");
    world.get("/feed?filter[user]=1", &reader).await.problem(422, "validation_failed");
    world.get("/feed?cursor=x", &reader).await.problem(400, "invalid_cursor");
    let discover = world.guest(Method::GET, "/feed/discover?per_page=2", Value::Null).await.expect(200);
    assert_eq!(discover.body["data"].as_array().unwrap().len(), 2);
    assert!(discover.body["data"][0].get("user").is_some() && discover.header("link").contains("next"));

    // Reactions with their summary.
    let reaction = format!("{path}/reaction");
    let reacted = ask(&world, Method::PUT, &reaction, &reader, json!({"type": "wow"})).await.expect(200);
    assert_eq!(
        reacted.body["data"],
        json!({"target_type": "post", "target_id": id, "reactions_count": 1, "my_reaction": "wow"})
    );
    let list = world.get(&format!("{path}/reactions?filter[type]=wow"), &author).await.expect(200);
    assert_eq!((&list.body["summary"], &list.body["data"][0]["type"]), (&json!({"wow": 1}), &json!("wow")));
    assert!(list.body["meta"]["per_page"].is_u64());
    ask(&world, Method::DELETE, &reaction, &reader, Value::Null).await.expect(204);

    // Comments and shares over HTTP.
    let comments = format!("{path}/comments");
    let made = world.post(&comments, &reader, json!({"content": "أحسنت"})).await.expect(201);
    let comment = made.header("location").replace("/api/v1", "");
    let read = world.get(&comment, &reader).await.expect(200);
    let request = world.request(Method::DELETE, &comment, Some(&reader.token));
    send(request.header("if-match", "\"old\"")).await.problem(412, "precondition_failed");
    let request = world.request(Method::DELETE, &comment, Some(&reader.token));
    send(request.header("if-match", read.header("etag"))).await.expect(204);
    let share =
        world.post(&format!("{path}/shares"), &reader, json!({"comment": "انظروا"})).await.expect(201);
    let timeline = world.get("/users/me/posts", &reader).await.expect(200);
    assert_eq!(timeline.body["data"][0]["share"]["id"], share.body["data"]["id"]);
    assert_eq!(timeline.body["data"][0]["id"], json!(id));
    world.close().await;
}

#[tokio::test]
async fn reports_are_reviewed_over_http() {
    let world = World::new().await;
    let (author, reader) = (world.person().await, world.person().await);
    let moderator = world.person_with_role("moderator").await;
    let made = world.post("/posts", &author, json!({"content": "buy now"})).await.expect(201);
    let path = format!("/posts/{}/reports", made.body["data"]["id"]);
    let reason = json!({"reason": "spam", "details": "إعلان"});
    let first = world.post(&path, &reader, reason.clone()).await.expect(201);
    let again = world.post(&path, &reader, reason.clone()).await.expect(200);
    assert_eq!(first.body["data"]["id"], again.body["data"]["id"]);
    world.post(&path, &author, reason).await.problem(422, "own_post");
    world.post(&path, &reader, json!({"reason": "boring"})).await.problem(422, "validation_failed");
    world.get("/admin/reports", &reader).await.problem(403, "forbidden");
    let list =
        world.get("/admin/reports?filter[status]=pending&sort=created_at", &moderator).await.expect(200);
    assert_eq!((&list.body["meta"]["total"], &list.body["data"][0]["reason"]), (&json!(1), &json!("spam")));
    world.get("/admin/reports?filter[status]=old", &moderator).await.problem(422, "validation_failed");
    let id = &first.body["data"]["id"];
    let act = async |word: &str, body: Value| {
        ask(&world, Method::POST, &format!("/admin/reports/{id}/{word}"), &moderator, body).await
    };
    let early = act("release", Value::Null).await.problem(409, "illegal_transition");
    assert_eq!(early.body["allowed"], json!(["reviewing", "resolved", "dismissed"]));
    act("claim", Value::Null).await.expect(200);
    let closed = act("resolve", json!({"action": "remove_post"})).await.expect(200);
    assert_eq!(
        (&closed.body["data"]["status"], &closed.body["data"]["is_post_deleted"]),
        (&json!("resolved"), &json!(true))
    );
    act("dismiss", Value::Null).await.problem(409, "illegal_transition");
    world
        .guest(Method::GET, &format!("/posts/{}", made.body["data"]["id"]), Value::Null)
        .await
        .problem(404, "not_found");
    world.close().await;
}
