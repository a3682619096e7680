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
