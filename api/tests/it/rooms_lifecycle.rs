//! What only HTTP shows of a room's life: versions, problems in both languages, the administrators' table, the hooks.

use base::Time;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, Reply, World, send};

const SECRET: &str = "what prosody presents";

async fn call(world: &World, method: &str, path: &str, who: &Person, body: Value) -> Reply {
    let request = world.request(method.parse::<Method>().unwrap(), path, Some(&who.token));
    send(if body.is_null() { request } else { request.json(&body) }).await
}

async fn new_room(world: &World, host: &Person) -> u64 {
    let input = json!({
        "title": "Majlis", "start_date": Time::now().to_string().split('T').next().unwrap(),
        "duration_type": "month", "start_time": "00:00", "end_time": "23:59:59", "timezone": "UTC",
        "access_type": "free",
    });
    world.post("/live-rooms", host, input).await.expect(201).body["data"]["id"].as_u64().unwrap()
}

#[tokio::test]
async fn a_room_is_changed_by_version_and_gone_when_deleted() {
    let world = World::new().await;
    let host = world.person_with_role("speaker").await;
    let room = new_room(&world, &host).await;
    let path = format!("/live-rooms/{room}");
    let read = world.get(&path, &host).await.expect(200);
    let version = read.header("etag").to_owned();
    let same = world.request(Method::GET, &path, Some(&host.token)).header("if-none-match", &version);
    assert_eq!(send(same).await.status, 304);

    let patch = async |tag: Option<&str>, body: Value| {
        let mut request = world.request(Method::PATCH, &path, Some(&host.token)).json(&body);
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        send(request).await
    };
    let changed =
        patch(Some(&version), json!({"title": "Second", "description": "About it"})).await.expect(200);
    assert_eq!(
        (&changed.body["data"]["title"], &changed.body["data"]["id"]),
        (&json!("Second"), &json!(room))
    );
    let next = changed.header("etag").to_owned();
    assert_ne!(next, version);
    assert_eq!(world.get(&path, &host).await.header("etag"), next, "the version that is read");
    patch(Some(&version), json!({"title": "Third"})).await.problem(412, "precondition_failed");
    let cleared = patch(None, json!({"description": null})).await.expect(200);
    assert_eq!(
        (&cleared.body["data"]["description"], &cleared.body["data"]["title"]),
        (&Value::Null, &json!("Second"))
    );
    for (body, field) in [
        (json!({"status": "active"}), "status"),
        (json!({"title": ""}), "title"),
        (json!({"max_participants": 0}), "max_participants"),
        (json!({"price": "-1.00"}), "price"),
    ] {
        let refused = patch(None, body).await.problem(422, "validation_failed");
        assert!(refused.body["errors"][field].is_array(), "{field}: {}", refused.text);
    }
    // A stranger learns nothing of what is wrong with a body.
    let stranger = world.person().await;
    call(&world, "PATCH", &path, &stranger, json!({"nonsense": 1})).await.problem(403, "forbidden");
    call(&world, "PATCH", "/live-rooms/999999", &stranger, json!({"nonsense": 1}))
        .await
        .problem(404, "not_found");

    // In Arabic, with what is allowed.
    let end = world
        .request(Method::POST, &format!("{path}/end"), Some(&host.token))
        .header("accept-language", "ar");
    let refused = send(end).await.problem(409, "illegal_transition");
    assert_eq!(refused.header("content-language"), "ar");
    assert_eq!(refused.body["allowed"], json!(["active", "cancelled"]));

    let stale = world.request(Method::DELETE, &path, Some(&host.token)).header("if-match", &version);
    send(stale).await.problem(412, "precondition_failed");
    call(&world, "DELETE", &path, &host, Value::Null).await.expect(204);
    world.get(&path, &host).await.problem(404, "not_found");
    world.close().await;
}

#[tokio::test]
async fn administrators_see_all_rooms_and_take_their_steps() {
    let world = World::new().await;
    let (host, admin) = (world.person_with_role("speaker").await, world.person_with_role("admin").await);
    let mut rooms = Vec::new();
    for _ in 0..3 {
        rooms.push(new_room(&world, &host).await);
    }
    call(&world, "DELETE", &format!("/live-rooms/{}", rooms[0]), &host, Value::Null).await.expect(204);
    let step = async |status: &str| {
        call(&world, "PATCH", &format!("/admin/live-rooms/{}", rooms[1]), &admin, json!({"status": status}))
            .await
    };
    step("scheduled").await.problem(409, "illegal_transition");
    assert_eq!(step("active").await.expect(200).body["data"]["status"], "active");
    assert_eq!(step("scheduled").await.expect(200).body["data"]["status"], "scheduled");
    assert_eq!(step("cancelled").await.expect(200).body["data"]["status"], "cancelled");
    let refused = step("active").await.problem(409, "illegal_transition");
    assert_eq!(refused.body["allowed"], json!([]));

    let ids = async |query: &str| {
        let page = world.get(&format!("/admin/live-rooms{query}"), &admin).await.expect(200);
        let list = page.body["data"].as_array().unwrap().clone();
        (list.iter().map(|room| room["id"].as_u64().unwrap()).collect::<Vec<_>>(), page)
    };
    let (all, page) = ids("").await;
    assert_eq!((all, &page.body["meta"]["total"]), (vec![rooms[2], rooms[1]], &json!(2)));
    assert!(page.body["data"][0]["created_at"].is_string() && page.body["data"][0]["paid_count"] == 0);
    assert_eq!(ids("?filter[status]=cancelled").await.0, [rooms[1]]);
    assert_eq!(ids("?filter[trashed]=only").await.0, [rooms[0]]);
    assert_eq!(ids("?filter[trashed]=with&sort=created_at").await.0, rooms);
    assert_eq!(ids("?filter[q]=Maj&per_page=1&page=2").await.0, [rooms[1]]);
    assert_eq!(ids(&format!("?filter[host]={}&with_total=false", admin.id)).await.0, [0; 0]);
    for wrong in ["?sort=title", "?filter[trashed]=yes", "?filter[status]=x", "?filter[author]=1", "?page=0"]
    {
        world.get(&format!("/admin/live-rooms{wrong}"), &admin).await.problem(422, "validation_failed");
    }
    world.get("/admin/live-rooms", &host).await.problem(403, "forbidden");

    // On the host's page: the cancelled one for the host alone.
    let of_host = async |who: &Person, user: &str| {
        let page = world.get(&format!("/users/{user}/live-rooms"), who).await.expect(200);
        page.body["data"].as_array().unwrap().len()
    };
    assert_eq!((of_host(&host, "me").await, of_host(&admin, &host.username).await), (2, 1));
    world.get("/users/999999/live-rooms", &host).await.problem(404, "not_found");
    world.close().await;
}

#[tokio::test]
async fn the_video_server_is_heard_with_its_secret_alone() {
    let world = World::with(&[
        ("MAJLIS_LIMITS", "off"),
        ("JITSI_DOMAIN", "meet.example"),
        ("JITSI_APP_ID", "majlis"),
        ("JITSI_APP_SECRET", "a jitsi secret of more than 32 bytes!"),
        ("JITSI_HOOK_SECRET", SECRET),
    ])
    .await;
    let host = world.person_with_role("speaker").await;
    let room = new_room(&world, &host).await;
    let started =
        call(&world, "POST", &format!("/live-rooms/{room}/start"), &host, Value::Null).await.expect(200);
    let name = started.body["data"]["jitsi_room"].as_str().unwrap().to_owned();
    let member = world.person().await;
    world.post(&format!("/live-rooms/{room}/register"), &member, json!({})).await.expect(201);
    let hear = async |what: &str, secret: Option<&str>, body: Value| {
        send(world.request(Method::POST, &format!("/hooks/jitsi/events/{what}"), secret).json(&body)).await
    };
    let joined = json!({"room_name": name, "event_name": "muc-occupant-joined", "occupant": {"id": member.id.to_string()}});
    for wrong in [None, Some("what prosody present"), Some(host.token.as_str())] {
        hear("occupant/joined", wrong, joined.clone()).await.problem(401, "unauthenticated");
        hear("room/destroyed", wrong, json!({"nonsense": 1})).await.problem(401, "unauthenticated");
    }
    hear("occupant/joined", Some(SECRET), joined).await.expect(204);
    hear("room/created", Some(SECRET), json!({"room_jid": "x"})).await.problem(422, "validation_failed");
    let seats = world.get(&format!("/live-rooms/{room}/participants"), &host).await.expect(200);
    assert_eq!(seats.body["data"][0]["status"], "attended");
    hear("occupant/left", Some(SECRET), json!({"room_name": name, "occupant": {}})).await.expect(204);
    hear("room/destroyed", Some(SECRET), json!({"room_name": name, "all_occupants": []})).await.expect(204);
    hear("room/created", Some(SECRET), json!({"room_name": name})).await.expect(204);

    // Jibri presents the same secret where a person would sign in.
    let path = format!("/live-rooms/{room}/recordings");
    let recording = json!({"url": "https://recordings.example/a.mp4", "started_at": "2026-01-31T17:00:00Z", "duration": 60});
    let request = world.request(Method::POST, &path, Some(SECRET)).json(&recording);
    let made = send(request).await.expect(201);
    assert_eq!(made.header("location"), format!("/api/v1{path}"));
    assert_eq!(made.body["data"]["url"], "https://recordings.example/a.mp4");
    send(world.request(Method::POST, &path, Some("nonsense")).json(&recording))
        .await
        .problem(401, "unauthenticated");
    let listed = world.get(&path, &member).await.expect(200);
    assert_eq!(listed.body["data"], json!([made.body["data"]]));
    let one = format!("{path}/{}", made.body["data"]["id"].as_str().unwrap());
    call(&world, "DELETE", &one, &member, Value::Null).await.problem(403, "forbidden");
    call(&world, "DELETE", &one, &host, Value::Null).await.expect(204);
    call(&world, "DELETE", &one, &host, Value::Null).await.problem(404, "not_found");
    world.close().await;
}
