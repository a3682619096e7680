//! What it costs to come back to channels that this node knows (realtime.md §5), and that the promises are the same.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::codec::Encoding;
use protocol::frame::{ConnectRequest, SubscribeResult};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Client, event_of, recovering};
use crate::stand::{Stand, n};

const CROWD: usize = 40;

/// Redis' answer to a command, past every client of ours.
async fn ask_redis(stand: &Stand, command: &str) -> String {
    let (url, _) = stand.redis_keys();
    let address = url.trim_start_matches("redis://").split('/').next().unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// How often each command was called, scripts and what they call included.
async fn calls(stand: &Stand) -> BTreeMap<String, u64> {
    let line = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
    };
    ask_redis(stand, "INFO commandstats").await.lines().filter_map(line).collect()
}

/// Everything that Redis is asked from now on, client by client; what its scripts do in turn is not among it.
struct Monitor {
    stream: tokio::net::TcpStream,
    address: String,
}

impl Monitor {
    async fn begin(stand: &Stand) -> Self {
        let (url, _) = stand.redis_keys();
        let address = url.trim_start_matches("redis://").split('/').next().unwrap().to_owned();
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(b"MONITOR\r\n").await.unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"+OK\r\n");
        Self { stream, address }
    }

    /// What was asked until now, a line each.
    async fn end(mut self) -> Vec<String> {
        let mark = format!("the end of {:x}", rand::random::<u64>());
        let mut other = tokio::net::TcpStream::connect(&self.address).await.unwrap();
        other.write_all(format!("PING \"{mark}\"\r\n").as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        while !bytes.windows(mark.len()).any(|part| part == mark.as_bytes()) {
            let count = self.stream.read_buf(&mut bytes).await.unwrap();
            assert!(count > 0, "Redis closed the monitor's connection");
        }
        let text = String::from_utf8_lossy(&bytes);
        text.lines().filter(|line| !line.contains(" lua] ")).map(str::to_owned).collect()
    }
}

struct Person {
    user: u64,
    token: String,
    own: SubscribeResult,
    in_room: SubscribeResult,
}

/// Comes back to both channels from where somebody was.
async fn come_back(stand: &Stand, person: &Person, room: &str) -> (Client, SubscribeResult, SubscribeResult) {
    let mut client = Client::open(&stand.nodes[0].url(), Encoding::Json).await;
    let channel = format!("user:{}", person.user);
    let subs = [(channel.clone(), recovering("", &person.own.epoch, person.own.offset))].into();
    let request = ConnectRequest { token: person.token.clone(), subs, ..Default::default() };
    let own = client.connect(request).await.subs.remove(&channel).unwrap();
    let from = recovering(room, &person.in_room.epoch, person.in_room.offset);
    let in_room = client.subscribe(from).await.unwrap();
    (client, own, in_room)
}

async fn come(stand: &Stand, room: &str) -> (Client, Person) {
    let user = stand.user(&format!("person{}", rand::random::<u32>())).await;
    let token = stand.token(user).await;
    let mut client = Client::open(&stand.nodes[0].url(), Encoding::Json).await;
    let own = client.connect_with(&token).await.subs.remove(&format!("user:{user}")).unwrap();
    let in_room = client.subscribe_to(room).await.unwrap();
    (client, Person { user, token, own, in_room })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_to_a_room_that_others_keep_costs_redis_next_to_nothing() {
    let stand = Stand::with_own_redis(1).await;
    let room = format!("room:{}", stand.room().await);
    let (mut keeper, _) = come(&stand, &room).await;
    let (mut clients, mut people) = (Vec::new(), Vec::new());
    for _ in 0..CROWD {
        let (client, person) = come(&stand, &room).await;
        clients.push(client);
        people.push(person);
    }
    for client in clients {
        client.close().await;
    }
    stand.publish(&room, 1).await;
    assert_eq!(n(&keeper.event(&room).await.1), 1);
    // Until nobody listens to the personal channels any more: of these Redis has to be asked.
    tokio::time::sleep(Duration::from_secs(4)).await;

    let monitor = Monitor::begin(&stand).await;
    // Those who ask while another one's question is on the way may ask too; nobody does who comes after its answer.
    let (first, others) = people.split_first().unwrap();
    let mut returns = vec![come_back(&stand, first, &room).await];
    returns
        .extend(futures_util::future::join_all(others.iter().map(|one| come_back(&stand, one, &room))).await);
    let asked = monitor.end().await;
    // Only what names the stream's keys reads it: members and presence come and go by keys of their own.
    let reads = |channel: &str| {
        let stream = format!("{{{channel}}}:stream");
        asked.iter().filter(|line| line.contains(&stream)).count()
    };
    for Person { user, .. } in &people {
        assert!(
            reads(&format!("user:{user}")) > 0,
            "nobody kept that channel: it has to be read: {asked:#?}"
        );
    }
    let of_the_room = reads(&room);
    assert_eq!(of_the_room, 1, "of {CROWD} so many had the room's stream read: {asked:#?}");

    stand.publish(&room, 2).await;
    for ((mut client, own, in_room), person) in returns.into_iter().zip(&people) {
        assert!(own.recovered && own.publications.is_empty() && own.offset == person.own.offset);
        assert!(in_room.recovered && in_room.was_recovering);
        let missed: Vec<_> = in_room.publications.iter().map(|one| n(&event_of(one).1)).collect();
        assert_eq!((missed, in_room.offset), (vec![1], person.in_room.offset + 1));
        let (offset, event) = client.event(&room).await;
        assert_eq!((offset, n(&event)), (person.in_room.offset + 2, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_for_one_is_given_to_another_only_as_long_as_it_is_true() {
    let stand = Stand::new().await;
    let room = format!("room:{}", stand.room().await);
    let (mut keeper, early) = come(&stand, &room).await;
    let recover = async |from: &SubscribeResult| {
        let user = stand.user(&format!("late{}", rand::random::<u32>())).await;
        let mut client = stand.client(0, user).await;
        let again = client.subscribe(recovering(&room, &from.epoch, from.offset)).await.unwrap();
        (client, again)
    };
    let missed = |again: &SubscribeResult| {
        again.publications.iter().map(|one| n(&event_of(one).1)).collect::<Vec<_>>()
    };
    for number in 1..=5 {
        stand.publish(&room, number).await;
        keeper.event(&room).await;
        // The first one reads it, the second one gets what the first one read.
        for _ in 0..2 {
            let (client, again) = recover(&early.in_room).await;
            assert!(again.recovered);
            assert_eq!(missed(&again), (1..=number).collect::<Vec<_>>());
            assert_eq!(again.offset, early.in_room.offset + number);
            client.close().await;
        }
    }
    // A position of another epoch, and one that the stream never had, are not recovered, whoever asks.
    for _ in 0..2 {
        let other = SubscribeResult { epoch: "another".to_owned(), ..early.in_room.clone() };
        let beyond = SubscribeResult { offset: early.in_room.offset + 999, ..early.in_room.clone() };
        for from in [other, beyond] {
            let (_client, again) = recover(&from).await;
            assert!(again.was_recovering && !again.recovered && again.publications.is_empty());
            assert_eq!(again.offset, early.in_room.offset + 5);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_was_given_up_is_read_anew() {
    let stand = Stand::new().await;
    let room = format!("room:{}", stand.room().await);
    let (client, person) = come(&stand, &room).await;
    client.close().await;
    // The node leaves it after two seconds; whatever the moment of coming back, nothing is missing.
    for number in 1..=8 {
        tokio::time::sleep(Duration::from_millis(1_900 + 100 * number)).await;
        stand.publish(&room, number).await;
        let (client, _, in_room) = come_back(&stand, &person, &room).await;
        let missed: Vec<_> = in_room.publications.iter().map(|one| n(&event_of(one).1)).collect();
        assert_eq!(missed, (1..=number).collect::<Vec<_>>());
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_leaves_no_trace_of_a_channel_that_is_not_open_to_him() {
    let stand = Stand::with_own_redis(1).await;
    let user = stand.user("amal").await;
    let mut client = stand.client(0, user).await;
    let before = calls(&stand).await;
    for channel in ["room:999999", "presence:999999"] {
        assert_eq!(client.subscribe_to(channel).await.unwrap_err().code, 103);
    }
    let after = calls(&stand).await;
    assert_eq!(after.get("subscribe"), before.get("subscribe"));
    // What was asked of the cache is there for a minute; nothing of a stream is.
    let keys = ask_redis(&stand, "KEYS *999999*").await;
    assert!(!keys.contains("meta") && !keys.contains("stream"), "{keys}");
}
