//! The same bus on a Redis Cluster of three masters with a replica each (realtime.md §7).

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use bus::{
    Bus, BusError, BusEvent, BusSettings, ControlMessage, Listener, ListenerSettings, Member, Position,
    TokenBucket,
};
use sandbox::{Programs, RedisCluster, Search, TestServers};

use crate::listener::Proxy;
use crate::outage::Stopped;
use crate::setup::{
    connect, eventually, hear, kept, prefix, private_server, publications, raw, text, unkept,
};

/// Nodes that share their keys, on the cluster that all tests use which leave it alone.
async fn nodes<const N: usize>() -> [Bus; N] {
    let cluster = TestServers::shared_redis_cluster().await.unwrap();
    let prefix = prefix();
    let mut nodes = Vec::new();
    for number in 1..=N {
        nodes.push(connect(&cluster.urls(), &prefix, &format!("n{number}")).await);
    }
    nodes.try_into().unwrap()
}

async fn own_cluster() -> RedisCluster {
    RedisCluster::start(&Programs::find(&Search::from_env(None))).await.unwrap()
}

fn rooms(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("room:{number}")).collect()
}

async fn subscribe_all(listener: &Listener, rooms: &[String]) {
    futures_util::future::try_join_all(rooms.iter().map(|room| listener.subscribe(room))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_goes_to_channels_of_all_masters_in_order_and_every_node_hears_it() {
    let [first, second] = nodes().await;
    let (one, mut one_hears) = first.listener(ListenerSettings::default()).await.unwrap();
    let (two, mut two_hears) = second.listener(ListenerSettings::default()).await.unwrap();
    let rooms = rooms(40);
    subscribe_all(&one, &rooms).await;
    subscribe_all(&two, &rooms).await;
    assert_eq!((one.channel_count(), one.is_deaf()), (40, false));
    // One call: three events for each room, and a signal.
    let events: Vec<_> = (1..=3)
        .flat_map(|number| rooms.iter().map(move |room| kept(room, format!("{room} {number}"))))
        .chain(rooms.iter().map(|room| unkept(room, "signal")))
        .collect();
    let given = first.publish(&events).await.unwrap();
    for (event, position) in events.iter().zip(&given) {
        let offset = position.as_ref().map(|position| position.offset);
        let number = std::str::from_utf8(&event.payload).unwrap().rsplit_once(' ');
        assert_eq!(offset, number.map(|(_, number)| number.parse().unwrap()), "{event:?}");
    }
    for events in [&mut one_hears, &mut two_hears] {
        let heard = hear(events, |all| publications(all).len() >= 160).await;
        let mut by_room: HashMap<&str, Vec<String>> = HashMap::new();
        for heard in publications(&heard) {
            let payload = String::from_utf8(heard.payload.to_vec()).unwrap();
            by_room.entry(&heard.channel).or_default().push(payload);
        }
        for room in &rooms {
            let want = [1, 2, 3].map(|number| format!("{room} {number}"));
            assert_eq!(by_room[room.as_str()], [&want[..], &["signal".to_owned()]].concat());
        }
    }
    let names: Vec<&str> = rooms.iter().map(String::as_str).collect();
    let tops = second.positions(&names).await.unwrap();
    assert_eq!(tops.iter().collect::<Vec<_>>(), given[80..120].iter().flatten().collect::<Vec<_>>());
    for (room, top) in rooms.iter().zip(&tops) {
        let missed = second.recover(room, &Position::new(1, top.epoch.clone()), 10).await.unwrap();
        let want = [(2, format!("{room} 2").into()), (3, format!("{room} 3").into())];
        assert!(missed.recovered && missed.publications == want, "{missed:?}");
    }

    one.unsubscribe("room:7").await.unwrap();
    // Requests of one channel take effect in their order: what comes after the next answer was not subscribed.
    one.subscribe("room:7").await.unwrap();
    one.unsubscribe("room:7").await.unwrap();
    eventually(async || one.channel_count() == 39).await;
    first.publish(&[unkept("room:7", "not heard"), unkept("room:8", "heard")]).await.unwrap();
    let heard = hear(&mut one_hears, |all| !publications(all).is_empty()).await;
    assert_eq!(publications(&heard)[0].payload, "heard");
    first.control(&ControlMessage::InvalidateUser { user_id: 4 }).await.unwrap();
    for events in [&mut one_hears, &mut two_hears] {
        let message = BusEvent::Control(ControlMessage::InvalidateUser { user_id: 4 });
        let heard = hear(events, |all| all.contains(&message)).await;
        assert_eq!(heard.iter().filter(|event| **event == message).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_publishers_make_one_order_and_thousands_of_channels_are_subscribed() {
    let [first, second] = nodes().await;
    let (listener, mut events) = first.listener(ListenerSettings::default()).await.unwrap();
    let rooms = rooms(3_000);
    let began = Instant::now();
    subscribe_all(&listener, &rooms).await;
    println!("3,000 sharded channels subscribed in {:?}", began.elapsed());
    let mut tasks = Vec::new();
    for publisher in 0..20 {
        let bus = if publisher % 2 == 0 { first.clone() } else { second.clone() };
        tasks.push(tokio::spawn(async move {
            let mut offsets = Vec::new();
            for number in 0..20 {
                let event = kept("room:5", format!("{publisher}-{number}"));
                offsets.push(bus.publish(&[event]).await.unwrap()[0].clone().unwrap().offset);
            }
            assert!(offsets.is_sorted());
            offsets
        }));
    }
    let mut given = HashSet::new();
    for task in tasks {
        given.extend(task.await.unwrap());
    }
    assert_eq!(given, (1..=400).collect());
    let heard = hear(&mut events, |all| publications(all).len() >= 400).await;
    let offsets: Vec<u64> =
        publications(&heard).iter().map(|heard| heard.position.as_ref().unwrap().offset).collect();
    assert_eq!(offsets, (1..=400).collect::<Vec<_>>());
    for room in &rooms {
        listener.unsubscribe(room).await.unwrap();
    }
    eventually(async || listener.channel_count() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_members_caches_limits_and_marks_are_the_same_on_a_cluster() {
    let [first, second] = nodes().await;
    // Presence.
    let users: Vec<u64> = (1..=1_200).collect();
    first.renew_lease("n1", Duration::from_secs(10)).await.unwrap();
    assert_eq!(first.enter("n1", &users).await.unwrap().len(), 1_200);
    assert!(second.enter("n2", &[7]).await.unwrap().is_empty());
    assert!(first.is_node_alive("n1").await.unwrap());
    assert_eq!(first.node_user_count("n1").await.unwrap(), 1_200);
    assert!(second.online(&[7, 5_000]).await.unwrap().iter().map(|state| state.online).eq([true, false]));
    let gone = first.give_up("n1").await.unwrap();
    assert_eq!(gone.len(), 1_199, "user 7 is still there through the other node");
    // Members, in rooms of all masters.
    for room in rooms(12) {
        for (client, user_id) in [("a", 1), ("b", 1), ("c", 2)] {
            let member = Member { client_id: client.into(), user_id, info: "{}".into() };
            first.members_enter(&room, "n1", &[member]).await.unwrap();
        }
        let members = second.members(&room, 10).await.unwrap();
        assert_eq!((members.counts.users, members.list.len()), (2, 3));
    }
    let swept = second.members_sweep("n1").await.unwrap();
    assert_eq!((swept.channels.len(), swept.members.len()), (12, 36));
    assert_eq!(first.member_counts(&["room:3"]).await.unwrap()[0].clients, 0);
    // A cache of many entries, read at once.
    let keys: Vec<String> = (0..50).map(|number| format!("user:{number}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let cold = first.cache_get_many(&keys).await.unwrap();
    second.cache_invalidate(&keys[..25]).await.unwrap();
    let mut filled = 0;
    for (key, read) in keys.iter().zip(&cold) {
        let ttl = Duration::from_secs(60);
        filled += usize::from(first.cache_fill(key, read.version, key.as_bytes(), ttl).await.unwrap());
    }
    assert_eq!(filled, 25, "those that were invalidated meanwhile stay empty");
    let warm = second.cache_get_many(&keys).await.unwrap();
    for (number, (key, read)) in keys.iter().zip(warm).enumerate() {
        assert_eq!(read.value.as_deref(), (number >= 25).then_some(key.as_bytes()));
    }
    // Limits and marks.
    let rule = TokenBucket { capacity: 3, refill_per_sec: 0.001 };
    for (number, bus) in [&first, &second, &first, &second].into_iter().enumerate() {
        assert_eq!(bus.take("shared", 1, rule).await.unwrap().allowed, number < 3);
    }
    assert!(first.set_ephemeral("typing:1", Duration::from_secs(5)).await.unwrap());
    assert_eq!(second.has_ephemeral(&["typing:2", "typing:1"]).await.unwrap(), [false, true]);
    assert!(first.lease("relay", Duration::from_secs(5)).await.unwrap());
    assert!(!second.lease("relay", Duration::from_secs(5)).await.unwrap());
    first.ping().await.unwrap();
    // Forgotten scripts are loaded again where they are missing.
    for port in TestServers::shared_redis_cluster().await.unwrap().ports() {
        raw(&format!("redis://127.0.0.1:{port}/"), &["SCRIPT", "FLUSH"]).await;
    }
    let events: Vec<_> = rooms(12).iter().map(|room| kept(room, "x")).collect();
    assert_eq!(first.publish(&events).await.unwrap().len(), 12);
}

#[tokio::test]
async fn addresses_that_are_no_cluster_are_refused() {
    let (one, two) = (private_server(None).await, private_server(None).await);
    let urls = format!("{},{}", one.url(), two.url());
    let refused = Bus::connect(BusSettings::new(urls, "t:", "n")).await;
    assert!(matches!(refused, Err(BusError::Misconfigured(_))), "{refused:?}");
    for url in [",", "redis://127.0.0.1:1/3,redis://127.0.0.1:2/3", "redis+unix:///x,redis://127.0.0.1:2/"] {
        let refused = Bus::connect(BusSettings::new(url, "t:", "n")).await;
        assert!(matches!(refused, Err(BusError::Misconfigured(_))), "{url} {refused:?}");
    }
    let nobody = Bus::connect(BusSettings::new("redis://127.0.0.1:1/,redis://127.0.0.1:2/", "t:", "n")).await;
    assert!(matches!(nobody, Err(BusError::Unavailable(_))), "{nobody:?}");
}

/// What a listener knows of its channels, kept as a hub does: what cannot be had is told, never passed over.
struct Follower {
    bus: Bus,
    listener: Listener,
    positions: HashMap<String, Position>,
    /// Of each room, what was heard since it was last told that events are missing.
    heard: HashMap<String, Vec<String>>,
    told: usize,
}

impl Follower {
    async fn subscribe(&mut self, rooms: &[String]) {
        subscribe_all(&self.listener, rooms).await;
        let names: Vec<&str> = rooms.iter().map(String::as_str).collect();
        for (room, position) in rooms.iter().zip(self.bus.positions(&names).await.unwrap()) {
            self.positions.insert(room.clone(), position);
        }
    }

    async fn hear(&mut self, events: Vec<BusEvent>) {
        for event in events {
            match event {
                BusEvent::Publication(publication) => {
                    let known = &self.positions[publication.channel.as_ref()];
                    let position = publication.position.clone().unwrap();
                    if position.epoch != known.epoch || position.offset > known.offset + 1 {
                        self.catch_up(&publication.channel).await;
                    } else if position.offset == known.offset + 1 {
                        self.take(&publication.channel, position, &publication.payload);
                    }
                }
                BusEvent::LinkRestored => {
                    let rooms: Vec<String> = self.positions.keys().cloned().collect();
                    for room in rooms {
                        self.catch_up(&room).await;
                    }
                }
                _ => {}
            }
        }
    }

    fn take(&mut self, room: &str, position: Position, payload: &[u8]) {
        self.positions.insert(room.to_owned(), position);
        let payload = String::from_utf8(payload.to_vec()).unwrap();
        self.heard.entry(room.to_owned()).or_default().push(payload);
    }

    async fn catch_up(&mut self, room: &str) {
        let missed = loop {
            match self.bus.recover(room, &self.positions[room], 10_000).await {
                Ok(missed) => break missed,
                Err(error) => assert!(error.is_temporary(), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        if missed.recovered {
            for (offset, payload) in missed.publications {
                self.take(room, Position::new(offset, missed.top.epoch.clone()), &payload);
            }
        } else {
            self.told += 1;
            self.positions.insert(room.to_owned(), missed.top);
            self.heard.insert(room.to_owned(), Vec::new());
        }
    }
}

/// Publishes to all rooms until told to stop, each event again until it is acknowledged; gives what was published to
/// each room, in order.
async fn keep_publishing(
    bus: Bus,
    rooms: Vec<String>,
    stop: tokio::sync::watch::Receiver<bool>,
) -> (Vec<String>, usize, Duration) {
    let (mut published, mut refused, mut longest) = (Vec::new(), 0, Duration::ZERO);
    for number in 0.. {
        if *stop.borrow() {
            break;
        }
        let payload = format!("event {number}");
        for room in &rooms {
            let began = Instant::now();
            while let Err(error) = bus.publish(&[kept(room, payload.clone())]).await {
                assert!(error.is_temporary(), "{error}");
                refused += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            longest = longest.max(began.elapsed());
        }
        published.push(payload);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (published, refused, longest)
}

/// Follows rooms on `listening` while `publishing` publishes and something happens; then every event since the last
/// time that a room was told has been heard, in order.
async fn follow_through(
    listening: Bus,
    publishing: Bus,
    rooms: &[String],
    happens: impl AsyncFnOnce(),
) -> (usize, usize, Duration, usize) {
    let (listener, mut events) = listening.listener(ListenerSettings::default()).await.unwrap();
    let mut follower = Follower {
        bus: listening,
        listener: listener.clone(),
        positions: HashMap::new(),
        heard: HashMap::new(),
        told: 0,
    };
    follower.subscribe(rooms).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let over = stopped.clone();
    let publisher = tokio::spawn(keep_publishing(publishing, rooms.to_vec(), stopped));
    let following = tokio::spawn(async move {
        loop {
            match tokio::time::timeout(Duration::from_secs(2), events.recv_batch()).await {
                Ok(Some(batch)) => follower.hear(batch).await,
                Ok(None) => return follower,
                Err(_silent) if *over.borrow() => return follower,
                Err(_silent) => {}
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    happens().await;
    eventually(async || !listener.is_deaf()).await;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    stop.send(true).unwrap();
    let (published, refused, longest) = publisher.await.unwrap();
    let mut follower = following.await.unwrap();
    let told = follower.told;
    for room in rooms {
        // A quiet channel's position is compared once more, as a hub does every 25 s.
        follower.catch_up(room).await;
        // Repeats of what was published but not acknowledged are dropped, as apps do by the event's id.
        let mut heard = follower.heard.remove(room).unwrap_or_default();
        heard.dedup();
        assert!(
            published.ends_with(&heard) && (told > 0 || heard.len() == published.len()),
            "{room}: {} of {} {:?} {:?}",
            heard.len(),
            published.len(),
            heard.first(),
            heard.last()
        );
    }
    assert_eq!(follower.told, told, "nothing was missing at the end");
    (published.len(), refused, longest, told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_master_is_survived_and_no_event_is_lost_silently() {
    let mut cluster = own_cluster().await;
    let prefix = prefix();
    let listening = connect(&cluster.urls(), &prefix, "n1").await;
    let publishing = connect(&cluster.urls(), &prefix, "n2").await;
    let rooms = rooms(12);
    let seen = follow_through(listening.clone(), publishing, &rooms, async || {
        cluster.kill_master(1).await.unwrap();
        cluster.until_well().await.unwrap();
        eventually(async || listening.ping().await.is_ok()).await;
    })
    .await;
    let (published, refused, longest, told) = seen;
    println!(
        "{published} events to each of 12 rooms over a failover: {refused} temporary errors, the longest wait {longest:?}, {told} rooms told to recover"
    );
    assert!(refused > 0, "the test killed nothing");
    assert!((1..12).contains(&told), "the rooms of one master, and no others: {told}");
    assert!(longest < Duration::from_secs(15), "{longest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_hangs_and_comes_back_as_a_replica_is_survived_too() {
    let cluster = own_cluster().await;
    let prefix = prefix();
    let listening = connect(&cluster.urls(), &prefix, "n1").await;
    let publishing = connect(&cluster.urls(), &prefix, "n2").await;
    let rooms = rooms(12);
    let (pid, replica) = (cluster.pids()[0], cluster.ports()[3]);
    let url = format!("redis://127.0.0.1:{replica}/");
    let mut of_master = 0;
    for room in &rooms {
        let name = format!("{prefix}{{{room}}}");
        let slot: u16 = text(&url, &["CLUSTER", "KEYSLOT", &name]).await.parse().unwrap();
        of_master += usize::from(slot < 5_461);
    }
    let is_master =
        async |yes: bool| text(&url, &["INFO", "replication"]).await.contains("role:master") == yes;
    let seen = follow_through(listening.clone(), publishing, &rooms, async || {
        let stopped = Stopped::now(pid);
        eventually(async || is_master(true).await).await;
        eventually(async || listening.ping().await.is_ok()).await;
        // It wakes up with commands in its buffers and believes for a moment that it is still a master.
        drop(stopped);
        cluster.until_well().await.unwrap();
        // And back, in peace. Under load Redis gives such a failover up after 5 s; then it has to be asked for again.
        let old = format!("redis://127.0.0.1:{}/", cluster.ports()[0]);
        eventually(async || text(&old, &["INFO", "replication"]).await.contains("master_link_status:up"))
            .await;
        let mut asked = None::<Instant>;
        eventually(async || {
            if asked.is_none_or(|asked| asked.elapsed() > Duration::from_secs(6)) {
                raw(&old, &["CLUSTER", "FAILOVER"]).await;
                asked = Some(Instant::now());
            }
            is_master(false).await
        })
        .await;
    })
    .await;
    let (published, refused, longest, told) = seen;
    println!(
        "{published} events to each of 12 rooms over two failovers: {refused} temporary errors, the longest wait {longest:?}, rooms told to recover {told} times"
    );
    assert!(refused > 0, "nothing hung");
    assert_eq!(told, 2 * of_master, "each room of that master, each time");
    assert!(longest < Duration::from_secs(20), "{longest:?}");
}

/// Moves the slot of a name from one master to another, key by key, as resharding does.
async fn move_slot(cluster: &RedisCluster, name: &str, from: u16, to: u16) {
    let url = |port: u16| format!("redis://127.0.0.1:{port}/");
    let slot = text(&url(from), &["CLUSTER", "KEYSLOT", name]).await;
    let (from_id, to_id) =
        (text(&url(from), &["CLUSTER", "MYID"]).await, text(&url(to), &["CLUSTER", "MYID"]).await);
    raw(&url(to), &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]).await;
    raw(&url(from), &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]).await;
    let keys: Vec<String> =
        redis::from_redis_value(raw(&url(from), &["CLUSTER", "GETKEYSINSLOT", &slot, "100"]).await).unwrap();
    assert_eq!(keys.len(), 2, "meta and stream: {keys:?}");
    for key in keys {
        raw(&url(from), &["MIGRATE", "127.0.0.1", &to.to_string(), &key, "0", "5000"]).await;
        // Long enough for some events to find their two keys on two nodes.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for port in [to, from] {
        raw(&url(port), &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]).await;
    }
    eventually(async || {
        let nodes = text(&url(cluster.ports()[2]), &["CLUSTER", "NODES"]).await;
        let line = nodes.lines().find(|line| line.starts_with(&to_id)).unwrap();
        line.split(' ').any(|range| range == slot)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_takes_its_listeners_along() {
    let cluster = own_cluster().await;
    let prefix = prefix();
    let listening = connect(&cluster.urls(), &prefix, "n1").await;
    let publishing = connect(&cluster.urls(), &prefix, "n2").await;
    let mut room = String::new();
    for name in rooms(50) {
        let slot: u16 =
            text(&format!("redis://127.0.0.1:{}/", cluster.ports()[0]), &["CLUSTER", "KEYSLOT", &name])
                .await
                .parse()
                .unwrap();
        if slot < 5_000 {
            room = name;
        }
    }
    let rooms = [room];
    let name = format!("{prefix}{{{}}}", rooms[0]);
    let seen = follow_through(listening.clone(), publishing, &rooms, async || {
        move_slot(&cluster, &name, cluster.ports()[0], cluster.ports()[1]).await;
        // And it is heard there, not only found by comparing positions.
        let url = format!("redis://127.0.0.1:{}/", cluster.ports()[1]);
        eventually(async || {
            let answer = raw(&url, &["PUBSUB", "SHARDNUMSUB", &name]).await;
            redis::from_redis_value::<(String, u64)>(answer).unwrap() == (name.clone(), 1)
        })
        .await;
    })
    .await;
    let (published, refused, longest, told) = seen;
    println!(
        "{published} events while their slot moved: {refused} temporary errors, the longest wait {longest:?}, told {told} times"
    );
    assert_eq!(told, 1, "another server's history: a new epoch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_to_one_master_that_is_deaf_without_knowing_is_rebuilt() {
    let cluster = own_cluster().await;
    let port = cluster.ports()[2];
    let proxy = Proxy::to(port).await;
    let (announced, url) = (proxy.port.to_string(), format!("redis://127.0.0.1:{port}/"));
    raw(&url, &["CONFIG", "SET", "cluster-announce-port", &announced]).await;
    for port in cluster.ports() {
        let url = format!("redis://127.0.0.1:{port}/");
        eventually(async || {
            text(&url, &["CLUSTER", "NODES"]).await.contains(&format!("127.0.0.1:{announced}@"))
        })
        .await;
    }
    let settings = ListenerSettings {
        // The link is deaf for 0.7 s before the next probe finds that out: time enough to see it.
        probe_every: Duration::from_millis(900),
        probe_deadline: Duration::from_millis(2_000),
        ..ListenerSettings::default()
    };
    let bus = connect(&cluster.urls(), &prefix(), "n1").await;
    let (listener, mut events) = bus.listener(settings).await.unwrap();
    let rooms = rooms(12);
    subscribe_all(&listener, &rooms).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(!listener.is_deaf(), "all links hear themselves");
    proxy.mute();
    let lost: Vec<_> = rooms.iter().map(|room| kept(room, "lost at one master")).collect();
    bus.publish(&lost).await.unwrap();
    eventually(async || listener.is_deaf()).await;
    let heard = hear(&mut events, |all| all.contains(&BusEvent::LinkRestored)).await;
    let heard_of = publications(&heard).len();
    assert!((1..12).contains(&heard_of), "the other masters' events came: {heard_of}");
    eventually(async || !listener.is_deaf()).await;
    let again: Vec<_> = rooms.iter().map(|room| kept(room, "heard")).collect();
    bus.publish(&again).await.unwrap();
    hear(&mut events, |all| publications(all).len() == 12).await;
}
