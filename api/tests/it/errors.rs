//! Every way in which the door itself refuses, and the shape of it.

use reqwest::Method;
use serde_json::json;

use crate::world::{World, key, send};

#[tokio::test]
async fn without_a_good_token() {
    let world = World::new().await;
    let person = world.person().await;
    let missing = world.guest(Method::GET, "/me", json!({})).await.problem(401, "unauthenticated");
    assert_eq!(missing.body["message"], "Unauthenticated.");
    assert_eq!(missing.body["type"], "https://majlis.example/errors/unauthenticated");
    assert_eq!(missing.body["instance"], "/api/v1/me");
    assert_eq!(missing.header("www-authenticate"), "Bearer realm=\"majlis\"");
    for token in ["nonsense", "1|nonsense", "a.b.c", &format!("{}x", person.token)] {
        send(world.request(Method::GET, "/me", Some(token))).await.problem(401, "unauthenticated");
        // A path for guests, too: a token that does not hold is not taken for none.
        send(world.request(Method::GET, "/live-rooms", Some(token))).await.problem(401, "unauthenticated");
    }
    // A refresh token is for one thing only.
    let refresh = world.request(Method::GET, "/me", Some(&person.refresh_token));
    assert!(matches!(send(refresh).await.status, 401 | 403));

    let path = format!("/me?access_token={}", person.token);
    let refused = world.guest(Method::GET, &path, json!({})).await.problem(400, "malformed_request");
    assert!(refused.body["detail"].as_str().unwrap().contains("query"));

    let expired =
        domain::users::mint_access_token(&world.app, person.id, std::time::Duration::ZERO).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let expired = send(world.request(Method::GET, "/me", Some(&expired))).await.problem(401, "token_expired");
    assert_eq!(expired.body["message"], "Unauthenticated.");
    assert!(expired.header("www-authenticate").contains("invalid_token"));
    world.close().await;
}

#[tokio::test]
async fn paths_methods_and_numbers() {
    let world = World::new().await;
    let person = world.person().await;
    world.get("/nothing/here", &person).await.problem(404, "route_not_found");
    world.guest(Method::GET, "/:nothing", json!({})).await.problem(404, "route_not_found");
    let wrong = send(world.request(Method::PUT, "/me", Some(&person.token))).await;
    let wrong = wrong.problem(405, "method_not_allowed");
    assert!(wrong.header("allow").contains("GET"), "{:?}", wrong.headers);
    for path in
        ["/conversations/abc", "/conversations/0", "/conversations/-1", "/conversations/99999999999999999999"]
    {
        world.get(path, &person).await.problem(404, "not_found");
    }
    world.get("/users?per_page=0", &person).await.problem(422, "validation_failed");
    let many = world.get("/users?per_page=101", &person).await.problem(422, "validation_failed");
    assert!(many.body["errors"]["per_page"][0].as_str().unwrap().contains("100"));
    world.get("/users?cursor=nonsense", &person).await.problem(400, "invalid_cursor");
    world.get("/users?something=else", &person).await.expect(200);
    world.get("/wallet/transactions?filter[type]=gift", &person).await.problem(422, "validation_failed");
    world.close().await;
}

#[tokio::test]
async fn bodies() {
    let world = World::new().await;
    let post = |kind: &'static str, body: Vec<u8>| {
        let request =
            world.request(Method::POST, "/auth/login", None).header("content-type", kind).body(body);
        send(request)
    };
    post("application/json", b"{\"login\":".to_vec()).await.problem(400, "malformed_request");
    post("application/x-www-form-urlencoded", b"login=a".to_vec())
        .await
        .problem(415, "unsupported_media_type");
    let large = post("application/json", vec![b' '; (1 << 20) + 1]).await.problem(413, "payload_too_large");
    assert_eq!(large.body["title"], "Content Too Large");
    let body = br#"{"login":"a","password":"b","is_admin":true}"#.to_vec();
    let unknown = post("application/json; charset=utf-8", body).await.problem(422, "validation_failed");
    assert_eq!(unknown.body["errors"]["is_admin"][0], "The is admin field is not known here.");
    let missing = post("application/json", Vec::new()).await.problem(422, "validation_failed");
    assert_eq!(missing.body["errors"]["login"][0], "The login field is required.");
    world.close().await;
}

#[tokio::test]
async fn languages_and_request_ids() {
    let world = World::new().await;
    let ask = |language: &'static str| {
        let request = world.request(Method::GET, "/me", None).header("accept-language", language);
        send(request.header("x-request-id", "mine-1"))
    };
    let arabic = ask("ar-SA,ar;q=0.9").await.problem(401, "unauthenticated");
    assert_eq!(arabic.header("content-language"), "ar");
    assert_eq!(arabic.body["detail"], "يجب تسجيل الدخول أولًا.");
    assert_eq!(arabic.body["message"], "Unauthenticated.");
    assert_eq!(arabic.header("x-request-id"), "mine-1");
    assert!(arabic.headers.get_all("vary").iter().any(|value| value == "accept-language"));
    assert_eq!(ask("fr").await.header("content-language"), "en");
    let made = world.guest(Method::GET, "/gifts", json!({})).await.expect(200);
    assert_eq!(made.header("x-request-id").len(), 26);
    world.close().await;
}

#[tokio::test]
async fn strangers_learn_nothing() {
    let world = World::new().await;
    let (one, two, stranger) = (world.person().await, world.person().await, world.person().await);
    let opened = world.post("/conversations", &one, json!({"user_id": two.id})).await.expect(201);
    let id = opened.body["data"]["id"].as_u64().unwrap();
    assert_eq!(opened.header("location"), format!("/api/v1/conversations/{id}"));
    // A bad body of a stranger is a 404; of a participant a 422.
    let path = format!("/conversations/{id}/messages");
    world.post(&path, &stranger, json!({"nonsense": 1})).await.problem(404, "not_found");
    world.post(&path, &two, json!({"nonsense": 1})).await.problem(422, "validation_failed");
    world.get(&format!("/conversations/{id}"), &stranger).await.problem(404, "not_found");

    let path = format!("/admin/wallets/{}/adjustments", one.id);
    let refused = world.post(&path, &stranger, json!({"nonsense": 1})).await.problem(403, "forbidden");
    assert_eq!(refused.body["message"], "User does not have the right permissions.");
    let body = json!({"amount": "1.00", "direction": "credit", "reason": "because"});
    world.post_with_key(&path, &stranger, &key(), body).await.problem(403, "forbidden");
    world.close().await;
}

#[tokio::test]
async fn web_origins() {
    let world =
        World::with(&[("MAJLIS_LIMITS", "off"), ("MAJLIS_HTTP_ORIGINS", "https://app.example")]).await;
    let preflight = |origin: &'static str| {
        let request = world.request(Method::OPTIONS, "/me", None).header("origin", origin);
        send(
            request
                .header("access-control-request-method", "GET")
                .header("access-control-request-headers", "authorization,idempotency-key"),
        )
    };
    let allowed = preflight("https://app.example").await.expect(200);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert!(allowed.header("access-control-allow-headers").contains("idempotency-key"));
    assert_eq!(preflight("https://evil.example").await.header("access-control-allow-origin"), "");
    // An error has the header, too, or a browser could not read it.
    let request = world.request(Method::GET, "/me", None).header("origin", "https://app.example");
    let refused = send(request).await.problem(401, "unauthenticated");
    assert_eq!(refused.header("access-control-allow-origin"), "https://app.example");
    world.close().await;
}
