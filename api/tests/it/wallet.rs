//! What only HTTP shows of top-ups, withdrawals, invoices and exports.

use base::Time;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{PASSWORD, Person, Reply, World, key, send};

const SECRET: &str = "a secret between us";

async fn world() -> World {
    World::with(&[("MAJLIS_LIMITS", "off"), ("MAJLIS_PAYMENT_WEBHOOK_SECRET", SECRET)]).await
}

async fn deliver(world: &World, event: &str, payment: &str) -> Reply {
    let body = json!({"id": event, "payment": payment}).to_string();
    let signature = payments::sign(SECRET, body.as_bytes(), Time::now());
    let request = world.request(Method::POST, "/hooks/payments/sandbox", None);
    let request = request.header("content-type", "application/json").header("x-signature", signature);
    send(request.body(body)).await
}

async fn filled(world: &World, person: &Person, amount: &str) {
    let body = json!({"amount": amount, "method": "card"});
    let ordered = world.post_with_key("/wallet/top-ups", person, &key(), body).await.expect(201);
    let reference = ordered.body["data"]["provider_ref"].as_str().unwrap().to_owned();
    deliver(world, &key(), &reference).await.expect(200);
}

#[tokio::test]
async fn a_top_up_from_order_to_ledger() {
    let world = world().await;
    let person = world.person().await;
    let (order, body) = (key(), json!({"amount": "150.00", "method": "card"}));
    world.post("/wallet/top-ups", &person, body.clone()).await.problem(400, "idempotency_key_required");
    let low = json!({"amount": "1.00", "method": "cash"});
    let refused = world.post_with_key("/wallet/top-ups", &person, &key(), low).await;
    let errors = refused.problem(422, "validation_failed").body["errors"].clone();
    assert!(errors["amount"].is_array() && errors["method"].is_array(), "{errors}");

    let first = world.post_with_key("/wallet/top-ups", &person, &order, body.clone()).await.expect(201);
    let again = world.post_with_key("/wallet/top-ups", &person, &order, body).await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));
    let address = first.header("location").to_owned();
    let reference = first.body["data"]["provider_ref"].as_str().unwrap().to_owned();
    let seen = world.get(&address, &person).await.expect(200);
    assert_eq!(seen.body["data"]["status"], "created");

    let unsigned =
        world.guest(Method::POST, "/hooks/payments/sandbox", json!({"id": "e", "payment": reference}));
    unsigned.await.problem(400, "invalid_signature");
    assert_eq!(deliver(&world, "evt", &reference).await.expect(200).body["data"]["outcome"], "applied");
    assert_eq!(deliver(&world, "evt", &reference).await.expect(200).body["data"]["outcome"], "known");
    assert_eq!(deliver(&world, "evt2", "nothing").await.expect(200).body["data"]["outcome"], "ignored");
    let wallet = world.get("/wallet", &person).await.expect(200);
    assert_eq!(wallet.body["data"]["balance"], "150.00");
    let tag = seen.header("etag").to_owned();
    let paid = send(world.request(Method::GET, &address, Some(&person.token)).header("if-none-match", &tag));
    let paid = paid.await.expect(200);
    assert_eq!(paid.body["data"]["status"], "succeeded");
    let tag = paid.header("etag").to_owned();
    send(world.request(Method::GET, &address, Some(&person.token)).header("if-none-match", &tag))
        .await
        .expect(304);
    world.get("/wallet/top-ups/nothing", &person).await.problem(404, "not_found");
    world.close().await;
}

#[tokio::test]
async fn a_withdrawal_and_its_refusals_in_both_languages() {
    let world = world().await;
    let person = world.person().await;
    filled(&world, &person, "500.00").await;
    let body = |iban: &str, password: &str| json!({"amount": "200.00", "bank": {"iban": iban, "name": "Sara"}, "password": password});
    let path = "/wallet/withdrawals";
    let wrong = world.post_with_key(path, &person, &key(), body("SA00", PASSWORD)).await;
    assert!(wrong.problem(422, "validation_failed").body["errors"]["bank.iban"].is_array());
    let iban = "SA0380000000608010167519";
    world.post_with_key(path, &person, &key(), body(iban, "guess")).await.problem(401, "invalid_credentials");
    let asked = world.post_with_key(path, &person, &key(), body(iban, PASSWORD)).await.expect(201);
    assert!(!asked.text.contains(iban), "its owner sees the end of it alone");
    let line = world.get(asked.header("location"), &person).await.expect(200);
    assert_eq!(
        (&line.body["data"]["status"], &line.body["data"]["category"]),
        (&json!("pending"), &json!("withdrawal"))
    );
    let second = world.request(Method::POST, path, Some(&person.token)).header("idempotency-key", key());
    let second = send(second.header("accept-language", "ar").json(&body(iban, PASSWORD))).await;
    let second = second.problem(409, "withdrawal_open");
    assert!(second.body["message"].as_str().unwrap().contains("سحب"), "{}", second.text);
    let address = format!("{path}/{}", asked.body["data"]["id"]);
    let gone = send(world.request(Method::DELETE, &address, Some(&person.token))).await.expect(200);
    assert_eq!(gone.body["data"]["status"], "cancelled");
    let again = send(world.request(Method::DELETE, &address, Some(&person.token))).await;
    assert_eq!(again.problem(409, "illegal_transition").body["allowed"], json!([]));
    world.close().await;
}

#[tokio::test]
async fn papers_and_tables() {
    let world = world().await;
    let (buyer, seller) = (world.person().await, world.person().await);
    let admin = world.person_with_role("super-admin").await;
    filled(&world, &buyer, "100.00").await;
    let gift = json!({"name": "Rose", "icon": "/rose.png", "price": "23.00"});
    let gift = world.post("/admin/gifts", &admin, gift).await.expect(201);
    let shelf = gift.header("location").to_owned();
    let id = gift.body["data"]["id"].clone();
    let given = json!({"giftable_type": "user", "giftable_id": seller.id});
    world.post_with_key(&format!("/gifts/{id}/send"), &buyer, &key(), given).await.expect(201);

    let invoices = world.get("/invoices", &buyer).await.expect(200);
    let invoice = &invoices.body["data"][0];
    assert_eq!(
        (&invoice["subtotal"], &invoice["vat_amount"], &invoice["total"]),
        (&json!("20.00"), &json!("3.00"), &json!("23.00"))
    );
    let pdf = world.get(&format!("/invoices/{}/pdf", invoice["id"]), &buyer).await.expect(200);
    assert_eq!(pdf.header("content-type"), "application/pdf");
    assert!(pdf.text.starts_with("%PDF"));
    let kept = world.request(Method::GET, &format!("/invoices/{}/pdf", invoice["id"]), Some(&buyer.token));
    send(kept.header("if-none-match", pdf.header("etag"))).await.expect(304);
    let qr = world.get(&format!("/invoices/{}/qr", invoice["id"]), &buyer).await.expect(200);
    assert_eq!(qr.body["data"]["invoice_number"], invoice["invoice_number"]);

    let table = world.get("/wallet/transactions/export.csv?filter[type]=debit", &buyer).await.expect(200);
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    assert!(table.header("content-disposition").contains("transactions.csv"));
    assert_eq!(table.text.lines().count(), 2, "{}", table.text);
    world
        .get("/wallet/transactions/export.csv?filter[amount]=1", &buyer)
        .await
        .problem(422, "validation_failed");

    // A gift that was given keeps its price there, whatever the catalogue says, and stays in it.
    let tag = world.get(&shelf, &admin).await.expect(200).header("etag").to_owned();
    let change = |tag: &str| {
        let request =
            world.request(Method::PATCH, &shelf, Some(&admin.token)).header("if-match", tag.to_owned());
        send(request.json(&json!({"price": "30.00"})))
    };
    assert_eq!(change(&tag).await.expect(200).body["data"]["price"], "30.00");
    change(&tag).await.problem(412, "precondition_failed");
    send(world.request(Method::DELETE, &shelf, Some(&admin.token))).await.problem(409, "in_use");
    let mine = world.get("/me/gifts", &buyer).await.expect(200);
    assert_eq!(mine.body["data"][0]["total_price"], "23.00");
    let told = world.get("/notifications", &seller).await.expect(200);
    let kinds: Vec<&Value> = told.body["data"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert!(kinds.contains(&&json!("gift.received")), "{}", told.text);

    let ledger = world.get("/admin/ledger/reconcile", &admin).await.expect(200);
    assert_eq!(ledger.body["data"]["balanced"], true, "{}", ledger.text);
    world.close().await;
}

#[tokio::test]
async fn money_is_moved_twenty_times_a_minute_at_most() {
    let world = World::with(&[]).await;
    let person = world.person().await;
    let body = json!({"amount": "50.00", "method": "card"});
    let first = key();
    for number in 0..20 {
        let used = if number == 0 { first.clone() } else { key() };
        world.post_with_key("/wallet/top-ups", &person, &used, body.clone()).await.expect(201);
    }
    let refused = world.post_with_key("/wallet/top-ups", &person, &key(), body.clone()).await;
    let refused = refused.problem(429, "rate_limited");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    let again = world.post_with_key("/wallet/top-ups", &person, &first, body).await.expect(201);
    assert_eq!(again.header("idempotent-replayed"), "true", "a repeat costs nothing");
    world.close().await;
}
