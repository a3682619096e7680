//! Consultations: the owner is a speaker.

use serde_json::{Value, json};

use super::{Scene, probe};
use crate::world::World;

pub(crate) async fn scene(world: &World) -> Scene {
    let stranger = world.person().await;
    let owner = world.person_with_role("speaker").await;
    let staff = world.person_with_role("admin").await;
    let window = json!({
        "day_of_week": "sun", "start_time": "16:00", "end_time": "18:00", "session_duration": 60,
        "price_per_session": "10.00",
    });
    let made = world.post("/me/availabilities", &owner, window.clone()).await.expect(201);
    let id = made.body["data"]["id"].as_u64().unwrap();
    let (one, speaker) = (format!("/availabilities/{id}"), format!("/speakers/{}", owner.id));
    let later = json!({
        "day_of_week": "mon", "start_time": "16:00", "end_time": "18:00", "session_duration": 60,
    });
    let probes = vec![
        probe("list_speakers", "/speakers", Value::Null, [200, 200, 200, 200]),
        probe("find_speaker", speaker.clone(), Value::Null, [200, 200, 200, 200]),
        probe("find_speaker", format!("/speakers/{}", stranger.id), Value::Null, [404, 404, 404, 404]),
        probe("list_slots", format!("{speaker}/slots"), Value::Null, [200, 200, 200, 200]),
        // Administrators may offer consultations, too: what they read and write here is their own.
        probe("list_availabilities", "/me/availabilities", Value::Null, [401, 403, 200, 200]),
        probe("create_availability", "/me/availabilities", later, [401, 403, 201, 201]),
        probe("create_availability", "/me/availabilities", json!({}), [401, 403, 422, 422]),
        probe("find_availability", one.clone(), Value::Null, [401, 404, 200, 404]),
        probe("update_availability", one.clone(), json!({"is_active": false}), [401, 404, 200, 404]),
        probe("update_availability", one.clone(), json!({"odd": 1}), [401, 404, 422, 404]),
        probe("delete_availability", one, Value::Null, [401, 404, 204, 404]),
        probe("replace_availabilities", "/me/availabilities", json!({"availabilities": [window]}), [
            401, 403, 200, 200,
        ]),
    ];
    Scene { stranger, owner, staff, probes }
}
