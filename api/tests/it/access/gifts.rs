//! Who may do what with gifts.

use serde_json::{Value, json};

use super::{Scene, probe};
use crate::world::World;

/// The owner has announced a room and written a post; a gift is on offer, which nobody can pay.
pub(crate) async fn scene(world: &World) -> Scene {
    let (stranger, owner) = (world.person().await, world.person_with_role("speaker").await);
    let staff = world.person_with_role("super-admin").await;
    let id = owner.id;
    world.sql(&format!("INSERT INTO gifts (id, name, icon, price) VALUES ({id}, 'Rose', '/r.png', 10.00)")).await;
    world
        .sql(&format!(
            "INSERT INTO posts (id, user_id, post_type, content, created_at, updated_at) \
             VALUES ({id}, {id}, 'text', 'Hello', UTC_TIMESTAMP(), UTC_TIMESTAMP())"
        ))
        .await;
    let tomorrow = (chrono::Utc::now() + chrono::Days::new(1)).format("%Y-%m-%d").to_string();
    let room = json!({
        "title": "Majlis", "start_date": tomorrow, "start_time": "10:00", "end_time": "23:00", "timezone": "UTC",
        "access_type": "free", "duration_type": "day",
    });
    let room = world.post("/live-rooms", &owner, room).await.expect(201).body["data"]["id"].as_u64().unwrap();
    let gift = json!({"giftable_type": "user", "giftable_id": id});
    let shelf = json!({"name": "Lily", "icon": "/lily.png", "price": "3.00"});
    let (none, all) = (Value::Null, [200; 4]);
    let probes = vec![
        probe("list_gifts", "/gifts", none.clone(), all),
        probe("find_leaderboard", format!("/gifts/leaderboard?room={room}"), none.clone(), all),
        probe("list_room_gifts", format!("/live-rooms/{room}/gifts"), none.clone(), all),
        probe("list_post_gifts", format!("/posts/{id}/gifts"), none.clone(), all),
        probe("list_own_gifts", "/me/gifts", none.clone(), [401, 200, 200, 200]),
        probe("list_shelf", "/admin/gifts", none.clone(), [401, 403, 403, 200]),
        probe("create_gift", "/admin/gifts", shelf, [401, 403, 403, 201]),
        probe("find_shelf_gift", format!("/admin/gifts/{id}"), none.clone(), [401, 403, 403, 200]),
        probe("update_gift", format!("/admin/gifts/{id}"), json!({"order": 5}), [401, 403, 403, 200]),
        probe("send_gift", format!("/gifts/{id}/send"), gift, [401, 402, 422, 402]),
        probe("delete_gift", format!("/admin/gifts/{id}"), none, [401, 403, 403, 204]),
    ];
    Scene { stranger, owner, staff, probes }
}
