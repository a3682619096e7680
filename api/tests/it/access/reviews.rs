//! Reviews of courses and books.

use serde_json::{Value, json};

use super::courses::{draft, make, publish};
use super::{Scene, probe};
use crate::world::{Person, World};

/// The owner has all that is reviewed and is the reviews' writer, the staff a moderator, who has none of it.
pub(crate) async fn scene(world: &World) -> Scene {
    let (stranger, owner) = (world.person().await, world.person().await);
    let staff = world.person_with_role("moderator").await;
    let (author, admin) = (world.person_with_role("speaker").await, world.person_with_role("admin").await);
    let category = json!({"name_en": "Language", "name_ar": "لغة"});
    let category = make(world, "/admin/categories", &admin, category).await;
    let mut courses = Vec::new();
    for _ in 0..2 {
        let (course, ..) = draft(world, &author, category).await;
        publish(world, &author, course).await;
        world
            .sql(&format!(
                "INSERT INTO enrollments (user_id, course_id, status, progress_percentage) \
                 VALUES ({}, {course}, 'active', 50)",
                owner.id
            ))
            .await;
        courses.push(course);
    }
    let (course, other) = (courses[0], courses[1]);
    let book = book(world, &author, &owner, category).await;
    let (review, change) = (json!({"rating": 4, "body": "واضح"}), json!({"rating": 5}));
    let written = make(world, &format!("/courses/{other}/reviews"), &owner, review.clone()).await;
    let mut probes = vec![probe("list_user_reviews", format!("/users/{}/reviews", owner.id), Value::Null, [200; 4])];
    for (thing, id, words) in [
        ("courses", course, [
            "list_course_reviews",
            "create_course_review",
            "update_own_course_review",
            "delete_own_course_review",
        ]),
        ("books", book, [
            "list_book_reviews",
            "create_book_review",
            "update_own_book_review",
            "delete_own_book_review",
        ]),
    ] {
        let path = format!("/{thing}/{id}/reviews");
        let [list, create, update, delete] = words;
        probes.extend([
            probe(list, path.clone(), Value::Null, [200; 4]),
            probe(list, format!("/{thing}/999999999/reviews"), Value::Null, [404; 4]),
            probe(create, path.clone(), json!({"stars": 1}), [401, 403, 422, 403]),
            probe(create, path.clone(), review.clone(), [401, 403, 201, 403]),
            probe(create, path.clone(), review.clone(), [401, 403, 409, 403]),
            probe(update, path.clone(), change.clone(), [401, 404, 200, 404]),
            probe(delete, path, Value::Null, [401, 404, 204, 404]),
        ]);
    }
    probes.extend([
        probe("update_review", format!("/reviews/{written}"), json!({"stars": 1}), [401, 403, 422, 403]),
        probe("update_review", format!("/reviews/{written}"), change, [401, 403, 200, 403]),
        probe("delete_review", format!("/reviews/{written}"), Value::Null, [401, 403, 204, 204]),
    ]);
    Scene { stranger, owner, staff, probes }
}

/// A published book that somebody has bought, as the rows would be.
async fn book(world: &World, seller: &Person, buyer: &Person, category: u64) -> u64 {
    let id = 1_000_000 + buyer.id;
    world
        .sql(&format!(
            "INSERT INTO books (id, user_id, category_id, title, slug, author, description, cover, pdf_url, language, \
               page_count, price, preview_pages, status, created_at, updated_at) \
             VALUES ({id}, {}, {category}, 'A book', 'a-book-{id}', 'Somebody', 'Words', 'https://e.com/c', 'x.pdf', \
               'ar', 10, 5, 1, 'published', UTC_TIMESTAMP(), UTC_TIMESTAMP())",
            seller.id
        ))
        .await;
    world
        .sql(&format!(
            "INSERT INTO book_purchases (user_id, book_id, status, price_paid) VALUES ({}, {id}, 'completed', 0)",
            buyer.id
        ))
        .await;
    id
}
