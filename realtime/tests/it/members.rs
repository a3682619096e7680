//! Who is in a room, how many, and how often that is told (realtime.md §3).

use std::time::{Duration, Instant};

use protocol::codec::Encoding;
use protocol::frame::{Answer, PresenceRequest, PresenceStatsRequest, PushBody, Request};

use crate::client::{Client, event_of, json};
use crate::stand::Stand;

/// What a room was told of its members, and when.
#[derive(Default)]
struct Told {
    viewers: Vec<(Instant, u64)>,
    joined: Vec<(Instant, String)>,
    left: Vec<(Instant, String)>,
}

impl Told {
    /// Listens for a time.
    async fn during(client: &mut Client, time: Duration) -> Self {
        let mut told = Self::default();
        let until = tokio::time::Instant::now() + time;
        while let Ok(push) = tokio::time::timeout_at(until, client.push_unlimited()).await {
            let now = Instant::now();
            match push.unwrap().body {
                PushBody::Join(join) => told.joined.push((now, join.info.unwrap().user)),
                PushBody::Leave(leave) => told.left.push((now, leave.info.unwrap().user)),
                PushBody::Publication(publication) => {
                    let (offset, event) = event_of(&publication);
                    if event["type"] == "room.viewers" {
                        assert_eq!(offset, 0, "a signal");
                        assert!(event["id"].is_string() && event["at"].is_string(), "{event}");
                        told.viewers.push((now, event["data"]["viewers"].as_u64().unwrap()));
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        told
    }

    fn numbers(&self) -> Vec<u64> {
        self.viewers.iter().map(|(_, viewers)| *viewers).collect()
    }
}

/// Hubs whose clients need not answer pings: most of them only listen.
async fn of_listeners(hubs: usize) -> Stand {
    Stand::with(hubs, |settings| settings.socket.pong_timeout = Duration::from_secs(600)).await
}

/// Moments that lie at least most of a second apart; what comes together is one frame.
fn frames(times: &[Instant]) -> Vec<Instant> {
    let mut frames: Vec<Instant> = Vec::new();
    for &at in times {
        match frames.last() {
            Some(last) if at - *last < Duration::from_millis(300) => {}
            last => {
                let apart = last.map(|last| at - *last);
                assert!(apart.is_none_or(|apart| apart >= Duration::from_millis(750)), "{apart:?}");
                frames.push(at);
            }
        }
    }
    frames
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_are_told_at_most_once_a_second_over_all_nodes_and_the_last_number_always() {
    let stand = of_listeners(3).await;
    let id = stand.room().await;
    let room = format!("room:{id}");
    let watching = stand.user("watcher").await;
    let mut watcher = stand.client(0, watching).await;
    let start = watcher.subscribe_to(&room).await.unwrap();
    assert_eq!(json(&start.data)["viewers"], 0);
    let alone = Told::during(&mut watcher, Duration::from_millis(1_800)).await;
    assert_eq!(alone.numbers(), [1], "its own coming, once");

    // For four seconds somebody comes every 100 ms, on each node in turn; the second device of each changes nothing.
    let mut users = Vec::new();
    for index in 0..20 {
        users.push(stand.user(&format!("u{index}0")).await);
    }
    let url: Vec<String> = stand.nodes.iter().map(crate::stand::Node::url).collect();
    let mut tokens = Vec::new();
    for user in &users {
        tokens.push(stand.token(*user).await);
    }
    let coming = tokio::spawn(async move {
        let mut here = Vec::new();
        for turn in 0..40 {
            let mut client = Client::open(&url[turn % 3], Encoding::ALL[turn % 3]).await;
            client.connect_with(&tokens[turn / 2]).await;
            client.subscribe_to(&room).await.unwrap();
            here.push(client);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        here
    });
    let began = Instant::now();
    let told = Told::during(&mut watcher, Duration::from_secs(7)).await;
    let here = coming.await.unwrap();
    assert_eq!(told.numbers().last(), Some(&21), "the last number: {:?}", told.numbers());
    assert!(told.numbers().windows(2).all(|pair| pair[0] < pair[1]), "only changes: {:?}", told.numbers());
    assert!(frames(&told.viewers.iter().map(|(at, _)| *at).collect::<Vec<_>>()).len() == told.viewers.len());
    assert!((4..=7).contains(&told.viewers.len()), "{:?}", told.numbers());
    let mut joined: Vec<_> = told.joined.iter().map(|(_, user)| user.clone()).collect();
    joined.sort();
    let mut all: Vec<_> = users.iter().map(u64::to_string).collect();
    all.sort();
    assert_eq!(joined, all, "each user once");
    let joins = frames(&told.joined.iter().map(|(at, _)| *at).collect::<Vec<_>>());
    assert!(joins.len() <= told.viewers.len(), "joins of all nodes come together");
    println!(
        "viewers: 40 sockets of 20 users on 3 nodes in 4 s: numbers {:?} at {:?} ms, joins in {} frames",
        told.numbers(),
        told.viewers.iter().map(|(at, _)| (*at - began).as_millis()).collect::<Vec<_>>(),
        joins.len()
    );

    // Nothing changes, nothing is told.
    let quiet = Told::during(&mut watcher, Duration::from_millis(2_500)).await;
    assert!(quiet.viewers.is_empty() && quiet.joined.is_empty() && quiet.left.is_empty());

    // A node that ends takes its people with it; so does one that dies, when it is swept.
    drop(here);
    let gone = Told::during(&mut watcher, Duration::from_secs(3)).await;
    assert_eq!(gone.numbers().last(), Some(&1));
    assert_eq!(gone.left.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_number_is_told_too_when_a_node_drains_and_when_one_dies() {
    let mut stand = of_listeners(3).await;
    let room = format!("room:{}", stand.room().await);
    let watching = stand.user("watcher").await;
    let mut watcher = stand.client(0, watching).await;
    watcher.subscribe_to(&room).await.unwrap();
    let mut here = Vec::new();
    for index in 0..6 {
        let user = stand.user(&format!("u{index}0")).await;
        let mut client = stand.client(1 + index % 2, user).await;
        client.subscribe_to(&room).await.unwrap();
        here.push(client);
    }
    let told = Told::during(&mut watcher, Duration::from_secs(3)).await;
    assert_eq!(told.numbers().last(), Some(&7), "{:?}", told.numbers());
    let drained = stand.nodes.remove(2);
    drained.hub.drain().await;
    let told = Told::during(&mut watcher, Duration::from_secs(2)).await;
    assert_eq!((told.numbers().last(), told.left.len()), (Some(&4), 3), "{:?}", told.numbers());
    // Dropped, it does nothing any more; its lease ends by itself.
    let dead = stand.nodes.remove(1);
    drop(dead.hub);
    let told = Told::during(&mut watcher, Duration::from_secs(16)).await;
    assert_eq!(told.numbers(), [1]);
    assert_eq!(told.left.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_had_no_time_to_tell_is_told_when_it_is_swept() {
    let stand = of_listeners(1).await;
    let room = format!("room:{}", stand.room().await);
    let watching = stand.user("watcher").await;
    let mut watcher = stand.client(0, watching).await;
    watcher.subscribe_to(&room).await.unwrap();
    let alone = Told::during(&mut watcher, Duration::from_millis(1_800)).await;
    assert_eq!(alone.numbers(), [1]);
    // Another node brings somebody, tells so, loses them, and dies before it has told that.
    let bus = &stand.app().bus;
    bus.renew_lease("mortal", Duration::from_millis(1)).await.unwrap();
    let member = bus::Member { client_id: "socket".into(), user_id: watching + 1, info: "{}".into() };
    bus.members_enter(&room, "mortal", &[member]).await.unwrap();
    bus.members_news(&[&room], Duration::from_millis(1)).await.unwrap();
    bus.members_told(&[(&room, 2)]).await.unwrap();
    bus.members_leave(&room, "mortal", &["socket"]).await.unwrap();
    let told = Told::during(&mut watcher, Duration::from_secs(6)).await;
    assert_eq!(told.numbers(), [1]);
    assert_eq!(
        told.left.iter().map(|(_, user)| user.clone()).collect::<Vec<_>>(),
        [(watching + 1).to_string()]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn up_to_two_hundred_are_listed_and_told_of_and_above_they_are_counted() {
    let stand = of_listeners(2).await;
    let room = format!("room:{}", stand.room().await);
    let mut clients = Vec::new();
    for index in 0..199 {
        let user = stand.user(&format!("u{index}0")).await;
        let mut client = stand.client(index % 2, user).await;
        client.subscribe_to(&room).await.unwrap();
        clients.push((user, client));
    }
    let watching = stand.user("watcher").await;
    let mut watcher = stand.client(0, watching).await;
    watcher.subscribe_to(&room).await.unwrap();
    let counts = async |clients: u32, users: u32| {
        let stats = stand.app().bus.member_counts(&[&room]).await.unwrap()[0];
        (stats.clients, stats.users) == (u64::from(clients), u64::from(users))
    };
    Stand::eventually(async || counts(200, 200).await).await;
    let told = Told::during(&mut watcher, Duration::from_millis(2_500)).await;
    assert_eq!(told.numbers().last(), Some(&200));
    assert!(
        told.joined.iter().any(|(_, user)| *user == watching.to_string()),
        "the two hundredth is told of"
    );
    let ask = |channel: &str| Request::Presence(PresenceRequest { channel: channel.to_owned() });
    let Ok(Answer::Presence(present)) = watcher.ask(ask(&room)).await.unwrap() else { panic!() };
    let mut listed: Vec<_> =
        present.presence.values().map(|info| info.user.parse::<u64>().unwrap()).collect();
    listed.sort_unstable();
    let mut all: Vec<_> = clients.iter().map(|(user, _)| *user).chain([watching]).collect();
    all.sort_unstable();
    assert_eq!(listed, all);

    let late = stand.user("late").await;
    let mut too_many = stand.client(1, late).await;
    too_many.subscribe_to(&room).await.unwrap();
    Stand::eventually(async || counts(201, 201).await).await;
    let told = Told::during(&mut watcher, Duration::from_millis(2_500)).await;
    assert_eq!(told.numbers(), [201]);
    assert!(told.joined.is_empty(), "{:?}", told.joined);
    assert_eq!(watcher.ask(ask(&room)).await.unwrap().unwrap_err().code, 108);
    let stats = Request::PresenceStats(PresenceStatsRequest { channel: room.clone() });
    let Ok(Answer::PresenceStats(stats)) = watcher.ask(stats).await.unwrap() else { panic!() };
    assert_eq!((stats.num_clients, stats.num_users), (201, 201));
    // Back at the limit, who leaves is told of, and the list is there again.
    too_many.close().await;
    let told = Told::during(&mut watcher, Duration::from_millis(2_500)).await;
    assert_eq!((told.numbers(), told.left.len()), (vec![200], 1));
    assert!(watcher.ask(ask(&room)).await.unwrap().is_ok());
}
