//! What only HTTP shows of learning: pages, ETags, keys, problems.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, World, key, send};

/// A published course of somebody's with two lessons, a film and a link; its id and theirs.
pub(crate) async fn course(world: &World, author: &Person, price: &str) -> (u64, u64, u64) {
    world
        .sql("INSERT IGNORE INTO categories (id, name_en, name_ar, slug, is_active) VALUES (78, 'A', 'أ', 'a78', 1)")
        .await;
    let slug = base::id::ulid();
    world
        .sql(&format!(
            "INSERT INTO courses (user_id, category_id, title, slug, language, level, price, status, total_lessons, \
             created_at, updated_at) \
             VALUES ({}, 78, 'A course', '{slug}', 'ar', 'all', {price}, 'published', 2, UTC_TIMESTAMP(), UTC_TIMESTAMP())",
            author.id
        ))
        .await;
    let id = world.number("SELECT MAX(id) FROM courses").await;
    world
        .sql(&format!(
            "INSERT INTO course_sections (course_id, title, `order`, duration_seconds) VALUES ({id}, 'One', 0, 160)"
        ))
        .await;
    for (title, kind, seconds, order) in [("Film", "video", 100, 0), ("Link", "link", 60, 1)] {
        world
            .sql(&format!(
                "INSERT INTO course_lessons (course_id, course_section_id, title, content_type, duration_seconds, link, \
                 `order`) SELECT {id}, MAX(id), '{title}', '{kind}', {seconds}, 'https://example.com/a', {order} \
                 FROM course_sections"
            ))
            .await;
    }
    let link = world.number("SELECT MAX(id) FROM course_lessons").await;
    (id, link - 1, link)
}

/// Somebody into a free course; the enrollment.
pub(crate) async fn enrolled(world: &World, who: &Person, course_id: u64) -> u64 {
    let reply = world.post(&format!("/courses/{course_id}/enroll"), who, Value::Null).await.expect(201);
    reply.body["data"]["id"].as_u64().unwrap()
}

/// An enrollment whose lessons are all done, with its certificate's number.
pub(crate) async fn completed(
    world: &World,
    who: &Person,
    (course, film, link): (u64, u64, u64),
) -> (u64, String) {
    let enrollment = enrolled(world, who, course).await;
    world
        .sql(&format!(
            "INSERT INTO lesson_progress (enrollment_id, lesson_id, watched_duration_seconds, is_completed, completed_at, \
             created_at, updated_at) VALUES ({enrollment}, {film}, 100, 1, UTC_TIMESTAMP(), UTC_TIMESTAMP(), \
             UTC_TIMESTAMP())"
        ))
        .await;
    let reply = world.post(&format!("/lessons/{link}/complete"), who, Value::Null).await.expect(200);
    assert_eq!(reply.body["data"]["status"], "completed");
    let reply = world.get(&format!("/enrollments/{enrollment}/certificate"), who).await.expect(200);
    (enrollment, reply.body["data"]["certificate_number"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_student_walks_through_a_course_over_http() {
    let world = World::new().await;
    let author = world.person_with_role("speaker").await;
    let student = world.person().await;
    let (id, film, link) = course(&world, &author, "0").await;
    let path = format!("/courses/{id}/enroll");
    let first = world.post_with_key(&path, &student, "k-1", Value::Null).await.expect(201);
    let enrollment = first.body["data"]["id"].as_u64().unwrap();
    assert!(first.header("location").ends_with(&format!("/api/v1/enrollments/{enrollment}")));
    let again = world.post_with_key(&path, &student, "k-1", Value::Null).await.expect(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.body, first.body);
    world.post(&path, &student, Value::Null).await.problem(409, "already_enrolled");
    world.post(&path, &author, Value::Null).await.problem(422, "own_course");

    // A GET with the tag of before says that nothing is new.
    let find = format!("/enrollments/{enrollment}");
    let found = world.get(&find, &student).await.expect(200);
    assert_eq!(found.body["data"]["next_lesson"]["id"], film);
    let request = world.request(Method::GET, &find, Some(&student.token));
    send(request.header("if-none-match", found.header("etag"))).await.expect(304);

    let progress = format!("/lessons/{film}/progress");
    let put = |body: Value| send(world.request(Method::PUT, &progress, Some(&student.token)).json(&body));
    let reply = put(json!({"watched_duration_seconds": 50, "position": 50})).await.expect(200);
    assert_eq!(reply.body["data"]["lesson"]["watched_duration_seconds"], 15);
    for body in [
        json!({"watched_duration_seconds": -1}),
        json!({"watched_duration_seconds": 4_294_967_296_u64}),
        json!({"watched_duration_seconds": "5"}),
        json!({"watched_duration_seconds": 5, "is_completed": true}),
        json!({}),
    ] {
        put(body).await.problem(422, "validation_failed");
    }
    world
        .post(&format!("/lessons/{film}/complete"), &student, Value::Null)
        .await
        .problem(422, "watch_to_complete");
    let marked = world.post(&format!("/lessons/{link}/complete"), &student, Value::Null).await.expect(200);
    assert_eq!(marked.body["data"]["progress_percentage"], "50.00");

    let arabic = world.request(Method::POST, &path, Some(&student.token)).header("accept-language", "ar");
    let arabic = send(arabic).await.problem(409, "already_enrolled");
    assert_eq!(arabic.header("content-language"), "ar");
    world.close().await;
}

#[tokio::test]
async fn lists_have_pages_and_filters() {
    let world = World::new().await;
    let author = world.person_with_role("speaker").await;
    let (one, two) = (world.person().await, world.person().await);
    let mut courses = Vec::new();
    for _ in 0..3 {
        courses.push(course(&world, &author, "0").await);
    }
    for (id, _, _) in &courses {
        enrolled(&world, &one, *id).await;
    }
    enrolled(&world, &two, courses[0].0).await;
    let page = world.get("/me/enrollments?per_page=2", &one).await.expect(200);
    assert_eq!(page.body["data"].as_array().unwrap().len(), 2);
    let cursor = page.body["meta"]["next_cursor"].as_str().unwrap();
    let rest = world.get(&format!("/me/enrollments?per_page=2&cursor={cursor}"), &one).await.expect(200);
    assert_eq!(rest.body["data"][0]["course"]["id"], courses[0].0);
    let none = world.get("/me/enrollments?filter[status]=expired", &one).await.expect(200);
    assert_eq!(none.body["data"], json!([]));
    world.get("/me/enrollments?filter[status]=no", &one).await.problem(422, "validation_failed");
    world.get("/me/enrollments?filter[no]=1", &one).await.expect(422);
    let students = world.get(&format!("/courses/{}/students", courses[0].0), &author).await.expect(200);
    let students = students.body["data"].as_array().unwrap();
    assert_eq!((students.len(), students[0]["user"]["id"].as_u64()), (2, Some(two.id)));
    assert!(students[0]["user"].get("email").is_none());
    world.close().await;
}

#[tokio::test]
async fn a_certificate_is_a_file_that_can_be_fetched_and_a_number_that_can_be_verified() {
    let world = World::new().await;
    let author = world.person_with_role("speaker").await;
    let student = world.person().await;
    let made = course(&world, &author, "0").await;
    let (enrollment, number) = completed(&world, &student, made).await;
    let path = format!("/enrollments/{enrollment}/certificate");
    let found = world.get(&path, &student).await.expect(200);
    let url = found.body["data"]["pdf_url"].as_str().unwrap();
    let file = reqwest::get(url).await.unwrap();
    assert_eq!(file.headers()["content-type"], "application/pdf");
    assert!(file.bytes().await.unwrap().starts_with(b"%PDF-"));
    let verify = format!("/certificates/verify/{number}");
    let verified = world.guest(Method::GET, &verify, Value::Null).await.expect(200);
    assert_eq!(verified.body["data"]["valid"], true);
    assert!(verified.body["data"].get("email").is_none() && verified.body["data"].get("user_id").is_none());
    world.guest(Method::GET, "/certificates/verify/CERT-1", Value::Null).await.problem(404, "not_found");
    // What is completed is never taken back.
    let cancel = format!("/enrollments/{enrollment}/cancel");
    let refused =
        world.post_with_key(&cancel, &student, &key(), Value::Null).await.problem(409, "illegal_transition");
    assert_eq!((&refused.body["from"], &refused.body["allowed"]), (&json!("completed"), &json!([])));
    let reopen =
        world.request(Method::DELETE, &format!("/lessons/{}/complete", made.2), Some(&student.token));
    send(reopen).await.problem(409, "illegal_transition");
    world.close().await;
}
