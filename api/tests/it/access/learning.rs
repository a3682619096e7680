//! Who may do what with enrollments, lessons, notes and certificates.

use serde_json::{Value, json};

use super::{Scene, probe};
use crate::learning::{completed, course, enrolled};
use crate::world::World;

/// The owner is a student; the staff keeps all courses.
pub(crate) async fn scene(world: &World) -> Scene {
    let (stranger, owner) = (world.person().await, world.person().await);
    let staff = world.person_with_role("admin").await;
    let author = world.person_with_role("speaker").await;
    let other = world.person().await;
    let (id, film, link) = course(world, &author, "0").await;
    let (open, _, _) = course(world, &author, "0").await;
    let done = course(world, &author, "0").await;
    let mine = enrolled(world, &owner, id).await;
    let (finished, number) = completed(world, &owner, done).await;
    let note = world.post(&format!("/lessons/{film}/notes"), &owner, json!({"content": "mine"})).await.expect(201);
    let note = note.body["data"]["id"].as_u64().unwrap();
    let none = Value::Null;
    let certificate = format!("/enrollments/{finished}/certificate");
    let grant = json!({"user_id": other.id, "course_id": id});
    let probes = vec![
        probe("find_lesson", format!("/lessons/{film}"), none.clone(), [401, 403, 200, 200]),
        probe("find_lesson", "/lessons/999999", none.clone(), [404, 404, 404, 404]),
        probe("enroll", format!("/courses/{open}/enroll"), none.clone(), [401, 201, 201, 201]),
        probe("enroll", "/courses/999999/enroll", none.clone(), [401, 404, 404, 404]),
        probe("list_own_enrollments", "/me/enrollments", none.clone(), [401, 200, 200, 200]),
        probe("find_enrollment", format!("/enrollments/{mine}"), none.clone(), [401, 404, 200, 200]),
        probe("list_students", format!("/courses/{id}/students"), none.clone(), [401, 403, 403, 200]),
        probe(
            "report_progress",
            format!("/lessons/{film}/progress"),
            json!({"watched_duration_seconds": 5}),
            [401, 403, 200, 403],
        ),
        probe("report_progress", format!("/lessons/{film}/progress"), json!({"no": 1}), [401, 403, 422, 403]),
        probe("complete_lesson", format!("/lessons/{link}/complete"), none.clone(), [401, 403, 200, 403]),
        probe("reopen_lesson", format!("/lessons/{link}/complete"), none.clone(), [401, 403, 200, 403]),
        probe("list_notes", format!("/lessons/{film}/notes"), none.clone(), [401, 404, 200, 404]),
        probe("create_note", format!("/lessons/{film}/notes"), json!({"content": "a"}), [401, 403, 201, 403]),
        probe("create_note", format!("/lessons/{film}/notes"), json!({"no": 1}), [401, 403, 422, 403]),
        probe("list_course_notes", format!("/courses/{id}/notes"), none.clone(), [401, 404, 200, 404]),
        probe("update_note", format!("/notes/{note}"), json!({"content": "b"}), [401, 404, 200, 404]),
        probe("update_note", format!("/notes/{note}"), json!({"no": 1}), [401, 404, 422, 404]),
        probe("find_certificate", certificate.clone(), none.clone(), [401, 404, 200, 200]),
        probe("render_certificate", certificate, none.clone(), [401, 404, 200, 200]),
        probe("verify_certificate", format!("/certificates/verify/{number}"), none.clone(), [200, 200, 200, 200]),
        probe("grant_enrollment", "/admin/enrollments", json!({"no": 1}), [401, 403, 403, 422]),
        probe("grant_enrollment", "/admin/enrollments", grant, [401, 403, 403, 201]),
        probe("delete_note", format!("/notes/{note}"), none.clone(), [401, 404, 204, 404]),
        probe("cancel_enrollment", format!("/enrollments/{mine}/cancel"), none, [401, 404, 200, 200]),
    ];
    Scene { stranger, owner, staff, probes }
}
