//! Rate limits at the door (domain.md §2.5).

use reqwest::Method;
use serde_json::json;

use crate::world::{PASSWORD, World, send};

#[tokio::test]
async fn a_token_has_its_share_and_hears_what_is_left() {
    let world = World::with(&[]).await;
    let person = world.person().await;
    let first = world.get("/auth/tokens", &person).await.expect(200);
    assert_eq!(first.header("ratelimit-policy"), "\"default\";q=300;w=300");
    assert_eq!(first.header("x-ratelimit-limit"), "300");
    assert!(first.header("ratelimit").starts_with("\"default\";r=59;t="), "{:?}", first.headers);
    let mut refused = None;
    for _ in 0..120 {
        let reply = world.get("/auth/tokens", &person).await;
        if reply.status != 200 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("the burst of 60 is spent").problem(429, "rate_limited");
    assert_eq!(refused.body["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert_eq!(refused.body["violated-policies"], json!(["default"]));
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    // Another one's share is untouched, and so is that of guests.
    let other = world.person().await;
    world.get("/auth/tokens", &other).await.expect(200);
    let guest = world.guest(Method::GET, "/gifts", json!({})).await.expect(200);
    assert_eq!(guest.header("ratelimit-policy"), "\"guest\";q=120;w=60");
    // Health is never limited.
    let health = send(world.request(Method::GET, "/:health/live", Some(&person.token))).await.expect(200);
    assert_eq!(health.header("ratelimit"), "");
    world.close().await;
}

#[tokio::test]
async fn tokens_nobody_knows_are_not_looked_up_once_an_address_has_used_its_share_up() {
    let world = World::with(&[]).await;
    let person = world.person().await;
    let mut tokens = Vec::new();
    for name in ["Seen", "Unseen"] {
        let body = json!({"name": name, "password": PASSWORD, "abilities": ["read"]});
        let made = world.post("/auth/tokens", &person, body).await.expect(201);
        tokens.push(made.body["data"]["token"].as_str().unwrap().to_owned());
    }
    let [seen, unseen] = tokens.try_into().unwrap();
    let ask = |token: &str| send(world.request(Method::GET, "/auth/tokens", Some(token)));
    ask(&seen).await.expect(200);
    let mut refused = None;
    for attempt in 0..400 {
        let reply = ask(&format!("{}|flood", 900_000 + attempt)).await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
        reply.problem(401, "unauthenticated");
    }
    refused.expect("the share of guests is spent");
    // Something comes back twice a second: ask until one of the answers was given without a look-up, which is the one
    // that a good token gets that only MySQL knows.
    let mut spared = None;
    for attempt in 0..200 {
        ask(&format!("{}|flood", 910_000 + attempt)).await;
        let reply = ask(&unseen).await;
        if reply.status == 429 {
            spared = Some(reply);
            break;
        }
        // It has been looked up, hence is known now.
        world
            .app
            .bus
            .cache_invalidate(&[&format!("token:{}", unseen.split_once('|').unwrap().0)])
            .await
            .unwrap();
    }
    let spared = spared.expect("no look-up").problem(429, "rate_limited");
    assert_eq!(spared.header("ratelimit-policy"), "\"guest\";q=120;w=60");
    assert!(spared.header("retry-after").parse::<u64>().unwrap() >= 1);
    // Who is known without a query is served from the same address.
    ask(&seen).await.expect(200);
    world.get("/auth/tokens", &person).await.expect(200);
    // And who was spared is served when something has come back.
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    ask(&unseen).await.expect(200);
    world.close().await;
}
