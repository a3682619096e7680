//! Who may do what with books.

use serde_json::{Value, json};

use super::{Scene, probe};
use crate::samples;
use crate::world::{Person, World, key, send};

/// An upload of somebody's.
async fn upload(world: &World, who: &Person, kind: &str, bytes: Vec<u8>) -> u64 {
    let file = reqwest::multipart::Part::bytes(bytes).file_name("a.pdf");
    let form = reqwest::multipart::Form::new().text("kind", kind.to_owned()).part("file", file);
    let reply = send(world.request(reqwest::Method::POST, "/uploads", Some(&who.token)).multipart(form)).await;
    reply.expect(201).body["data"]["id"].as_u64().unwrap()
}

/// A free book of somebody's, for sale, of three pages.
async fn book(world: &World, seller: &Person, title: &str) -> u64 {
    let pdf = upload(world, seller, "book", samples::book(3)).await;
    let body = json!({
        "title": title, "author": "A", "category_id": 77, "language": "en", "pdf_upload_id": pdf, "preview_pages": 1,
    });
    let id = world.post("/books", seller, body).await.expect(201).body["data"]["id"].as_u64().unwrap();
    world.post(&format!("/books/{id}/publish"), seller, Value::Null).await.expect(200);
    id
}

/// The owner sells `shelf` and `draft`, and has bought `read`, with an annotation in it.
pub(crate) async fn scene(world: &World) -> Scene {
    world
        .sql("INSERT IGNORE INTO categories (id, name_en, name_ar, slug, is_active) VALUES (77, 'A', 'أ', 'a77', 1)")
        .await;
    let (stranger, owner) = (world.person().await, world.person_with_role("speaker").await);
    let staff = world.person_with_role("admin").await;
    let seller = world.person_with_role("speaker").await;
    let shelf = book(world, &owner, "Shelf").await;
    let body = json!({"title": "Draft", "author": "A", "category_id": 77, "language": "en"});
    let draft = world.post("/books", &owner, body).await.expect(201).body["data"]["id"].as_u64().unwrap();
    let read = book(world, &seller, "Read").await;
    let sold = book(world, &seller, "Sold").await;
    world.post_with_key(&format!("/books/{read}/purchase"), &owner, &key(), Value::Null).await.expect(201);
    let note = json!({"type": "note", "page_number": 1, "content": "mine"});
    let note = world.post(&format!("/books/{read}/annotations"), &owner, note).await.expect(201);
    let note = note.body["data"]["id"].as_u64().unwrap();
    let none = Value::Null;
    let new = json!({"title": "New", "author": "A", "category_id": 77, "language": "en"});
    let mark = json!({"type": "note", "page_number": 2, "content": "more"});
    let probes = vec![
        probe("list_books", "/books", none.clone(), [200, 200, 200, 200]),
        probe("find_book", format!("/books/{shelf}"), none.clone(), [200, 200, 200, 200]),
        probe("find_book", format!("/books/{draft}"), none.clone(), [404, 404, 200, 200]),
        probe("list_user_books", format!("/users/{}/books", owner.id), none.clone(), [200, 200, 200, 200]),
        probe("list_user_books", "/users/me/books", none.clone(), [401, 200, 200, 200]),
        probe("read_book_preview", format!("/books/{shelf}/preview"), none.clone(), [200, 200, 200, 200]),
        probe("read_book_preview", format!("/books/{draft}/preview"), none.clone(), [404, 404, 404, 404]),
        probe("create_book", "/books", new, [401, 403, 201, 201]),
        probe("create_book", "/books", json!({"no": 1}), [401, 403, 422, 422]),
        probe("update_book", format!("/books/{shelf}"), json!({"price": "1.00"}), [401, 403, 200, 200]),
        probe("update_book", format!("/books/{shelf}"), json!({"no": 1}), [401, 403, 422, 422]),
        probe("update_book", format!("/books/{draft}"), json!({"no": 1}), [401, 404, 422, 422]),
        probe("publish_book", format!("/books/{draft}/publish"), none.clone(), [401, 404, 422, 422]),
        probe("list_managed_books", "/admin/books", none.clone(), [401, 403, 403, 200]),
        probe("set_book_status", format!("/admin/books/{draft}"), json!({"no": 1}), [401, 403, 403, 422]),
        probe("set_book_status", format!("/admin/books/{shelf}"), json!({"status": "archived"}), [401, 403, 403, 200]),
        probe("open_book_content", format!("/books/{read}/content"), none.clone(), [401, 403, 200, 200]),
        probe("find_reading_progress", format!("/books/{read}/progress"), none.clone(), [401, 403, 200, 403]),
        probe(
            "update_reading_progress",
            format!("/books/{read}/progress"),
            json!({"current_page": 2}),
            [401, 403, 200, 403],
        ),
        probe("update_reading_progress", format!("/books/{read}/progress"), json!({"no": 1}), [401, 403, 422, 403]),
        probe("list_annotations", format!("/books/{read}/annotations"), none.clone(), [401, 403, 200, 403]),
        probe("list_annotations", format!("/books/{draft}/annotations"), none.clone(), [401, 404, 403, 403]),
        probe("create_annotation", format!("/books/{read}/annotations"), mark, [401, 403, 201, 403]),
        probe("create_annotation", format!("/books/{read}/annotations"), json!({"no": 1}), [401, 403, 422, 403]),
        probe("sync_annotations", format!("/books/{read}/annotations/sync"), json!({}), [401, 403, 200, 403]),
        probe(
            "export_annotations",
            format!("/books/{read}/annotations/export?format=w3c"),
            none.clone(),
            [401, 403, 200, 403],
        ),
        probe("update_annotation", format!("/annotations/{note}"), json!({"color": "#00FF00"}), [401, 404, 200, 404]),
        probe("update_annotation", format!("/annotations/{note}"), json!({"no": 1}), [401, 404, 422, 404]),
        probe("delete_annotation", format!("/annotations/{note}"), none.clone(), [401, 404, 204, 404]),
        probe("list_library", "/me/library", none.clone(), [401, 200, 200, 200]),
        probe("purchase_book", format!("/books/{draft}/purchase"), none.clone(), [401, 404, 422, 409]),
        probe("purchase_book", format!("/books/{sold}/purchase"), none.clone(), [401, 201, 201, 201]),
        probe("refund_book", format!("/books/{read}/refund"), json!({"no": 1}), [401, 403, 422, 422]),
        probe("refund_book", format!("/books/{sold}/refund"), json!({}), [401, 201, 201, 201]),
        probe("refund_book", format!("/books/{draft}/refund"), json!({}), [401, 404, 403, 404]),
        probe("unpublish_book", format!("/books/{sold}/unpublish"), none.clone(), [401, 403, 403, 200]),
        probe("archive_book", format!("/books/{draft}/archive"), none.clone(), [401, 404, 200, 200]),
        probe("delete_book", format!("/books/{draft}"), none.clone(), [401, 404, 204, 204]),
        probe("delete_book", format!("/books/{read}"), none, [401, 403, 403, 409]),
    ];
    Scene { stranger, owner, staff, probes }
}
