//! Consultations: the owner is a speaker, with whom somebody has booked sessions; administrators may offer them, too.

use serde_json::{Value, json};

use super::{Scene, probe};
use crate::world::{Person, World, key};

/// A session with the owner, at the next hour that is free two days from now.
async fn book(world: &World, owner: &Person, student: &Person, status: &str) -> u64 {
    let day = (chrono::Utc::now() + chrono::Days::new(2)).format("%Y-%m-%d");
    let slots = world.get(&format!("/speakers/{}/slots?from={day}", owner.id), student).await.expect(200);
    let slot = slots.body["data"].as_object().unwrap().values().next().unwrap()[0].clone();
    let body = json!({"availability_id": slot["availability_id"], "start": slot["start"]});
    let booked = world.post_with_key("/consultations/bookings", student, &key(), body).await.expect(201);
    let id = booked.body["data"]["id"].as_u64().unwrap();
    world.sql(&format!("UPDATE consultation_bookings SET status = '{status}' WHERE id = {id}")).await;
    id
}

/// Is it time for a session: it begins so many minutes from now.
async fn begins_in(world: &World, id: u64, minutes: i64) {
    let start = format!("UTC_TIMESTAMP() + INTERVAL {minutes} MINUTE");
    world.sql(&format!("UPDATE consultation_bookings SET scheduled_at = {start} WHERE id = {id}")).await;
}

pub(crate) async fn scene(world: &World) -> Scene {
    let (stranger, student) = (world.person().await, world.person().await);
    let owner = world.person_with_role("speaker").await;
    let staff = world.person_with_role("admin").await;
    for day in ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] {
        let all_day = json!({
            "day_of_week": day, "start_time": "00:00", "end_time": "22:00", "session_duration": 60,
        });
        world.post("/me/availabilities", &owner, all_day).await.expect(201);
    }
    let late = json!({
        "day_of_week": "sun", "start_time": "22:00", "end_time": "23:00", "session_duration": 60,
    });
    let made = world.post("/me/availabilities", &owner, late.clone()).await.expect(201);
    let window = format!("/availabilities/{}", made.body["data"]["id"]);
    let speaker = format!("/speakers/{}", owner.id);
    let mut probes = vec![
        probe("list_speakers", "/speakers", Value::Null, [200, 200, 200, 200]),
        probe("find_speaker", speaker.clone(), Value::Null, [200, 200, 200, 200]),
        probe("find_speaker", format!("/speakers/{}", stranger.id), Value::Null, [404, 404, 404, 404]),
        probe("list_slots", format!("{speaker}/slots"), Value::Null, [200, 200, 200, 200]),
        probe("list_speaker_ratings", format!("{speaker}/ratings"), Value::Null, [200, 200, 200, 200]),
        // What administrators read and write here is their own.
        probe("list_availabilities", "/me/availabilities", Value::Null, [401, 403, 200, 200]),
        probe("create_availability", "/me/availabilities", json!({}), [401, 403, 422, 422]),
        probe("find_availability", window.clone(), Value::Null, [401, 404, 200, 404]),
        probe("update_availability", window.clone(), json!({"is_active": false}), [401, 404, 200, 404]),
        probe("update_availability", window.clone(), json!({"odd": 1}), [401, 404, 422, 404]),
        probe("delete_availability", window, Value::Null, [401, 404, 204, 404]),
        probe("create_availability", "/me/availabilities", late.clone(), [401, 403, 201, 201]),
    ];
    probes.extend(sessions(world, &owner, &student).await);
    // The last: what the owner offers is another week after it.
    let week = json!({"availabilities": [late]});
    probes.push(probe("replace_availabilities", "/me/availabilities", week, [401, 403, 200, 200]));
    Scene { stranger, owner, staff, probes }
}

/// Sessions of the owner's, in every state that something is done in.
async fn sessions(world: &World, owner: &Person, student: &Person) -> Vec<super::Probe> {
    let ahead = book(world, owner, student, "scheduled").await;
    let pending = book(world, owner, student, "pending").await;
    let declined = book(world, owner, student, "pending").await;
    let missed = book(world, owner, student, "scheduled").await;
    let over = book(world, owner, student, "scheduled").await;
    let rated = book(world, owner, student, "completed").await;
    let open = book(world, owner, student, "scheduled").await;
    begins_in(world, missed, -20).await;
    begins_in(world, over, -90).await;
    begins_in(world, rated, -200).await;
    begins_in(world, open, 5).await;
    for id in [pending, declined] {
        let expiry = "UPDATE consultation_bookings SET expires_at = UTC_TIMESTAMP() + INTERVAL 1 HOUR";
        world.sql(&format!("{expiry} WHERE id = {id}")).await;
    }
    let of = |id: u64, what: &str| format!("/bookings/{id}{what}");
    let wanted = json!({"availability_id": 999_999, "start": "2027-01-01T00:00:00Z"});
    let elsewhere = json!({"start": "2027-01-01T00:00:30Z"});
    vec![
        probe("book_consultation", "/consultations/bookings", wanted, [401, 422, 422, 422]),
        probe("list_bookings", "/me/bookings", Value::Null, [401, 200, 200, 200]),
        probe("list_all_bookings", "/admin/bookings", Value::Null, [401, 403, 403, 200]),
        probe("find_booking", of(ahead, ""), Value::Null, [401, 404, 200, 200]),
        probe("write_notes", of(ahead, "/notes"), json!({"session_notes": "x"}), [401, 404, 200, 403]),
        probe("write_notes", of(ahead, "/notes"), json!({"odd": 1}), [401, 404, 422, 403]),
        probe("reschedule_booking", of(ahead, "/reschedule"), elsewhere, [401, 404, 409, 409]),
        probe("reschedule_booking", of(ahead, "/reschedule"), json!({}), [401, 404, 422, 422]),
        probe("join_booking", of(open, "/join"), Value::Null, [401, 404, 200, 403]),
        probe("list_booking_ratings", of(rated, "/ratings"), Value::Null, [401, 404, 200, 200]),
        probe("rate_booking", of(rated, "/ratings"), json!({"rating": 6}), [401, 404, 422, 403]),
        probe("rate_booking", of(rated, "/ratings"), json!({"rating": 5}), [401, 404, 201, 403]),
        probe("update_rating", of(rated, "/ratings"), json!({"rating": 4}), [401, 404, 200, 403]),
        probe("confirm_booking", of(pending, "/confirm"), Value::Null, [401, 404, 200, 403]),
        probe("decline_booking", of(declined, "/decline"), json!({}), [401, 404, 200, 403]),
        probe("mark_no_show", of(missed, "/no-show"), json!({"who": "nobody"}), [401, 404, 422, 422]),
        probe("mark_no_show", of(missed, "/no-show"), json!({"who": "student"}), [401, 404, 200, 200]),
        probe("complete_booking", of(over, "/complete"), Value::Null, [401, 404, 200, 200]),
        probe("cancel_booking", of(ahead, "/cancel"), json!({"reason": 1}), [401, 404, 422, 422]),
        probe("cancel_booking", of(ahead, "/cancel"), json!({}), [401, 404, 200, 200]),
    ]
}
