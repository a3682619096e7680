//! Following, posts and what people do with them, and reports.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Scene, probe};
use crate::world::{Person, Reply, World, send};

pub(super) async fn ask(world: &World, method: Method, path: &str, who: &Person, body: Value) -> Reply {
    send(world.request(method, path, Some(&who.token)).json(&body)).await
}

/// Makes an account private.
async fn hide(world: &World, who: &Person) {
    ask(world, Method::PATCH, "/me/profile", who, json!({"is_private": true})).await.expect(200);
}

/// The owner's account is private and the staff's a moderator's.
pub(crate) async fn scene(world: &World) -> Scene {
    let (stranger, owner) = (world.person().await, world.person().await);
    let staff = world.person_with_role("moderator").await;
    hide(world, &owner).await;
    let mut probes = Vec::new();

    // Two who have asked to follow the owner.
    let mut requests = Vec::new();
    for _ in 0..2 {
        let asking = world.person().await;
        let path = format!("/users/{}/follow", owner.id);
        ask(world, Method::POST, &path, &asking, json!({})).await.expect(200);
    }
    let list = world.get("/follow-requests", &owner).await.expect(200);
    for request in list.body["data"].as_array().unwrap() {
        requests.push(request["id"].as_u64().unwrap());
    }
    let user = format!("/users/{}", owner.id);
    for (operation, path) in [("list_followers", "followers"), ("list_following", "following")] {
        probes.push(probe(operation, format!("{user}/{path}"), Value::Null, [403, 403, 200, 200]));
    }
    probes.push(probe("list_follow_requests", "/follow-requests", Value::Null, [401, 200, 200, 200]));
    for (operation, id) in [("accept_follow_request", requests[0]), ("reject_follow_request", requests[1])] {
        let word = if operation.starts_with("accept") { "accept" } else { "reject" };
        let path = format!("/follow-requests/{id}/{word}");
        probes.push(probe(operation, path, Value::Null, [401, 404, 200, 404]));
    }
    let follow = format!("{user}/follow");
    probes.push(probe("follow_user", follow.clone(), Value::Null, [401, 200, 422, 200]));
    probes.push(probe("unfollow_user", follow, Value::Null, [401, 204, 422, 204]));
    probes.push(probe("remove_follower", format!("{user}/follower"), Value::Null, [401, 204, 422, 204]));
    Scene { stranger, owner, staff, probes }
}
