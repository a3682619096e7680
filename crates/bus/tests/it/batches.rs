//! Many events in one call: nothing of what holds for one is lost.

use std::collections::HashMap;
use std::time::Duration;

use bus::{BusEvent, HistoryPolicy, HistoryQuery, ListenerSettings, Position, Publish};

use crate::setup::{
    KEPT, bus, connect, eventually, hear, kept, nodes, prefix, private_server, publications, raw, text,
    unkept,
};

/// Of each channel what was heard, in order: payload and offset, 0 for a signal.
fn by_channel(events: &[BusEvent]) -> HashMap<String, Vec<(String, u64)>> {
    let mut all: HashMap<String, Vec<(String, u64)>> = HashMap::new();
    for heard in publications(events) {
        let payload = String::from_utf8(heard.payload.to_vec()).unwrap();
        let offset = heard.position.as_ref().map_or(0, |position| position.offset);
        all.entry(heard.channel.to_string()).or_default().push((payload, offset));
    }
    all
}

/// Without probes, so that messages can be counted.
fn unprobed() -> ListenerSettings {
    let long = Duration::from_secs(3_600);
    ListenerSettings { probe_every: long, probe_deadline: long, ..ListenerSettings::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_one_channel_has_offsets_without_holes_and_comes_in_a_few_messages() {
    let bus = bus().await;
    let (listener, mut events) = bus.listener(unprobed()).await.unwrap();
    listener.subscribe("room:1").await.unwrap();
    let before = listener.message_count();
    let batch: Vec<_> = (1..=500).map(|number| kept("room:1", format!("{{\"n\":{number}}}"))).collect();
    let positions = bus.publish(&batch).await.unwrap();
    let first = positions[0].clone().unwrap();
    for (number, position) in positions.iter().enumerate() {
        let offset = u64::try_from(number).unwrap() + 1;
        assert_eq!(position.as_ref(), Some(&Position::new(offset, first.epoch.clone())));
    }
    let heard = hear(&mut events, |all| publications(all).len() >= 500).await;
    let heard = publications(&heard);
    for ((event, position), heard) in batch.iter().zip(&positions).zip(heard) {
        assert_eq!((&heard.payload, &heard.position), (&event.payload, position));
    }
    assert_eq!(listener.message_count() - before, 4, "128 events a message");

    let missed = bus.recover("room:1", &Position::new(123, first.epoch.clone()), 1_000).await.unwrap();
    assert!(missed.recovered);
    assert_eq!(missed.publications.len(), 377);
    assert_eq!(missed.publications[0], (124, "{\"n\":124}".into()));
    let next = bus.publish(&[kept("room:1", "one more")]).await.unwrap();
    assert_eq!(next, [Some(Position::new(501, first.epoch))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_channel_keeps_the_order_of_its_events_and_signals() {
    let bus = bus().await;
    let (listener, mut events) = bus.listener(ListenerSettings::default()).await.unwrap();
    for channel in ["room:1", "room:2", "post:3"] {
        listener.subscribe(channel).await.unwrap();
    }
    let positions = bus
        .publish(&[
            kept("room:1", "a"),
            unkept("room:1", "typing"),
            kept("room:2", "b"),
            unkept("room:1", ""),
            unkept("post:3", "c:d"),
            kept("room:1", "e"),
            kept("room:2", "f,g"),
            kept("room:1", "h"),
            unkept("room:2", "bye"),
        ])
        .await
        .unwrap();
    let offsets: Vec<u64> = positions.iter().map(|p| p.as_ref().map_or(0, |p| p.offset)).collect();
    assert_eq!(offsets, [1, 0, 1, 0, 0, 2, 2, 3, 0]);
    let heard = hear(&mut events, |all| publications(all).len() >= 9).await;
    let heard = by_channel(&heard);
    let want = |events: &[(&str, u64)]| {
        events.iter().map(|(text, at)| ((*text).to_owned(), *at)).collect::<Vec<_>>()
    };
    assert_eq!(heard["room:1"], want(&[("a", 1), ("typing", 0), ("", 0), ("e", 2), ("h", 3)]));
    assert_eq!(heard["room:2"], want(&[("b", 1), ("f,g", 2), ("bye", 0)]));
    assert_eq!(heard["post:3"], want(&[("c:d", 0)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_channel_of_a_call_may_begin_a_new_epoch_while_the_other_goes_on() {
    let server = private_server(None).await;
    let prefix = prefix();
    let bus = connect(&server.url(), &prefix, "n1").await;
    let (listener, mut events) = bus.listener(ListenerSettings::default()).await.unwrap();
    listener.subscribe("user:1").await.unwrap();
    listener.subscribe("user:2").await.unwrap();
    let both = |text: &str| {
        let event = |channel: &str| kept(channel, format!("{text} {channel}"));
        [event("user:1"), event("user:2"), event("user:1"), event("user:2")]
    };
    let before = bus.publish(&both("before")).await.unwrap();
    // As after a failover: what it says was written in another history of the server.
    raw(&server.url(), &["HSET", &format!("{prefix}{{user:2}}:meta"), "h", "another hist"]).await;
    let after = bus.publish(&both("after")).await.unwrap();
    let [Some(going_on), Some(anew), Some(further), Some(second)] = &after[..] else { panic!("{after:?}") };
    assert_eq!((going_on.offset, further.offset), (3, 4));
    assert_eq!(Some(&going_on.epoch), before[0].as_ref().map(|position| &position.epoch));
    assert_eq!((anew.offset, second.offset), (1, 2));
    assert_ne!(Some(&anew.epoch), before[1].as_ref().map(|position| &position.epoch));
    assert_eq!(anew.epoch, second.epoch);
    let heard = hear(&mut events, |all| publications(all).len() >= 8).await;
    let positions = |channel: &str| -> Vec<_> {
        let heard = publications(&heard).into_iter().filter(|p| &*p.channel == channel);
        heard.map(|p| p.position.clone()).collect()
    };
    let given = |place: usize| {
        [&before[place], &before[place + 2], &after[place], &after[place + 2]].map(Clone::clone)
    };
    assert_eq!(positions("user:1"), given(0));
    assert_eq!(positions("user:2"), given(1));
    let lost = before[1].clone().unwrap();
    assert!(!bus.recover("user:2", &lost, 100).await.unwrap().recovered);
    let history =
        bus.history("user:2", &HistoryQuery { limit: 10, ..HistoryQuery::default() }).await.unwrap();
    assert_eq!(history.publications.len(), 2, "nothing of the other epoch is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_are_trimmed_like_single_events() {
    let bus = bus().await;
    let events = |channel: &str, max_events: u32, count: u32| -> Vec<Publish> {
        let policy = HistoryPolicy { max_events, ..KEPT };
        (1..=count)
            .map(|number| Publish { history: Some(policy), ..kept(channel, number.to_string()) })
            .collect()
    };
    let all = HistoryQuery { limit: 10_000, ..HistoryQuery::default() };
    let offsets = async |channel: &str| -> Vec<u64> {
        let history = bus.history(channel, &all).await.unwrap();
        history.publications.into_iter().map(|(offset, _)| offset).collect()
    };
    bus.publish(&events("room:1", 5, 12)).await.unwrap();
    assert_eq!(offsets("room:1").await, (8..=12).collect::<Vec<_>>(), "exactly");
    bus.publish(&events("presence:1", 1, 3)).await.unwrap();
    assert_eq!(offsets("presence:1").await, [3], "the last value");
    let top = bus.publish(&events("user:1", 1_000, 2_500)).await.unwrap().pop().unwrap().unwrap();
    let left = offsets("user:1").await;
    assert!((1_000..1_200).contains(&left.len()), "{}", left.len());
    assert_eq!(left.last(), Some(&2_500));
    let known = |offset| Position::new(offset, top.epoch.clone());
    assert!(bus.recover("user:1", &known(1_500), 1_000).await.unwrap().recovered);
    assert!(!bus.recover("user:1", &known(1_200), 2_000).await.unwrap().recovered);
}

#[tokio::test]
async fn every_event_is_kept_for_its_time_and_no_key_for_ever() {
    let server = private_server(None).await;
    let prefix = prefix();
    let bus = connect(&server.url(), &prefix, "n1").await;
    let (stream, meta) = (format!("{prefix}{{room:1}}:stream"), format!("{prefix}{{room:1}}:meta"));
    let left = async |key: &str| text(&server.url(), &["PTTL", key]).await.parse::<i64>().unwrap();
    let day = 24 * 3_600_000;
    // KEPT: 60 s.
    let publish = async || {
        bus.publish(&[kept("room:1", "x"), kept("room:1", "y")]).await.unwrap();
        let (stream, meta) = (left(&stream).await, left(&meta).await);
        assert!((59_500..=62_000).contains(&stream), "{stream}");
        assert!((day + 59_500..=day + 62_000).contains(&meta), "{meta}");
        stream
    };
    let first = publish().await;
    assert!(first > 60_000);
    raw(&server.url(), &["PEXPIRE", &stream, "60900"]).await;
    assert!(publish().await <= 60_900, "not written again for every event");
    raw(&server.url(), &["PEXPIRE", &stream, "59000"]).await;
    assert!(publish().await > 60_000, "less is left than the next event is to be kept");
    for lost in
        [&["DEL", stream.as_str()][..], &["PERSIST", &stream], &["DEL", &meta], &["DEL", &stream, &meta]]
    {
        raw(&server.url(), lost).await;
        assert!(publish().await > 60_000, "{lost:?}");
    }
    // Somebody looked at a channel before it was used.
    bus.positions(&["room:2"]).await.unwrap();
    bus.publish(&[kept("room:2", "x")]).await.unwrap();
    assert!(left(&format!("{prefix}{{room:2}}:meta")).await > day + 59_500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_in_the_middle_hears_all_from_there_on_and_recovers_the_rest() {
    let [first, second] = nodes().await;
    let writer = tokio::spawn(async move {
        for call in 0..60 {
            let events: Vec<_> =
                (1..=20).map(|number| kept("room:1", (call * 20 + number).to_string())).collect();
            first.publish(&events).await.unwrap();
        }
    });
    eventually(async || second.positions(&["room:1"]).await.unwrap()[0].offset > 100).await;
    let (listener, mut events) = second.listener(ListenerSettings::default()).await.unwrap();
    listener.subscribe("room:1").await.unwrap();
    // Subscribe first, read second, merge by offset third.
    let history =
        second.history("room:1", &HistoryQuery { limit: 2_000, ..HistoryQuery::default() }).await.unwrap();
    let mut all: Vec<(u64, String)> = history
        .publications
        .into_iter()
        .map(|(offset, payload)| (offset, String::from_utf8(payload.to_vec()).unwrap()))
        .collect();
    let top = history.top.offset;
    let last = |heard: &[BusEvent]| {
        publications(heard).last().and_then(|p| p.position.clone()).map_or(0, |p| p.offset)
    };
    let heard = if top < 1_200 { hear(&mut events, |heard| last(heard) >= 1_200).await } else { Vec::new() };
    writer.await.unwrap();
    for (payload, offset) in by_channel(&heard).remove("room:1").unwrap_or_default() {
        if offset > top {
            all.push((offset, payload));
        }
    }
    let numbers: Vec<u64> = all.iter().map(|(offset, _)| *offset).collect();
    let from = numbers[0];
    assert_eq!(numbers, (from..=1_200).collect::<Vec<_>>(), "without a hole or a repeat");
    assert!(all.iter().all(|(offset, payload)| payload == &offset.to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_hears_nothing_of_channels_that_nobody_on_it_listens_to() {
    let [first, second] = nodes().await;
    let (listener, mut events) = first.listener(unprobed()).await.unwrap();
    listener.subscribe("room:1").await.unwrap();
    listener.subscribe("room:2").await.unwrap();
    listener.unsubscribe("room:2").await.unwrap();
    // It has taken effect when the second request after it is answered.
    listener.subscribe("room:4").await.unwrap();
    listener.subscribe("room:5").await.unwrap();
    let before = listener.message_count();
    for call in 0..100 {
        let events: Vec<_> = (0..50).map(|number| kept("room:2", format!("{call} {number}"))).collect();
        second.publish(&events).await.unwrap();
        second.publish(&[unkept("room:3", "signal")]).await.unwrap();
    }
    second.publish(&[kept("room:1", "ours")]).await.unwrap();
    let heard = hear(&mut events, |all| !publications(all).is_empty()).await;
    assert_eq!(publications(&heard).len(), 1);
    // Redis sends to a node in the order in which it was published: there was nothing else.
    assert_eq!(listener.message_count() - before, 1, "of 5,101 events");
}

#[tokio::test]
async fn nodes_of_an_earlier_release_are_heard() {
    let server = private_server(None).await;
    let prefix = prefix();
    let bus = connect(&server.url(), &prefix, "n1").await;
    let (listener, mut events) = bus.listener(ListenerSettings::default()).await.unwrap();
    listener.subscribe("room:1").await.unwrap();
    let position =
        bus.publish(&[kept("room:1", "new"), kept("room:1", "new")]).await.unwrap().pop().unwrap().unwrap();
    let frame = format!("3:{}:{{\"old\":1}}", position.epoch);
    raw(&server.url(), &["PUBLISH", &format!("{prefix}{{room:1}}"), &frame]).await;
    let heard = hear(&mut events, |all| publications(all).len() >= 3).await;
    let last = publications(&heard)[2];
    assert_eq!(last.position, Some(Position::new(3, position.epoch)));
    assert_eq!(last.payload, "{\"old\":1}");
}
