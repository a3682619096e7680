//! Rooms over HTTP: each endpoint for a guest, a stranger, a member and the host.

use base::Time;
use domain::Actor;
use protocol::rooms::CreateRoom;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, Reply, World, key, send};

/// A room that is live, its host, and a member with a seat.
struct Scene {
    room: u64,
    host: Person,
    member: Person,
    stranger: Person,
}

/// Status, and the code of a refusal.
type Outcome = (u16, &'static str);

/// Method, path, a body, a body that is wrong; what a stranger, a member and the host are answered.
type Endpoint = (&'static str, String, Option<Value>, Option<Value>, [Outcome; 3]);

async fn scene(world: &World, access: &str) -> Scene {
    let host = world.person_with_role("speaker").await;
    let (member, stranger) = (world.person().await, world.person().await);
    let price = if access == "paid" { "5.00" } else { "0.00" };
    let input: CreateRoom = serde_json::from_value(json!({
        "title": "Majlis", "start_date": Time::now().to_string().split('T').next().unwrap(),
        "duration_type": "month", "start_time": "00:00", "end_time": "23:59:59", "timezone": "UTC",
        "access_type": access, "price": price,
    }))
    .unwrap();
    let actor = Actor::on_behalf_of(host.id);
    let room = domain::rooms::create_room(&world.app, &actor, input).await.unwrap().id;
    domain::rooms::start_room(&world.app, &actor, room).await.unwrap();
    world
        .sql(&format!(
            "INSERT INTO live_room_registrations (user_id, live_room_id, status, price_paid) \
             VALUES ({}, {room}, 'registered', {price})",
            member.id
        ))
        .await;
    Scene { room, host, member, stranger }
}

async fn call(world: &World, method: &str, path: &str, who: Option<&Person>, body: Option<Value>) -> Reply {
    let token = who.map(|who| who.token.as_str());
    let request = world.request(method.parse().unwrap(), path, token);
    send(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

async fn say(world: &World, room: u64, who: &Person, text: &str) -> u64 {
    let body = json!({"client_id": key(), "body": text});
    let said = world.post(&format!("/live-rooms/{room}/messages"), who, body).await.expect(201);
    said.body["data"]["id"].as_u64().unwrap()
}

#[tokio::test]
async fn each_endpoint_for_guest_stranger_member_and_host() {
    let world = World::new().await;
    let Scene { room, host, member, stranger } = scene(&world, "paid").await;
    let victim = world.person().await;
    let (message, other) = (say(&world, room, &host, "salam").await, say(&world, room, &host, "bye").await);
    let of_room = |rest: &str| format!("/live-rooms/{room}/{rest}");
    let of_user = |verb: &str| format!("/live-rooms/{room}/participants/{}/{verb}", victim.id);
    let of_message = |rest: &str| format!("/live-room-messages/{message}{rest}");
    let words = || Some(json!({"client_id": key(), "body": "salam"}));
    const SEAT: Outcome = (403, "not_registered");
    const HIDDEN: Outcome = (404, "not_found");
    const STAFF: Outcome = (403, "forbidden");
    const DONE: Outcome = (200, "");
    let wrong = || Some(json!({"nonsense": true}));
    let table: Vec<Endpoint> = vec![
        ("GET", of_room("messages"), None, None, [SEAT, DONE, DONE]),
        ("GET", of_room(&format!("messages?filter[parent]={message}")), None, None, [SEAT, DONE, DONE]),
        ("POST", of_room("messages"), words(), wrong(), [SEAT, (201, ""), (201, "")]),
        ("POST", of_room("join"), None, None, [SEAT, DONE, DONE]),
        ("POST", of_room("leave"), None, None, [SEAT, (204, ""), (204, "")]),
        ("POST", of_room("announcements"), words(), wrong(), [STAFF, STAFF, (201, "")]),
        ("PUT", of_room("slow-mode"), Some(json!({"seconds": 0})), wrong(), [STAFF, STAFF, DONE]),
        ("GET", of_room("participants"), None, None, [STAFF, STAFF, DONE]),
        ("POST", of_user("mute"), Some(json!({"seconds": 60})), wrong(), [STAFF, STAFF, DONE]),
        ("POST", of_user("unmute"), None, None, [STAFF, STAFF, DONE]),
        ("POST", of_user("kick"), None, None, [STAFF, STAFF, DONE]),
        ("POST", of_user("ban"), None, None, [STAFF, STAFF, DONE]),
        ("POST", of_user("unban"), None, None, [STAFF, STAFF, DONE]),
        ("PUT", of_message("/reaction"), Some(json!({"type": "love"})), wrong(), [HIDDEN, DONE, DONE]),
        ("DELETE", of_message("/reaction"), None, None, [HIDDEN, (204, ""), (204, "")]),
        ("POST", of_message("/pin"), None, None, [HIDDEN, STAFF, DONE]),
        ("DELETE", of_message("/pin"), None, None, [HIDDEN, STAFF, (204, "")]),
        ("DELETE", format!("/live-room-messages/{other}"), None, None, [HIDDEN, STAFF, (204, "")]),
    ];
    let mut tried = 0;
    for (method, path, body, wrong, expected) in &table {
        call(&world, method, path, None, body.clone()).await.problem(401, "unauthenticated");
        for (who, &(status, code)) in [&stranger, &member, &host].into_iter().zip(expected) {
            let body = match body {
                // Another key for each.
                Some(body) if body["client_id"].is_string() => words(),
                body => body.clone(),
            };
            if let Some(wrong) = wrong {
                let refused = call(&world, method, path, Some(who), Some(wrong.clone())).await;
                if code.is_empty() {
                    refused.problem(422, "validation_failed");
                } else {
                    // Access before the body: who may not, does not learn its rules.
                    refused.problem(status, code);
                }
            }
            let reply = call(&world, method, path, Some(who), body).await;
            if code.is_empty() {
                assert_eq!(reply.status, status, "{method} {path}: {}", reply.text);
            } else {
                reply.problem(status, code);
            }
            tried += 1;
        }
        // What is not there.
        let nowhere = path.replace(&format!("/live-rooms/{room}/"), "/live-rooms/999999/");
        let nowhere =
            nowhere.replace(&format!("/{message}/"), "/999999/").replace(&format!("/{other}"), "/999999");
        assert_ne!(&nowhere, path);
        let body = body
            .as_ref()
            .map(|body| if body["client_id"].is_string() { words().unwrap() } else { body.clone() });
        call(&world, method, &nowhere, Some(&host), body).await.problem(404, "not_found");
    }
    println!("{} endpoints, {tried} attempts of those signed in", table.len());
    for path in [
        format!("/live-rooms/x/participants/{}/kick", victim.id),
        of_user("kick").replace(&format!("/{}/", victim.id), "/x/"),
    ] {
        call(&world, "POST", &path, Some(&host), None).await.problem(404, "not_found");
    }
    world.close().await;
}

#[tokio::test]
async fn what_the_endpoints_answer() {
    let world = World::new().await;
    let Scene { room, host, member, .. } = scene(&world, "free").await;
    let question = say(&world, room, &member, "why?").await;
    let path = format!("/live-rooms/{room}/messages");
    let mut answers = Vec::new();
    for text in ["one", "two", "three"] {
        let body = json!({"client_id": key(), "body": text, "parent_id": question});
        let answer = world.post(&path, &host, body).await.expect(201).body["data"].clone();
        assert_eq!(answer["parent_id"], question);
        answers.push(answer["id"].as_u64().unwrap());
        say(&world, room, &host, "beside").await;
    }
    let ids = |reply: &Reply| -> Vec<u64> {
        reply.body["data"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect()
    };
    // A thread is walked from its first answer on, and back.
    let first = world.get(&format!("{path}?filter[parent]={question}&per_page=2"), &member).await.expect(200);
    assert_eq!((ids(&first), &first.body["links"]["prev"]), (answers[..2].to_vec(), &Value::Null));
    let next = first.body["links"]["next"].as_str().unwrap();
    assert!(next.contains("filter%5Bparent%5D"), "{next}");
    let second = world.get(next.strip_prefix(&world.base).unwrap(), &member).await.expect(200);
    assert_eq!((ids(&second), &second.body["links"]["next"]), (answers[2..].to_vec(), &Value::Null));
    let back = second.body["links"]["prev"].as_str().unwrap();
    assert_eq!(
        ids(&world.get(back.strip_prefix(&world.base).unwrap(), &member).await.expect(200)),
        answers[..2]
    );
    let both = format!("{path}?filter[parent]={question}&before=9");
    world.get(&both, &member).await.problem(422, "validation_failed");
    world.get(&format!("{path}?filter[parent]=x"), &member).await.problem(422, "validation_failed");
    world.get(&format!("{path}?filter[parent]=999999"), &member).await.problem(404, "not_found");
    world.get(&format!("{path}?filter[author]=1"), &member).await.problem(422, "validation_failed");

    // Reactions.
    let put = async |kind: &str| {
        let path = format!("/live-room-messages/{question}/reaction");
        call(&world, "PUT", &path, Some(&member), Some(json!({"type": kind}))).await
    };
    let reacted = put("wow").await.expect(200);
    assert_eq!(
        reacted.body["data"],
        json!({"message_id": question, "reactions_count": 1, "my_reaction": "wow"})
    );
    put("meh").await.problem(422, "validation_failed");
    let listed = world.get(&path, &member).await.expect(200);
    assert_eq!(
        (&listed.body["data"][0]["my_reaction"], &listed.body["data"][0]["reactions_count"]),
        (&json!("wow"), &json!(1))
    );
    let others = world.get(&path, &host).await.expect(200);
    assert!(others.body["data"][0].get("my_reaction").is_none());

    // Announcements and their key.
    let body = json!({"body": "نبدأ"});
    let announcements = format!("/live-rooms/{room}/announcements");
    let one = key();
    let announced = world.post_with_key(&announcements, &host, &one, body.clone()).await.expect(201);
    assert_eq!(announced.body["data"]["type"], "announcement");
    let again = world.post_with_key(&announcements, &host, &one, body).await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body["data"]), ("true", &announced.body["data"]));
    let location = announced.header("location").to_owned();
    let there = world.get(&location, &host).await.expect(200);
    assert_eq!(ids(&there), [announced.body["data"]["id"].as_u64().unwrap()]);

    // Three pins.
    for (ordinal, id) in answers.iter().chain([&question]).enumerate() {
        let reply = call(&world, "POST", &format!("/live-room-messages/{id}/pin"), Some(&host), None).await;
        if ordinal < 3 {
            assert_eq!(reply.expect(200).body["data"]["pinned"], true);
        } else {
            reply.problem(409, "too_many_pinned");
        }
    }

    // Keeping order.
    let of = |who: &Person, verb: &str| format!("/live-rooms/{room}/participants/{}/{verb}", who.id);
    let muted = call(&world, "POST", &of(&member, "mute"), Some(&host), None).await.expect(200);
    assert_eq!(
        muted.body["data"],
        json!({"user_id": member.id, "muted": true, "until": null}),
        "no body: until unmuted"
    );
    let words = json!({"client_id": key(), "body": "hm"});
    world.post(&path, &member, words).await.problem(403, "muted");
    let seats = world.get(&format!("/live-rooms/{room}/participants"), &host).await.expect(200);
    assert_eq!(seats.body["data"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&seats.body["data"][0]["user"]["id"], &seats.body["data"][0]["muted"]),
        (&json!(member.id), &json!(true))
    );
    call(&world, "POST", &of(&member, "mute"), Some(&host), Some(json!({"seconds": 0})))
        .await
        .problem(422, "validation_failed");
    call(&world, "POST", &of(&member, "unmute"), Some(&host), None).await.expect(200);
    let kicked = call(&world, "POST", &of(&member, "kick"), Some(&host), None).await.expect(200);
    assert!(kicked.body["data"]["banned"] == true && kicked.body["data"]["until"].is_string());
    world.get(&path, &member).await.problem(403, "banned");
    let join = format!("/live-rooms/{room}/join");
    world.post(&join, &member, json!({})).await.problem(403, "banned");
    let free = call(&world, "POST", &of(&member, "unban"), Some(&host), None).await.expect(200);
    assert_eq!(free.body["data"], json!({"user_id": member.id, "banned": false, "until": null}));
    world.get(&path, &member).await.expect(200);
    for verb in ["mute", "kick", "ban"] {
        call(&world, "POST", &of(&host, verb), Some(&host), None).await.problem(403, "staff_protected");
    }
    let own = of(&host, "ban").replace(&format!("/{}/", host.id), "/me/");
    call(&world, "POST", &own, Some(&host), None).await.problem(403, "staff_protected");
    let slow = Some(json!({"seconds": 3600}));
    let slow =
        call(&world, "PUT", &format!("/live-rooms/{room}/slow-mode"), Some(&host), slow).await.expect(200);
    assert_eq!(slow.body["data"], json!({"room_id": room, "slow_mode_seconds": 3600}));
    // The member has written already.
    let soon = json!({"client_id": key(), "body": "two"});
    let wait = world.post(&path, &member, soon).await.problem(429, "slow_mode");
    assert!(!wait.header("retry-after").is_empty());

    // The author's own; the place stays.
    let gone = call(
        &world,
        Method::DELETE.as_str(),
        &format!("/live-room-messages/{question}"),
        Some(&member),
        None,
    )
    .await;
    gone.expect(204);
    let listed = world.get(&path, &host).await.expect(200);
    let place = &listed.body["data"][0];
    assert_eq!(
        (&place["id"], &place["deleted"], &place["body"]),
        (&json!(question), &json!(true), &Value::Null)
    );
    assert_eq!(place["reactions_count"], 0);
    world.close().await;
}
