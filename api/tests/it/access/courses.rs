//! Categories, courses, sections and lessons.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Scene, probe};
use crate::world::{Person, World, send};

pub(super) async fn make(world: &World, path: &str, who: &Person, body: Value) -> u64 {
    let reply = send(world.request(Method::POST, path, Some(&who.token)).json(&body)).await;
    reply.expect(201).body["data"]["id"].as_u64().unwrap()
}

/// A draft of a section with two lessons, and these.
pub(super) async fn draft(world: &World, author: &Person, category: u64) -> (u64, u64, [u64; 2]) {
    let course = json!({"title": "النحو الميسر", "category_id": category, "price": "10.00"});
    let course = make(world, "/courses", author, course).await;
    let section = make(world, &format!("/courses/{course}/sections"), author, json!({"title": "One"})).await;
    let lesson = json!({"title": "One", "content_type": "link", "link": "https://example.com"});
    let lessons = format!("/sections/{section}/lessons");
    let lessons =
        [make(world, &lessons, author, lesson.clone()).await, make(world, &lessons, author, lesson).await];
    world.sql(&format!("UPDATE courses SET thumbnail = 'https://e.com/a.webp' WHERE id = {course}")).await;
    (course, section, lessons)
}

pub(super) async fn publish(world: &World, author: &Person, course: u64) {
    world.post(&format!("/courses/{course}/publish"), author, json!({})).await.expect(200);
}

/// The owner is the courses' author, the staff an administrator.
pub(crate) async fn scene(world: &World) -> Scene {
    let stranger = world.person().await;
    let (owner, staff) = (world.person_with_role("speaker").await, world.person_with_role("admin").await);
    let category = json!({"name_en": "Language", "name_ar": "لغة"});
    let used = make(world, "/admin/categories", &staff, category.clone()).await;
    let unused = make(world, "/admin/categories", &staff, category.clone()).await;
    let all = world.get("/categories", &staff).await.expect(200);
    let all: Vec<&Value> = all.body["data"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    let all = json!({ "ids": all });
    let (public, section, lessons) = draft(world, &owner, used).await;
    publish(world, &owner, public).await;
    let (hidden, hidden_section, hidden_lessons) = draft(world, &owner, used).await;
    let (new, ..) = draft(world, &owner, used).await;

    let course = json!({"title": "A course", "category_id": used});
    let (title, lesson) = (json!({"title": "Another"}), json!({"title": "A lesson"}));
    let order = |ids: &[u64]| json!({ "ids": ids });
    let mut probes = vec![
        probe("list_categories", "/categories", Value::Null, [200; 4]),
        probe("order_categories", "/admin/categories/order", all, [401, 403, 403, 200]),
        probe("update_category", format!("/admin/categories/{used}"), json!({"icon": "pen"}), [401, 403, 403, 200]),
        probe("update_category", "/admin/categories/x", json!({"icon": 1}), [401, 403, 403, 404]),
        probe("delete_category", format!("/admin/categories/{used}"), Value::Null, [401, 403, 403, 409]),
        probe("delete_category", format!("/admin/categories/{unused}"), Value::Null, [401, 403, 403, 204]),
        probe("create_category", "/admin/categories", category, [401, 403, 403, 201]),
        probe("create_category", "/admin/categories", json!({"x": 1}), [401, 403, 403, 422]),
        probe("list_courses", "/courses", Value::Null, [200; 4]),
        probe("list_user_courses", format!("/users/{}/courses", owner.id), Value::Null, [200; 4]),
        probe("list_user_courses", "/users/me/courses", Value::Null, [401, 200, 200, 200]),
        probe("list_all_courses", "/admin/courses", Value::Null, [401, 403, 403, 200]),
        probe("list_all_courses", "/admin/courses?filter[status]=x", Value::Null, [401, 403, 403, 422]),
        probe("find_course", format!("/courses/{public}"), Value::Null, [200; 4]),
        probe("find_course", format!("/courses/{hidden}"), Value::Null, [404, 404, 200, 200]),
        probe("create_course", "/courses", course, [401, 403, 201, 201]),
        probe("create_course", "/courses", json!({"x": 1}), [401, 403, 422, 422]),
        probe("update_course", format!("/courses/{public}"), title.clone(), [401, 403, 200, 200]),
        probe("update_course", format!("/courses/{hidden}"), title.clone(), [401, 404, 200, 200]),
        probe("update_course", format!("/courses/{hidden}"), json!({"x": 1}), [401, 404, 422, 422]),
        probe("publish_course", format!("/courses/{new}/publish"), Value::Null, [401, 404, 200, 200]),
        probe("unpublish_course", format!("/courses/{new}/unpublish"), Value::Null, [401, 404, 200, 200]),
        probe("archive_course", format!("/courses/{new}/archive"), Value::Null, [401, 404, 200, 200]),
        probe("archive_course", format!("/courses/{new}/archive"), Value::Null, [401, 404, 409, 409]),
    ];
    for (course, section, [one, two], stranger) in
        [(public, section, lessons, 403), (hidden, hidden_section, hidden_lessons, 404)]
    {
        let who = |owner: u16| [401, stranger, owner, owner];
        let (sections, lessons) = (format!("/courses/{course}/sections"), format!("/sections/{section}/lessons"));
        let (at_section, at_lesson) = (format!("/sections/{section}"), format!("/lessons/{one}"));
        let moved = json!({"section_id": section, "position": 1});
        probes.extend([
            probe("order_sections", format!("{sections}/order"), order(&[section]), who(200)),
            probe("order_sections", format!("{sections}/order"), order(&[1, 1]), who(422)),
            probe("create_section", sections.clone(), title.clone(), who(201)),
            probe("update_section", at_section.clone(), title.clone(), who(200)),
            probe("order_lessons", format!("{lessons}/order"), order(&[two, one]), who(200)),
            probe("order_lessons", format!("{lessons}/order"), order(&[two]), who(422)),
            probe("move_lesson", format!("{at_lesson}/move"), moved, who(200)),
            probe("create_lesson", lessons, lesson.clone(), who(201)),
            probe("update_lesson", at_lesson.clone(), json!({"is_preview": true}), who(200)),
            probe("update_lesson", at_lesson.clone(), json!({"id": 3}), who(422)),
            probe("delete_lesson", at_lesson, Value::Null, who(204)),
            probe("delete_section", at_section, Value::Null, who(204)),
        ]);
    }
    let archived = json!({"status": "archived"});
    probes.extend([
        probe("moderate_course", format!("/admin/courses/{public}"), archived.clone(), [401, 403, 403, 200]),
        probe("moderate_course", "/admin/courses/x", archived, [401, 403, 403, 404]),
        probe("delete_course", format!("/courses/{hidden}"), Value::Null, [401, 404, 204, 204]),
    ]);
    Scene { stranger, owner, staff, probes }
}
