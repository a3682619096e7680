//! When a channel's history begins anew (realtime.md §5): whatever happens to Redis, recovery never leaves a hole.

use std::time::Duration;

use bus::{Bus, HistoryPolicy, Position, Publish};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sandbox::{Durability, Programs, RedisOptions, RedisServer, Search};

use crate::setup::{connect, eventually, kept, prefix, private_server, raw, text};

async fn publish(bus: &Bus, channel: &str, payload: &str) -> Position {
    bus.publish(&[kept(channel, payload)]).await.unwrap().pop().unwrap().unwrap()
}

/// Makes `server` a replica of `of`, or a master of its own again.
async fn follow(server: &RedisServer, of: Option<&RedisServer>) {
    let port = of.map_or("ONE".to_owned(), |of| of.port().to_string());
    let host = if of.is_some() { "127.0.0.1" } else { "NO" };
    raw(&server.url(), &["REPLICAOF", host, &port]).await;
    let want = if of.is_some() { "master_link_status:up" } else { "role:master" };
    eventually(async || text(&server.url(), &["INFO", "replication"]).await.contains(want)).await;
}

/// Waits until the replica has what the master has.
async fn has_caught_up(replica: &RedisServer, key: &str, length: u64) {
    eventually(async || text(&replica.url(), &["XLEN", key]).await == length.to_string()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_to_a_replica_that_was_behind_begins_a_new_epoch_and_so_does_the_way_back() {
    let (first, second) = (private_server(None).await, private_server(None).await);
    let prefix = prefix();
    let on_first = connect(&first.url(), &prefix, "n1").await;
    let on_second = connect(&second.url(), &prefix, "n2").await;
    follow(&second, Some(&first)).await;
    for number in 1..=5 {
        publish(&on_first, "room:1", &number.to_string()).await;
        publish(&on_first, "room:2", &number.to_string()).await;
    }
    for room in 1..=2 {
        has_caught_up(&second, &format!("{prefix}{{room:{room}}}:stream"), 5).await;
    }
    // Three more events that the replica never hears of; then it takes over.
    follow(&second, None).await;
    let mut before = Vec::new();
    for number in 6..=8 {
        before.push(publish(&on_first, "room:1", &number.to_string()).await);
        publish(&on_first, "room:2", &number.to_string()).await;
    }
    assert_eq!(before[2].offset, 8);
    for number in 1..=9 {
        let after = publish(&on_second, "room:1", &format!("other {number}")).await;
        assert_ne!(
            after.epoch, before[2].epoch,
            "offset {} was given out before, for another event",
            after.offset
        );
    }
    for known in &before {
        let missed = on_second.recover("room:1", known, 1_000).await.unwrap();
        assert!(!missed.recovered && missed.publications.is_empty(), "{known:?} {missed:?}");
    }

    // The first comes back as a replica and takes over again. Nobody used room 2 meanwhile: what it says there was
    // written by the first, in a life that ended.
    follow(&first, Some(&second)).await;
    follow(&first, None).await;
    let again = connect(&first.url(), &prefix, "n3").await;
    let known = Position::new(8, before[2].epoch.clone());
    let after = publish(&again, "room:2", "after the way back").await;
    assert_ne!(Some(&after.epoch), Some(&known.epoch));
    let old_epoch = on_second.positions(&["room:2"]).await.unwrap()[0].epoch.clone();
    for offset in 5..=9 {
        let missed = again.recover("room:2", &Position::new(offset, old_epoch.clone()), 1_000).await.unwrap();
        assert!(!missed.recovered, "{offset}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_starts_again_with_its_data_begins_new_epochs() {
    let home = tempfile::tempdir().unwrap();
    let programs = Programs::find(&Search::from_env(None));
    let options =
        RedisOptions { durability: Durability::Durable { data_dir: home.path().join("redis") }, port: None };
    let server = RedisServer::start(&programs, options.clone()).await.unwrap();
    let prefix = prefix();
    let bus = connect(&server.url(), &prefix, "n1").await;
    let mut last = publish(&bus, "user:1", "1").await;
    for number in 2..=5 {
        last = publish(&bus, "user:1", &number.to_string()).await;
    }
    assert!(bus.recover("user:1", &Position::new(2, last.epoch.clone()), 10).await.unwrap().recovered);
    server.stop().await.unwrap();

    // Its log is synced once a second: nobody knows whether the newest offsets survived.
    let server = RedisServer::start(&programs, options).await.unwrap();
    assert_eq!(
        text(&server.url(), &["XLEN", &format!("{prefix}{{user:1}}:stream")]).await,
        "5",
        "its data is there"
    );
    let bus = connect(&server.url(), &prefix, "n2").await;
    let missed = bus.recover("user:1", &last, 10).await.unwrap();
    assert!(!missed.recovered);
    assert_ne!(missed.top.epoch, last.epoch);
    let next = publish(&bus, "user:1", "6").await;
    assert_eq!(next, Position::new(1, missed.top.epoch.clone()));
    let since = bus.recover("user:1", &missed.top, 10).await.unwrap();
    assert!(since.recovered, "the new epoch is as good as any");
    assert_eq!(since.publications, [(1, "6".into())]);
}

/// What a listener knew: its position, and how many events had been published until then.
struct Known {
    position: Position,
    heard: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_lost_of_a_channel_recovery_never_says_yes_with_a_hole() {
    let server = private_server(None).await;
    let (mut yes, mut no) = (0, 0);
    for seed in 0..30 {
        let mut dice = StdRng::seed_from_u64(seed);
        let prefix = prefix();
        let bus = connect(&server.url(), &prefix, "n1").await;
        let key = |part: &str| format!("{prefix}{{room:1}}:{part}");
        let mut published: Vec<String> = Vec::new();
        let mut known: Vec<Known> = Vec::new();
        for step in 0..60 {
            match dice.random_range(0..100) {
                0..=59 => {
                    let most = [3, 5, 1_000][usize::try_from(seed % 3).unwrap()];
                    let policy = HistoryPolicy { max_events: most, ttl: Duration::from_secs(60) };
                    let payload = format!("{seed}-{step}");
                    let event = Publish { history: Some(policy), ..kept("room:1", payload.clone()) };
                    let position = bus.publish(&[event]).await.unwrap().pop().unwrap().unwrap();
                    published.push(payload);
                    known.push(Known { position, heard: published.len() });
                }
                60..=69 => {
                    let position = bus.positions(&["room:1"]).await.unwrap().pop().unwrap();
                    known.push(Known { position, heard: published.len() });
                }
                70..=75 => drop(raw(&server.url(), &["DEL", &key("stream")]).await),
                76..=81 => drop(raw(&server.url(), &["DEL", &key("meta")]).await),
                82..=84 => drop(raw(&server.url(), &["HDEL", &key("meta"), ["e", "o", "h"][step % 3]]).await),
                85..=90 => {
                    let left = dice.random_range(0..4).to_string();
                    raw(&server.url(), &["XTRIM", &key("stream"), "MAXLEN", &left]).await;
                }
                91..=95 => {
                    let id = format!("{}-0", dice.random_range(1..10));
                    raw(&server.url(), &["XDEL", &key("stream"), &id]).await;
                }
                _ => drop(raw(&server.url(), &["PEXPIRE", &key("stream"), "1"]).await),
            }
            for known in &known {
                let missed = bus.recover("room:1", &known.position, 1_000).await.unwrap();
                if missed.recovered {
                    yes += 1;
                    let got: Vec<_> =
                        missed.publications.iter().map(|(_, payload)| payload.as_ref()).collect();
                    let want: Vec<_> = published[known.heard..].iter().map(String::as_bytes).collect();
                    assert_eq!(got, want, "seed {seed} step {step} since {:?}", known.position);
                } else {
                    no += 1;
                    assert!(missed.publications.is_empty());
                }
            }
        }
    }
    println!("recovered {yes} times, refused {no} times, never with a hole");
    assert!(yes > 2_000 && no > 2_000, "{yes} {no}");
}
