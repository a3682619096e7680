//! Who may do what with money.

use serde_json::{Value, json};

use super::{Scene, probe};
use crate::world::{PASSWORD, World, key};

/// The owner has money, has bought (a gift for the stranger), has ordered a top-up, and waits for a withdrawal.
pub(crate) async fn scene(world: &World) -> Scene {
    let (stranger, owner) = (world.person().await, world.person().await);
    let staff = world.person_with_role("super-admin").await;
    let money = format!("/admin/wallets/{}/adjustments", owner.id);
    let given = json!({"amount": "900.00", "direction": "credit", "reason": "For the test"});
    world.post_with_key(&money, &staff, &key(), given.clone()).await.expect(201);
    world
        .sql(&format!("INSERT INTO gifts (id, name, icon, price) VALUES ({}, 'Rose', '/r.png', 10.00)", owner.id))
        .await;
    let gift = json!({"giftable_type": "user", "giftable_id": stranger.id});
    world.post_with_key(&format!("/gifts/{}/send", owner.id), &owner, &key(), gift).await.expect(201);
    let line = world.get("/wallet/transactions?filter[category]=gift", &owner).await.expect(200);
    let line = line.body["data"][0]["id"].as_u64().unwrap();
    let invoice = world.get("/invoices", &owner).await.expect(200).body["data"][0]["id"].as_u64().unwrap();
    let order = json!({"amount": "50.00", "method": "card"});
    let top_up = world.post_with_key("/wallet/top-ups", &owner, &key(), order.clone()).await.expect(201);
    let top_up = top_up.body["data"]["id"].as_str().unwrap().to_owned();
    let wish = json!({
        "amount": "100.00", "bank": {"iban": "SA0380000000608010167519", "name": "Sara"}, "password": PASSWORD,
    });
    let waiting = world.post_with_key("/wallet/withdrawals", &owner, &key(), wish.clone()).await.expect(201);
    let waiting = waiting.body["data"]["id"].as_u64().unwrap();
    let none = Value::Null;
    let (everybody, owners, admins) = ([401, 200, 200, 200], [401, 404, 200, 404], [401, 403, 403, 200]);
    let (paid, why) = (json!({"reference": "FT1"}), json!({"reason": "For the test"}));
    let step = |name: &str| format!("/admin/withdrawals/{waiting}/{name}");
    let papers = [401, 404, 200, 200];
    let probes = vec![
        probe("find_wallet", "/wallet", none.clone(), everybody),
        probe("list_transactions", "/wallet/transactions", none.clone(), everybody),
        probe("export_transactions", "/wallet/transactions/export.csv", none.clone(), everybody),
        probe("find_transaction", format!("/wallet/transactions/{line}"), none.clone(), owners),
        probe("adjust_wallet", money, given, [401, 403, 403, 201]),
        probe("start_top_up", "/wallet/top-ups", order, [401, 201, 201, 201]),
        probe("find_top_up", format!("/wallet/top-ups/{top_up}"), none.clone(), owners),
        // Whoever they are: it is not signed.
        probe("hear_payment", "/hooks/payments/sandbox", json!({"id": "e", "payment": "p"}), [400; 4]),
        probe("hear_payment", "/hooks/payments/nobody", json!({}), [404; 4]),
        probe("list_invoices", "/invoices", none.clone(), everybody),
        probe("find_invoice", format!("/invoices/{invoice}"), none.clone(), papers),
        probe("find_invoice_qr", format!("/invoices/{invoice}/qr"), none.clone(), papers),
        probe("render_invoice", format!("/invoices/{invoice}/pdf"), none.clone(), papers),
        probe("list_all_invoices", "/admin/invoices", none.clone(), admins),
        probe("list_ledger", "/admin/transactions", none.clone(), admins),
        probe("reconcile", "/admin/ledger/reconcile", none.clone(), admins),
        probe("list_withdrawals", "/admin/withdrawals", none.clone(), admins),
        // One at a time for the owner; the others have no such money.
        probe("request_withdrawal", "/wallet/withdrawals", wish, [401, 402, 409, 402]),
        probe("approve_withdrawal", step("approve"), none.clone(), admins),
        probe("mark_withdrawal_paid", step("mark-paid"), paid, admins),
        probe("reject_withdrawal", step("reject"), why.clone(), [401, 403, 403, 409]),
        probe("fail_withdrawal", step("fail"), why.clone(), [401, 403, 403, 409]),
        probe("cancel_withdrawal", format!("/wallet/withdrawals/{waiting}"), none, owners),
        probe(
            "issue_refund",
            "/admin/refunds",
            json!({"transaction_id": line, "reason": "For the test"}),
            [401, 403, 403, 201],
        ),
    ];
    Scene { stranger, owner, staff, probes }
}
