use std::collections::HashSet;

use bus::{HistoryPolicy, HistoryQuery, ListenerSettings, Publish};

use crate::setup::{KEPT, bus, hear, kept, nodes, publications, unkept};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_concurrent_publishers_make_one_order_without_holes() {
    let [first, second] = nodes().await;
    let (listener, mut events) = first.listener(ListenerSettings::default()).await.unwrap();
    listener.subscribe("room:1").await.unwrap();
    let mut tasks = Vec::new();
    for publisher in 0..20 {
        let bus = if publisher % 2 == 0 { first.clone() } else { second.clone() };
        tasks.push(tokio::spawn(async move {
            let mut offsets = Vec::new();
            for number in 0..40 {
                let event = kept("room:1", format!("{publisher}-{number}"));
                offsets.push(bus.publish(&[event]).await.unwrap()[0].clone().unwrap());
            }
            offsets
        }));
    }
    let mut given = HashSet::new();
    let mut epochs = HashSet::new();
    for task in tasks {
        let positions = task.await.unwrap();
        assert!(positions.is_sorted_by_key(|position| position.offset), "one publisher's own order");
        for position in positions {
            assert!(given.insert(position.offset), "offset {} twice", position.offset);
            epochs.insert(position.epoch);
        }
    }
    assert_eq!(given, (1..=800).collect());
    assert_eq!(epochs.len(), 1);

    let heard = hear(&mut events, |all| publications(all).len() >= 800).await;
    let offsets: Vec<u64> =
        publications(&heard).iter().map(|p| p.position.as_ref().unwrap().offset).collect();
    assert_eq!(offsets, (1..=800).collect::<Vec<_>>(), "heard in order and completely");
    let history =
        first.history("room:1", &HistoryQuery { limit: 2_000, ..HistoryQuery::default() }).await.unwrap();
    let kept: Vec<_> = history.publications.iter().map(|(_, payload)| payload).collect();
    let heard: Vec<_> = publications(&heard).iter().map(|p| &p.payload).collect();
    assert_eq!(kept, heard, "kept and heard are the same");
}

#[tokio::test]
async fn a_commit_goes_out_in_one_call_to_many_channels() {
    let bus = bus().await;
    let (listener, mut events) = bus.listener(ListenerSettings::default()).await.unwrap();
    for channel in ["user:1", "user:2", "room:9"] {
        listener.subscribe(channel).await.unwrap();
    }
    let positions = bus
        .publish(&[kept("user:1", "a"), kept("user:2", "b"), unkept("room:9", "c:d"), kept("user:1", "e")])
        .await
        .unwrap();
    let offsets: Vec<_> = positions.iter().map(|p| p.as_ref().map(|p| p.offset)).collect();
    assert_eq!(offsets, [Some(1), Some(1), None, Some(2)]);
    let heard = hear(&mut events, |all| publications(all).len() >= 4).await;
    let of = |channel: &str| -> Vec<_> {
        let heard = publications(&heard).into_iter().filter(|p| &*p.channel == channel);
        heard.map(|p| (p.position.clone(), p.payload.clone())).collect()
    };
    assert_eq!(of("user:1"), [(positions[0].clone(), "a".into()), (positions[3].clone(), "e".into())]);
    assert_eq!(of("user:2"), [(positions[1].clone(), "b".into())]);
    assert_eq!(of("room:9"), [(None, "c:d".into())]);
    assert!(bus.publish(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_channel_may_keep_the_last_value_only() {
    let bus = bus().await;
    let policy = HistoryPolicy { max_events: 1, ..KEPT };
    for value in ["off", "on", "off again"] {
        bus.publish(&[Publish { history: Some(policy), ..kept("presence:7", value) }]).await.unwrap();
    }
    let history =
        bus.history("presence:7", &HistoryQuery { limit: 10, ..HistoryQuery::default() }).await.unwrap();
    assert_eq!(history.publications, [(3, "off again".into())]);
    assert_eq!(history.top.offset, 3);
}
