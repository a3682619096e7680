//! Rate limits at the door (domain.md §2.5).

use reqwest::Method;
use serde_json::json;

use crate::world::{World, send};

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
