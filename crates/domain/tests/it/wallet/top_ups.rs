//! Top-ups: ordered, told of, looked up, credited once; providers that lie, repeat themselves, or are late.

use std::sync::{Arc, Mutex};

use base::{Fault, Rule, Time};
use domain::wallet::{WalletError, expire_top_ups_due, find_top_up, hear_payment, start_top_up};
use domain::{Actor, App};
use protocol::channel::Channel;
use protocol::wallet::{HookOutcome, IntentStatus, StartTopUp, TopUp};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::stage::{Stage, key, money};

const SECRET: &str = "a secret between us";

async fn sandbox() -> Stage {
    Stage::with(|settings| {
        settings.limits.enabled = false;
        settings.payments.webhook_secret = Some(base::Secret::new(SECRET.to_owned()));
    })
    .await
}

fn order(amount: &str, method: &str) -> StartTopUp {
    StartTopUp { client_id: key(), amount: money(amount), method: method.to_owned() }
}

async fn started(app: &App, actor: &Actor, amount: &str, method: &str) -> TopUp {
    start_top_up(app, actor, order(amount, method)).await.unwrap().answer
}

/// Delivers a signed event about a payment.
async fn deliver(app: &App, event: &str, payment: &str) -> Result<HookOutcome, WalletError> {
    let body = json!({ "id": event, "payment": payment }).to_string();
    let signature = payments::sign(SECRET, body.as_bytes(), Time::now());
    hear_payment(app, "sandbox", Some(&signature), body.as_bytes()).await.map(|receipt| receipt.outcome)
}

#[tokio::test]
async fn a_top_up_is_credited_when_its_provider_says_so_and_once() {
    let stage = sandbox().await;
    let app = &stage.app;
    let (person, other) = (stage.person("person").await, stage.person("other").await);
    let input = order("100.00", "card");
    let first = start_top_up(app, &person, input.clone()).await.unwrap();
    let top_up = first.answer.clone();
    assert_eq!((top_up.status, top_up.transaction_id), (IntentStatus::Created, None));
    assert_eq!(stage.balance(&person).await, "0.00", "ordered is not paid");
    let again = start_top_up(app, &person, input.clone()).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.answer, top_up);
    let changed = StartTopUp { amount: money("200.00"), ..input };
    let reused = start_top_up(app, &person, changed).await.unwrap_err();
    assert_eq!(reused.rule(), Rule::IDEMPOTENCY_KEY_REUSED);
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_payment_intents").await, 1);

    let reference = top_up.provider_ref.clone().unwrap();
    assert_eq!(deliver(app, "evt-1", &reference).await.unwrap(), HookOutcome::Applied);
    assert_eq!(deliver(app, "evt-1", &reference).await.unwrap(), HookOutcome::Known);
    assert_eq!(deliver(app, "evt-2", &reference).await.unwrap(), HookOutcome::Known);
    assert_eq!(deliver(app, "evt-3", "sbx-card-1-SAR-x").await.unwrap(), HookOutcome::Ignored);
    assert_eq!(stage.balance(&person).await, "100.00");
    let found = find_top_up(app, &person, &top_up.id).await.unwrap();
    assert_eq!(found.status, IntentStatus::Succeeded);
    assert!(found.transaction_id.is_some());
    assert_eq!(find_top_up(app, &other, &top_up.id).await.unwrap_err().rule(), Rule::NOT_FOUND);

    let statuses: Vec<String> = stage
        .heard_of(Channel::User(person.user_id()), "payment.status")
        .await
        .iter()
        .map(|event| event["top_up"]["status"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(statuses[statuses.len() - 2..], ["processing", "succeeded"], "{statuses:?}");
    let told = stage.heard_of(Channel::User(person.user_id()), "notification.created").await;
    assert_eq!(told[0]["notification"]["kind"], "wallet.topped_up");
    assert_eq!(stage.count("SELECT COUNT(*) FROM invoices").await, 0, "a receipt is no tax invoice");
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn what_is_not_the_providers_is_not_heard() {
    let stage = sandbox().await;
    let app = &stage.app;
    let person = stage.person("person").await;
    let reference = started(app, &person, "50.00", "card").await.provider_ref.unwrap();
    let body = json!({ "id": "evt", "payment": reference }).to_string();
    let hear = async |provider: &str, signature: Option<String>, body: &str| {
        hear_payment(app, provider, signature.as_deref(), body.as_bytes()).await.unwrap_err().rule()
    };
    let now = Time::now();
    let sign = |secret: &str, at| Some(payments::sign(secret, body.as_bytes(), at));
    assert_eq!(hear("sandbox", None, &body).await, Rule::INVALID_SIGNATURE);
    assert_eq!(hear("sandbox", sign("another", now), &body).await, Rule::INVALID_SIGNATURE);
    let old = now.plus_seconds(-301);
    assert_eq!(hear("sandbox", sign(SECRET, old), &body).await, Rule::INVALID_SIGNATURE);
    let changed = body.replace("evt", "evu");
    assert_eq!(hear("sandbox", sign(SECRET, now), &changed).await, Rule::INVALID_SIGNATURE);
    assert_eq!(hear("moyasar", sign(SECRET, now), &body).await, Rule::NOT_FOUND);
    assert_eq!(stage.balance(&person).await, "0.00");
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_webhook_receipts").await, 0);

    // Without a secret nothing is ever credited.
    let closed = Stage::new().await;
    let person = closed.person("person").await;
    let reference = started(&closed.app, &person, "50.00", "card").await.provider_ref.unwrap();
    assert_eq!(deliver(&closed.app, "evt", &reference).await.unwrap_err().rule(), Rule::INVALID_SIGNATURE);
}

#[tokio::test]
async fn amounts_and_methods_have_their_limits() {
    let stage = sandbox().await;
    let person = stage.person("person").await;
    for (amount, method) in
        [("9.99", "card"), ("10000.01", "card"), ("-50.00", "card"), ("50.00", "cash"), ("50.00", "")]
    {
        let refused = start_top_up(&stage.app, &person, order(amount, method)).await.unwrap_err();
        assert_eq!(refused.rule(), Rule::VALIDATION_FAILED, "{amount} {method}");
    }
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_payment_intents").await, 0);
}

#[tokio::test]
async fn what_the_provider_does_not_confirm_waits_and_what_it_declines_fails() {
    let stage = sandbox().await;
    let app = &stage.app;
    let person = stage.person("person").await;
    let waiting = started(app, &person, "50.00", "waiting").await;
    let reference = waiting.provider_ref.clone().unwrap();
    let refused = deliver(app, "evt-w", &reference).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::PAYMENT_NOT_CONFIRMED);
    // The event was not used up: it is told again.
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_webhook_receipts").await, 0);

    let declined = started(app, &person, "50.00", "declined").await;
    let failed = declined.provider_ref.clone().unwrap();
    assert_eq!(deliver(app, "evt-d", &failed).await.unwrap(), HookOutcome::Applied);
    let found = find_top_up(app, &person, &declined.id).await.unwrap();
    assert_eq!(found.status, IntentStatus::Failed);
    assert!(found.failure.unwrap().contains("declined"));

    // Nobody paid in time; what was paid although nobody told us is credited.
    let untold = started(app, &person, "70.00", "card").await;
    assert_eq!(expire_top_ups_due(app).await.unwrap(), 0);
    stage.run("UPDATE hub_payment_intents SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 MINUTE").await;
    assert_eq!(expire_top_ups_due(app).await.unwrap(), 2);
    assert_eq!(expire_top_ups_due(app).await.unwrap(), 0);
    assert_eq!(find_top_up(app, &person, &waiting.id).await.unwrap().status, IntentStatus::Expired);
    assert_eq!(find_top_up(app, &person, &untold.id).await.unwrap().status, IntentStatus::Succeeded);
    assert_eq!(stage.balance(&person).await, "70.00");
    stage.assert_ledger_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_deliveries_at_once_are_one_credit() {
    let stage = sandbox().await;
    let person = stage.person("person").await;
    let reference = started(&stage.app, &person, "30.00", "card").await.provider_ref.unwrap();
    let mut deliveries = JoinSet::new();
    for number in 0..20 {
        let (app, reference) = (stage.app.clone(), reference.clone());
        // Half of them the same event, half of them events of their own about the same payment.
        let event = if number % 2 == 0 { "evt".to_owned() } else { format!("evt-{number}") };
        deliveries.spawn(async move { deliver(&app, &event, &reference).await });
    }
    let outcomes = deliveries.join_all().await;
    let applied = outcomes.iter().filter(|outcome| matches!(outcome, Ok(HookOutcome::Applied))).count();
    assert_eq!(applied, 1, "{outcomes:?}");
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(stage.balance(&person).await, "30.00");
    assert_eq!(stage.count("SELECT COUNT(*) FROM transactions WHERE category = 'top-up'").await, 1);
    stage.assert_ledger_holds().await;
}

/// A server that answers each request with the answer that is set, and remembers what it was asked.
struct Fake {
    url: String,
    answer: Arc<Mutex<String>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::new(Mutex::new(String::new())), Arc::new(Mutex::new(Vec::new())));
        let (answers, requests) = (Arc::clone(&answer), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = vec![0; 16_384];
                let mut length = 0;
                // One request a connection: its head, and as much of a body as the head says.
                loop {
                    let read = socket.read(&mut request[length..]).await.unwrap_or_default();
                    length += read;
                    let text = String::from_utf8_lossy(&request[..length]).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else {
                        if read == 0 {
                            break;
                        }
                        continue;
                    };
                    let wanted = head
                        .lines()
                        .find_map(|line| {
                            line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
                        })
                        .unwrap_or(0_usize);
                    if body.len() >= wanted || read == 0 {
                        requests.lock().unwrap().push(text);
                        break;
                    }
                }
                let body = answers.lock().unwrap().clone();
                let status = if body.is_empty() { "503 Service Unavailable" } else { "200 OK" };
                let reply = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _sent = socket.write_all(reply.as_bytes()).await;
            }
        });
        Self { url, answer, asked }
    }

    fn says(&self, status: &str, amount: i64, currency: &str) {
        let body = json!({
            "id": "inv-1", "status": status, "amount": amount, "currency": currency, "url": "https://pay.example/inv-1"
        });
        *self.answer.lock().unwrap() = body.to_string();
    }
}

#[tokio::test]
async fn a_provider_over_http_is_asked_before_it_is_believed() {
    let fake = Fake::start().await;
    let url = fake.url.clone();
    let stage = Stage::with(|settings| {
        settings.limits.enabled = false;
        settings.payments.provider = config::PaymentProvider::Moyasar;
        settings.payments.url = url;
        settings.payments.key = Some(base::Secret::new("sk_test".to_owned()));
        settings.payments.webhook_secret = Some(base::Secret::new(SECRET.to_owned()));
    })
    .await;
    let app = &stage.app;
    let person = stage.person("person").await;
    // It does not answer: nothing is written, and the same request can be sent again.
    let input = order("100.00", "creditcard");
    let away = start_top_up(app, &person, input.clone()).await.unwrap_err();
    assert_eq!(away.rule(), Rule::UNAVAILABLE);
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_payment_intents").await, 0);

    fake.says("initiated", 10_000, "SAR");
    let top_up = start_top_up(app, &person, input).await.unwrap().answer;
    assert_eq!(top_up.payment_url.as_deref(), Some("https://pay.example/inv-1"));
    {
        let asked = fake.asked.lock().unwrap();
        let order = asked.last().unwrap();
        assert!(order.starts_with("POST /invoices "), "{order}");
        assert!(order.contains(&format!("\"given_id\":\"{}\"", top_up.id)), "{order}");
        assert!(order.contains("\"amount\":10000"), "{order}");
    }
    let body = json!({
        "id": "evt", "secret_token": SECRET, "type": "payment_paid", "data": { "id": "pay-1", "invoice_id": "inv-1" }
    })
    .to_string();
    let hear = async || hear_payment(app, "moyasar", None, body.as_bytes()).await;
    // The event says paid, the provider, asked, does not.
    assert_eq!(hear().await.unwrap_err().rule(), Rule::PAYMENT_NOT_CONFIRMED);
    fake.answer.lock().unwrap().clear();
    assert_eq!(hear().await.unwrap_err().rule(), Rule::UNAVAILABLE);
    assert_eq!(stage.balance(&person).await, "0.00");
    fake.says("paid", 10_000, "SAR");
    assert_eq!(hear().await.unwrap().outcome, HookOutcome::Applied);
    assert_eq!(stage.balance(&person).await, "100.00");
    assert_eq!(hear().await.unwrap().outcome, HookOutcome::Known);

    // The provider gave the money back.
    fake.says("refunded", 10_000, "SAR");
    let returned = body.replace("evt", "evt-back");
    let outcome = hear_payment(app, "moyasar", None, returned.as_bytes()).await.unwrap().outcome;
    assert_eq!(outcome, HookOutcome::Applied);
    assert_eq!(stage.balance(&person).await, "0.00");
    assert_eq!(find_top_up(app, &person, &top_up.id).await.unwrap().status, IntentStatus::Refunded);
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn a_payment_of_another_amount_or_currency_is_not_credited() {
    for (amount, currency) in [(1_000_000, "SAR"), (10_000, "USD")] {
        let fake = Fake::start().await;
        let url = fake.url.clone();
        let stage = Stage::with(|settings| {
            settings.limits.enabled = false;
            settings.payments.provider = config::PaymentProvider::Moyasar;
            settings.payments.url = url;
            settings.payments.key = Some(base::Secret::new("sk_test".to_owned()));
            settings.payments.webhook_secret = Some(base::Secret::new(SECRET.to_owned()));
        })
        .await;
        let person = stage.person("person").await;
        fake.says("initiated", 10_000, "SAR");
        let top_up = started(&stage.app, &person, "100.00", "creditcard").await;
        fake.says("paid", amount, currency);
        let body = json!({ "id": "evt", "secret_token": SECRET, "data": { "id": "inv-1" } }).to_string();
        hear_payment(&stage.app, "moyasar", None, body.as_bytes()).await.unwrap();
        let found = find_top_up(&stage.app, &person, &top_up.id).await.unwrap();
        assert_eq!(found.status, IntentStatus::Failed);
        assert_eq!(stage.balance(&person).await, "0.00");
        stage.assert_ledger_holds().await;
    }
}
