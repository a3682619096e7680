//! Courses over HTTP: versions, languages, pages, and what refusals say.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::world::{Person, Reply, World, send};

/// A request with more headers.
fn with(mut request: RequestBuilder, headers: &[(&str, &str)]) -> RequestBuilder {
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
}

async fn get(world: &World, path: &str, who: Option<&Person>, headers: &[(&str, &str)]) -> Reply {
    let token = who.map(|who| who.token.as_str());
    send(with(world.request(Method::GET, path, token), headers)).await
}

async fn patch(world: &World, path: &str, who: &Person, headers: &[(&str, &str)], body: Value) -> Reply {
    send(with(world.request(Method::PATCH, path, Some(&who.token)), headers).json(&body)).await
}

async fn category(world: &World, admin: &Person, name_en: &str, name_ar: &str) -> u64 {
    let body = json!({"name_en": name_en, "name_ar": name_ar});
    let reply = world.post("/admin/categories", admin, body).await.expect(201);
    reply.body["data"]["id"].as_u64().unwrap()
}

async fn course(world: &World, author: &Person, category: u64, title: &str, price: &str) -> Value {
    let body = json!({"title": title, "category_id": category, "price": price});
    world.post("/courses", author, body).await.expect(201).body["data"].clone()
}

#[tokio::test]
async fn categories_speak_the_language_of_the_request_and_are_not_sent_twice() {
    let world = World::new().await;
    let admin = world.person_with_role("admin").await;
    category(&world, &admin, "Calligraphy", "الخط العربي").await;
    let english = get(&world, "/categories", None, &[("accept-language", "en")]).await.expect(200);
    assert_eq!(english.body["data"][0]["name"], "Calligraphy");
    assert_eq!(
        (english.header("content-language"), english.header("cache-control")),
        ("en", "public, max-age=60")
    );
    assert!(english.header("vary").contains("accept-language"));
    let arabic = get(&world, "/categories", None, &[("accept-language", "ar-SA")]).await.expect(200);
    assert_eq!(arabic.body["data"][0]["name"], "الخط العربي");
    assert_eq!(
        (arabic.header("content-language"), &arabic.body["data"][0]["name_en"]),
        ("ar", &json!("Calligraphy"))
    );
    assert_ne!(arabic.header("etag"), english.header("etag"));
    let again = [("accept-language", "en"), ("if-none-match", english.header("etag"))];
    let again = get(&world, "/categories", None, &again).await.expect(304);
    assert_eq!((again.text.as_str(), again.header("content-language")), ("", "en"));
    // A person without a wish hears their own language.
    let own = get(&world, "/categories", Some(&admin), &[]).await.expect(200);
    assert_eq!((own.header("content-language"), own.header("cache-control")), ("ar", "private, no-store"));

    let used = category(&world, &admin, "Law", "قانون").await;
    let author = world.person_with_role("speaker").await;
    course(&world, &author, used, "Contracts", "1.00").await;
    let delete = |lang| {
        let request = world.request(Method::DELETE, &format!("/admin/categories/{used}"), Some(&admin.token));
        send(request.header("accept-language", lang))
    };
    let refused = delete("en").await.problem(409, "in_use");
    assert_eq!((&refused.body["rule"], &refused.body["number"]), (&json!("categories.in_use"), &json!(1800)));
    assert_eq!(
        delete("ar").await.problem(409, "in_use").body["detail"],
        "هذا التصنيف مستخدم، عطّله بدلًا من حذفه."
    );
    world.close().await;
}

#[tokio::test]
async fn a_course_is_written_by_version() {
    let world = World::new().await;
    let (admin, author) = (world.person_with_role("admin").await, world.person_with_role("speaker").await);
    let category = category(&world, &admin, "Language", "لغة").await;
    let made = json!({"title": "النحو الميسر", "category_id": category, "price": "120.00", "discount_price": "90.00"});
    let made = world.post("/courses", &author, made).await.expect(201);
    let id = made.body["data"]["id"].as_u64().unwrap();
    let path = format!("/courses/{id}");
    assert_eq!(made.header("location"), format!("/api/v1{path}"));
    let data = &made.body["data"];
    assert_eq!((&data["price"], &data["discount_price"]), (&json!("120.00"), &json!("90.00")));
    assert_eq!((&data["average_rating"], &data["currency"]), (&json!("0.00"), &json!("SAR")));
    assert_eq!((&data["status"], &data["slug"]), (&json!("draft"), &json!("النحو-الميسر")));

    let read = get(&world, &path, Some(&author), &[]).await.expect(200);
    let etag = read.header("etag").to_owned();
    get(&world, &path, Some(&author), &[("if-none-match", &etag)]).await.expect(304);
    let title = json!({"title": "Another"});
    patch(&world, &path, &author, &[], title.clone()).await.problem(428, "precondition_required");
    patch(&world, &path, &author, &[], json!({"price": 1})).await.problem(428, "precondition_required");
    patch(&world, &path, &author, &[("if-match", "\"x\"")], title.clone())
        .await
        .problem(412, "precondition_failed");
    let changed = patch(&world, &path, &author, &[("if-match", &etag)], title.clone()).await.expect(200);
    assert_eq!(changed.body["data"]["title"], "Another");
    patch(&world, &path, &author, &[("if-match", &etag)], title).await.problem(412, "precondition_failed");
    let newer = changed.header("etag").to_owned();
    assert_eq!(get(&world, &path, Some(&author), &[]).await.expect(200).header("etag"), newer);
    let bad = json!({"discount_price": "120.00", "requirements": [""]});
    let refused =
        patch(&world, &path, &author, &[("if-match", &newer)], bad).await.problem(422, "validation_failed");
    assert!(
        refused.body["errors"]["discount_price"].is_array()
            && refused.body["errors"]["requirements"].is_array()
    );
    let unknown = patch(&world, &path, &author, &[("if-match", "*")], json!({"status": "published"})).await;
    assert!(unknown.problem(422, "validation_failed").body["errors"]["status"].is_array());

    let lacks =
        world.post(&format!("{path}/publish"), &author, json!({})).await.problem(422, "validation_failed");
    for field in ["thumbnail_id", "sections", "lessons"] {
        assert!(lacks.body["errors"][field].is_array(), "{field}: {}", lacks.text);
    }
    let section = world.post(&format!("{path}/sections"), &author, json!({"title": "One"})).await.expect(201);
    let section = section.body["data"]["id"].as_u64().unwrap();
    let lesson = json!({"title": "One", "content_type": "link", "link": "https://example.com", "duration_seconds": 90});
    let lesson = world.post(&format!("/sections/{section}/lessons"), &author, lesson).await.expect(201);
    assert_eq!(lesson.header("location"), format!("/api/v1/lessons/{}", lesson.body["data"]["id"]));
    world.sql("UPDATE courses SET thumbnail = 'https://e.com/a.webp'").await;
    world.post(&format!("{path}/publish"), &author, json!({})).await.expect(200);
    let step =
        world.post(&format!("{path}/publish"), &author, json!({})).await.problem(409, "illegal_transition");
    assert_eq!(
        (&step.body["from"], &step.body["allowed"]),
        (&json!("published"), &json!(["archived", "draft"]))
    );

    // To guests a catalogue's page, by either name; what it costs to see is locked.
    let whole = format!("/courses/{}?include=sections.lessons,category", "النحو-الميسر");
    let whole = get(&world, &whole, None, &[("accept-language", "en")]).await.expect(200);
    assert_eq!(whole.header("cache-control"), "public, max-age=60");
    assert_eq!(
        (whole.header("content-language"), &whole.body["data"]["category"]["name"]),
        ("en", &json!("Language"))
    );
    let seen = &whole.body["data"]["sections"][0];
    assert_eq!((&seen["duration_seconds"], &seen["lessons"][0]["locked"]), (&json!(90), &json!(true)));
    assert_eq!((&seen["lessons"][0]["link"], &seen["lessons"][0]["title"]), (&Value::Null, &json!("One")));
    let refused = get(&world, &format!("{path}?include=students"), None, &[]).await;
    assert!(refused.problem(422, "validation_failed").body["errors"]["include"].is_array());
    for nothing in ["/courses/999999", "/courses/no-such-course", "/courses/0"] {
        get(&world, nothing, None, &[]).await.problem(404, "not_found");
    }
    world.close().await;
}

#[tokio::test]
async fn lists_are_walked_by_number_and_refuse_what_they_do_not_have() {
    let world = World::new().await;
    let (admin, author) = (world.person_with_role("admin").await, world.person_with_role("speaker").await);
    let category = category(&world, &admin, "Language", "لغة").await;
    for (title, price) in [("One", "30.00"), ("Two", "10.00"), ("Three", "20.00")] {
        course(&world, &author, category, title, price).await;
    }
    world.sql("UPDATE courses SET status = 'published', published_at = UTC_TIMESTAMP()").await;
    let titles = |reply: &Reply| {
        let items = reply.body["data"].as_array().unwrap();
        items.iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = get(&world, "/courses?sort=price&per_page=2", None, &[]).await.expect(200);
    assert_eq!(titles(&first), ["Two", "Three"]);
    let meta = &first.body["meta"];
    assert_eq!(
        (&meta["current_page"], &meta["last_page"], &meta["total"]),
        (&json!(1), &json!(2), &json!(3))
    );
    let next = first.body["links"]["next"].as_str().unwrap().replace(&world.base, "");
    assert_eq!(titles(&get(&world, &next, None, &[]).await.expect(200)), ["One"]);
    let cheap = "/courses?filter[price_min]=10&filter[price_max]=20.00&sort=-price&with_total=false";
    let cheap = get(&world, cheap, None, &[]).await.expect(200);
    assert_eq!(
        (titles(&cheap), &cheap.body["meta"]["total"]),
        (vec!["Three".into(), "Two".into()], &Value::Null)
    );
    assert_eq!(titles(&get(&world, "/courses?filter[q]=Two", None, &[]).await.expect(200)), ["Two"]);
    let mine = format!("/courses?filter[author]=me&filter[category]={category}");
    assert_eq!(titles(&get(&world, &mine, Some(&author), &[]).await.expect(200)).len(), 3);
    get(&world, "/courses?filter[author]=me", None, &[]).await.problem(401, "unauthenticated");
    for (query, field) in [
        ("filter[status]=draft", "filter[status]"),
        ("filter[level]=easy", "filter[level]"),
        ("filter[language]=fr", "filter[language]"),
        ("filter[price_min]=cheap", "filter[price_min]"),
        ("filter[price_max]=-1", "filter[price_max]"),
        ("filter[rating_min]=6", "filter[rating_min]"),
        ("filter[free]=perhaps", "filter[free]"),
        ("filter[category]=x", "filter[category]"),
        ("sort=title", "sort"),
        ("include=sections", "include"),
        ("page=0", "page"),
        ("per_page=101", "per_page"),
    ] {
        let refused = get(&world, &format!("/courses?{query}"), None, &[]).await;
        let refused = refused.problem(422, "validation_failed");
        assert!(refused.body["errors"][field].is_array(), "{query}: {}", refused.text);
    }
    let long = format!("/courses?filter[q]={}", "x".repeat(101));
    get(&world, &long, None, &[]).await.problem(422, "validation_failed");
    let drafts = format!("/users/{}/courses?filter[status]=draft", author.id);
    assert_eq!(titles(&get(&world, &drafts, None, &[]).await.expect(200)).len(), 0);
    get(&world, "/users/x/courses", None, &[]).await.problem(404, "not_found");
    world.close().await;
}

#[tokio::test]
async fn reviews_say_why_they_are_refused() {
    let world = World::new().await;
    let (admin, author) = (world.person_with_role("admin").await, world.person_with_role("speaker").await);
    let category = category(&world, &admin, "Language", "لغة").await;
    let id = course(&world, &author, category, "One", "30.00").await["id"].as_u64().unwrap();
    world.sql("UPDATE courses SET status = 'published'").await;
    let student = world.person().await;
    let path = format!("/courses/{id}/reviews");
    let review = json!({"rating": 4, "body": "واضح"});
    let refused = world.post(&path, &student, review.clone()).await.problem(403, "not_entitled");
    assert_eq!(
        (&refused.body["rule"], &refused.body["number"]),
        (&json!("reviews.not_entitled"), &json!(1810))
    );
    world
        .sql(&format!(
            "INSERT INTO enrollments (user_id, course_id, status, progress_percentage) \
             VALUES ({}, {id}, 'active', 10)",
            student.id
        ))
        .await;
    world.post(&path, &student, json!({"rating": 6})).await.problem(422, "validation_failed");
    world.post(&path, &student, json!({"rating": 256})).await.problem(422, "validation_failed");
    world.post(&path, &student, review.clone()).await.problem(422, "too_early");
    world.sql("UPDATE enrollments SET progress_percentage = 20").await;
    let made = world.post(&path, &student, review.clone()).await.expect(201);
    assert_eq!(made.header("location"), format!("/api/v1{path}"));
    assert_eq!(made.body["data"]["subject"]["title"], "One");
    let own = made.body["data"]["id"].as_u64().unwrap();
    world.post(&path, &student, review).await.problem(409, "duplicate");
    let page = get(&world, &format!("{path}?filter[rating]=4"), None, &[]).await.expect(200);
    assert_eq!((&page.body["data"][0]["id"], &page.body["meta"]["next_cursor"]), (&json!(own), &Value::Null));
    get(&world, &format!("{path}?filter[rating]=6"), None, &[]).await.problem(422, "validation_failed");
    let seen = get(&world, &format!("/courses/{id}"), None, &[]).await.expect(200);
    assert_eq!(seen.body["data"]["average_rating"], "4.00");

    let at = format!("/reviews/{own}");
    let stale = patch(&world, &at, &student, &[("if-match", "\"x\"")], json!({"rating": 1})).await;
    stale.problem(412, "precondition_failed");
    let changed = patch(&world, &at, &student, &[], json!({"rating": 1})).await.expect(200);
    let etag = changed.header("etag").to_owned();
    let changed =
        patch(&world, &path, &student, &[("if-match", &etag)], json!({"body": null})).await.expect(200);
    assert_eq!((&changed.body["data"]["rating"], &changed.body["data"]["body"]), (&json!(1), &Value::Null));
    send(world.request(Method::DELETE, &path, Some(&student.token))).await.expect(204);
    send(world.request(Method::DELETE, &path, Some(&student.token))).await.problem(404, "not_found");
    world.close().await;
}
