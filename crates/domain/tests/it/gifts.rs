//! Giving gifts.

use std::collections::BTreeSet;

use base::{Fault, Rule};
use domain::gifts::{list_gifts, send_gift};
use domain::{Actor, App};
use protocol::channel::Channel;
use protocol::gifts::{Giftable, SendGift};
use tokio::task::JoinSet;

use crate::stage::{Stage, key, money, open_room, paid_room, to_room};

async fn refusal(app: &App, actor: &Actor, input: SendGift) -> Rule {
    send_gift(app, actor, input).await.unwrap_err().rule()
}

fn to_user(gift_id: u64, user_id: u64) -> SendGift {
    SendGift { giftable_type: Giftable::User, giftable_id: user_id, ..to_room(gift_id, 0) }
}

#[tokio::test]
async fn a_gift_moves_money_to_host_and_platform_and_is_told_to_all_of_them() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let giver = stage.rich("giver", "50.00").await;
    let (host, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "5.00").await;
    let input = SendGift { quantity: 2, message: Some(" مبروك ".to_owned()), ..to_room(rose, room) };
    let sent = send_gift(app, &giver, input.clone()).await.unwrap();
    assert_eq!(sent.answer.wallet.balance, money("40.00"));
    assert_eq!(sent.answer.gift_transaction.total_price, money("10.00"));
    assert_eq!(sent.answer.gift_transaction.receiver_id, host.user_id());

    // 10.00: 8.70 net + 1.30 VAT; 30 % of the net is the platform's.
    assert_eq!(stage.balance(&giver).await, "40.00");
    assert_eq!(stage.balance(&host).await, "6.09");
    let platform = domain::system::ensure_platform(app).await.unwrap();
    assert_eq!(stage.balance(&Actor::on_behalf_of(platform.user_id)).await, "3.91");
    assert_eq!(
        stage.text("SELECT GROUP_CONCAT(type, ' ', category, ' ', amount ORDER BY id SEPARATOR ', ') FROM transactions WHERE category <> 'adjustment'").await,
        "debit gift 10.00, credit gift 6.09, credit commission 2.61, credit vat 1.30"
    );
    let year = chrono::Utc::now().format("%Y");
    assert_eq!(
        stage.text("SELECT CONCAT(invoice_number, ' ', subtotal, ' ', vat_rate, ' ', vat_amount, ' ', total) FROM invoices").await,
        format!("INV-{year}-000001 8.70 15.00 1.30 10.00")
    );

    assert!(stage.heard_of(Channel::Room(room), "gift.sent").await.is_empty(), "an animation is not kept");
    let own = stage.heard_of(Channel::User(host.user_id()), "gift.sent").await;
    assert_eq!(own.len(), 1);
    let event = &own[0];
    assert_eq!(event["gift_transaction_id"], sent.answer.gift_transaction.id);
    assert_eq!(event["gift"]["name"], "rose");
    assert_eq!(event["sender"]["id"], giver.user_id());
    assert_eq!(event["message"], "مبروك");
    assert_eq!(event["giftable"], serde_json::json!({"type": "live_room", "id": room}));
    for (user_id, balance) in
        [(giver.user_id(), "40.00"), (host.user_id(), "6.09"), (platform.user_id, "3.91")]
    {
        let told = stage.heard_of(Channel::User(user_id), "wallet.updated").await;
        assert_eq!(told.last().unwrap()["balance"], balance);
    }
    assert!(stage.heard_of(Channel::User(giver.user_id()), "gift.sent").await.is_empty());

    let again = send_gift(app, &giver, input).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.answer, sent.answer);
    assert_eq!(stage.balance(&giver).await, "40.00", "charged once");
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn a_gift_dearer_than_the_wallet_leaves_nothing_behind() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let giver = stage.rich("giver", "4.99").await;
    let (host, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "5.00").await;
    let input = to_room(rose, room);
    let error = send_gift(app, &giver, input.clone()).await.unwrap_err();
    assert_eq!(error.rule(), Rule::INSUFFICIENT_FUNDS);
    let details = serde_json::Value::Object(error.details().unwrap());
    assert_eq!(details, serde_json::json!({"required": "5.00", "available": "4.99", "currency": "SAR"}));
    for table in ["gift_transactions", "invoices", "hub_sequences"] {
        assert_eq!(stage.count(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
    }
    assert_eq!(stage.count("SELECT COUNT(*) FROM transactions").await, 1, "the pocket money alone");
    assert_eq!(stage.balance(&giver).await, "4.99");
    let told = stage.heard(Channel::User(host.user_id())).await;
    assert!(told.iter().all(|event| event["type"] != "gift.sent"));

    // The key was not used up: with money the same request goes through.
    stage.run("UPDATE gifts SET price = 4.99").await;
    let sent = send_gift(app, &giver, input).await.unwrap();
    assert!(!sent.replayed);
    assert_eq!(sent.answer.wallet.balance, money("0.00"));
    stage.assert_ledger_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_gifts_at_once_exactly_those_that_are_paid_for_are_given() {
    let stage = Stage::new().await;
    let giver = stage.rich("giver", "74.99").await;
    let (host, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "2.00").await;
    let mut gifts = JoinSet::new();
    for _ in 0..100 {
        let (app, giver) = (stage.app.clone(), giver.clone());
        gifts.spawn(async move {
            send_gift(&app, &giver, to_room(rose, room)).await.map_err(|error| error.rule())
        });
    }
    let outcomes = gifts.join_all().await;
    let given = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(given, 37, "74.99 pays for 37 gifts of 2.00");
    for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert_eq!(*refused, Rule::INSUFFICIENT_FUNDS);
    }
    assert_eq!(stage.balance(&giver).await, "0.99");
    assert_eq!(stage.count("SELECT COUNT(*) FROM gift_transactions").await, 37);
    assert_eq!(stage.count("SELECT COUNT(*) FROM invoices").await, 37);
    assert_eq!(stage.heard_of(Channel::User(host.user_id()), "gift.sent").await.len(), 37);
    stage.assert_ledger_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_sent_twenty_times_at_once_is_charged_once() {
    let stage = Stage::new().await;
    let giver = stage.rich("giver", "100.00").await;
    let (host, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "2.00").await;
    let input = to_room(rose, room);
    let mut gifts = JoinSet::new();
    for _ in 0..20 {
        let (app, giver, input) = (stage.app.clone(), giver.clone(), input.clone());
        gifts.spawn(async move { send_gift(&app, &giver, input).await.unwrap() });
    }
    let outcomes = gifts.join_all().await;
    let ids: BTreeSet<u64> = outcomes.iter().map(|sent| sent.answer.gift_transaction.id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(outcomes.iter().filter(|sent| !sent.replayed).count(), 1);
    assert_eq!(stage.balance(&giver).await, "98.00");
    let heard: BTreeSet<String> = stage
        .heard(Channel::User(host.user_id()))
        .await
        .iter()
        .filter(|event| event["type"] == "gift.sent")
        .map(|event| event["id"].to_string())
        .collect();
    assert_eq!(heard.len(), 1, "repeats carry the id of the first");
    let other = SendGift { quantity: 2, ..input };
    assert_eq!(refusal(&stage.app, &giver, other).await, Rule::IDEMPOTENCY_KEY_REUSED);
    stage.assert_ledger_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_who_give_to_each_other_all_at_once_do_not_lock_each_other_out() {
    let stage = Stage::new().await;
    let rose = stage.gift("rose", "3.00").await;
    let mut people = Vec::new();
    for name in ["amal", "badr", "dana", "fahd"] {
        people.push(stage.rich(name, "30.00").await);
    }
    let mut gifts = JoinSet::new();
    for round in 0..10 {
        for (ordinal, giver) in people.iter().enumerate() {
            let receiver = people[(ordinal + 1 + round % 3) % people.len()].user_id();
            let (app, giver) = (stage.app.clone(), giver.clone());
            gifts.spawn(async move {
                send_gift(&app, &giver, to_user(rose, receiver)).await.map_err(|e| e.rule())
            });
        }
    }
    for outcome in gifts.join_all().await {
        assert!(matches!(outcome, Ok(_) | Err(Rule::INSUFFICIENT_FUNDS)), "{outcome:?}");
    }
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn who_may_give_what_to_whom() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let giver = stage.rich("giver", "100.00").await;
    let other = stage.person("other").await;
    let (host, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "1.00").await;
    let withdrawn = stage.gift("withdrawn", "1.00").await;
    stage.run("UPDATE gifts SET is_active = 0 WHERE name = 'withdrawn'").await;
    assert_eq!(list_gifts(app).await.unwrap().iter().map(|gift| gift.id).collect::<Vec<_>>(), [rose]);

    assert_eq!(refusal(app, &giver, to_room(withdrawn, room)).await, Rule::UNKNOWN_GIFT);
    assert_eq!(refusal(app, &giver, to_room(999, room)).await, Rule::UNKNOWN_GIFT);
    assert_eq!(refusal(app, &giver, to_room(rose, 999)).await, Rule::NOT_FOUND);
    assert_eq!(refusal(app, &giver, to_user(rose, 999)).await, Rule::NOT_FOUND);
    assert_eq!(refusal(app, &giver, to_user(rose, giver.user_id())).await, Rule::SELF_GIFT);
    assert_eq!(refusal(app, &host, to_room(rose, room)).await, Rule::SELF_GIFT);
    let named = |id| SendGift { receiver_id: Some(id), ..to_room(rose, room) };
    assert_eq!(refusal(app, &giver, named(other.user_id())).await, Rule::GIFT_WRONG_RECEIVER);
    send_gift(app, &giver, named(host.user_id())).await.unwrap();
    for quantity in [0, 1_000] {
        let input = SendGift { quantity, ..to_room(rose, room) };
        assert_eq!(refusal(app, &giver, input).await, Rule::VALIDATION_FAILED);
    }
    let wordy = SendGift { message: Some("م".repeat(201)), ..to_room(rose, room) };
    assert_eq!(refusal(app, &giver, wordy).await, Rule::VALIDATION_FAILED);
    let brief = SendGift { message: Some("م".repeat(200)), ..to_room(rose, room) };
    send_gift(app, &giver, brief).await.unwrap();

    let (_, scheduled) = stage.announced("speaker", open_room()).await;
    assert_eq!(refusal(app, &giver, to_room(rose, scheduled)).await, Rule::ROOM_NOT_ACTIVE);
    let (_, paid) = stage.live("dear", paid_room("9.00")).await;
    assert_eq!(refusal(app, &giver, to_room(rose, paid)).await, Rule::ROOM_NOT_REGISTERED);
    let (_, ended) = stage.live("nearer", paid_room("9.00")).await;
    let end = format!(
        "UPDATE live_rooms SET status = 'completed', current_jitsi_room_id = NULL WHERE id = {ended}"
    );
    stage.run(&end).await;
    let refused = refusal(app, &giver, to_room(rose, ended)).await;
    assert_eq!(refused, Rule::ROOM_NOT_REGISTERED, "access before state");
    domain::rooms::register_for_room(app, &giver, paid, Some(key())).await.unwrap();
    send_gift(app, &giver, to_room(rose, paid)).await.unwrap();
    stage
        .run(&format!(
            "INSERT INTO hub_room_bans (live_room_id, user_id) VALUES ({room}, {})",
            giver.user_id()
        ))
        .await;
    assert_eq!(refusal(app, &giver, to_room(rose, room)).await, Rule::ROOM_BANNED);

    send_gift(app, &giver, to_user(rose, other.user_id())).await.unwrap();
    assert_eq!(stage.heard_of(Channel::User(other.user_id()), "gift.sent").await.len(), 1);
    for (blocker, blocked) in [(&giver, &other), (&other, &giver)] {
        stage.run("DELETE FROM hub_user_blocks").await;
        stage
            .run(&format!(
                "INSERT INTO hub_user_blocks (blocker_id, blocked_id) VALUES ({}, {})",
                blocker.user_id(),
                blocked.user_id()
            ))
            .await;
        assert_eq!(refusal(app, &giver, to_user(rose, other.user_id())).await, Rule::BLOCKED);
    }
    stage.run("DELETE FROM hub_user_blocks").await;
    stage.run(&format!("UPDATE users SET is_active = 0 WHERE id = {}", other.user_id())).await;
    assert_eq!(refusal(app, &giver, to_user(rose, other.user_id())).await, Rule::NOT_FOUND);
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn a_gift_for_a_post_goes_to_its_author_where_the_post_may_be_seen() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let giver = stage.rich("giver", "10.00").await;
    let author = stage.person("author").await;
    let rose = stage.gift("rose", "1.00").await;
    stage.run(&format!("INSERT INTO posts (user_id, content) VALUES ({}, 'salam')", author.user_id())).await;
    let post = u64::try_from(stage.count("SELECT MAX(id) FROM posts").await).unwrap();
    let input = || SendGift { giftable_type: Giftable::Post, client_id: key(), ..to_room(rose, post) };

    let sent = send_gift(app, &giver, input()).await.unwrap();
    assert_eq!(sent.answer.gift_transaction.receiver_id, author.user_id());
    let heard = stage.heard_of(Channel::User(author.user_id()), "gift.sent").await;
    assert_eq!(heard[0]["giftable"], serde_json::json!({"type": "post", "id": post}));
    assert_eq!(stage.text("SELECT giftable_type FROM gift_transactions").await, r"App\Models\Post");

    stage.run(&format!("UPDATE user_profiles SET is_private = 1 WHERE user_id = {}", author.user_id())).await;
    assert_eq!(refusal(app, &giver, input()).await, Rule::NOT_FOUND, "a private account's post");
    stage
        .run(&format!(
            "INSERT INTO followers (follower_id, following_id) VALUES ({}, {})",
            giver.user_id(),
            author.user_id()
        ))
        .await;
    send_gift(app, &giver, input()).await.unwrap();
    stage.run("UPDATE posts SET deleted_at = UTC_TIMESTAMP()").await;
    assert_eq!(refusal(app, &giver, input()).await, Rule::NOT_FOUND);
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn a_gift_that_costs_nothing_moves_nothing() {
    let stage = Stage::new().await;
    let giver = stage.person("giver").await;
    let (host, room) = stage.live("host", open_room()).await;
    let smile = stage.gift("smile", "0.00").await;
    let sent = send_gift(&stage.app, &giver, to_room(smile, room)).await.unwrap();
    assert_eq!(sent.answer.wallet.balance, money("0.00"));
    assert_eq!(stage.count("SELECT COUNT(*) FROM transactions").await, 0);
    assert_eq!(stage.heard_of(Channel::User(host.user_id()), "gift.sent").await.len(), 1);
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn gifts_of_one_giver_for_one_thing_are_limited() {
    let stage = Stage::with(|_| {}).await;
    let giver = stage.rich("giver", "100.00").await;
    let (_, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "0.10").await;
    let first = to_room(rose, room);
    send_gift(&stage.app, &giver, first.clone()).await.unwrap();
    let mut given = 1;
    let error = loop {
        match send_gift(&stage.app, &giver, to_room(rose, room)).await {
            Ok(_) => given += 1,
            Err(error) => break error,
        }
        assert!(given < 500, "no limit");
    };
    assert!(given >= 20, "a burst of 20 is allowed, not {given}");
    assert_eq!(error.rule(), Rule::RATE_LIMITED);
    assert!(error.retry_after().unwrap() <= std::time::Duration::from_millis(200));
    // An answer that got lost can be fetched again all the same, as often as need be.
    for _ in 0..30 {
        assert!(send_gift(&stage.app, &giver, first.clone()).await.unwrap().replayed);
    }
}

#[tokio::test]
async fn a_token_without_the_wallet_ability_spends_nothing() {
    let stage = Stage::new().await;
    let (_, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "1.00").await;
    let giver = stage.rich("giver", "5.00").await;
    let password = base::Secret::new(crate::world::PASSWORD);
    let input = protocol::users::CreateToken {
        name: "bot".to_owned(),
        password,
        abilities: Some(vec!["read".to_owned(), "write".to_owned(), "realtime".to_owned()]),
        expires_at: None,
    };
    let token = domain::users::create_token(&stage.app, &giver, input).await.unwrap().token;
    let bot = domain::users::authenticate(&stage.app, &token).await.unwrap().actor;
    assert_eq!(refusal(&stage.app, &bot, to_room(rose, room)).await, Rule::MISSING_ABILITY);
    assert_eq!(stage.balance(&giver).await, "5.00");
}

#[tokio::test]
async fn the_muted_give_without_words() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let giver = stage.rich("giver", "50.00").await;
    let (host, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "5.00").await;
    let mute = protocol::rooms::MuteUser { room_id: room, user_id: giver.user_id(), seconds: None };
    domain::rooms::mute_user(app, &host, mute).await.unwrap();
    let loud = SendGift { message: Some("heard all the same".to_owned()), ..to_room(rose, room) };
    assert_eq!(refusal(app, &giver, loud).await, Rule::ROOM_MUTED);
    assert_eq!(stage.balance(&giver).await, "50.00");
    send_gift(app, &giver, to_room(rose, room)).await.unwrap();
    assert_eq!(stage.balance(&giver).await, "45.00");
}
