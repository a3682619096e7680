//! Live rooms: a paid one that is live, one that is announced, and one that is over, all of the owner's.

use base::Time;
use domain::Actor;
use protocol::rooms::CreateRoom;
use serde_json::{Value, json};

use super::{Scene, probe};
use crate::world::{Person, World, key};

async fn room(world: &World, host: &Person, access: &str, price: &str) -> u64 {
    let input: CreateRoom = serde_json::from_value(json!({
        "title": "Majlis", "start_date": Time::now().to_string().split('T').next().unwrap(),
        "duration_type": "month", "start_time": "00:00", "end_time": "23:59:59", "timezone": "UTC",
        "access_type": access, "price": price,
    }))
    .unwrap();
    domain::rooms::create_room(&world.app, &Actor::on_behalf_of(host.id), input).await.unwrap().id
}

async fn seat(world: &World, room: u64, person: &Person, price: &str) {
    world
        .sql(&format!(
            "INSERT INTO live_room_registrations (user_id, live_room_id, status, price_paid) \
             VALUES ({}, {room}, 'registered', {price})",
            person.id
        ))
        .await;
}

/// The owner hosts; the stranger has no seat; the member of staff is an administrator.
pub(crate) async fn scene(world: &World) -> Scene {
    let owner = world.person_with_role("speaker").await;
    let (stranger, staff) = (world.person().await, world.person_with_role("admin").await);
    let (member, victim, other) = (world.person().await, world.person().await, world.person().await);
    let live = room(world, &owner, "paid", "5.00").await;
    domain::rooms::start_room(&world.app, &Actor::on_behalf_of(owner.id), live).await.unwrap();
    seat(world, live, &member, "5.00").await;
    seat(world, live, &other, "0").await;
    let mut messages = Vec::new();
    for _ in 0..2 {
        let post = json!({"client_id": key(), "room_id": live, "body": "words"});
        let input = serde_json::from_value(post).unwrap();
        let by = Actor::on_behalf_of(member.id);
        let posted = domain::rooms::post_message(&world.app, &by, input).await.unwrap();
        messages.push(posted.answer.message.id);
    }
    let recording = json!({"url": "https://recordings.example/1.mp4", "started_at": "2026-01-31T17:00:00Z"});
    let input = serde_json::from_value(recording.clone()).unwrap();
    let host = Actor::on_behalf_of(owner.id);
    let by = domain::rooms::Recorder::Person(&host);
    let recorded = domain::rooms::add_recording(&world.app, by, live, input).await.unwrap().id;
    let free = room(world, &owner, "free", "0.00").await;
    let doomed = room(world, &owner, "free", "0.00").await;
    let called_off = room(world, &owner, "free", "0.00").await;
    let announced = room(world, &owner, "free", "0.00").await;
    // Free seats for whoever gives one back.
    for person in [&stranger, &staff] {
        seat(world, announced, person, "0").await;
    }

    let of = |verb: &str| format!("/live-rooms/{live}/{verb}");
    let of_victim = |verb: &str| format!("/live-rooms/{live}/participants/{}/{verb}", victim.id);
    let (first, second) = (messages[0], messages[1]);
    let new = json!({
        "title": "New", "start_date": "2030-01-31", "start_time": "20:00", "end_time": "21:00", "access_type": "free",
    });
    let event = json!({"room_name": format!("r{live}-x")});
    let words = json!({"body": "hear"});
    let message = |id: u64, what: &str| format!("/live-room-messages/{id}{what}");
    // Whoever names nothing that exists, or is wrong about a body, learns no more than others.
    let probes = vec![
        probe("list_rooms", "/live-rooms", Value::Null, [200, 200, 200, 200]),
        probe("find_room", format!("/live-rooms/{live}"), Value::Null, [200, 200, 200, 200]),
        probe("list_user_rooms", format!("/users/{}/live-rooms", owner.id), Value::Null, [200; 4]),
        probe("list_all_rooms", "/admin/live-rooms", Value::Null, [401, 403, 403, 200]),
        probe("create_room", "/live-rooms", new, [401, 403, 201, 201]),
        probe("list_participants", of("participants"), Value::Null, [401, 403, 200, 200]),
        probe("list_room_messages", of("messages"), Value::Null, [401, 403, 200, 200]),
        probe("post_message", of("messages"), words.clone(), [401, 403, 201, 201]),
        probe("announce", of("announcements"), words, [401, 403, 201, 201]),
        probe("react_to_message", message(first, "/reaction"), json!({"type": "love"}), [401, 404, 200, 200]),
        probe("take_reaction_back", message(first, "/reaction"), Value::Null, [401, 404, 204, 204]),
        probe("pin_message", message(first, "/pin"), Value::Null, [401, 404, 200, 200]),
        probe("unpin_message", message(first, "/pin"), Value::Null, [401, 404, 204, 204]),
        probe("delete_room_message", message(second, ""), Value::Null, [401, 404, 204, 204]),
        probe("set_slow_mode", of("slow-mode"), json!({"seconds": 0}), [401, 403, 200, 200]),
        probe("mute_user", of_victim("mute"), json!({"seconds": 60}), [401, 403, 200, 200]),
        probe("unmute_user", of_victim("unmute"), Value::Null, [401, 403, 200, 200]),
        probe("kick_user", of_victim("kick"), Value::Null, [401, 403, 200, 200]),
        probe("ban_user", of_victim("ban"), Value::Null, [401, 403, 200, 200]),
        probe("unban_user", of_victim("unban"), Value::Null, [401, 403, 200, 200]),
        probe("list_recordings", of("recordings"), Value::Null, [401, 403, 200, 200]),
        probe("add_recording", of("recordings"), recording, [401, 403, 201, 201]),
        probe("delete_recording", of(&format!("recordings/{recorded}")), Value::Null, [401, 403, 204, 204]),
        probe("join_room", of("join"), Value::Null, [401, 403, 200, 200]),
        probe("leave_room", of("leave"), Value::Null, [401, 403, 204, 204]),
        // The host needs no seat; nobody else has money.
        probe("register_for_room", of("register"), Value::Null, [401, 402, 422, 402]),
        probe("register_for_room", format!("/live-rooms/{free}/register"), Value::Null, [401, 201, 422, 201]),
        probe(
            "cancel_registration",
            format!("/live-rooms/{announced}/registration"),
            Value::Null,
            [401, 200, 404, 200],
        ),
        // Free, so nothing is paid back; once given back it is no more.
        probe(
            "refund_registration",
            format!("/admin/live-rooms/{live}/registrations/{}/refund", other.id),
            Value::Null,
            [401, 403, 403, 201],
        ),
        // Nobody but the video server, which is no user.
        probe("hear_room_created", "/hooks/jitsi/events/room/created", event.clone(), [401; 4]),
        probe("hear_room_destroyed", "/hooks/jitsi/events/room/destroyed", event.clone(), [401; 4]),
        probe("hear_occupant_joined", "/hooks/jitsi/events/occupant/joined", event.clone(), [401; 4]),
        probe("hear_occupant_left", "/hooks/jitsi/events/occupant/left", event, [401; 4]),
        probe("update_room", format!("/live-rooms/{free}"), json!({"title": "Other"}), [401, 403, 200, 200]),
        probe("start_room", format!("/live-rooms/{free}/start"), Value::Null, [401, 403, 200, 200]),
        probe("end_room", format!("/live-rooms/{free}/end"), Value::Null, [401, 403, 200, 200]),
        probe(
            "set_room_status",
            format!("/admin/live-rooms/{free}"),
            json!({"status": "completed"}),
            [401, 403, 403, 409],
        ),
        probe("delete_room", format!("/live-rooms/{doomed}"), Value::Null, [401, 403, 204, 204]),
        probe("cancel_room", format!("/live-rooms/{called_off}/cancel"), Value::Null, [401, 403, 200, 200]),
        probe("find_room", format!("/live-rooms/{called_off}"), Value::Null, [200, 200, 200, 200]),
    ];
    Scene { stranger, owner, staff, probes }
}
