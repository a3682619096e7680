//! Sign-in over HTTP.

use reqwest::Method;
use serde_json::json;

use crate::world::{PASSWORD, World, person_of, send};

#[tokio::test]
async fn sign_in_round_trip() {
    let world = World::new().await;
    let person = world.person().await;

    let me = world.get("/me", &person).await.expect(200);
    assert_eq!(me.body["data"]["id"], person.id);
    assert_eq!(me.body["data"]["wallet"]["balance"], "0.00");
    assert_eq!(me.header("cache-control"), "private, no-store");

    // By username, and by e-mail with the wrong password.
    let login = json!({"login": person.username, "password": PASSWORD, "device_name": "Phone"});
    let second = world.guest(Method::POST, "/auth/login", login).await.expect(200);
    assert_eq!(second.body["data"]["token_type"], "Bearer");
    assert_eq!(second.body["data"]["expires_in"], 900);
    let second = person_of(&second, person.username.clone());
    let login = json!({"login": format!("{}@example.com", person.username), "password": "something else"});
    let wrong = world.guest(Method::POST, "/auth/login", login).await.problem(401, "invalid_credentials");
    assert_eq!(wrong.body["rule"], "users.invalid_credentials");
    assert_eq!(wrong.header("www-authenticate"), "Bearer realm=\"majlis\"");

    // The list of sessions knows which one asks; ending another ends its access token, too.
    let tokens = world.get("/auth/tokens", &person).await.expect(200);
    let tokens = tokens.body["data"].as_array().unwrap().clone();
    assert_eq!(tokens.len(), 2, "{tokens:?}");
    let other = tokens.iter().find(|token| token["current"] == false).unwrap();
    assert_eq!(other["name"], "Phone");
    let path = format!("/auth/tokens/{}", other["id"]);
    send(world.request(Method::DELETE, &path, Some(&person.token))).await.expect(204);
    world.get("/me", &second).await.problem(401, "unauthenticated");

    // Rotation; the used one is refused and takes its session along.
    let refresh = json!({"refresh_token": person.refresh_token});
    // A stale access token beside it does no harm.
    let request = world.request(Method::POST, "/auth/refresh", Some("stale")).json(&refresh);
    let next = person_of(&send(request).await.expect(200), person.username.clone());
    assert_ne!(next.refresh_token, person.refresh_token);
    world.get("/me", &next).await.expect(200);
    world.guest(Method::POST, "/auth/refresh", refresh).await.problem(401, "refresh_token_reused");
    world.get("/me", &next).await.problem(401, "unauthenticated");

    let login = json!({"login": person.username, "password": PASSWORD});
    let last = world.guest(Method::POST, "/auth/login", login).await.expect(200);
    let last = person_of(&last, person.username.clone());
    send(world.request(Method::POST, "/auth/logout", Some(&last.token))).await.expect(204);
    world.get("/me", &last).await.problem(401, "unauthenticated");
    world.close().await;
}

#[tokio::test]
async fn a_taken_address_is_laravels_422() {
    let world = World::new().await;
    let person = world.person().await;
    let body = json!({
        "name": "Another", "username": "another.one", "email": format!("{}@example.com", person.username),
        "password": PASSWORD,
    });
    let refused = world.guest(Method::POST, "/auth/register", body).await.problem(422, "validation_failed");
    assert_eq!(refused.body["message"], "The email has already been taken.");
    assert_eq!(refused.body["errors"]["email"], json!(["The email has already been taken."]));
    assert_eq!(refused.body["title"], "Unprocessable Content");
    world.close().await;
}

#[tokio::test]
async fn api_tokens_do_what_their_abilities_say() {
    let world = World::new().await;
    let person = world.person().await;
    let body = json!({"name": "Reader", "password": PASSWORD, "abilities": ["read"]});
    let token = world.post("/auth/tokens", &person, body).await.expect(201);
    let token = token.body["data"]["token"].as_str().unwrap().to_owned();
    assert!(token.contains('|'), "{token}");

    send(world.request(Method::GET, "/me", Some(&token))).await.expect(200);
    let write = world.request(Method::POST, "/conversations", Some(&token)).json(&json!({"user_id": 1}));
    send(write).await.problem(403, "missing_ability");
    let gift = world.request(Method::POST, "/gifts/1/send", Some(&token)).json(&json!({}));
    send(gift).await.problem(403, "missing_ability");

    // A missing ability is told before what is wrong with path, query or body; one that is there is enough to be told.
    let read_only =
        |method, path| world.request(method, path, Some(&token)).header("content-type", "text/plain");
    send(read_only(Method::POST, "/conversations/x/messages").body("{"))
        .await
        .problem(403, "missing_ability");
    let body = json!({"name": "Writer", "password": PASSWORD, "abilities": ["write"]});
    let writer = world.post("/auth/tokens", &person, body).await.expect(201);
    let writer = writer.body["data"]["token"].as_str().unwrap().to_owned();
    send(world.request(Method::GET, "/wallet?per_page=x", Some(&writer)))
        .await
        .problem(403, "missing_ability");
    let other = world.person().await;
    let open =
        world.request(Method::POST, "/conversations", Some(&writer)).json(&json!({"user_id": other.id}));
    let opened = send(open).await.expect(201);
    let path = format!("/conversations/{}/messages", opened.body["data"]["id"]);
    for (path, status, code) in [
        (path.as_str(), 422, "validation_failed"),
        ("/conversations/999999/messages", 404, "not_found"),
        ("/live-rooms/999999/messages", 404, "not_found"),
    ] {
        let unreadable = world.request(Method::POST, path, Some(&writer)).json(&json!({"body": 7}));
        send(unreadable).await.problem(status, code);
    }

    // Without `others=true` nothing is ended.
    let refused = send(world.request(Method::DELETE, "/auth/tokens", Some(&person.token))).await;
    assert!(refused.problem(422, "validation_failed").body["errors"]["others"].is_array());
    send(world.request(Method::DELETE, "/auth/tokens?others=true", Some(&person.token))).await.expect(204);
    send(world.request(Method::GET, "/me", Some(&token))).await.problem(401, "unauthenticated");
    world.get("/me", &person).await.expect(200);
    world.close().await;
}

#[tokio::test]
async fn profiles_are_found_by_id_name_and_me() {
    let world = World::new().await;
    let (person, other) = (world.person().await, world.person().await);
    for path in [format!("/users/{}", other.id), format!("/users/{}", other.username)] {
        assert_eq!(world.get(&path, &person).await.expect(200).body["data"]["id"], other.id, "{path}");
        assert_eq!(world.guest(Method::GET, &path, json!({})).await.expect(200).body["data"]["id"], other.id);
    }
    assert_eq!(world.get("/users/me", &person).await.expect(200).body["data"]["id"], person.id);
    world.guest(Method::GET, "/users/me", json!({})).await.problem(401, "unauthenticated");
    world.get("/users/nobody.at.all", &person).await.problem(404, "not_found");

    let path = format!("/users/relationships?id[]={}&id[]=999999", other.id);
    let relationships = world.get(&path, &person).await.expect(200);
    assert_eq!(relationships.body["data"][0]["id"], other.id);
    assert_eq!(relationships.body["data"][0]["can_message"], true);
    world.close().await;
}
