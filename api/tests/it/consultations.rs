//! Consultations over HTTP: versions, keys, filters, bodies of refusals.

use reqwest::Method;
use serde_json::{Value, json};

use crate::money::give_money;
use crate::world::{Person, Reply, World, key, send};

/// A speaker with hourly sessions all day, every day.
async fn speaker(world: &World, price: &str) -> Person {
    let speaker = world.person_with_role("speaker").await;
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let week: Vec<Value> = days
        .iter()
        .map(|day| {
            json!({
                "day_of_week": day, "start_time": "00:00", "end_time": "23:00", "session_duration": 60,
                "price_per_session": price,
            })
        })
        .collect();
    put_week(world, &speaker, Some("*"), &json!({"availabilities": week})).await.expect(200);
    speaker
}

async fn put_week(world: &World, who: &Person, version: Option<&str>, body: &Value) -> Reply {
    let mut request = world.request(Method::PUT, "/me/availabilities", Some(&who.token)).json(body);
    if let Some(version) = version {
        request = request.header("if-match", version);
    }
    send(request).await
}

async fn slots(world: &World, speaker: &Person, query: &str) -> Reply {
    world.guest(Method::GET, &format!("/speakers/{}/slots{query}", speaker.id), json!({})).await
}

#[tokio::test]
async fn a_week_has_versions_and_slots_have_days() {
    let world = World::new().await;
    let speaker = speaker(&world, "50.00").await;
    let week = world.get("/me/availabilities", &speaker).await.expect(200);
    assert_eq!(week.body["data"].as_array().unwrap().len(), 7);
    assert_eq!(
        (&week.body["data"][0]["timezone"], &week.body["data"][0]["currency"]),
        (&json!("Asia/Riyadh"), &json!("SAR"))
    );
    let etag = week.header("etag").to_owned();
    let kept =
        world.request(Method::GET, "/me/availabilities", Some(&speaker.token)).header("if-none-match", &etag);
    send(kept).await.expect(304);
    let none = json!({"availabilities": []});
    put_week(&world, &speaker, None, &none).await.problem(428, "precondition_required");
    put_week(&world, &speaker, Some("\"old\""), &none).await.problem(412, "precondition_failed");
    // The version is asked for before the values are looked at.
    let odd = json!({"availabilities": [{
        "day_of_week": "mon", "start_time": "9", "end_time": "10:00", "session_duration": 5, "price_per_session": "-1",
    }]});
    put_week(&world, &speaker, None, &odd).await.problem(428, "precondition_required");
    let refused = put_week(&world, &speaker, Some(&etag), &odd).await.problem(422, "validation_failed");
    for field in ["start_time", "session_duration", "price_per_session"] {
        assert!(refused.body["errors"][format!("availabilities.0.{field}")].is_array(), "{}", refused.text);
    }
    let one = format!("/availabilities/{}", week.body["data"][0]["id"]);
    let window = world.get(&one, &speaker).await.expect(200);
    let patch = |version: String| {
        let request = world.request(Method::PATCH, &one, Some(&speaker.token)).header("if-match", version);
        send(request.json(&json!({"session_duration": 30})))
    };
    let changed = patch(window.header("etag").to_owned()).await.expect(200);
    assert_eq!(changed.body["data"]["session_duration"], 30);
    patch(window.header("etag").to_owned()).await.problem(412, "precondition_failed");
    assert_eq!(world.get(&one, &speaker).await.expect(200).header("etag"), changed.header("etag"));

    let days = slots(&world, &speaker, "?tz=America/New_York").await.expect(200);
    let (day, list) = days.body["data"].as_object().unwrap().iter().nth(1).unwrap();
    let slot = &list[0];
    assert!(slot["start"].as_str().unwrap().starts_with(day.as_str()), "{slot}");
    assert_eq!((&slot["price"], &slot["currency"]), (&json!("50.00"), &json!("SAR")));
    for (query, field) in [
        ("?from=2027-01-01&to=2027-02-01", "to"),
        ("?from=2027-01-02&to=2027-01-01", "to"),
        ("?from=soon", "from"),
        ("?tz=Asia/Atlantis", "tz"),
    ] {
        let refused = slots(&world, &speaker, query).await.problem(422, "validation_failed");
        assert!(refused.body["errors"][field].is_array(), "{query}: {}", refused.text);
    }
    for nobody in ["999999", "x", "0", "me"] {
        let path = format!("/speakers/{nobody}/slots");
        world.guest(Method::GET, &path, json!({})).await.problem(404, "not_found");
    }
    let page = world.get("/speakers/me", &speaker).await.expect(200);
    assert_eq!(
        (&page.body["data"]["id"], &page.body["data"]["average_rating"]),
        (&json!(speaker.id), &Value::Null)
    );
    let listed = world
        .guest(Method::GET, "/speakers?per_page=1&filter[is_verified]=false", json!({}))
        .await
        .expect(200);
    assert_eq!(listed.body["data"][0]["id"], speaker.id);
    world.guest(Method::GET, "/speakers?filter[price]=1", json!({})).await.problem(422, "validation_failed");
    world.close().await;
}

#[tokio::test]
async fn a_session_is_booked_with_a_key_and_read_by_its_two() {
    let world = World::new().await;
    let admin = world.person_with_role("super-admin").await;
    let (speaker, student) = (speaker(&world, "50.00").await, world.person().await);
    let day = (chrono::Utc::now() + chrono::Days::new(3)).format("%Y-%m-%d").to_string();
    let found = slots(&world, &speaker, &format!("?from={day}&to={day}&tz=UTC")).await.expect(200);
    let list = found.body["data"][&day].as_array().unwrap().clone();
    let body =
        json!({"availability_id": list[0]["availability_id"], "start": list[0]["start"], "note": "أسئلة"});
    let path = "/consultations/bookings";
    world.post(path, &student, body.clone()).await.problem(400, "idempotency_key_required");
    let poor =
        world.post_with_key(path, &student, &key(), body.clone()).await.problem(402, "insufficient_funds");
    assert_eq!((&poor.body["required"], &poor.body["available"]), (&json!("50.00"), &json!("0.00")));
    give_money(&world, &admin, &student, "120.00").await;
    let booking_key = key();
    let booked = world.post_with_key(path, &student, &booking_key, body.clone()).await.expect(201);
    let id = booked.body["data"]["id"].as_u64().unwrap();
    assert_eq!(booked.header("location"), format!("/api/v1/bookings/{id}"));
    assert_eq!(
        (&booked.body["data"]["status"], &booked.body["data"]["price_paid"]),
        (&json!("scheduled"), &json!("50.00"))
    );
    let again = world.post_with_key(path, &student, &booking_key, body.clone()).await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &booked.body));
    let mut other = body.clone();
    other["start"] = list[1]["start"].clone();
    world.post_with_key(path, &student, &booking_key, other).await.problem(422, "idempotency_key_reused");
    let taken =
        world.post_with_key(path, &student, &key(), body.clone()).await.problem(409, "slot_unavailable");
    assert_eq!(taken.body["rule"], "consultations.slot_unavailable");
    let arabic = world.request(Method::POST, path, Some(&student.token)).header("idempotency-key", key());
    let arabic =
        send(arabic.header("accept-language", "ar").json(&body)).await.problem(409, "slot_unavailable");
    assert_eq!(arabic.body["message"], "هذا الموعد غير متاح.");
    assert_eq!(world.get("/wallet", &student).await.expect(200).body["data"]["balance"], "70.00");
    let own = world.post_with_key(path, &speaker, &key(), body).await.problem(422, "own_booking");
    assert_eq!(own.body["number"], 2100);

    let one = format!("/bookings/{id}");
    let read = world.get(&one, &speaker).await.expect(200);
    assert_eq!(
        (&read.body["data"]["note"], &read.body["data"]["student"]["id"]),
        (&json!("أسئلة"), &json!(student.id))
    );
    let etag = read.header("etag").to_owned();
    let kept = world.request(Method::GET, &one, Some(&speaker.token)).header("if-none-match", &etag);
    send(kept).await.expect(304);
    let notes = |version: &str| {
        let request = world.request(Method::PUT, &format!("{one}/notes"), Some(&speaker.token));
        send(request.header("if-match", version).json(&json!({"session_notes": "تمرين"})))
    };
    notes(&etag).await.expect(200);
    notes(&etag).await.problem(412, "precondition_failed");

    for (query, found) in [
        ("", 1),
        ("?role=student", 1),
        ("?role=speaker", 0),
        ("?filter[status]=scheduled", 1),
        ("?filter[status]=no_show", 0),
        (&format!("?filter[from]={day}&filter[to]={day}"), 1),
        ("?filter[to]=2026-01-01", 0),
        ("?filter[from]=2026-01-01T00:00:00%2B03:00", 1),
    ] {
        let page = world.get(&format!("/me/bookings{query}"), &student).await.expect(200);
        assert_eq!(page.body["data"].as_array().unwrap().len(), found, "{query}");
    }
    for (query, name) in [
        ("role=teacher", "role"),
        ("filter[status]=odd", "filter[status]"),
        ("filter[from]=soon", "filter[from]"),
        ("filter[to]=9999-01-01", "filter[to]"),
        ("filter[speaker]=1", "filter[speaker]"),
        ("sort=id", "sort"),
    ] {
        let refused =
            world.get(&format!("/me/bookings?{query}"), &student).await.problem(422, "validation_failed");
        assert!(refused.body["errors"][name].is_array(), "{query}: {}", refused.text);
    }
    let table = world.get("/admin/bookings?sort=scheduled_at&with_total=false", &admin).await.expect(200);
    assert_eq!((&table.body["data"][0]["id"], &table.body["meta"]["total"]), (&json!(id), &Value::Null));
    world.get("/admin/bookings?sort=price_paid", &admin).await.problem(422, "validation_failed");

    let cancelled =
        world.post(&format!("{one}/cancel"), &student, json!({"reason": "سفر"})).await.expect(200);
    assert_eq!(cancelled.body["data"]["refunded"], "50.00");
    assert_eq!(world.get("/wallet", &student).await.expect(200).body["data"]["balance"], "120.00");
    let again =
        world.post(&format!("{one}/cancel"), &student, json!({})).await.problem(409, "illegal_transition");
    assert_eq!((&again.body["from"], &again.body["allowed"]), (&json!("cancelled"), &json!([])));
    world.close().await;
}
