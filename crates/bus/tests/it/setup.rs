//! What the tests share: buses, servers, and waiting for things to happen.

use std::time::Duration;

use bus::{Bus, BusEvent, BusEvents, BusSettings, HistoryPolicy, Publication, Publish};
use bytes::Bytes;
use sandbox::{Durability, Programs, RedisOptions, RedisServer, Search, TestServers};

/// A bus on the shared server, with keys of its own.
pub(crate) async fn bus() -> Bus {
    let server = TestServers::shared_redis().await.unwrap();
    connect(&server.url(), &prefix(), "n1").await
}

/// Several nodes that share their keys.
pub(crate) async fn nodes<const N: usize>() -> [Bus; N] {
    let server = TestServers::shared_redis().await.unwrap();
    let prefix = prefix();
    let mut nodes = Vec::new();
    for number in 1..=N {
        nodes.push(connect(&server.url(), &prefix, &format!("n{number}")).await);
    }
    nodes.try_into().unwrap()
}

pub(crate) async fn connect(url: &str, prefix: &str, node: &str) -> Bus {
    Bus::connect(BusSettings::new(url, prefix, node)).await.unwrap()
}

pub(crate) fn prefix() -> String {
    format!("t{:x}:", rand::random::<u64>())
}

/// A server that a test may flush, pause and kill.
pub(crate) async fn private_server(port: Option<u16>) -> RedisServer {
    let programs = Programs::find(&Search::from_env(None));
    RedisServer::start(&programs, RedisOptions { durability: Durability::Throwaway, port }).await.unwrap()
}

/// Sends a command past the bus.
pub(crate) async fn raw(url: &str, words: &[&str]) -> redis::Value {
    let mut connection = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query_async(&mut connection).await.unwrap()
}

/// The same, for an answer that is text or a number.
pub(crate) async fn text(url: &str, words: &[&str]) -> String {
    redis::from_redis_value(raw(url, words).await).unwrap()
}

pub(crate) const KEPT: HistoryPolicy = HistoryPolicy { max_events: 1_000, ttl: Duration::from_secs(60) };

pub(crate) fn kept(channel: &str, payload: impl Into<String>) -> Publish {
    Publish { channel: channel.into(), payload: Bytes::from(payload.into()), history: Some(KEPT) }
}

pub(crate) fn unkept(channel: &str, payload: impl Into<String>) -> Publish {
    Publish { history: None, ..kept(channel, payload) }
}

/// Waits for events until `done` says that there are enough; fails after 20 s.
pub(crate) async fn hear(events: &mut BusEvents, mut done: impl FnMut(&[BusEvent]) -> bool) -> Vec<BusEvent> {
    let mut all = Vec::new();
    let hearing = async {
        while !done(&all) {
            all.extend(events.recv_batch().await.unwrap());
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), hearing).await.is_ok();
    assert!(in_time, "heard only {all:?}");
    all
}

pub(crate) fn publications(events: &[BusEvent]) -> Vec<&Publication> {
    events
        .iter()
        .filter_map(|event| match event {
            BusEvent::Publication(publication) => Some(publication),
            _ => None,
        })
        .collect()
}

/// Waits until a condition holds; fails after 20 s.
pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it never held");
}
