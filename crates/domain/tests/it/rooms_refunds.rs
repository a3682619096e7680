//! Seats given back and rooms called off: who paid is paid back, once, whatever happens at the same time.

use base::{Fault, Rule};
use domain::rooms::{
    self, RoomError, cancel_registration, cancel_room, find_room, register_for_room, start_room,
    tell_rooms_due,
};
use domain::{Actor, App};
use protocol::channel::Channel;
use protocol::rooms::{CreateRoom, JoinRoom, RegistrationStatus, RoomStatus};
use tokio::task::JoinSet;

use crate::stage::{Stage, key, open_room, paid_room};

fn refused<T>(outcome: Result<T, RoomError>) -> Option<Rule> {
    outcome.err().map(|error| error.rule())
}

/// So many days from now.
fn in_days(days: i64, room: CreateRoom) -> CreateRoom {
    let first = chrono::Utc::now() + chrono::TimeDelta::days(days);
    CreateRoom { start_date: first.format("%Y-%m-%d").to_string(), ..room }
}

async fn settle(app: &App) {
    while tell_rooms_due(app).await.unwrap() > 0 {}
}

/// No seat of the room is left, and each that was paid was paid back once (I-R3, I-M12).
async fn assert_all_paid_back(stage: &Stage, room: u64, paid: i64) {
    let open = format!(
        "SELECT COUNT(*) FROM live_room_registrations WHERE live_room_id = {room} AND status <> 'cancelled'"
    );
    assert_eq!(stage.count(&open).await, 0);
    let refunds = format!(
        "SELECT COUNT(*) FROM transactions t WHERE t.category = 'refund' AND t.type = 'credit' AND t.related_id = {room}"
    );
    assert_eq!(stage.count(&refunds).await, paid);
    let twice = "SELECT COUNT(*) FROM (SELECT JSON_EXTRACT(metadata, '$.refunds') AS debit FROM transactions \
         WHERE category = 'refund' AND type = 'credit' GROUP BY debit HAVING COUNT(*) > 1) twice";
    assert_eq!(stage.count(twice).await, 0);
}

#[tokio::test]
async fn a_paid_seat_is_paid_back_until_a_day_before_the_first_session() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.announced("host", in_days(3, paid_room("5.00"))).await;
    let buyer = stage.rich("buyer", "5.00").await;
    assert_eq!(refused(cancel_registration(app, &buyer, room).await), Some(Rule::NOT_FOUND));
    let first = register_for_room(app, &buyer, room, Some(key())).await.unwrap().answer;
    let cancelled = cancel_registration(app, &buyer, room).await.unwrap();
    assert_eq!((cancelled.id, cancelled.status), (first.id, RegistrationStatus::Cancelled));
    assert_eq!((cancelled.refunded.to_string().as_str(), cancelled.currency.as_str()), ("5.00", "SAR"));
    assert_eq!((stage.balance(&buyer).await.as_str(), stage.balance(&host).await.as_str()), ("5.00", "0.00"));
    assert_eq!(refused(cancel_registration(app, &buyer, room).await), Some(Rule::NOT_FOUND));
    let told = stage.heard_of(Channel::User(buyer.user_id()), "notification.created").await;
    let refunds = told.iter().filter(|told| told["notification"]["kind"] == "refund.issued");
    assert_eq!(refunds.count(), 1);

    // Taken up again: the same row, another sale, another refund.
    let second = register_for_room(app, &buyer, room, Some(key())).await.unwrap().answer;
    assert_eq!(second.id, first.id);
    // The administrators may say another time.
    stage.run("INSERT INTO settings (`key`, value, type, `group`) VALUES ('rooms.refund_hours', '96', 'integer', 'rooms')").await;
    assert_eq!(refused(cancel_registration(app, &buyer, room).await), Some(Rule::POLICY_VIOLATION));
    assert_eq!(stage.balance(&buyer).await, "0.00");
    stage.run("UPDATE settings SET value = '48' WHERE `key` = 'rooms.refund_hours'").await;
    cancel_registration(app, &buyer, room).await.unwrap();
    assert_eq!(stage.balance(&buyer).await, "5.00");

    let (_, tomorrow) = stage.announced("second", paid_room("5.00")).await;
    register_for_room(app, &buyer, tomorrow, Some(key())).await.unwrap();
    assert_eq!(refused(cancel_registration(app, &buyer, tomorrow).await), Some(Rule::POLICY_VIOLATION));
    // Whoever was there stays, whatever it cost.
    let (third, free) = stage.announced("third", open_room()).await;
    register_for_room(app, &buyer, free, None).await.unwrap();
    assert_eq!(cancel_registration(app, &buyer, free).await.unwrap().refunded.to_string(), "0.00");
    register_for_room(app, &buyer, free, None).await.unwrap();
    start_room(app, &third, free).await.unwrap();
    rooms::join_room(app, &buyer, JoinRoom { room_id: free }).await.unwrap();
    assert_eq!(refused(cancel_registration(app, &buyer, free).await), Some(Rule::ILLEGAL_TRANSITION));
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn whoever_issues_refunds_takes_back_a_seat_of_somebody_who_was_there() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", paid_room("5.00")).await;
    let buyer = stage.rich("buyer", "5.00").await;
    register_for_room(app, &buyer, room, Some(key())).await.unwrap();
    rooms::join_room(app, &buyer, JoinRoom { room_id: room }).await.unwrap();
    let user_id = buyer.user_id();
    let refund = async |actor: &Actor, one: Option<protocol::IdempotencyKey>| {
        rooms::refund_registration(app, actor, room, user_id, one).await
    };
    assert_eq!(refused(refund(&host, Some(key())).await), Some(Rule::FORBIDDEN));
    assert_eq!(refused(refund(stage.admin(), None).await), Some(Rule::IDEMPOTENCY_KEY_REQUIRED));
    let one = key();
    let first = refund(stage.admin(), Some(one.clone())).await.unwrap();
    let again = refund(stage.admin(), Some(one)).await.unwrap();
    assert_eq!((first.replayed, again.replayed, &again.answer), (false, true, &first.answer));
    assert_eq!(stage.balance(&buyer).await, "5.00");
    assert_eq!(refused(refund(stage.admin(), Some(key())).await), Some(Rule::ILLEGAL_TRANSITION));
    let outside = rooms::enter_channel(app, &buyer, room).await;
    assert_eq!(refused(outside), Some(Rule::ROOM_NOT_REGISTERED));
    stage.assert_ledger_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_is_called_off_pays_everybody_back_once() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", paid_room("5.00")).await;
    let mut buyers = Vec::new();
    for number in 0..30 {
        let buyer = stage.rich(&format!("buyer{number}"), "5.00").await;
        register_for_room(app, &buyer, room, Some(key())).await.unwrap();
        buyers.push(buyer);
    }
    rooms::join_room(app, &buyers[0], JoinRoom { room_id: room }).await.unwrap();
    assert_eq!(refused(cancel_room(app, &buyers[0], room).await), Some(Rule::FORBIDDEN));
    let cancelled = cancel_room(app, &host, room).await.unwrap();
    assert_eq!(cancelled.status, RoomStatus::Cancelled);
    assert_eq!(refused(cancel_room(app, &host, room).await), Some(Rule::ILLEGAL_TRANSITION));
    assert_eq!(refused(cancel_room(app, &buyers[0], room).await), Some(Rule::NOT_FOUND));
    assert_eq!(refused(find_room(app, Some(&buyers[0]), room).await), Some(Rule::NOT_FOUND));
    assert_eq!(stage.heard_of(Channel::Room(room), "room.cancelled").await.len(), 1);

    // Three clocks at the same time: a lease that ran out while its holder worked.
    let mut clocks = JoinSet::new();
    for _ in 0..3 {
        let app = app.clone();
        clocks.spawn(async move { settle(&app).await });
    }
    clocks.join_all().await;
    settle(app).await;
    assert_all_paid_back(&stage, room, 30).await;
    for buyer in &buyers {
        assert_eq!(stage.balance(buyer).await, "5.00");
        let channel = Channel::User(buyer.user_id());
        assert_eq!(stage.heard_of(channel, "room.cancelled").await.len(), 1);
        let heard = stage.heard_of(channel, "notification.created").await;
        let kinds: Vec<&str> =
            heard.iter().map(|event| event["notification"]["kind"].as_str().unwrap()).collect();
        assert!(kinds.contains(&"room.cancelled") && kinds.contains(&"refund.issued"), "{kinds:?}");
    }
    assert_eq!(stage.balance(&host).await, "0.00");
    assert_eq!(
        stage
            .count("SELECT COUNT(*) FROM hub_room_notices WHERE done_at IS NULL AND kind = 'room.cancelled'")
            .await,
        0
    );
    stage.assert_ledger_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_who_want_ten_seats_exactly_ten_get_one() {
    let stage = Stage::new().await;
    let (_, paid) =
        stage.announced("host", CreateRoom { max_participants: Some(10), ..paid_room("5.00") }).await;
    let (_, free) = stage.announced("second", CreateRoom { max_participants: Some(10), ..open_room() }).await;
    let mut people = Vec::new();
    for number in 0..200 {
        people.push(stage.person(&format!("user{number}")).await);
    }
    stage.run("INSERT INTO transactions (wallet_id, user_id, type, category, amount, balance_after, transaction_reference, status, metadata, created_at, updated_at) SELECT w.id, w.user_id, 'credit', 'adjustment', 5, 5, CONCAT('TX-TEST-', w.id), 'completed', '{}', UTC_TIMESTAMP(), UTC_TIMESTAMP() FROM wallets w JOIN users u ON u.id = w.user_id WHERE u.username LIKE 'user%'").await;
    stage.run("UPDATE wallets w JOIN users u ON u.id = w.user_id SET w.balance = 5 WHERE u.username LIKE 'user%'").await;
    for (room, cost) in [(paid, true), (free, false)] {
        let mut takers = JoinSet::new();
        for actor in people.clone() {
            let app = stage.app.clone();
            takers.spawn(async move { refused(register_for_room(&app, &actor, room, Some(key())).await) });
        }
        let outcomes = takers.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_none()).count(), 10, "paid: {cost}");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, None | Some(Rule::ROOM_FULL))));
        let taken = format!(
            "SELECT COUNT(*) FROM live_room_registrations WHERE live_room_id = {room} AND status = 'registered'"
        );
        assert_eq!(stage.count(&taken).await, 10);
    }
    stage.assert_ledger_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_registers_while_the_room_is_called_off_is_paid_back_or_never_paid() {
    let stage = Stage::new().await;
    let (host, room) = stage.announced("host", in_days(3, paid_room("5.00"))).await;
    let mut people = Vec::new();
    for number in 0..40 {
        people.push(stage.rich(&format!("user{number}"), "5.00").await);
    }
    let mut work = JoinSet::new();
    for (number, actor) in people.iter().cloned().enumerate() {
        let app = stage.app.clone();
        work.spawn(async move {
            let outcome = register_for_room(&app, &actor, room, Some(key())).await;
            assert!(matches!(refused(outcome), None | Some(Rule::NOT_FOUND)));
            // Some think better of it at once: their own refund races the room's.
            if number % 3 == 0 {
                let outcome = refused(cancel_registration(&app, &actor, room).await);
                assert!(matches!(outcome, None | Some(Rule::NOT_FOUND)), "{outcome:?}");
            }
        });
    }
    let app = stage.app.clone();
    work.spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        cancel_room(&app, &host, room).await.unwrap();
        settle(&app).await;
    });
    work.join_all().await;
    settle(&stage.app).await;
    let sold = format!(
        "SELECT COUNT(*) FROM transactions WHERE type = 'debit' AND category = 'live_room' AND related_id = {room}"
    );
    let sold = stage.count(&sold).await;
    assert_all_paid_back(&stage, room, sold).await;
    for actor in &people {
        assert_eq!(stage.balance(actor).await, "5.00");
    }
    println!("{sold} of 40 had paid when the room was called off");
    stage.assert_ledger_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seats_that_are_given_back_are_taken_by_others_and_never_twice() {
    let stage = Stage::new().await;
    let (_, room) = stage
        .announced("host", in_days(3, CreateRoom { max_participants: Some(3), ..paid_room("5.00") }))
        .await;
    let mut people: Vec<Actor> = Vec::new();
    for number in 0..12 {
        people.push(stage.rich(&format!("user{number}"), "20.00").await);
    }
    let mut work = JoinSet::new();
    for actor in people.clone() {
        let app = stage.app.clone();
        work.spawn(async move {
            for _ in 0..4 {
                let taken = refused(register_for_room(&app, &actor, room, Some(key())).await);
                assert!(matches!(taken, None | Some(Rule::ROOM_FULL)), "{taken:?}");
                if taken.is_none() {
                    cancel_registration(&app, &actor, room).await.unwrap();
                }
            }
        });
    }
    work.join_all().await;
    for actor in &people {
        assert_eq!(stage.balance(actor).await, "20.00");
    }
    let page = find_room(&stage.app, None, room).await.unwrap();
    assert_eq!((page.registered_count, page.seats_left), (0, Some(3)));
    stage.assert_ledger_holds().await;
}
