//! Who gave, over HTTP: leaderboards and one's own gifts.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, World, key, send};

/// Usernames and totals, in order.
fn board(body: &Value) -> Vec<(String, String)> {
    let rows = body["data"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(&row["user"]["username"]), text(&row["total_price"]))).collect()
}

async fn fill(world: &World, admin: &Person, to: &Person) {
    let path = format!("/admin/wallets/{}/adjustments", to.id);
    let body = json!({"amount": "50.00", "direction": "credit", "reason": "For the test"});
    world.post_with_key(&path, admin, &key(), body).await.expect(201);
}

async fn room(world: &World, host: &Person, access: &str, price: &str) -> u64 {
    let today = chrono::Utc::now().format("%Y-%m-%d").to_string();
    let body = json!({
        "title": "مجلس", "start_date": today, "start_time": "00:00", "end_time": "23:59:59", "timezone": "UTC",
        "access_type": access, "price": price, "duration_type": "month",
    });
    let id = world.post("/live-rooms", host, body).await.expect(201).body["data"]["id"].as_u64().unwrap();
    let start = world.request(Method::POST, &format!("/live-rooms/{id}/start"), Some(&host.token));
    send(start).await.expect(200);
    id
}

#[tokio::test]
async fn a_rooms_leaderboard_for_guests_strangers_and_members() {
    let world = World::new().await;
    let admin = world.person_with_role("super-admin").await;
    let (host, stranger) = (world.person_with_role("speaker").await, world.person().await);
    let (one, two) = (world.person().await, world.person().await);
    fill(&world, &admin, &one).await;
    fill(&world, &admin, &two).await;
    world
        .sql("INSERT INTO gifts (id, name, icon, price, is_active) VALUES (1, 'Rose', '/rose.png', 2.00, 1)")
        .await;
    let free = room(&world, &host, "free", "0.00").await;
    let give = async |giver: &Person, room: u64, quantity: u32| {
        let body = json!({"giftable_type": "live_room", "giftable_id": room, "quantity": quantity});
        world.post_with_key("/gifts/1/send", giver, &key(), body).await.expect(201);
    };
    give(&one, free, 1).await;
    give(&two, free, 2).await;
    give(&two, free, 1).await;

    let path = format!("/live-rooms/{free}/gifts");
    let leaderboard = format!("/gifts/leaderboard?room={free}");
    let expected = [(two.username.clone(), "6.00".to_owned()), (one.username.clone(), "2.00".to_owned())];
    let guest = world.guest(Method::GET, &path, json!({})).await.expect(200);
    assert_eq!(board(&guest.body), expected);
    assert_eq!(
        guest.body["data"][0],
        json!({
            "user": guest.body["data"][0]["user"], "gifts": 2, "quantity": 3, "total_price": "6.00",
        })
    );
    assert_eq!(guest.body["data"][0]["user"]["id"], two.id);
    for who in [&stranger, &host, &one] {
        assert_eq!(board(&world.get(&leaderboard, who).await.expect(200).body), expected);
    }
    let tag = guest.header("etag").to_owned();
    send(world.request(Method::GET, &path, None).header("if-none-match", &tag)).await.expect(304);
    let first = world.get(&format!("{leaderboard}&per_page=1"), &one).await.expect(200);
    assert_eq!(board(&first.body), expected[..1]);

    // A paid room's page is public; giving there is for those with a seat.
    let paid = room(&world, &host, "paid", "5.00").await;
    let body = json!({"giftable_type": "live_room", "giftable_id": paid});
    world.post_with_key("/gifts/1/send", &one, &key(), body).await.problem(403, "not_registered");
    for who in [&stranger, &host] {
        world.get(&format!("/live-rooms/{paid}"), who).await.expect(200);
        assert_eq!(
            world.get(&format!("/live-rooms/{paid}/gifts"), who).await.expect(200).body["data"],
            json!([])
        );
    }
    for (path, name) in [
        ("/gifts/leaderboard".to_owned(), "room"),
        ("/gifts/leaderboard?room=one".to_owned(), "room"),
        (format!("{leaderboard}&per_page=101"), "per_page"),
        (format!("{leaderboard}&per_page=0"), "per_page"),
        (format!("{leaderboard}&sort=quantity"), "sort"),
        (format!("{path}?filter[gift]=1"), "filter[gift]"),
        ("/me/gifts?direction=both".to_owned(), "direction"),
    ] {
        let refused = world.get(&path, &one).await.problem(422, "validation_failed");
        assert!(refused.body["errors"][name].is_array(), "{path}: {}", refused.text);
    }
    for path in ["/live-rooms/999999/gifts", "/gifts/leaderboard?room=999999", "/posts/999999/gifts"] {
        world.get(path, &one).await.problem(404, "not_found");
        world.guest(Method::GET, path, json!({})).await.problem(404, "not_found");
    }
    let cancel =
        format!("UPDATE live_rooms SET status = 'cancelled', current_jitsi_room_id = NULL WHERE id = {free}");
    world.sql(&cancel).await;
    world.get(&path, &one).await.problem(404, "not_found");
    world.get(&path, &host).await.expect(200);
    world.close().await;
}

#[tokio::test]
async fn a_posts_gifts_are_for_those_who_see_the_post() {
    let world = World::new().await;
    let admin = world.person_with_role("super-admin").await;
    let (author, giver, stranger) = (world.person().await, world.person().await, world.person().await);
    fill(&world, &admin, &giver).await;
    world
        .sql("INSERT INTO gifts (id, name, icon, price, is_active) VALUES (1, 'Rose', '/rose.png', 2.00, 1)")
        .await;
    world.sql(&format!("INSERT INTO posts (id, user_id, content) VALUES (5, {}, 'salam')", author.id)).await;
    let body = json!({"giftable_type": "post", "giftable_id": 5, "quantity": 4});
    world.post_with_key("/gifts/1/send", &giver, &key(), body).await.expect(201);
    let expected = [(giver.username.clone(), "8.00".to_owned())];
    let guest = world.guest(Method::GET, "/posts/5/gifts", json!({})).await.expect(200);
    assert_eq!(board(&guest.body), expected);
    assert_eq!(board(&world.get("/posts/5/gifts", &stranger).await.expect(200).body), expected);
    world.sql(&format!("UPDATE user_profiles SET is_private = 1 WHERE user_id = {}", author.id)).await;
    world.guest(Method::GET, "/posts/5/gifts", json!({})).await.problem(404, "not_found");
    world.get("/posts/5/gifts", &stranger).await.problem(404, "not_found");
    assert_eq!(board(&world.get("/posts/5/gifts", &author).await.expect(200).body), expected);
    world.close().await;
}

#[tokio::test]
async fn the_own_gifts_page_by_page() {
    let world = World::new().await;
    let admin = world.person_with_role("super-admin").await;
    let (giver, receiver) = (world.person().await, world.person().await);
    fill(&world, &admin, &giver).await;
    world
        .sql("INSERT INTO gifts (id, name, icon, price, is_active) VALUES (1, 'Rose', '/rose.png', 2.00, 1)")
        .await;
    let mut ids = Vec::new();
    for quantity in 1..=3 {
        let body = json!({"giftable_type": "user", "giftable_id": receiver.id, "quantity": quantity});
        let sent = world.post_with_key("/gifts/1/send", &giver, &key(), body).await.expect(201);
        ids.push(sent.body["data"]["gift_transaction"]["id"].clone());
    }
    world.guest(Method::GET, "/me/gifts", json!({})).await.problem(401, "unauthenticated");
    let first = world.get("/me/gifts?direction=received&per_page=2", &receiver).await.expect(200);
    assert_eq!([&first.body["data"][0]["id"], &first.body["data"][1]["id"]], [&ids[2], &ids[1]]);
    let newest = &first.body["data"][0];
    assert_eq!((&newest["quantity"], &newest["total_price"]), (&json!(3), &json!("6.00")));
    assert_eq!(newest["sender"]["username"], giver.username);
    assert_eq!(newest["receiver"]["id"], receiver.id);
    assert_eq!(newest["giftable"], json!({"type": "user", "id": receiver.id}));
    assert_eq!(newest["gift"]["name"], "Rose");
    let next = first.body["links"]["next"].as_str().unwrap();
    assert!(next.contains("direction=received"), "{next}");
    let second = world.get(next.strip_prefix(&world.base).unwrap(), &receiver).await.expect(200);
    assert_eq!(second.body["data"][0]["id"], ids[0]);
    assert!(second.body["links"]["next"].is_null());
    let sent = world.get("/me/gifts", &giver).await.expect(200);
    assert_eq!(sent.body["data"].as_array().unwrap().len(), 3);
    for (path, who) in [("/me/gifts", &receiver), ("/me/gifts?direction=received", &giver)] {
        assert_eq!(world.get(path, who).await.expect(200).body["data"], json!([]));
    }
    world.close().await;
}
