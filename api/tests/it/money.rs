//! Money over HTTP: keys, refusals, pages, rooms.

use reqwest::Method;
use serde_json::json;

use crate::world::{Person, World, key, send};

pub(crate) async fn give_money(
    world: &World,
    admin: &Person,
    to: &Person,
    amount: &str,
) -> serde_json::Value {
    let path = format!("/admin/wallets/{}/adjustments", to.id);
    let body = json!({"amount": amount, "direction": "credit", "reason": "For the test"});
    let reply = world.post_with_key(&path, admin, &key(), body).await.expect(201);
    assert_eq!(reply.header("location"), "", "the line is its owner's, not the administrator's");
    reply.body["data"].clone()
}

#[tokio::test]
async fn a_gift_is_charged_once() {
    let world = World::new().await;
    let admin = world.person_with_role("super-admin").await;
    let (giver, receiver) = (world.person().await, world.person().await);
    world
        .sql("INSERT INTO gifts (id, name, icon, price, is_active) VALUES (1, 'Rose', '/rose.png', 2.00, 1)")
        .await;

    // The catalogue is public and can be kept.
    let catalogue = world.guest(Method::GET, "/gifts", json!({})).await.expect(200);
    assert_eq!(catalogue.body["data"][0]["price"], "2.00");
    assert_eq!(catalogue.header("cache-control"), "public, max-age=60");
    let etag = catalogue.header("etag").to_owned();
    let kept =
        send(world.request(Method::GET, "/gifts", None).header("if-none-match", &etag)).await.expect(304);
    assert_eq!((kept.header("etag"), kept.text.as_str()), (etag.as_str(), ""));

    let body = json!({"giftable_type": "user", "giftable_id": receiver.id, "quantity": 3});
    let path = "/gifts/1/send";
    world.post(path, &giver, body.clone()).await.problem(400, "idempotency_key_required");
    let poor =
        world.post_with_key(path, &giver, &key(), body.clone()).await.problem(402, "insufficient_funds");
    assert_eq!((&poor.body["required"], &poor.body["available"]), (&json!("6.00"), &json!("0.00")));
    assert_eq!(poor.body["rule"], "wallet.insufficient_funds");

    give_money(&world, &admin, &giver, "10.00").await;
    let gift_key = key();
    let sent = world.post_with_key(path, &giver, &gift_key, body.clone()).await.expect(201);
    assert_eq!(sent.body["data"]["gift_transaction"]["total_price"], "6.00");
    assert_eq!(sent.body["data"]["wallet"]["balance"], "4.00");
    let again = world.post_with_key(path, &giver, &gift_key, body.clone()).await.expect(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.body, sent.body);
    // `client_id` is the same key; a third way to say the same.
    let mut with_member = body.clone();
    with_member["client_id"] = json!(gift_key);
    assert_eq!(world.post(path, &giver, with_member.clone()).await.expect(201).body, sent.body);
    let other_key = key();
    let refused = world.post_with_key(path, &giver, &other_key, with_member).await;
    assert!(refused.problem(422, "validation_failed").body["errors"]["client_id"].is_array());
    let mut other = body;
    other["quantity"] = json!(1);
    world.post_with_key(path, &giver, &gift_key, other).await.problem(422, "idempotency_key_reused");
    assert_eq!(world.get("/wallet", &giver).await.expect(200).body["data"]["balance"], "4.00");
    world.close().await;
}

#[tokio::test]
async fn adjustments_and_the_ledgers_pages() {
    let world = World::new().await;
    let admin = world.person_with_role("super-admin").await;
    let person = world.person().await;
    let path = format!("/admin/wallets/{}/adjustments", person.id);
    let body = json!({"amount": "5.00", "direction": "credit", "reason": "Goodwill"});
    world.post(&path, &admin, body.clone()).await.problem(400, "idempotency_key_required");
    let too_much = json!({"amount": "1000.01", "direction": "credit", "reason": "Too much"});
    world.post_with_key(&path, &admin, &key(), too_much).await.problem(403, "second_approver_required");
    let cents = json!({"amount": "1.001", "direction": "credit", "reason": "Cents"});
    world.post_with_key(&path, &admin, &key(), cents).await.problem(422, "validation_failed");
    world
        .post_with_key("/admin/wallets/999999/adjustments", &admin, &key(), body.clone())
        .await
        .problem(404, "not_found");

    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.insert(0, give_money(&world, &admin, &person, "5.00").await["transaction"]["id"].clone());
    }
    let first = world.get("/wallet/transactions?per_page=2&filter[type]=credit", &person).await.expect(200);
    assert_eq!([&first.body["data"][0]["id"], &first.body["data"][1]["id"]], [&ids[0], &ids[1]]);
    assert_eq!(first.body["data"][0]["balance_after"], "15.00");
    let next = first.body["links"]["next"].as_str().unwrap();
    assert!(next.contains("filter%5Btype%5D=credit"), "{next}");
    let second = world.get(next.strip_prefix(&world.base).unwrap(), &person).await.expect(200);
    assert_eq!(second.body["data"][0]["id"], ids[2]);
    assert!(second.body["links"]["next"].is_null());
    let none = world.get("/wallet/transactions?filter[category]=gift", &person).await.expect(200);
    assert_eq!(none.body["data"], json!([]));
    let today = chrono::Utc::now().format("%Y-%m-%d");
    for (query, lines) in [
        ("filter[status]=completed".to_owned(), 3),
        ("filter[status]=pending".to_owned(), 0),
        ("filter[from]=2020-01-31&filter[to]=2999-12-31T18:00:00%2B03:00".to_owned(), 3),
        (format!("filter[to]={today}&filter[from]=2020-01-31T18:00:00Z"), 3),
        ("filter[to]=2020-01-31".to_owned(), 0),
        ("filter[from]=2999-01-31&other=1".to_owned(), 0),
    ] {
        let page = world.get(&format!("/wallet/transactions?{query}"), &person).await.expect(200);
        assert_eq!(page.body["data"].as_array().unwrap().len(), lines, "{query}");
    }
    // What is not built is refused by its name, on every list.
    for (path, name) in [
        ("/wallet/transactions?filter[amount]=5", "filter[amount]"),
        ("/wallet/transactions?filter[status]=odd", "filter[status]"),
        ("/wallet/transactions?filter[from]=yesterday", "filter[from]"),
        ("/wallet/transactions?filter[to]=%2B99999-01-01", "filter[to]"),
        ("/wallet/transactions?sort=-created_at", "sort"),
        ("/users?filter[price]=1", "filter[price]"),
        ("/users?sort=name", "sort"),
        ("/users/relationships?sort=id", "sort"),
        ("/live-rooms?filter[price]=1", "filter[price]"),
        ("/live-rooms/1/messages?filter[type]=text", "filter[type]"),
        ("/conversations?filter[]=", "filter[]"),
        ("/conversations/1/messages?sort=id", "sort"),
        ("/auth/tokens?sort=id", "sort"),
        ("/gifts?filter[price]=2", "filter[price]"),
    ] {
        let refused = world.get(path, &person).await.problem(422, "validation_failed");
        assert!(refused.body["errors"][name].is_array(), "{path}: {}", refused.text);
    }
    let one = world.get(&format!("/wallet/transactions/{}", ids[0]), &person).await.expect(200);
    assert!(!one.header("etag").is_empty());
    world.get(&format!("/wallet/transactions/{}", ids[0]), &admin).await.problem(404, "not_found");
    world.close().await;
}

#[tokio::test]
async fn a_room_from_announcement_to_conversation() {
    let world = World::new().await;
    let (host, guest) = (world.person_with_role("super-admin").await, world.person().await);
    let tomorrow = (chrono::Utc::now() + chrono::Days::new(1)).format("%Y-%m-%d").to_string();
    let body = json!({
        "title": "مجلس الشعر", "start_date": tomorrow, "start_time": "10:00", "end_time": "23:00", "timezone": "UTC",
        "access_type": "free", "duration_type": "day",
    });
    world.post("/live-rooms", &guest, json!({})).await.problem(403, "forbidden");
    let room = world.post("/live-rooms", &host, body).await.expect(201);
    let id = room.body["data"]["id"].as_u64().unwrap();
    assert_eq!(room.header("location"), format!("/api/v1/live-rooms/{id}"));
    let listed =
        world.guest(Method::GET, "/live-rooms?filter[status]=scheduled", json!({})).await.expect(200);
    assert_eq!(listed.body["data"][0]["id"], id);
    world
        .guest(Method::GET, "/live-rooms?filter[status]=odd", json!({}))
        .await
        .problem(422, "validation_failed");

    let post = |path: String, who: &Person| send(world.request(Method::POST, &path, Some(&who.token)));
    post(format!("/live-rooms/{id}/join"), &guest).await.problem(409, "not_active");
    let seat = post(format!("/live-rooms/{id}/register"), &guest).await.expect(201);
    assert!(seat.body["data"]["id"].is_u64(), "{}", seat.text);
    post(format!("/live-rooms/{id}/register"), &guest).await.problem(409, "already_registered");
    assert!(matches!(post(format!("/live-rooms/{id}/start"), &guest).await.status, 403 | 404));
    let started = post(format!("/live-rooms/{id}/start"), &host).await.expect(200);
    assert_eq!(started.body["data"]["status"], "active");
    let again = post(format!("/live-rooms/{id}/start"), &host).await.problem(409, "illegal_transition");
    assert!(again.body["allowed"].is_array(), "{}", again.text);
    let joined = post(format!("/live-rooms/{id}/join"), &guest).await.expect(200);
    assert_eq!(joined.body["data"]["room"]["id"], id);

    let path = format!("/live-rooms/{id}/messages");
    let message = json!({"client_id": key(), "body": "أهلًا"});
    let first = world.post(&path, &guest, message.clone()).await.expect(201);
    let again = world.post(&path, &guest, message).await.expect(201);
    assert_eq!(
        (again.body["data"]["id"].clone(), again.header("idempotent-replayed")),
        (first.body["data"]["id"].clone(), "true")
    );
    let messages = world.get(&path, &host).await.expect(200);
    assert_eq!(messages.body["data"].as_array().unwrap().len(), 1);
    assert_eq!(messages.body["meta"]["per_page"], 50);
    world.post(&path, &host, json!({"client_id": key(), "body": "مرحبا"})).await.expect(201);
    let newest = world.get(&format!("{path}?per_page=1"), &guest).await.expect(200);
    let next = newest.body["links"]["next"].as_str().unwrap();
    assert!(newest.header("link").contains("rel=\"next\""));
    let older = world.get(next.strip_prefix(&world.base).unwrap(), &guest).await.expect(200);
    assert_eq!(older.body["data"][0]["id"], first.body["data"]["id"]);
    assert!(older.body["links"]["next"].is_null());
    let prev = older.body["links"]["prev"].as_str().unwrap();
    let back = world.get(prev.strip_prefix(&world.base).unwrap(), &guest).await.expect(200);
    assert_eq!(back.body["data"], newest.body["data"]);
    world.close().await;
}
