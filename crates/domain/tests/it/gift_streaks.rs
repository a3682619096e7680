//! Streaks of equal gifts (realtime.md §7).

use std::collections::BTreeSet;
use std::time::Duration;

use base::{Fault, Rule};
use bus::{BusEvent, BusEvents, Listener, ListenerSettings};
use domain::App;
use domain::gifts::{end_streaks, send_gift};
use protocol::channel::Channel;
use protocol::gifts::{Giftable, SendGift};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::stage::{Stage, key, money, open_room, to_room};

/// Hears what is published to one channel, kept or not.
struct Ear {
    _listener: Listener,
    events: BusEvents,
    heard: Vec<Heard>,
}

/// An event as it came.
#[derive(Clone, Debug)]
struct Heard {
    is_kept: bool,
    event: Value,
}

impl Heard {
    fn gift(&self) -> &Value {
        &self.event["data"]
    }

    /// `repeat_count`, `repeat_end`, and the streak's sums.
    fn told(&self) -> (u64, bool, u64, String) {
        let gift = self.gift();
        (
            gift["repeat_count"].as_u64().unwrap(),
            gift["repeat_end"].as_bool().unwrap(),
            gift["streak"]["quantity"].as_u64().unwrap(),
            gift["streak"]["total_price"].as_str().unwrap().to_owned(),
        )
    }
}

impl Ear {
    async fn on(app: &App, channel: Channel) -> Self {
        let (listener, events) = app.bus.listener(ListenerSettings::default()).await.unwrap();
        listener.subscribe(&channel.to_string()).await.unwrap();
        Self { _listener: listener, events, heard: Vec::new() }
    }

    /// The next gift; fails after 10 s.
    async fn next(&mut self) -> Heard {
        self.within(Duration::from_secs(10)).await.expect("a gift")
    }

    async fn within(&mut self, patience: Duration) -> Option<Heard> {
        let hearing = async {
            while self.heard.is_empty() {
                for event in self.events.recv_batch().await.unwrap() {
                    let BusEvent::Publication(publication) = event else { continue };
                    let event: Value = serde_json::from_slice(&publication.payload).unwrap();
                    if event["type"] == "gift.sent" {
                        self.heard.push(Heard { is_kept: publication.position.is_some(), event });
                    }
                }
            }
            self.heard.remove(0)
        };
        tokio::time::timeout(patience, hearing).await.ok()
    }
}

/// The last gifts were given 4 s earlier. The statement goes through all rows, as none of the product's does, so that
/// amid gifts it may be the victim of a deadlock.
async fn fall_silent(stage: &Stage) {
    let sql = "UPDATE hub_gift_streaks SET last_at = last_at - INTERVAL 4 SECOND";
    let mut attempts = 0;
    while let Err(error) = stage.world.database.execute(sql).await {
        attempts += 1;
        assert!(attempts < 100 && error.to_string().contains("1213"), "{error}");
    }
}

/// The kept gifts of a channel, as [`Heard::told`].
async fn kept(stage: &Stage, channel: Channel) -> Vec<(u64, bool, u64, String)> {
    let gifts = stage.heard_of(channel, "gift.sent").await;
    gifts.into_iter().map(|gift| Heard { is_kept: true, event: json!({"data": gift}) }.told()).collect()
}

fn told(repeat_count: u64, repeat_end: bool, quantity: u64, total: &str) -> (u64, bool, u64, String) {
    (repeat_count, repeat_end, quantity, total.to_owned())
}

#[tokio::test]
async fn a_streak_grows_and_its_end_alone_is_kept_in_the_room() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let giver = stage.rich("giver", "50.00").await;
    let (host, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "1.50").await;
    let mut ear = Ear::on(app, Channel::Room(room)).await;
    let mut streaks = BTreeSet::new();
    let mut last_id = 0;
    for (n, quantity, all, total) in [(1, 2, 2, "3.00"), (2, 1, 3, "4.50"), (3, 4, 7, "10.50")] {
        let input = SendGift { quantity, message: Some("مبروك".to_owned()), ..to_room(rose, room) };
        let sent = send_gift(app, &giver, input).await.unwrap().answer.gift_transaction;
        let heard = ear.next().await;
        assert_eq!(heard.told(), told(n, false, all, total));
        assert!(!heard.is_kept, "an animation is not kept");
        let gift = heard.gift();
        assert_eq!((&gift["quantity"], &gift["total_price"]), (&json!(quantity), &json!(sent.total_price)));
        assert_eq!(gift["gift_transaction_id"], sent.id);
        assert!(gift.get("merged").is_none());
        streaks.insert(gift["streak"]["id"].to_string());
        last_id = sent.id;
    }
    assert_eq!(end_streaks(app).await.unwrap(), 0, "3 s have not passed");
    fall_silent(&stage).await;
    assert_eq!(end_streaks(app).await.unwrap(), 1);
    assert_eq!(end_streaks(app).await.unwrap(), 0);
    let end = ear.next().await;
    assert!(end.is_kept);
    assert_eq!(end.told(), told(3, true, 7, "10.50"));
    let gift = end.gift();
    assert_eq!((&gift["quantity"], &gift["total_price"]), (&json!(7), &json!("10.50")));
    assert_eq!((&gift["gift_transaction_id"], &gift["message"]), (&json!(last_id), &Value::Null));
    assert_eq!(
        (&gift["sender"]["id"], &gift["receiver_id"]),
        (&json!(giver.user_id()), &json!(host.user_id()))
    );
    assert_eq!((&gift["gift"]["name"], &gift["gift"]["price"]), (&json!("rose"), &json!("1.50")));
    assert_eq!(gift["giftable"], json!({"type": "live_room", "id": room}));
    streaks.insert(gift["streak"]["id"].to_string());
    assert_eq!(streaks.len(), 1, "one streak");

    // Who was away learns the settled total, and no animation; the receiver has each gift.
    assert_eq!(kept(&stage, Channel::Room(room)).await, [told(3, true, 7, "10.50")]);
    let own = kept(&stage, Channel::User(host.user_id())).await;
    assert_eq!(own, [told(1, false, 2, "3.00"), told(2, false, 3, "4.50"), told(3, false, 7, "10.50")]);
    stage.assert_ledger_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_equal_gifts_at_once_each_has_its_own_count() {
    let stage = Stage::new().await;
    let giver = stage.rich("giver", "100.00").await;
    let (host, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "1.10").await;
    let mut gifts = JoinSet::new();
    for n in 0..50_u32 {
        let (app, giver) = (stage.app.clone(), giver.clone());
        let input = SendGift { quantity: 1 + n % 2, ..to_room(rose, room) };
        gifts.spawn(async move { send_gift(&app, &giver, input).await.unwrap() });
    }
    gifts.join_all().await;
    let own = kept(&stage, Channel::User(host.user_id())).await;
    let counts: BTreeSet<u64> = own.iter().map(|gift| gift.0).collect();
    assert_eq!(own.len(), 50);
    assert_eq!(counts, (1..=50).collect(), "each once");
    let whole = own.iter().max().unwrap();
    assert_eq!(*whole, told(50, false, 75, "82.50"));
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_gift_streaks").await, 1);
    let row = "SELECT CONCAT(s.repeat_count, ' ', s.quantity, ' ', s.total_price, ' ', \
               s.gift_transaction_id = (SELECT MAX(id) FROM gift_transactions), ' ', s.ended_at IS NULL) \
               FROM hub_gift_streaks s";
    assert_eq!(stage.text(row).await, "50 75 82.50 1 1");
    // The sums of the streak are those of the ledger.
    let ledger = "SELECT CONCAT(COUNT(*), ' ', SUM(quantity), ' ', SUM(total_price)) FROM gift_transactions";
    assert_eq!(stage.text(ledger).await, "50 75 82.50");
    assert_eq!(stage.balance(&giver).await, "17.50");
    stage.assert_ledger_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_gifts_other_senders_and_other_rooms_are_other_streaks() {
    let stage = Stage::new().await;
    let (amal, badr) = (stage.rich("amal", "90.00").await, stage.rich("badr", "90.00").await);
    let (_, first) = stage.live("host", open_room()).await;
    let (_, second) = stage.live("hostess", open_room()).await;
    let (rose, crown) = (stage.gift("rose", "1.00").await, stage.gift("crown", "2.00").await);
    let mut gifts = JoinSet::new();
    for _ in 0..5 {
        for giver in [&amal, &badr] {
            for gift in [rose, crown] {
                for room in [first, second] {
                    let (app, giver) = (stage.app.clone(), giver.clone());
                    gifts.spawn(async move { send_gift(&app, &giver, to_room(gift, room)).await.unwrap() });
                }
            }
        }
    }
    gifts.join_all().await;
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_gift_streaks WHERE repeat_count = 5").await, 8);
    assert_eq!(stage.count("SELECT COUNT(DISTINCT streak_id) FROM hub_gift_streaks").await, 8);
    fall_silent(&stage).await;
    assert_eq!(end_streaks(&stage.app).await.unwrap(), 8);
    for room in [first, second] {
        let mut ends = kept(&stage, Channel::Room(room)).await;
        ends.sort();
        let (roses, crowns) = (told(5, true, 5, "5.00"), told(5, true, 5, "10.00"));
        assert_eq!(ends, [crowns.clone(), crowns, roses.clone(), roses]);
    }
}

#[tokio::test]
async fn a_repeat_with_the_same_key_tells_the_same_and_counts_nothing() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let giver = stage.rich("giver", "50.00").await;
    let (host, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "1.00").await;
    let mut ear = Ear::on(app, Channel::Room(room)).await;
    let first = to_room(rose, room);
    send_gift(app, &giver, first.clone()).await.unwrap();
    send_gift(app, &giver, to_room(rose, room)).await.unwrap();
    let original = ear.next().await;
    assert_eq!(ear.next().await.told(), told(2, false, 2, "2.00"));
    assert!(send_gift(app, &giver, first).await.unwrap().replayed);
    assert_eq!(ear.next().await.event, original.event);
    assert_eq!(stage.count("SELECT repeat_count FROM hub_gift_streaks").await, 2);
    let own = stage.heard(Channel::User(host.user_id())).await;
    let own: Vec<&Value> = own.iter().filter(|event| event["type"] == "gift.sent").collect();
    assert_eq!(own[0], own[2]);
    assert_eq!(own[0]["data"]["repeat_count"], 1);
}

#[tokio::test]
async fn a_gift_after_three_seconds_ends_the_streak_itself_where_the_clock_has_not() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let giver = stage.rich("giver", "50.00").await;
    let (_, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "1.00").await;
    let mut ear = Ear::on(app, Channel::Room(room)).await;
    for _ in 0..2 {
        send_gift(app, &giver, to_room(rose, room)).await.unwrap();
    }
    fall_silent(&stage).await;
    let third = to_room(rose, room);
    send_gift(app, &giver, third.clone()).await.unwrap();
    let mut heard = Vec::new();
    for _ in 0..4 {
        heard.push(ear.next().await);
    }
    let sequence: Vec<_> = heard.iter().map(Heard::told).collect();
    let (one, two) = (told(1, false, 1, "1.00"), told(2, false, 2, "2.00"));
    assert_eq!(sequence, [one.clone(), two, told(2, true, 2, "2.00"), one]);
    assert_eq!(heard[1].gift()["streak"]["id"], heard[2].gift()["streak"]["id"]);
    assert_ne!(heard[2].gift()["streak"]["id"], heard[3].gift()["streak"]["id"]);
    assert_eq!(end_streaks(app).await.unwrap(), 0);
    fall_silent(&stage).await;
    assert_eq!(end_streaks(app).await.unwrap(), 1);
    // One that was ended is begun anew, whoever ended it.
    send_gift(app, &giver, to_room(rose, room)).await.unwrap();
    assert_eq!(ear.next().await.told(), told(1, true, 1, "1.00"));
    assert_eq!(ear.next().await.told(), told(1, false, 1, "1.00"));
    let ends = [told(2, true, 2, "2.00"), told(1, true, 1, "1.00")];
    assert_eq!(kept(&stage, Channel::Room(room)).await, ends, "each once");
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn a_gift_that_is_not_paid_leaves_the_streak_as_it_was() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let giver = stage.rich("giver", "5.00").await;
    let (_, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "2.00").await;
    let row = "SELECT CONCAT(streak_id, repeat_count, quantity, total_price, last_at, ended_at IS NULL) \
               FROM hub_gift_streaks";
    let too_dear = async || {
        let error = send_gift(app, &giver, to_room(rose, room)).await.unwrap_err();
        assert_eq!(error.rule(), Rule::INSUFFICIENT_FUNDS);
    };
    for _ in 0..2 {
        send_gift(app, &giver, to_room(rose, room)).await.unwrap();
    }
    let before = stage.text(row).await;
    too_dear().await;
    assert_eq!(stage.text(row).await, before);
    // Nor does it end one whose time is over.
    fall_silent(&stage).await;
    let before = stage.text(row).await;
    too_dear().await;
    assert_eq!(stage.text(row).await, before);
    assert!(kept(&stage, Channel::Room(room)).await.is_empty());
    assert_eq!(end_streaks(app).await.unwrap(), 1);
    assert_eq!(kept(&stage, Channel::Room(room)).await, [told(2, true, 2, "4.00")]);
    // The first gift ever, not paid, makes no place either.
    let crown = stage.gift("crown", "9.00").await;
    assert!(send_gift(app, &giver, to_room(crown, room)).await.is_err());
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_gift_streaks").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_of_several_nodes_end_each_streak_once() {
    let stage = Stage::new().await;
    let (giver, receiver) = (stage.person("giver").await, stage.person("receiver").await);
    let rose = stage.gift("rose", "1.00").await;
    for n in 1..=120 {
        stage
            .run(&format!(
                "INSERT INTO hub_gift_streaks (streak_id, gift_id, sender_id, receiver_id, giftable_type, \
                 giftable_id, gift_transaction_id, repeat_count, quantity, total_price, last_at) \
                 VALUES ('{}', {rose}, {}, {}, 'user', {n}, 1, {n}, {n}, {n}, UTC_TIMESTAMP(3) - INTERVAL 5 SECOND)",
                base::id::ulid(),
                giver.user_id(),
                receiver.user_id()
            ))
            .await;
    }
    let (second, third) = (stage.world.another_node("n2").await, stage.world.another_node("n3").await);
    let (first, second, third) =
        tokio::join!(end_streaks(&stage.app), end_streaks(&second), end_streaks(&third));
    assert_eq!(first.unwrap() + second.unwrap() + third.unwrap(), 120);
    let ends = kept(&stage, Channel::User(receiver.user_id())).await;
    let counts: BTreeSet<u64> = ends.iter().map(|end| end.0).collect();
    assert_eq!((ends.len(), counts.len()), (120, 120), "each once");
    stage.assert_ledger_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clocks_of_two_nodes_settle_a_real_streak_once_and_in_time() {
    let stage = Stage::new().await;
    let giver = stage.rich("giver", "50.00").await;
    let (_, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "1.00").await;
    let mut ear = Ear::on(&stage.app, Channel::Room(room)).await;
    let stop = CancellationToken::new();
    let mut clocks = JoinSet::new();
    for app in [stage.app.clone(), stage.world.another_node("n2").await] {
        let stop = stop.clone();
        clocks.spawn(async move { domain::system::run_clocks(&app, stop).await });
    }
    for n in 1..=3 {
        send_gift(&stage.app, &giver, to_room(rose, room)).await.unwrap();
        assert_eq!(ear.next().await.told().0, n);
    }
    let given = std::time::Instant::now();
    assert_eq!(ear.next().await.told(), told(3, true, 3, "3.00"));
    assert!(given.elapsed() >= Duration::from_millis(2_500), "{:?}", given.elapsed());
    assert!(ear.within(Duration::from_millis(2_500)).await.is_none(), "and no other");
    stop.cancel();
    clocks.join_all().await;
    assert_eq!(kept(&stage, Channel::Room(room)).await.len(), 1);
}

#[tokio::test]
async fn an_end_that_redis_did_not_hear_of_is_told_by_the_relay() {
    let stage = Stage::new().await;
    let giver = stage.rich("giver", "50.00").await;
    let (_, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "1.00").await;
    send_gift(&stage.app, &giver, to_room(rose, room)).await.unwrap();
    fall_silent(&stage).await;
    let deaf = stage.world.without_redis().await;
    assert_eq!(end_streaks(&deaf).await.unwrap_err().rule(), Rule::UNAVAILABLE);
    assert_eq!(end_streaks(&stage.app).await.unwrap(), 0, "it is ended");
    assert!(kept(&stage, Channel::Room(room)).await.is_empty(), "but nobody was told");
    stage.run("UPDATE hub_outbox SET created_at = created_at - INTERVAL 1 MINUTE").await;
    domain::system::relay_outbox(&stage.app).await.unwrap();
    assert_eq!(kept(&stage, Channel::Room(room)).await, [told(1, true, 1, "1.00")]);
}

#[tokio::test]
async fn gifts_to_a_person_are_told_and_settled_on_their_own_channel() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let giver = stage.rich("giver", "50.00").await;
    let receiver = stage.person("receiver").await;
    let rose = stage.gift("rose", "1.00").await;
    let input = || SendGift {
        client_id: key(),
        giftable_type: Giftable::User,
        giftable_id: receiver.user_id(),
        ..to_room(rose, 0)
    };
    for _ in 0..2 {
        send_gift(app, &giver, input()).await.unwrap();
    }
    fall_silent(&stage).await;
    end_streaks(app).await.unwrap();
    let own = kept(&stage, Channel::User(receiver.user_id())).await;
    let end = told(2, true, 2, "2.00");
    assert_eq!(own, [told(1, false, 1, "1.00"), told(2, false, 2, "2.00"), end]);
}

#[tokio::test]
async fn a_streak_whose_sums_are_full_makes_room_for_the_next() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let giver = stage.rich("giver", "50.00").await;
    let (_, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "1.00").await;
    send_gift(app, &giver, to_room(rose, room)).await.unwrap();
    stage.run("UPDATE hub_gift_streaks SET total_price = 9999999999.50").await;
    let sent = send_gift(app, &giver, to_room(rose, room)).await.unwrap();
    assert_eq!(sent.answer.wallet.balance, money("48.00"));
    assert_eq!(kept(&stage, Channel::Room(room)).await, [told(1, true, 1, "9999999999.50")]);
    assert_eq!(
        stage.text("SELECT CONCAT(repeat_count, ' ', total_price) FROM hub_gift_streaks").await,
        "1 1.00"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gifts_and_clocks_at_once_lose_nothing_and_end_nothing_twice() {
    let stage = Stage::new().await;
    let giver = stage.rich("giver", "200.00").await;
    let (host, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "1.00").await;
    let mut work = JoinSet::new();
    for n in 0..60 {
        let (app, giver) = (stage.app.clone(), giver.clone());
        work.spawn(async move {
            // Some of them find a streak whose time is over, at the same time as the clocks.
            if n % 6 == 0 {
                end_streaks(&app).await.unwrap();
            }
            send_gift(&app, &giver, to_room(rose, room)).await.unwrap();
        });
        if n % 10 == 5 {
            fall_silent(&stage).await;
        }
    }
    work.join_all().await;
    fall_silent(&stage).await;
    end_streaks(&stage.app).await.unwrap();
    let ends = stage.heard_of(Channel::Room(room), "gift.sent").await;
    let streaks: BTreeSet<String> = ends.iter().map(|end| end["streak"]["id"].to_string()).collect();
    assert_eq!(streaks.len(), ends.len(), "no end twice");
    let counted: u64 = ends.iter().map(|end| end["repeat_count"].as_u64().unwrap()).sum();
    assert_eq!(counted, 60, "every gift is in exactly one settled streak");
    let own = stage.heard_of(Channel::User(host.user_id()), "gift.sent").await;
    let told: BTreeSet<String> = own.iter().map(|gift| gift["streak"]["id"].to_string()).collect();
    assert_eq!((own.len(), told), (60, streaks));
    stage.assert_ledger_holds().await;
}
