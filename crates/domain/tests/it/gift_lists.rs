//! Who gave, and what: leaderboards and one's own gifts (domain.md §5.9).

use base::paging::PageRequest;
use base::{Fault, Rule};
use domain::gifts::{list_own_gifts, list_post_gifts, list_room_gifts, send_gift};
use domain::{Actor, App};
use protocol::channel::Channel;
use protocol::gifts::{GiftDirection, Giftable, SendGift};

use crate::stage::{Stage, money, open_room, paid_room, to_room};

/// `name gifts quantity total` of each, in order.
async fn board(app: &App, viewer: Option<&Actor>, room: u64, limit: u32) -> Vec<String> {
    let top = list_room_gifts(app, viewer, room, limit).await.unwrap();
    top.into_iter()
        .map(|one| format!("{} {} {} {}", one.user.username, one.gifts, one.quantity, one.total_price))
        .collect()
}

#[tokio::test]
async fn the_leaderboard_is_by_what_was_paid_and_then_by_who_was_first() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (_, room) = stage.live("host", open_room()).await;
    let (_, other) = stage.live("hostess", open_room()).await;
    let (rose, crown) = (stage.gift("rose", "1.00").await, stage.gift("crown", "4.00").await);
    let mut people = Vec::new();
    for name in ["amal", "badr", "dana", "fahd"] {
        people.push(stage.rich(name, "50.00").await);
    }
    let (amal, badr, dana, fahd) = (&people[0], &people[1], &people[2], &people[3]);
    assert!(board(app, None, room, 20).await.is_empty());
    let give = async |giver: &Actor, gift, quantity, room| {
        let input = SendGift { quantity, ..to_room(gift, room) };
        send_gift(app, giver, input).await.unwrap();
    };
    give(badr, rose, 4, room).await;
    give(amal, rose, 1, room).await;
    give(dana, crown, 1, room).await;
    give(fahd, crown, 9, other).await;
    let before = ["badr 1 4 4.00", "dana 1 1 4.00", "amal 1 1 1.00"];
    assert_eq!(board(app, None, room, 20).await, before);
    // A gift makes what was remembered stale at once.
    give(amal, crown, 1, room).await;
    let after = ["amal 2 2 5.00", "badr 1 4 4.00", "dana 1 1 4.00"];
    assert_eq!(board(app, Some(dana), room, 20).await, after);
    assert_eq!(board(app, Some(dana), room, 2).await, after[..2]);
    assert_eq!(board(app, Some(dana), room, 0).await, after[..1]);
    assert_eq!(board(app, None, other, 20).await, ["fahd 1 9 36.00"]);
    // What was written by an application that spells kinds shortly counts, too; other things with the same id do not.
    for (kind, giver) in [("live_room", fahd), ("post", badr)] {
        stage
            .run(&format!(
                "INSERT INTO gift_transactions (gift_id, sender_id, receiver_id, giftable_type, giftable_id, quantity, \
                 total_price) SELECT {rose}, {}, user_id, '{kind}', {room}, 7, 7.00 FROM live_rooms WHERE id = {room}",
                giver.user_id()
            ))
            .await;
    }
    // Others' writing is seen after a few seconds.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(15);
    let now = ["fahd 1 7 7.00", "amal 2 2 5.00", "badr 1 4 4.00", "dana 1 1 4.00"];
    while board(app, None, room, 20).await != now {
        assert!(std::time::Instant::now() < deadline, "{:?}", board(app, None, room, 20).await);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    // Without those who are gone or suspended.
    stage.run(&format!("UPDATE users SET is_active = 0 WHERE id = {}", amal.user_id())).await;
    stage.run(&format!("UPDATE users SET deleted_at = UTC_TIMESTAMP() WHERE id = {}", fahd.user_id())).await;
    give(badr, rose, 1, room).await;
    assert_eq!(board(app, None, room, 20).await, ["badr 2 5 5.00", "dana 1 1 4.00"]);
}

#[tokio::test]
async fn who_sees_the_room_or_the_post_sees_who_gave() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (stranger, giver) = (stage.person("stranger").await, stage.rich("giver", "50.00").await);
    let rose = stage.gift("rose", "1.00").await;
    let refusal =
        async |viewer: Option<&Actor>, room| list_room_gifts(app, viewer, room, 20).await.unwrap_err().rule();
    // A paid room's page is public, and so are its gifts.
    let (host, paid) = stage.live("host", paid_room("9.00")).await;
    for viewer in [None, Some(&stranger), Some(&host)] {
        assert!(board(app, viewer, paid, 20).await.is_empty());
        assert!(domain::rooms::find_room(app, viewer, paid).await.is_ok());
    }
    assert_eq!(refusal(Some(&stranger), 999).await, Rule::NOT_FOUND);
    stage
        .run(&format!(
            "UPDATE live_rooms SET status = 'cancelled', current_jitsi_room_id = NULL WHERE id = {paid}"
        ))
        .await;
    assert_eq!(refusal(None, paid).await, Rule::NOT_FOUND);
    assert_eq!(refusal(Some(&stranger), paid).await, Rule::NOT_FOUND);
    assert!(board(app, Some(&host), paid, 20).await.is_empty(), "its host sees a cancelled room");

    let author = stage.person("author").await;
    stage.run(&format!("INSERT INTO posts (user_id, content) VALUES ({}, 'salam')", author.user_id())).await;
    let post = u64::try_from(stage.count("SELECT MAX(id) FROM posts").await).unwrap();
    let input = SendGift { giftable_type: Giftable::Post, quantity: 3, ..to_room(rose, post) };
    send_gift(app, &giver, input).await.unwrap();
    for viewer in [None, Some(&stranger), Some(&author), Some(&giver)] {
        let top = list_post_gifts(app, viewer, post, 20).await.unwrap();
        assert_eq!((top.len(), top[0].user.id, top[0].quantity), (1, giver.user_id(), 3));
    }
    stage.run(&format!("UPDATE user_profiles SET is_private = 1 WHERE user_id = {}", author.user_id())).await;
    for viewer in [None, Some(&stranger)] {
        let error = list_post_gifts(app, viewer, post, 20).await.unwrap_err();
        assert_eq!(error.rule(), Rule::NOT_FOUND, "a private account's post");
    }
    for viewer in [&author, stage.admin()] {
        assert_eq!(list_post_gifts(app, Some(viewer), post, 20).await.unwrap().len(), 1);
    }
    stage.run("UPDATE posts SET deleted_at = UTC_TIMESTAMP()").await;
    let error = list_post_gifts(app, Some(&author), post, 20).await.unwrap_err();
    assert_eq!(error.rule(), Rule::NOT_FOUND);
}

#[tokio::test]
async fn ones_own_gifts_are_listed_by_direction_newest_first() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (amal, badr) = (stage.rich("amal", "50.00").await, stage.rich("badr", "50.00").await);
    let rose = stage.gift("rose", "1.00").await;
    let to = |user: &Actor, quantity| SendGift {
        giftable_type: Giftable::User,
        giftable_id: user.user_id(),
        quantity,
        message: Some("هدية".to_owned()),
        ..to_room(rose, 0)
    };
    let mut ids = Vec::new();
    for quantity in 1..=5 {
        let sent = send_gift(app, &amal, to(&badr, quantity)).await.unwrap();
        ids.push(sent.answer.gift_transaction.id);
    }
    send_gift(app, &badr, to(&amal, 9)).await.unwrap();
    let own =
        async |actor: &Actor, direction, page| list_own_gifts(app, actor, direction, page).await.unwrap();
    let ask = |cursor| PageRequest { cursor, per_page: 2 };
    let first = own(&amal, GiftDirection::Sent, ask(None)).await;
    let second = own(&amal, GiftDirection::Sent, ask(first.next)).await;
    let third = own(&amal, GiftDirection::Sent, ask(second.next)).await;
    let listed: Vec<u64> =
        [&first, &second, &third].iter().flat_map(|page| page.items.iter().map(|gift| gift.id)).collect();
    assert_eq!(listed, ids.iter().rev().copied().collect::<Vec<_>>());
    assert!(third.next.is_none() && first.previous.is_none());
    assert_eq!(own(&amal, GiftDirection::Sent, ask(second.previous)).await.items, first.items);
    let newest = &first.items[0];
    assert_eq!((newest.quantity, newest.total_price.to_string()), (5, "5.00".to_owned()));
    assert_eq!((newest.sender.username.as_str(), newest.receiver.username.as_str()), ("amal", "badr"));
    assert_eq!(newest.message.as_deref(), Some("هدية"));
    let giftable = newest.giftable.unwrap();
    assert_eq!((giftable.kind, giftable.id), (Giftable::User, badr.user_id()));
    let received = own(&badr, GiftDirection::Received, PageRequest::default()).await;
    assert_eq!(received.items.iter().map(|gift| gift.id).collect::<Vec<_>>(), listed);
    let back = own(&badr, GiftDirection::Sent, PageRequest::default()).await;
    assert_eq!(back.items.iter().map(|gift| gift.quantity).collect::<Vec<_>>(), [9]);

    // The face of an account that is gone; a kind of another application.
    stage.run(&format!("UPDATE users SET deleted_at = UTC_TIMESTAMP() WHERE id = {}", badr.user_id())).await;
    stage
        .run(r"UPDATE gift_transactions SET giftable_type = 'App\\Models\\Podcast' ORDER BY id LIMIT 1")
        .await;
    let all = own(&amal, GiftDirection::Sent, PageRequest::default()).await.items;
    assert!(all.iter().all(|gift| gift.receiver.username == format!("deleted_{}", badr.user_id())));
    assert!(all[4].giftable.is_none() && all[3].giftable.is_some());
}

#[tokio::test]
async fn administrators_keep_the_catalogue_and_history_keeps_its_prices() {
    let stage = Stage::new().await;
    let (app, admin) = (&stage.app, stage.admin());
    let giver = stage.rich("giver", "50.00").await;
    let receiver = stage.person("receiver").await;
    let new = |name: &str, price: &str| protocol::gifts::CreateGift {
        name: name.to_owned(),
        icon: "/rose.png".to_owned(),
        animation_url: None,
        price: money(price),
        order: Some(3),
        is_active: None,
    };
    let refused = domain::gifts::create_gift(app, &giver, new("rose", "2.00")).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::FORBIDDEN);
    for wrong in [new(" ", "2.00"), new("rose", "-1.00")] {
        let refused = domain::gifts::create_gift(app, admin, wrong).await.unwrap_err();
        assert_eq!(refused.rule(), Rule::VALIDATION_FAILED);
    }
    let rose = domain::gifts::create_gift(app, admin, new("rose", "2.00")).await.unwrap();
    let gift =
        SendGift { giftable_type: Giftable::User, giftable_id: receiver.user_id(), ..to_room(rose.id, 0) };
    domain::gifts::send_gift(app, &giver, gift).await.unwrap();
    let told = stage.heard_of(Channel::User(receiver.user_id()), "notification.created").await;
    assert_eq!(told[0]["notification"]["kind"], "gift.received");

    let any = base::conditional::IfMatch::ANY;
    let dearer = protocol::gifts::UpdateGift { price: Some(money("9.00")), ..Default::default() };
    let now = domain::gifts::update_gift(app, admin, rose.id, &any, dearer).await.unwrap();
    assert_eq!((now.price, now.name.as_str(), now.order), (money("9.00"), "rose", 3));
    assert_eq!(stage.text("SELECT CAST(total_price AS CHAR) FROM gift_transactions").await, "2.00");
    let old = base::conditional::IfMatch::of(vec!["\"another\"".to_owned()]);
    let late = domain::gifts::update_gift(app, admin, rose.id, &old, Default::default()).await;
    assert_eq!(late.unwrap_err().rule(), Rule::PRECONDITION_FAILED);

    assert_eq!(domain::gifts::delete_gift(app, admin, rose.id).await.unwrap_err().rule(), Rule::GIFT_IN_USE);
    let off = protocol::gifts::UpdateGift { is_active: Some(false), ..Default::default() };
    domain::gifts::update_gift(app, admin, rose.id, &any, off).await.unwrap();
    assert!(domain::gifts::list_gifts(app).await.unwrap().is_empty());
    assert_eq!(domain::gifts::list_shelf(app, admin).await.unwrap().len(), 1);
    let lily = domain::gifts::create_gift(app, admin, new("lily", "0.00")).await.unwrap();
    domain::gifts::delete_gift(app, admin, lily.id).await.unwrap();
    let gone = domain::gifts::find_shelf_gift(app, admin, lily.id).await.unwrap_err();
    assert_eq!(gone.rule(), Rule::NOT_FOUND);
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_audit_logs WHERE action LIKE 'gifts.%'").await, 5);
}
