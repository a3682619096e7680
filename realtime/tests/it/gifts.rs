//! Gifts in a room, as its listeners hear and pay for them (realtime.md §7).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use base::Money;
use bus::Publish;
use domain::Actor;
use domain::gifts::send_gift;
use domain::wallet::{adjust_wallet, find_wallet};
use protocol::codec::Encoding;
use protocol::event::EventData;
use protocol::gifts::{GiftIcon, GiftSentEvent, GiftStreak, Giftable, GiftableRef, SendGift};
use protocol::rooms::RoomMember;
use protocol::wallet::{AdjustWallet, EntryType};
use protocol::{Envelope, Event};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::{Client, event_of, recovering};
use crate::stand::{Stand, key};

/// Somebody with money.
pub(crate) async fn rich(stand: &Stand, name: &str, amount: &str) -> u64 {
    let user_id = stand.user(name).await;
    let admin = stand.user(&format!("admin_{name}")).await;
    let app = stand.app();
    let appoint = async |app: &domain::App| -> Result<(), domain::users::UserError> {
        domain::in_unit!(app, |unit| domain::users::assign_role(app, unit, admin, "admin"))
    };
    appoint(app).await.unwrap();
    let input = AdjustWallet {
        client_id: key(),
        user_id,
        amount: amount.parse().unwrap(),
        direction: EntryType::Credit,
        reason: "pocket money".to_owned(),
    };
    adjust_wallet(app, &Actor::on_behalf_of(admin), input).await.unwrap();
    user_id
}

pub(crate) async fn gift(stand: &Stand, id: u64, price: &str) -> u64 {
    let sql =
        format!("INSERT INTO gifts (id, name, icon, price) VALUES ({id}, 'rose{id}', 'rose.png', {price})");
    stand.database.execute(&sql).await.unwrap();
    id
}

fn to_room(gift_id: u64, room: u64) -> SendGift {
    SendGift {
        client_id: key(),
        gift_id,
        giftable_type: Giftable::LiveRoom,
        giftable_id: room,
        receiver_id: None,
        quantity: 1,
        message: None,
    }
}

async fn host_of(stand: &Stand, room: u64) -> u64 {
    let sql = format!("SELECT CAST(user_id AS SIGNED) FROM live_rooms WHERE id = {room}");
    u64::try_from(stand.database.number(&sql).await.unwrap()).unwrap()
}

async fn balance(stand: &Stand, user_id: u64) -> Money {
    find_wallet(stand.app(), &Actor::on_behalf_of(user_id)).await.unwrap().balance
}

/// The next `gift.sent`: offset and `data`.
async fn next_gift(client: &mut Client, channel: &str) -> (u64, Value) {
    loop {
        let (offset, event) = client.event(channel).await;
        if event["type"] == "gift.sent" {
            return (offset, event["data"].clone());
        }
    }
}

/// Nothing of gifts comes for a time.
async fn hears_no_gift_for(client: &mut Client, channel: &str, time: Duration) {
    if let Ok((_, gift)) = tokio::time::timeout(time, next_gift(client, channel)).await {
        panic!("heard {gift}");
    }
}

/// An animation as the domain tells it.
fn animation(room: u64, id: u64, sender: u64, repeat_count: u32) -> Publish {
    let price: Money = "1.25".parse().unwrap();
    let gift = GiftSentEvent {
        gift_transaction_id: id,
        gift: GiftIcon {
            id: 1,
            name: "rose".to_owned(),
            icon: "rose.png".to_owned(),
            animation_url: None,
            price,
        },
        sender: RoomMember { id: sender, name: format!("sender {sender}"), avatar: None },
        receiver_id: 1,
        quantity: 2,
        total_price: price.times(2).unwrap(),
        message: None,
        giftable: GiftableRef { kind: Giftable::LiveRoom, id: room },
        repeat_count,
        repeat_end: false,
        streak: GiftStreak { id: format!("S{sender}"), quantity: 2, total_price: price },
        merged: None,
    };
    let channel = protocol::channel::Channel::Room(room);
    let envelope = Envelope::new(channel, Event::GiftSent(Box::new(gift)));
    let payload = serde_json::to_vec(&envelope.data).unwrap();
    Publish { channel: channel.to_string().into(), payload: payload.into(), history: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_gifts_in_a_second_a_room_hears_twenty_and_a_sum_for_each_sender() {
    let stand = Stand::new().await;
    let room = stand.room().await;
    let channel = format!("room:{room}");
    let mut listeners = Vec::new();
    for (node, name, encoding) in
        [(0, "amal", Encoding::Json), (1, "badr", Encoding::Protobuf), (1, "dana", Encoding::MessagePack)]
    {
        let user_id = stand.user(name).await;
        let mut client = stand.client_speaking(node, user_id, encoding).await;
        client.subscribe_to(&channel).await.unwrap();
        listeners.push(client);
    }
    let began = Instant::now();
    for round in 0..40_u32 {
        let gifts: Vec<Publish> = (0..5)
            .map(|sender| animation(room, u64::from(round) * 5 + sender + 1, 101 + sender, round + 1))
            .collect();
        stand.app().bus.publish(&gifts).await.unwrap();
    }
    for client in &mut listeners {
        let mut frames = 0;
        let mut merged = 0;
        let mut sums: BTreeMap<u64, (u64, u64, Money, u64)> = BTreeMap::new();
        while sums.values().map(|sum| sum.0).sum::<u64>() < 200 {
            let (offset, gift) = next_gift(client, &channel).await;
            assert_eq!(offset, 0, "animations are not kept");
            frames += 1;
            merged += usize::from(gift["merged"].is_u64());
            let sum = sums.entry(gift["sender"]["id"].as_u64().unwrap()).or_default();
            sum.0 += gift["merged"].as_u64().unwrap_or(1);
            sum.1 += gift["quantity"].as_u64().unwrap();
            sum.2 = sum.2.plus(gift["total_price"].as_str().unwrap().parse().unwrap()).unwrap();
            sum.3 = sum.3.max(gift["repeat_count"].as_u64().unwrap());
        }
        // On a machine too busy to publish and hear them in one second they are merged in each second there was.
        let elapsed = began.elapsed();
        let seconds =
            if elapsed < Duration::from_millis(1_600) { 1 } else { elapsed.as_secs().saturating_add(1) };
        assert!(frames <= 25 * usize::try_from(seconds).unwrap(), "{frames} frames in {elapsed:?}");
        assert!(merged >= 5 && frames < 200, "{merged} merged of {frames}");
        let hundred: Money = "100.00".parse().unwrap();
        assert_eq!(sums, (101..=105).map(|sender| (sender, (40, 80, hundred, 40))).collect());
        println!("200 gifts of 5 senders: {frames} frames, {merged} of them merged");
    }
    for client in &mut listeners {
        hears_no_gift_for(client, &channel, Duration::from_millis(600)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_exact_per_gift_and_a_reconnect_brings_the_settled_totals_and_no_animation() {
    let stand = Stand::new().await;
    let room = stand.room().await;
    let channel = format!("room:{room}");
    let host = host_of(&stand, room).await;
    let rose = gift(&stand, 1, "1.00").await;
    let mut givers = Vec::new();
    for n in 0..5 {
        givers.push(rich(&stand, &format!("giver{n}"), "100.00").await);
    }
    let (viewer, away) = (stand.user("viewer").await, stand.user("away").await);
    let mut listener = stand.client(1, viewer).await;
    listener.subscribe_to(&channel).await.unwrap();
    let mut gone = stand.client(0, away).await;
    let start = gone.subscribe_to(&channel).await.unwrap();
    gone.close().await;
    let mut receiver = stand.client(1, host).await;
    let own = format!("user:{host}");

    // Two nodes, five givers, ten gifts of each at once.
    let mut work = JoinSet::new();
    for round in 0..10 {
        for giver in &givers {
            let (app, giver) = (stand.nodes[round % 2].app.clone(), Actor::on_behalf_of(*giver));
            work.spawn(async move { send_gift(&app, &giver, to_room(rose, room)).await.unwrap() });
        }
    }
    work.join_all().await;
    // The receiver hears each, once, with its count.
    let mut counts: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for _ in 0..50 {
        let (offset, gift) = next_gift(&mut receiver, &own).await;
        assert!(offset > 0 && gift["repeat_end"] == false && gift.get("merged").is_none());
        counts
            .entry(gift["sender"]["id"].as_u64().unwrap())
            .or_default()
            .insert(gift["repeat_count"].as_u64().unwrap());
    }
    let expected: BTreeMap<u64, BTreeSet<u64>> =
        givers.iter().map(|giver| (*giver, (1..=10).collect())).collect();
    assert_eq!(counts, expected);

    // Both nodes run their clocks; one of them settles.
    let stop = CancellationToken::new();
    let mut clocks = JoinSet::new();
    for node in &stand.nodes {
        let (app, stop) = (node.app.clone(), stop.clone());
        clocks.spawn(async move { domain::system::run_clocks(&app, stop).await });
    }
    let mut heard = BTreeMap::new();
    let mut settled = BTreeMap::new();
    while settled.len() < 5 {
        let (offset, gift) = next_gift(&mut listener, &channel).await;
        let sender = gift["sender"]["id"].as_u64().unwrap();
        if gift["repeat_end"] == true {
            assert!(offset > 0, "the end is kept");
            assert_eq!(gift["streak"]["total_price"], "10.00");
            assert!(settled.insert(sender, gift["repeat_count"].as_u64().unwrap()).is_none(), "told twice");
        } else {
            *heard.entry(sender).or_insert(0) += gift["quantity"].as_u64().unwrap();
        }
    }
    let ten: BTreeMap<u64, u64> = givers.iter().map(|giver| (*giver, 10)).collect();
    assert_eq!(settled, ten);
    assert_eq!(heard, ten, "what was shown adds up to what was given");
    hears_no_gift_for(&mut listener, &channel, Duration::from_millis(2_500)).await;

    let mut back = stand.client(0, away).await;
    let again = back.subscribe(recovering(&channel, &start.epoch, start.offset)).await.unwrap();
    assert!(again.recovered);
    let missed: Vec<EventData> = again
        .publications
        .iter()
        .filter(|event| event_of(event).1["type"] == "gift.sent")
        .map(|event| serde_json::from_slice(&event.data).unwrap())
        .collect();
    assert_eq!(missed.len(), 5, "the ends and no animation");
    for event in missed {
        let Event::GiftSent(gift) = event.event else { panic!("{event:?}") };
        assert!(gift.repeat_end && gift.repeat_count == 10 && gift.quantity == 10);
    }
    // 50 gifts of 1.00: VAT and commission are rounded for each, as they are paid.
    for giver in givers {
        assert_eq!(balance(&stand, giver).await.to_string(), "90.00");
    }
    let credited = format!(
        "SELECT CAST(SUM(amount) * 100 AS SIGNED) FROM transactions WHERE user_id = {host} AND type = 'credit' \
         AND category = 'gift'"
    );
    let credited = Money::from_minor(stand.database.number(&credited).await.unwrap());
    assert_eq!(balance(&stand, host).await, credited);
    let lines =
        "SELECT COUNT(*) FROM gift_transactions WHERE transaction_id IS NOT NULL AND total_price = 1.00";
    assert_eq!(stand.database.number(lines).await.unwrap(), 50);
    stop.cancel();
    clocks.join_all().await;
}
