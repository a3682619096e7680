//! What only HTTP shows of accounts: languages, versions, statuses, pages, unknown members.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{PASSWORD, Person, Reply, World, send};

async fn ask(world: &World, method: Method, path: &str, who: &Person, body: &Value) -> Reply {
    send(world.request(method, path, Some(&who.token)).json(body)).await
}

#[tokio::test]
async fn an_account_is_changed_with_the_password_and_told_in_both_languages() {
    let world = World::new().await;
    let person = world.person().await;
    let patch = async |body: Value| ask(&world, Method::PATCH, "/me", &person, &body).await;
    let now = patch(json!({"name": "سارة", "headline": "معلمة"})).await.expect(200);
    assert_eq!((&now.body["data"]["name"], &now.body["data"]["headline"]), (&json!("سارة"), &json!("معلمة")));
    assert_eq!(patch(json!({"headline": null})).await.expect(200).body["data"]["headline"], Value::Null);
    for (body, field) in [
        (json!({"is_verified": true}), "is_verified"),
        (json!({"username": "root"}), "username"),
        (json!({"email": "x@example.com"}), "current_password"),
        (json!({"name": ""}), "name"),
    ] {
        let refused = patch(body).await.problem(422, "validation_failed");
        assert!(refused.body["errors"][field].is_array(), "{field}: {}", refused.text);
    }
    let wrong = json!({"phone": "+966501234567", "current_password": "wrong"});
    patch(wrong.clone()).await.problem(401, "invalid_credentials");
    let request = world.request(Method::PATCH, "/me", Some(&person.token)).header("accept-language", "ar");
    let arabic = send(request.json(&wrong)).await.problem(401, "invalid_credentials");
    assert_eq!(arabic.body["message"], "بيانات الدخول غير صحيحة.");

    let me = world.get("/me", &person).await.expect(200);
    for member in ["profile", "wallet", "roles", "permissions", "unread"] {
        assert!(!me.body["data"][member].is_null(), "{member}");
    }
    assert_eq!(me.body["data"]["profile"]["social_links"], json!({}));
    world.close().await;
}

#[tokio::test]
async fn links_are_checked_as_they_come() {
    let world = World::new().await;
    let person = world.person().await;
    let email = format!("{}@example.com", person.username);
    let hash = sha1_of(&email);
    let address = format!("{}/api/v1/auth/email/verify/{}/{hash}", world.base, person.id);
    let link = domain::mails::sign_address(&world.app, &address, 4_102_444_800).unwrap();
    let get = async |link: &str| {
        let path = link.replacen(&world.base, "", 1);
        world.guest(Method::GET, &path, Value::Null).await
    };
    get(&link.replace("expires=4", "expires=5")).await.problem(403, "verification_link_invalid");
    let expired = domain::mails::sign_address(&world.app, &address, 1_000).unwrap();
    get(&expired).await.problem(403, "verification_link_expired");
    get(&link.replace(&format!("/{}/", person.id), "/x/")).await.problem(404, "not_found");
    get(&link.replace(&hash, "none")).await.problem(404, "not_found");
    for _ in 0..2 {
        let done = get(&link).await.expect(200);
        assert_eq!(
            (&done.body["data"]["verified"], &done.body["data"]["user_id"]),
            (&json!(true), &json!(person.id))
        );
    }
    let me = world.get("/me", &person).await.expect(200);
    assert!(me.body["data"]["email_verified_at"].is_string());
    world.close().await;
}

/// SHA-1 by the fixture's own algorithm, written out (RFC 3174).
fn sha1_of(text: &str) -> String {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut bytes = text.as_bytes().to_vec();
    let bits = u64::try_from(bytes.len()).unwrap() * 8;
    bytes.push(0x80);
    while bytes.len() % 64 != 56 {
        bytes.push(0);
    }
    bytes.extend(bits.to_be_bytes());
    for block in bytes.chunks(64) {
        let mut w: Vec<u32> =
            block.chunks(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect();
        for index in 16..80 {
            w.push((w[index - 3] ^ w[index - 8] ^ w[index - 14] ^ w[index - 16]).rotate_left(1));
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (index, word) in w.iter().enumerate() {
            let (f, k) = match index / 20 {
                0 => ((b & c) | (!b & d), 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc_u32),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (part, new) in state.iter_mut().zip([a, b, c, d, e]) {
            *part = part.wrapping_add(new);
        }
    }
    state.iter().map(|part| format!("{part:08x}")).collect()
}

#[tokio::test]
async fn passwords_are_forgotten_and_changed() {
    let world = World::new().await;
    let person = world.person().await;
    let email = format!("{}@example.com", person.username);
    for address in [email.as_str(), "nobody@example.com"] {
        let reply =
            world.guest(Method::POST, "/auth/password/forgot", json!({"email": address})).await.expect(202);
        assert_eq!(reply.body, json!({"data": {"accepted": true}}), "the same for all");
    }
    world
        .guest(Method::POST, "/auth/password/forgot", json!({"email": "x"}))
        .await
        .problem(422, "validation_failed");
    let reset = json!({
        "email": email, "token": "wrong", "password": "a longer walk", "password_confirmation": "a longer walk"
    });
    let refused =
        world.guest(Method::POST, "/auth/password/reset", reset).await.problem(422, "reset_token_invalid");
    assert_eq!(
        (&refused.body["rule"], &refused.body["number"]),
        (&json!("users.reset_token_invalid"), &json!(1106))
    );
    let change = json!({"current_password": PASSWORD, "password": "a longer walk", "revoke_others": true});
    ask(&world, Method::PUT, "/auth/password", &person, &change).await.expect(204);
    world.get("/me", &person).await.expect(200);
    let login = json!({"login": person.username, "password": "a longer walk"});
    world.guest(Method::POST, "/auth/login", login).await.expect(200);
    world.close().await;
}

#[tokio::test]
async fn registering_tells_nothing_where_that_is_set() {
    let world = World::new().await;
    let person = world.person().await;
    world
        .sql("INSERT INTO settings (`key`, value, type, `group`) VALUES ('auth.enumeration_safe', 'true', 'boolean', 'auth') \
              ON DUPLICATE KEY UPDATE value = VALUES(value)")
        .await;
    for (username, email) in [
        ("quiet_one", format!("{}@example.com", person.username)),
        ("quiet_two", "quiet@example.com".to_owned()),
    ] {
        let body = json!({"name": "x", "username": username, "email": email, "password": PASSWORD});
        let reply = world.guest(Method::POST, "/auth/register", body).await.expect(202);
        assert_eq!(reply.body, json!({"data": {"accepted": true}}));
    }
    world.close().await;
}

#[tokio::test]
async fn administrators_see_accounts_by_page_and_change_the_version_that_they_read() {
    let world = World::new().await;
    let (person, admin) = (world.person().await, world.person_with_role("admin").await);
    let list = world.get("/admin/users?per_page=1&sort=name", &admin).await.expect(200);
    assert_eq!(list.body["meta"]["per_page"], 1);
    assert!(list.body["meta"]["total"].as_u64().unwrap() >= 3, "{}", list.text);
    let bare = world.get("/admin/users?with_total=false", &admin).await.expect(200);
    assert_eq!(bare.body["meta"]["total"], Value::Null);
    for bad in ["filter[trashed]=some", "sort=password", "filter[email]=x", "include=wallet", "page=0"] {
        world.get(&format!("/admin/users?{bad}"), &admin).await.problem(422, "validation_failed");
    }
    let path = format!("/admin/users/{}", person.id);
    let seen = world.get(&path, &admin).await.expect(200);
    let version = seen.header("etag").to_owned();
    let again = world.request(Method::GET, &path, Some(&admin.token)).header("if-none-match", &version);
    send(again).await.expect(304);
    let roles = format!("{path}/roles");
    let put = async |version: Option<&str>| {
        let mut request =
            world.request(Method::PUT, &roles, Some(&admin.token)).json(&json!({"roles": ["speaker"]}));
        if let Some(version) = version {
            request = request.header("if-match", version);
        }
        send(request).await
    };
    put(None).await.problem(428, "precondition_required");
    put(Some("\"other\"")).await.problem(412, "precondition_failed");
    let now = put(Some(&version)).await.expect(200);
    assert_eq!(now.body["data"]["roles"], json!(["speaker"]));
    assert_ne!(now.header("etag"), version);
    put(Some(&version)).await.problem(412, "precondition_failed");

    // Gone, had back.
    let bye = json!({"password": PASSWORD});
    ask(&world, Method::DELETE, "/me", &person, &bye).await.expect(204);
    world.get("/me", &person).await.problem(401, "unauthenticated");
    world.get(&format!("/users/{}", person.id), &admin).await.problem(404, "not_found");
    let back = world.post(&format!("{path}/restore"), &admin, json!({})).await.expect(200);
    assert_eq!(back.body["data"]["status"], "active");
    let refused =
        world.post(&format!("{path}/restore"), &admin, json!({})).await.problem(409, "illegal_transition");
    assert_eq!(
        (&refused.body["from"], &refused.body["allowed"]),
        (&json!("active"), &json!(["suspended", "deleted"]))
    );
    world.close().await;
}

#[tokio::test]
async fn people_are_found_by_how_many_follow_them() {
    let world = World::new().await;
    let people = [world.person().await, world.person().await, world.person().await];
    for (person, count) in people.iter().zip([5, 9, 7]) {
        world
            .sql(&format!("UPDATE user_profiles SET followers_count = {count} WHERE user_id = {}", person.id))
            .await;
    }
    let me = &people[0];
    let mut path = "/users?sort=followers&per_page=1".to_owned();
    let mut found = Vec::new();
    loop {
        let page = world.get(&path, me).await.expect(200);
        found.push(page.body["data"][0]["id"].as_u64().unwrap());
        let Some(next) = page.body["links"]["next"].as_str() else { break };
        path = next.replacen(&world.base, "", 1);
    }
    assert_eq!(found[..3], [people[1].id, people[2].id, people[0].id]);
    world.get("/users?sort=name", me).await.problem(422, "validation_failed");
    world.get("/users?filter[category]=x", me).await.problem(422, "validation_failed");
    world.close().await;
}
