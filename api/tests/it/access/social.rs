//! Following, posts and what people do with them, and reports.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Probe, Scene, probe};
use crate::world::{Person, Reply, World, send};

pub(super) async fn ask(world: &World, method: Method, path: &str, who: &Person, body: Value) -> Reply {
    send(world.request(method, path, Some(&who.token)).json(&body)).await
}

/// Makes an account private.
async fn hide(world: &World, who: &Person) {
    ask(world, Method::PATCH, "/me/profile", who, json!({"is_private": true})).await.expect(200);
}

/// Posts some words; gives the post's id.
async fn post(world: &World, who: &Person, words: &str) -> u64 {
    let made = world.post("/posts", who, json!({"content": words})).await.expect(201);
    made.body["data"]["id"].as_u64().unwrap()
}

/// Comments on a post; gives the comment's id.
async fn comment(world: &World, who: &Person, post: u64) -> u64 {
    let made = world.post(&format!("/posts/{post}/comments"), who, json!({"content": "x"})).await.expect(201);
    made.body["data"]["id"].as_u64().unwrap()
}

/// What is tried with a public post of the owner's, and what is not; both have been written by the owner.
async fn posts(world: &World, (stranger, owner): (&Person, &Person), probes: &mut Vec<Probe>) {
    let public = world.person().await;
    let (open, own) = (post(world, &public, "open").await, post(world, owner, "private").await);
    let hidden_from = format!("/posts/{own}");
    for (operation, path, body) in [
        ("find_post", hidden_from.clone(), Value::Null),
        ("list_comments", format!("{hidden_from}/comments"), Value::Null),
        ("list_post_reactions", format!("{hidden_from}/reactions"), Value::Null),
    ] {
        probes.push(probe(operation, path, body, [404, 404, 200, 200]));
    }
    probes.push(probe("list_timeline", format!("/users/{}/posts", owner.id), Value::Null, [403, 403, 200, 200]));
    probes.push(probe("list_feed", "/feed", Value::Null, [401, 200, 200, 200]));
    probes.push(probe("list_discover", "/feed/discover", Value::Null, [200, 200, 200, 200]));
    probes.push(probe("create_post", "/posts", json!({"content": "x"}), [401, 201, 201, 201]));
    probes.push(probe("view_post", format!("{hidden_from}/view"), Value::Null, [404, 404, 204, 204]));
    probes.push(probe("find_post", format!("/posts/{open}"), Value::Null, [200, 200, 200, 200]));
    let said = json!({"content": "new"});
    probes.push(probe("update_post", hidden_from.clone(), said.clone(), [401, 404, 200, 403]));
    probes.push(probe("update_post", format!("/posts/{open}"), said.clone(), [401, 403, 403, 403]));
    probes.push(probe("pin_post", format!("{hidden_from}/pin"), Value::Null, [401, 404, 200, 403]));
    probes.push(probe("unpin_post", format!("{hidden_from}/pin"), Value::Null, [401, 404, 204, 403]));

    // Comments: one of the owner's on the private post, one of the stranger's on an open one.
    let below = comment(world, owner, own).await;
    let theirs = comment(world, stranger, open).await;
    let hidden = format!("/comments/{below}");
    for (operation, path) in [
        ("find_comment", hidden.clone()),
        ("list_replies", format!("{hidden}/replies")),
        ("list_comment_reactions", format!("{hidden}/reactions")),
    ] {
        probes.push(probe(operation, path, Value::Null, [404, 404, 200, 200]));
    }
    let reaction = json!({"type": "love"});
    for (put, delete, path) in [
        ("react_to_post", "take_post_reaction_back", format!("{hidden_from}/reaction")),
        ("react_to_comment", "take_comment_reaction_back", format!("{hidden}/reaction")),
    ] {
        probes.push(probe(put, path.clone(), reaction.clone(), [401, 404, 200, 200]));
        probes.push(probe(put, path.clone(), json!({"type": "x"}), [401, 404, 422, 422]));
        probes.push(probe(delete, path, Value::Null, [401, 404, 204, 204]));
    }
    probes.push(probe("create_comment", format!("{hidden_from}/comments"), said.clone(), [401, 404, 201, 201]));
    probes.push(probe("create_comment", format!("{hidden_from}/comments"), json!({}), [401, 404, 422, 422]));
    probes.push(probe("pin_comment", format!("{hidden}/pin"), Value::Null, [401, 404, 200, 403]));
    probes.push(probe("unpin_comment", format!("{hidden}/pin"), Value::Null, [401, 404, 204, 403]));
    probes.push(probe("update_comment", hidden.clone(), said.clone(), [401, 404, 200, 403]));
    probes.push(probe("update_comment", format!("/comments/{theirs}"), said, [401, 200, 403, 403]));
    let shares = format!("{hidden_from}/shares");
    probes.push(probe("share_post", shares.clone(), json!({}), [401, 404, 201, 201]));
    probes.push(probe("list_shares", shares, Value::Null, [401, 404, 200, 200]));
    let shared = world.post(&format!("/posts/{open}/shares"), stranger, json!({})).await.expect(201);
    let share = shared.body["data"]["id"].as_u64().unwrap();
    probes.push(probe("delete_share", format!("/shares/{share}"), Value::Null, [401, 204, 403, 403]));

    // A message of a conversation of the stranger's with the owner.
    let opened = world.post("/conversations", stranger, json!({"user_id": owner.id})).await.expect(201);
    let conversation = opened.body["data"]["id"].as_u64().unwrap();
    let words = json!({"client_id": crate::world::key(), "body": "salam"});
    let path = format!("/conversations/{conversation}/messages");
    let message = world.post(&path, stranger, words).await.expect(201).body["data"]["id"].as_u64().unwrap();
    let path = format!("/messages/{message}");
    probes.push(probe("react_to_chat_message", format!("{path}/reaction"), reaction, [401, 200, 200, 404]));
    let back = format!("{path}/reaction");
    probes.push(probe("take_message_reaction_back", back, Value::Null, [401, 204, 204, 404]));
    probes.push(probe("list_message_reactions", format!("{path}/reactions"), Value::Null, [401, 200, 200, 404]));

    // Reports, of which moderators alone hear.
    let because = json!({"reason": "spam"});
    probes.push(probe("report_post", format!("{hidden_from}/reports"), because.clone(), [401, 404, 422, 201]));
    let mut reports = Vec::new();
    for number in 0..3 {
        let reported = post(world, &public, &format!("reported {number}")).await;
        let path = format!("/posts/{reported}/reports");
        let made = world.post(&path, stranger, because.clone()).await.expect(201);
        reports.push(made.body["data"]["id"].as_u64().unwrap());
    }
    let report = |number: usize, word: &str| format!("/admin/reports/{}{word}", reports[number]);
    probes.push(probe("list_reports", "/admin/reports", Value::Null, [401, 403, 403, 200]));
    probes.push(probe("find_report", report(0, ""), Value::Null, [401, 403, 403, 200]));
    probes.push(probe("claim_report", report(0, "/claim"), Value::Null, [401, 403, 403, 200]));
    probes.push(probe("release_report", report(0, "/release"), Value::Null, [401, 403, 403, 200]));
    probes.push(probe("resolve_report", report(1, "/resolve"), json!({"action": "x"}), [401, 403, 403, 422]));
    probes.push(probe("resolve_report", report(1, "/resolve"), json!({"action": "warn"}), [401, 403, 403, 200]));
    probes.push(probe("dismiss_report", report(2, "/dismiss"), Value::Null, [401, 403, 403, 200]));
    let missing = "/admin/reports/999999/claim";
    probes.push(probe("claim_report", missing, Value::Null, [401, 403, 403, 404]));

    // What moderators see of all posts and comments.
    probes.push(probe("list_managed_posts", "/admin/posts", Value::Null, [401, 403, 403, 200]));
    probes.push(probe("list_managed_comments", "/admin/comments", Value::Null, [401, 403, 403, 200]));
    let managed = format!("/admin/posts/{open}");
    probes.push(probe("set_post_hidden", managed.clone(), json!({"is_hidden": 1}), [401, 403, 403, 422]));
    probes.push(probe("set_post_hidden", managed, json!({"is_hidden": false}), [401, 403, 403, 200]));

    // What takes things away comes last.
    probes.push(probe("delete_comment", format!("/comments/{theirs}"), Value::Null, [401, 204, 403, 204]));
    probes.push(probe("delete_comment", hidden, Value::Null, [401, 404, 204, 204]));
    probes.push(probe("delete_post", format!("/posts/{open}"), Value::Null, [401, 403, 403, 204]));
    probes.push(probe("delete_post", hidden_from, Value::Null, [401, 404, 204, 204]));
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
    posts(world, (&stranger, &owner), &mut probes).await;
    let follow = format!("{user}/follow");
    probes.push(probe("follow_user", follow.clone(), Value::Null, [401, 200, 422, 200]));
    probes.push(probe("unfollow_user", follow, Value::Null, [401, 204, 422, 204]));
    probes.push(probe("remove_follower", format!("{user}/follower"), Value::Null, [401, 204, 422, 204]));
    Scene { stranger, owner, staff, probes }
}
