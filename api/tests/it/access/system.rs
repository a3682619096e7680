//! Notifications, search, and what administrators see.

use serde_json::{Value, json};

use super::{Scene, probe};
use crate::world::{World, key};

pub(crate) async fn scene(world: &World) -> Scene {
    let (stranger, owner) = (world.person().await, world.person().await);
    let staff = world.person_with_role("super-admin").await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let id = key();
        world
            .sql(&format!(
                "INSERT INTO notifications (id, type, notifiable_type, notifiable_id, data, created_at, updated_at) \
                 VALUES ('{id}', 'X', 'user', {}, '{{}}', UTC_TIMESTAMP(), UTC_TIMESTAMP())",
                owner.id
            ))
            .await;
        ids.push(id);
    }
    let setting = format!("access.{}", key());
    world.sql(&format!("INSERT INTO settings (`key`, value, type) VALUES ('{setting}', '1', 'integer')")).await;
    let role = format!("r{}", owner.id);
    world.sql(&format!("INSERT INTO roles (name, guard_name) VALUES ('{role}', 'web')")).await;
    let role_id = world.number(&format!("SELECT id FROM roles WHERE name = '{role}'")).await;
    let permission = format!("INSERT INTO permissions (name, guard_name) VALUES ('access.{role}', 'web')");
    world.sql(&permission).await;
    let permission_id = world.number(&format!("SELECT id FROM permissions WHERE name = 'access.{role}'")).await;
    let mut probes = vec![
        probe("search", "/search?q=majlis", Value::Null, [200; 4]),
        probe("suggest", "/search/suggest?q=majlis", Value::Null, [200; 4]),
        probe("list_public_settings", "/settings/public", Value::Null, [200; 4]),
        probe("list_notifications", "/notifications", Value::Null, [401, 200, 200, 200]),
        probe("count_unread_notifications", "/notifications/unread-count", Value::Null, [401, 200, 200, 200]),
        probe("mark_notification_read", format!("/notifications/{}/read", ids[0]), Value::Null, [401, 404, 200, 404]),
        probe("mark_notification_unread", format!("/notifications/{}/unread", ids[0]), Value::Null, [401, 404, 200, 404]),
        probe("mark_all_notifications_read", "/notifications/read-all", Value::Null, [401, 200, 200, 200]),
        probe("delete_notification", format!("/notifications/{}", ids[1]), Value::Null, [401, 404, 204, 404]),
    ];
    let write_role = json!({"name": format!("{role}-a"), "permissions": []});
    let announcement = json!({"title_en": "Rest", "title_ar": "راحة"});
    for (operation, path, body, done) in [
        ("list_settings", "/admin/settings".to_owned(), Value::Null, 200),
        ("update_setting", format!("/admin/settings/{setting}"), json!({"value": 2}), 200),
        ("list_roles", "/admin/roles".to_owned(), Value::Null, 200),
        ("create_role", "/admin/roles".to_owned(), write_role.clone(), 201),
        ("find_role", format!("/admin/roles/{role_id}"), Value::Null, 200),
        ("update_role", format!("/admin/roles/{role_id}"), json!({"name": role, "permissions": []}), 200),
        ("delete_role", format!("/admin/roles/{role_id}"), Value::Null, 204),
        ("list_permissions", "/admin/permissions".to_owned(), Value::Null, 200),
        ("create_permission", "/admin/permissions".to_owned(), json!({"name": format!("access.{}", "x".repeat(usize::try_from(owner.id % 50).unwrap() + 1))}), 201),
        ("delete_permission", format!("/admin/permissions/{permission_id}"), Value::Null, 204),
        ("find_dashboard", "/admin/dashboard".to_owned(), Value::Null, 200),
        ("list_audit_log", "/admin/audit-logs".to_owned(), Value::Null, 200),
        ("list_nodes", "/admin/realtime/nodes".to_owned(), Value::Null, 200),
        ("find_queues", "/admin/jobs".to_owned(), Value::Null, 200),
        ("send_announcement", "/admin/announcements".to_owned(), announcement.clone(), 202),
    ] {
        probes.push(probe(operation, path, body, [401, 403, 403, done]));
    }
    Scene { stranger, owner, staff, probes }
}
