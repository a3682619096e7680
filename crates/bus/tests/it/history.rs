use std::time::Duration;

use bus::{HistoryPolicy, HistoryQuery, Position, Publish};

use crate::setup::{bus, connect, kept, prefix, private_server, raw};

async fn publish(bus: &bus::Bus, channel: &str, numbers: std::ops::RangeInclusive<u32>) -> Position {
    let events: Vec<_> = numbers.map(|number| kept(channel, number.to_string())).collect();
    bus.publish(&events).await.unwrap().pop().unwrap().unwrap()
}

#[tokio::test]
async fn pages_forward_and_backward() {
    let bus = bus().await;
    let top = publish(&bus, "room:1", 1..=10).await;
    let page = async |since: Option<u64>, limit, reverse| {
        let since = since.map(|offset| Position::new(offset, top.epoch.clone()));
        let history = bus.history("room:1", &HistoryQuery { since, limit, reverse }).await.unwrap();
        assert_eq!(history.top, top);
        history.publications.into_iter().map(|(offset, _)| offset).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 3, false).await, [1, 2, 3]);
    assert_eq!(page(Some(3), 3, false).await, [4, 5, 6]);
    assert_eq!(page(None, 3, true).await, [10, 9, 8]);
    assert_eq!(page(Some(8), 2, true).await, [7, 6]);
    assert_eq!(page(Some(10), 5, false).await, [0; 0]);
    assert_eq!(page(None, 0, false).await, [0; 0]);
}

#[tokio::test]
async fn a_channel_never_used_has_a_position_that_holds() {
    let bus = bus().await;
    let before = bus.positions(&["user:5", "user:6"]).await.unwrap();
    assert_eq!(before[0].offset, 0);
    assert_ne!(before[0].epoch, before[1].epoch);
    let first = publish(&bus, "user:5", 1..=1).await;
    assert_eq!(first, Position::new(1, before[0].epoch.clone()));
    let missed = bus.recover("user:5", &before[0], 100).await.unwrap();
    assert!(missed.recovered);
    assert_eq!(missed.publications, [(1, "1".into())]);
}

#[tokio::test]
async fn recovery_is_everything_or_nothing() {
    let bus = bus().await;
    let top = publish(&bus, "room:2", 1..=20).await;
    let at = |offset| Position::new(offset, top.epoch.clone());

    let exact = bus.recover("room:2", &at(15), 100).await.unwrap();
    assert!(exact.recovered);
    assert_eq!(exact.top, top);
    let offsets: Vec<_> = exact.publications.iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, [16, 17, 18, 19, 20]);
    assert_eq!(exact.publications[4].1, "20");

    let nothing_missed = bus.recover("room:2", &top, 100).await.unwrap();
    assert!(nothing_missed.recovered && nothing_missed.publications.is_empty());
    assert!(bus.recover("room:2", &at(0), 20).await.unwrap().recovered, "exactly as many as allowed");

    for (why, since, limit) in [
        ("another epoch", Position::new(15, "ffffffff0"), 100),
        ("an empty epoch", Position::new(0, ""), 100),
        ("ahead of the channel", at(21), 100),
        ("more than allowed", at(0), 19),
    ] {
        let refused = bus.recover("room:2", &since, limit).await.unwrap();
        assert!(!refused.recovered && refused.publications.is_empty(), "{why}");
        assert_eq!(refused.top, top, "{why}");
    }
}

#[tokio::test]
async fn what_was_trimmed_is_not_recovered() {
    let bus = bus().await;
    let policy = HistoryPolicy { max_events: 5, ttl: Duration::from_secs(60) };
    let mut top = None;
    for number in 1..=12 {
        let event = Publish { history: Some(policy), ..kept("room:3", number.to_string()) };
        top = bus.publish(&[event]).await.unwrap().pop().unwrap();
    }
    let epoch = top.unwrap().epoch;
    let in_window = bus.recover("room:3", &Position::new(7, epoch.clone()), 100).await.unwrap();
    assert!(in_window.recovered);
    assert_eq!(in_window.publications.len(), 5);
    let too_old = bus.recover("room:3", &Position::new(6, epoch), 100).await.unwrap();
    assert!(!too_old.recovered && too_old.publications.is_empty());
}

#[tokio::test]
async fn events_run_out_but_offsets_go_on() {
    let bus = bus().await;
    let policy = HistoryPolicy { max_events: 100, ttl: Duration::from_millis(50) };
    let event = || Publish { history: Some(policy), ..kept("room:4", "x") };
    let first = bus.publish(&[event(), event()]).await.unwrap().pop().unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(120)).await;
    let top = bus.recover("room:4", &first, 100).await.unwrap();
    assert!(top.recovered, "nothing was missed");
    assert!(!bus.recover("room:4", &Position::new(1, first.epoch.clone()), 100).await.unwrap().recovered);
    let next = bus.publish(&[event()]).await.unwrap().pop().unwrap().unwrap();
    assert_eq!(next, Position::new(3, first.epoch.clone()));
    let missed = bus.recover("room:4", &first, 100).await.unwrap();
    assert!(missed.recovered);
    assert_eq!(missed.publications.len(), 1);
}

#[tokio::test]
async fn losing_redis_s_data_begins_a_new_epoch() {
    let server = private_server(None).await;
    let prefix = prefix();
    let bus = connect(&server.url(), &prefix, "n1").await;
    let before = publish(&bus, "room:1", 1..=5).await;
    raw(&server.url(), &["FLUSHALL"]).await;
    let refused = bus.recover("room:1", &before, 100).await.unwrap();
    assert!(!refused.recovered);
    assert_eq!(refused.top.offset, 0);
    assert_ne!(refused.top.epoch, before.epoch);
    let after = publish(&bus, "room:1", 6..=6).await;
    assert_eq!(after, Position::new(1, refused.top.epoch));

    // Only the meta hash is lost: what is left of the stream must not be mixed with new offsets.
    raw(&server.url(), &["DEL", &format!("{prefix}{{room:1}}:meta")]).await;
    let fresh = publish(&bus, "room:1", 7..=8).await;
    assert_eq!(fresh.offset, 2);
    assert_ne!(fresh.epoch, after.epoch);
    let history =
        bus.history("room:1", &HistoryQuery { limit: 10, ..HistoryQuery::default() }).await.unwrap();
    assert_eq!(history.publications, [(1, "7".into()), (2, "8".into())]);

    // Only the stream is lost.
    raw(&server.url(), &["DEL", &format!("{prefix}{{room:1}}:stream")]).await;
    assert!(!bus.recover("room:1", &Position::new(1, fresh.epoch.clone()), 10).await.unwrap().recovered);
    assert_eq!(publish(&bus, "room:1", 9..=9).await, Position::new(3, fresh.epoch.clone()));
    assert!(!bus.recover("room:1", &Position::new(1, fresh.epoch), 10).await.unwrap().recovered);

    // Forgotten scripts are loaded again.
    raw(&server.url(), &["SCRIPT", "FLUSH"]).await;
    assert_eq!(publish(&bus, "room:2", 1..=3).await.offset, 3);
}
