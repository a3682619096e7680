//! What people decide about each other, and staff about people, over HTTP: guest, stranger, owner, staff.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{PASSWORD, Person, Reply, World, send};

async fn ask(world: &World, method: Method, path: &str, who: &Person, body: &Value) -> Reply {
    send(world.request(method, path, Some(&who.token)).json(body)).await
}

async fn delete(world: &World, path: &str, who: &Person) -> Reply {
    send(world.request(Method::DELETE, path, Some(&who.token))).await
}

#[tokio::test]
async fn the_own_profile_is_changed_by_its_owner() {
    let world = World::new().await;
    let (owner, other) = (world.person().await, world.person().await);
    let patch = async |body: Value| ask(&world, Method::PATCH, "/me/profile", &owner, &body).await;
    world.guest(Method::PATCH, "/me/profile", json!({"bio": "x"})).await.problem(401, "unauthenticated");
    let read = json!({"name": "Reader", "password": PASSWORD, "abilities": ["read"]});
    let read = world.post("/auth/tokens", &owner, read).await.expect(201);
    let read = read.body["data"]["token"].as_str().unwrap();
    let request = world.request(Method::PATCH, "/me/profile", Some(read)).json(&json!({"bio": "x"}));
    send(request).await.problem(403, "missing_ability");

    let changed =
        patch(json!({"bio": "معلمة", "language": "en", "allow_messages_from": "none"})).await.expect(200);
    let data = &changed.body["data"];
    assert_eq!(
        (&data["bio"], &data["language"], &data["location"]),
        (&json!("معلمة"), &json!("en"), &Value::Null)
    );
    assert_eq!(data["allow_messages_from"], "none");
    let seen = world.get(&format!("/users/{}", owner.id), &other).await.expect(200);
    assert_eq!((&seen.body["data"]["bio"], &seen.body["data"]["online"]), (&json!("معلمة"), &json!(false)));
    assert_eq!(seen.body["data"]["relationship"]["can_message"], false);
    let hidden = patch(json!({"show_online_status": false, "bio": null})).await.expect(200);
    assert_eq!(hidden.body["data"]["show_online_status"], false);
    let seen = world.get(&format!("/users/{}", owner.id), &other).await.expect(200);
    assert_eq!((&seen.body["data"]["bio"], &seen.body["data"]["online"]), (&Value::Null, &Value::Null));
    let asked = world.get(&format!("/presence?user_ids[]={}", owner.id), &other).await.expect(200);
    assert_eq!(asked.body["data"]["users"], json!([]));

    // What is not the owner's to say, and what cannot be said.
    for (body, field) in [
        (json!({"is_verified": true}), "is_verified"),
        (json!({"is_private": "yes"}), "is_private"),
        (json!({"followers_count": 9}), "followers_count"),
        (json!({"language": "fr"}), "language"),
        (json!({"allow_messages_from": "friends"}), "allow_messages_from"),
        (json!({"timezone": "Asia/Atlantis"}), "timezone"),
        (json!({"bio": "x".repeat(1_001)}), "bio"),
    ] {
        let refused = patch(body).await.problem(422, "validation_failed");
        assert!(refused.body["errors"][field].is_array(), "{field}: {}", refused.text);
    }
    world.close().await;
}

#[tokio::test]
async fn blocks_are_made_listed_and_taken_back() {
    let world = World::new().await;
    let (amal, badr, carla) = (world.person().await, world.person().await, world.person().await);
    let block = |id: u64| format!("/users/{id}/block");
    for method in [Method::POST, Method::DELETE] {
        world.guest(method, &block(badr.id), json!({})).await.problem(401, "unauthenticated");
    }
    world.guest(Method::GET, "/me/blocks", json!({})).await.problem(401, "unauthenticated");
    for id in [badr.id, carla.id, badr.id] {
        let done = ask(&world, Method::POST, &block(id), &amal, &json!({})).await.expect(200);
        assert_eq!((&done.body["data"]["id"], &done.body["data"]["blocking"]), (&json!(id), &json!(true)));
    }
    // The blocked one is not told, and finds nobody there.
    world.get(&format!("/users/{}", amal.id), &badr).await.problem(404, "not_found");
    let between = world.get(&format!("/users/relationships?id[]={}", amal.id), &badr).await.expect(200);
    assert_eq!(
        (&between.body["data"][0]["blocking"], &between.body["data"][0]["can_message"]),
        (&json!(false), &json!(false))
    );
    let refused = world.post("/conversations", &badr, json!({"user_id": amal.id})).await;
    assert_eq!(refused.status, 403, "{}", refused.text);

    let list = world.get("/me/blocks?per_page=1", &amal).await.expect(200);
    assert_eq!(list.body["data"][0]["id"], carla.id);
    assert!(list.body["data"][0]["blocked_at"].is_string() && list.body["data"][0].get("email").is_none());
    let next = list.body["links"]["next"].as_str().unwrap().replace(&world.base, "/:");
    let next = world.get(&next.replace("/:/api", "/api"), &amal).await.expect(200);
    assert_eq!((&next.body["data"][0]["id"], &next.body["links"]["next"]), (&json!(badr.id), &Value::Null));
    assert_eq!(world.get("/me/blocks", &badr).await.expect(200).body["data"], json!([]), "everybody's own");

    let itself =
        ask(&world, Method::POST, "/users/me/block", &amal, &json!({})).await.problem(422, "self_block");
    assert_eq!((&itself.body["rule"], &itself.body["number"]), (&json!("users.self_block"), &json!(1104)));
    for nobody in ["999999", "x", "0"] {
        let path = format!("/users/{nobody}/block");
        ask(&world, Method::POST, &path, &amal, &json!({})).await.problem(404, "not_found");
    }
    for _ in 0..2 {
        delete(&world, &block(badr.id), &amal).await.expect(204);
    }
    world.get(&format!("/users/{}", amal.id), &badr).await.expect(200);
    assert_eq!(world.get("/me/blocks", &amal).await.expect(200).body["data"].as_array().unwrap().len(), 1);
    world.close().await;
}

#[tokio::test]
async fn staff_suspends_verifies_and_signs_out_and_nobody_else_does() {
    let world = World::new().await;
    let (person, stranger) = (world.person().await, world.person().await);
    let moderator = world.person_with_role("moderator").await;
    let (admin, root) = (world.person_with_role("admin").await, world.person_with_role("super-admin").await);
    let account = format!("/admin/users/{}", person.id);
    let out = format!("{account}/force-logout");
    let off = json!({"is_active": false, "reason": "Spam"});
    let patch =
        async |who: &Person, path: &str, body: &Value| ask(&world, Method::PATCH, path, who, body).await;
    world.guest(Method::PATCH, &account, off.clone()).await.problem(401, "unauthenticated");
    world.guest(Method::POST, &out, json!({})).await.problem(401, "unauthenticated");
    // Neither the owner nor a stranger, who learn neither who exists nor what a body has to be.
    for who in [&person, &stranger] {
        for path in [account.as_str(), "/admin/users/999999", "/admin/users/x"] {
            for body in [&off, &json!({"is_active": "no"}), &json!({})] {
                patch(who, path, body).await.problem(403, "forbidden");
            }
        }
        world.post(&out, who, json!({})).await.problem(403, "forbidden");
        world.post("/admin/users/x/force-logout", who, json!({})).await.problem(403, "forbidden");
    }
    patch(&moderator, "/admin/users/999999", &json!({"is_active": 1})).await.problem(404, "not_found");
    patch(&moderator, "/admin/users/x", &off).await.problem(404, "not_found");
    world.post("/admin/users/999999/force-logout", &moderator, json!({})).await.problem(404, "not_found");
    patch(&moderator, &account, &json!({"is_active": 1})).await.problem(422, "validation_failed");
    patch(&moderator, &account, &json!({})).await.problem(422, "validation_failed");
    patch(&moderator, &account, &json!({"name": "x"})).await.problem(422, "validation_failed");
    patch(&moderator, &account, &json!({"is_verified": true})).await.problem(403, "forbidden");

    let done = patch(&moderator, &account, &off).await.expect(200);
    assert_eq!(
        (&done.body["data"]["id"], &done.body["data"]["is_active"]),
        (&json!(person.id), &json!(false))
    );
    world.get("/me", &person).await.problem(403, "account_suspended");
    let login = json!({"login": person.username, "password": PASSWORD});
    world.guest(Method::POST, "/auth/login", login.clone()).await.problem(403, "account_suspended");
    world.get(&format!("/users/{}", person.id), &stranger).await.problem(404, "not_found");
    patch(&moderator, &account, &json!({"is_active": true})).await.expect(200);
    world.get("/me", &person).await.expect(200);
    let done = patch(&admin, &account, &json!({"is_verified": true})).await.expect(200);
    assert_eq!(done.body["data"]["is_verified"], true);

    for (who, above) in [(&moderator, &admin), (&admin, &root), (&moderator, &moderator), (&root, &root)] {
        let refused = patch(who, &format!("/admin/users/{}", above.id), &off).await;
        assert_eq!(refused.problem(403, "protected_account").body["rule"], "users.protected_account");
    }
    world
        .post(&format!("/admin/users/{}/force-logout", root.id), &admin, json!({}))
        .await
        .problem(403, "protected_account");

    world.post(&out, &moderator, json!({})).await.expect(204);
    world.get("/me", &person).await.problem(401, "unauthenticated");
    let refresh = json!({"refresh_token": person.refresh_token});
    world.guest(Method::POST, "/auth/refresh", refresh).await.problem(401, "unauthenticated");
    world.guest(Method::POST, "/auth/login", login).await.expect(200);
    world.close().await;
}
