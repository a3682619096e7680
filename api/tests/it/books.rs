//! Books over HTTP: versions, pages by number, documents, parts of a PDF.

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::samples;
use crate::world::{Person, Reply, World, key, send};

async fn world() -> (World, TempDir) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("files").display().to_string();
    let world = World::with(&[("MAJLIS_LIMITS", "off"), ("MAJLIS_UPLOADS", path.as_str())]).await;
    world
        .sql("INSERT INTO categories (id, name_en, name_ar, slug, is_active) VALUES (1, 'Arts', 'فنون', 'arts', 1)")
        .await;
    (world, folder)
}

async fn upload(world: &World, who: &Person, kind: &str, bytes: Vec<u8>) -> u64 {
    let file = Part::bytes(bytes).file_name("كتاب.pdf");
    let form = Form::new().text("kind", kind.to_owned()).part("file", file);
    let reply = send(world.request(Method::POST, "/uploads", Some(&who.token)).multipart(form)).await;
    let reply = reply.expect(201);
    assert_eq!(reply.body["data"]["kind"], kind);
    reply.body["data"]["id"].as_u64().unwrap()
}

/// A book for sale of ten pages.
async fn book(world: &World, seller: &Person, title: &str, price: &str) -> u64 {
    let pdf = upload(world, seller, "book", samples::book(10)).await;
    let body = json!({
        "title": title, "author": "نورة", "category_id": 1, "language": "ar", "price": price, "pdf_upload_id": pdf,
        "preview_pages": 2,
    });
    let made = world.post("/books", seller, body).await.expect(201);
    let id = made.body["data"]["id"].as_u64().unwrap();
    assert_eq!(made.header("location"), format!("/api/v1/books/{id}"));
    world.post(&format!("/books/{id}/publish"), seller, Value::Null).await.expect(200);
    id
}

async fn patch(world: &World, who: &Person, path: &str, if_match: Option<&str>, body: Value) -> Reply {
    let mut request = world.request(Method::PATCH, path, Some(&who.token)).json(&body);
    if let Some(tag) = if_match {
        request = request.header("if-match", tag);
    }
    send(request).await
}

#[tokio::test]
async fn a_books_versions_pages_and_refusals() {
    let (world, _folder) = world().await;
    let (seller, reader) = (world.person_with_role("speaker").await, world.person().await);
    let id = book(&world, &seller, "كراسة الثلث", "0.00").await;
    let path = format!("/books/{id}");
    let seen = world.get(&path, &seller).await.expect(200);
    let tag = seen.header("etag").to_owned();
    let kept = world.request(Method::GET, &path, Some(&seller.token)).header("if-none-match", &tag);
    send(kept).await.expect(304);
    patch(&world, &seller, &path, None, json!({"price": "9.00"})).await.problem(428, "precondition_required");
    patch(&world, &seller, &path, Some("\"x\""), json!({"price": "9.00"}))
        .await
        .problem(412, "precondition_failed");
    let changed = patch(&world, &seller, &path, Some(&tag), json!({"price": "9.00"})).await.expect(200);
    assert_eq!(changed.body["data"]["price"], "9.00");
    let next = changed.header("etag").to_owned();
    assert_eq!(world.get(&path, &seller).await.header("etag"), next);
    for (body, field) in [
        (json!({"price": "-1.00"}), "price"),
        (json!({"isbn": "978-0-306-40615-8"}), "isbn"),
        (json!({"preview_pages": 11}), "preview_pages"),
        (json!({"purchases_count": 7}), "purchases_count"),
        (json!({"status": "archived"}), "status"),
    ] {
        let refused =
            patch(&world, &seller, &path, Some(&next), body).await.problem(422, "validation_failed");
        assert!(refused.body["errors"][field].is_array(), "{field}: {}", refused.text);
    }
    let by_slug = world.guest(Method::GET, "/books/كراسة-الثلث", json!({})).await.expect(200);
    assert_eq!(by_slug.body["data"]["id"], id);
    let arabic = world.request(Method::POST, &format!("{path}/purchase"), Some(&reader.token));
    let arabic = arabic.header("accept-language", "ar").header("idempotency-key", key());
    let poor = send(arabic).await.problem(402, "insufficient_funds");
    assert_eq!((poor.header("content-language"), &poor.body["required"]), ("ar", &json!("9.00")));
    world
        .post(&format!("{path}/purchase"), &reader, Value::Null)
        .await
        .problem(400, "idempotency_key_required");
    let illegal = world.post(&format!("{path}/publish"), &seller, Value::Null).await;
    let illegal = illegal.problem(409, "illegal_transition");
    assert_eq!(illegal.body["allowed"], json!(["draft", "archived"]));

    book(&world, &seller, "Second", "5.00").await;
    let first = world.guest(Method::GET, "/books?per_page=1&sort=price", json!({})).await.expect(200);
    assert_eq!(
        (&first.body["data"][0]["title"], &first.body["meta"]["total"]),
        (&json!("Second"), &json!(2))
    );
    let next = first.body["links"]["next"].as_str().unwrap().strip_prefix(&world.base).unwrap().to_owned();
    let second = world.guest(Method::GET, &next, json!({})).await.expect(200);
    assert_eq!((&second.body["data"][0]["id"], &second.body["links"]["next"]), (&json!(id), &Value::Null));
    for (query, name) in [
        ("sort=pages", "sort"),
        ("filter[status]=draft", "filter[status]"),
        ("filter[price_min]=-1", "filter[price_min]"),
        ("filter[rating_min]=6", "filter[rating_min]"),
        ("filter[language]=fr", "filter[language]"),
        ("page=0", "page"),
    ] {
        let refused = world.guest(Method::GET, &format!("/books?{query}"), json!({})).await;
        let refused = refused.problem(422, "validation_failed");
        assert!(refused.body["errors"][name].is_array(), "{query}: {}", refused.text);
    }
    for nothing in ["/books/0", "/books/999999", "/books/nothing-like-it"] {
        world.guest(Method::GET, nothing, json!({})).await.problem(404, "not_found");
    }
    world.close().await;
}

#[tokio::test]
async fn a_book_is_bought_read_and_marked() {
    let (world, _folder) = world().await;
    let (seller, reader) = (world.person_with_role("speaker").await, world.person().await);
    let id = book(&world, &seller, "Reading", "0.00").await;
    let buying = format!("/books/{id}/purchase");
    let once = key();
    let bought = world.post_with_key(&buying, &reader, &once, Value::Null).await.expect(201);
    let again = world.post_with_key(&buying, &reader, &once, Value::Null).await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &bought.body));
    world.post_with_key(&buying, &reader, &key(), Value::Null).await.problem(409, "already_purchased");

    let preview = world.request(Method::GET, &format!("/books/{id}/preview"), None).send().await.unwrap();
    assert_eq!(
        (preview.status(), &preview.headers()["content-type"]),
        (200.try_into().unwrap(), &"application/pdf".parse().unwrap())
    );
    let part = world.request(Method::GET, &format!("/books/{id}/preview"), None).header("range", "bytes=0-4");
    let part = part.send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.bytes().await.unwrap().as_ref()), (206, b"%PDF-".as_slice()));
    let content = world.get(&format!("/books/{id}/content"), &reader).await.expect(200).body["data"].clone();
    assert_eq!((&content["watermarked"], &content["allow_copying"]), (&json!(true), &json!(false)));
    let url = content["url"].as_str().unwrap().replace(&format!("{}/", world.base), "/:");
    let part = world.request(Method::GET, &url, None).header("range", "bytes=0-4").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.bytes().await.unwrap().as_ref()), (206, b"%PDF-".as_slice()));

    let at = json!({"current_page": 4, "minutes_delta": 1});
    let put = world.request(Method::PUT, &format!("/books/{id}/progress"), Some(&reader.token)).json(&at);
    assert_eq!(send(put).await.expect(200).body["data"]["percentage"], 40);
    let library = world.get("/me/library", &reader).await.expect(200);
    assert_eq!(library.body["data"][0]["progress"]["current_page"], 4);

    let marks = format!("/books/{id}/annotations");
    let note = json!({"type": "note", "page_number": 4, "content": "<b>مهم</b>", "color": "#ffee00"});
    let note = world.post(&marks, &reader, note).await.expect(201).body["data"].clone();
    let bookmark = json!({"type": "bookmark", "page_number": 4});
    world.post(&marks, &reader, bookmark.clone()).await.expect(201);
    world.post(&marks, &reader, bookmark).await.expect(204);
    let filtered =
        world.get(&format!("{marks}?filter[color]=%23FFEE00&filter[page_to]=4"), &reader).await.expect(200);
    assert_eq!(filtered.body["data"], json!([note]));
    for query in ["filter[color]=red", "filter[type]=odd", "filter[page_from]=x"] {
        world.get(&format!("{marks}?{query}"), &reader).await.problem(422, "validation_failed");
        world.get(&format!("{marks}?{query}"), &seller).await.problem(403, "not_purchased");
    }
    let one = format!("/annotations/{}", note["id"]);
    let changed = patch(&world, &reader, &one, None, json!({"color": null})).await.expect(200);
    let tag = changed.header("etag").to_owned();
    patch(&world, &reader, &one, Some(&tag), json!({"content": "anew"})).await.expect(200);
    patch(&world, &reader, &one, Some(&tag), json!({"content": "late"}))
        .await
        .problem(412, "precondition_failed");
    for (format, media) in
        [("md", "text/markdown"), ("json", "application/json"), ("w3c", "application/ld+json")]
    {
        let export = world.get(&format!("{marks}/export?format={format}"), &reader).await.expect(200);
        assert!(export.header("content-type").starts_with(media), "{}", export.header("content-type"));
        assert!(export.header("content-disposition").starts_with("attachment"));
        assert!(export.text.contains("anew"));
    }
    world.get(&format!("{marks}/export?format=pdf"), &reader).await.problem(422, "validation_failed");
    let synced = json!({"since": 0, "upserts": [{
        "client_id": key(), "type": "note", "page_number": 11, "content": "x", "updated_at": "2026-01-31T10:00:00Z"
    }]});
    let refused =
        world.post(&format!("{marks}/sync"), &reader, synced).await.problem(422, "validation_failed");
    assert!(refused.body["errors"]["upserts.0.page_number"].is_array(), "{}", refused.text);
    world.close().await;
}
