//! Limits, and what happens to those who are slow or greedy (realtime.md §2, §7): nothing to anybody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use protocol::codec::Encoding;
use protocol::frame::{ConnectRequest, PingRequest, PushBody, Request, SubscribeRequest};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::client::{Client, event_of, recovering};
use crate::stand::{Stand, n};

#[tokio::test(flavor = "multi_thread")]
async fn a_users_connections_share_an_allowance_and_others_have_their_own() {
    let stand = Stand::with(1, |settings| {
        settings.limits.enabled = true;
        settings.limits.commands_per_minute = 1;
        settings.limits.command_burst = 10;
        settings.limits.user_commands_per_minute = 1;
        settings.limits.user_command_burst = 13;
    })
    .await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    // `connect` itself is not yet a user's; what follows is.
    let mut devices = [stand.client(0, amal).await, stand.client(0, amal).await];
    let ping = || Request::Ping(PingRequest {});
    let (mut answered, mut refused) = (0, 0);
    for device in &mut devices {
        for _ in 0..8 {
            match device.ask(ping()).await.unwrap() {
                Ok(_) => answered += 1,
                Err(error) => {
                    assert!(error.code == 111 && error.temporary, "{error:?}");
                    refused += 1;
                }
            }
        }
    }
    assert_eq!((answered, refused), (13, 3), "sixteen, of which each device alone might send nine");
    let mut other = stand.client(0, badr).await;
    assert!(other.ask(ping()).await.unwrap().is_ok());
    // Whoever goes on is closed, on the connection that goes on.
    let closed = async {
        loop {
            if let Err(code) = devices[1].ask(ping()).await {
                return code;
            }
        }
    };
    assert_eq!(closed.await, 3013);
    assert!(devices[0].ask(ping()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_connections_of_one_user_are_3504_until_one_of_them_ends() {
    let stand = Stand::with(2, |settings| settings.socket.max_connections_per_user = 3).await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut devices = Vec::new();
    for _ in 0..3 {
        devices.push(stand.client(0, amal).await);
    }
    let refused = async || {
        let mut client = Client::open(&stand.nodes[0].url(), Encoding::Json).await;
        let request = ConnectRequest { token: stand.token(amal).await, ..ConnectRequest::default() };
        client.ask(Request::Connect(request)).await
    };
    assert_eq!(refused().await, Err(3504));
    let _other_user = stand.client(0, badr).await;
    let _other_node = stand.client(1, amal).await;
    devices.pop().unwrap().close().await;
    Stand::eventually(async || refused().await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_above_the_accept_rate_is_told_to_wait_and_gets_in_later() {
    let stand = Stand::with(1, |settings| settings.socket.accept_rate = 10).await;
    let url = stand.nodes[0].url();
    let wave = futures_util::future::join_all((0..40).map(|_| Client::open_with(&url, Encoding::Json, &[])));
    let (mut inside, mut refused) = (0, 0);
    for outcome in wave.await {
        match outcome {
            Ok(_) => inside += 1,
            Err(tungstenite::Error::Http(response)) => {
                assert_eq!(response.status(), 503);
                let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
                assert!((1..=3).contains(&wait));
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!((10..20).contains(&inside), "{inside} inside, {refused} refused");
    tokio::time::sleep(Duration::from_millis(300)).await;
    Client::open(&url, Encoding::Json).await;
}

#[test]
fn the_defaults_are_those_of_the_documents() {
    let settings = config::Settings::read(|name| match name {
        "DATABASE_URL" | "REDIS_URL" => Some("x://y/".to_owned()),
        "MAJLIS_JWT_SECRET" => Some("a test secret of more than 32 bytes!".to_owned()),
        _ => None,
    })
    .unwrap();
    let (socket, limits) = (settings.socket, settings.limits);
    assert_eq!((socket.accept_rate, socket.max_connections_per_user), (4_000, 32));
    assert_eq!(
        (socket.connect_timeout, socket.quiet_check),
        (Duration::from_secs(10), Duration::from_secs(25))
    );
    assert_eq!((limits.commands_per_minute, limits.command_burst), (120, 60));
    assert_eq!((limits.user_commands_per_minute, limits.user_command_burst), (480, 240));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_takes_nothing_for_the_write_timeout_is_dropped() {
    let stand = Stand::with(1, |settings| {
        settings.socket.write_timeout = Duration::from_secs(1);
        settings.socket.max_queue_bytes = 64 * 1024 * 1024;
    })
    .await;
    let room = format!("room:{}", stand.room().await);
    let user = stand.user("amal").await;
    let mut stalled = stand.client(0, user).await;
    stalled.subscribe_to(&room).await.unwrap();
    for number in 0..300 {
        stand.publish_padded(&room, number, 48 * 1024).await;
    }
    let since = Instant::now();
    Stand::eventually(async || stand.nodes[0].hub.occupancy().connections == 0).await;
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_socket_gets_every_event_and_of_signals_the_last_of_each_kind() {
    let stand = Stand::with(1, |settings| settings.socket.max_queue_bytes = 64 * 1024 * 1024).await;
    let id = stand.room().await;
    let room = format!("room:{id}");
    let user = stand.user("amal").await;
    let mut slow = stand.client(0, user).await;
    slow.subscribe_to(&room).await.unwrap();
    // It does not read: the kernel's buffers are full, and the rest waits in the hub.
    for number in 0..250 {
        stand.publish_padded(&room, number, 48 * 1024).await;
    }
    let signal = |kind: &str, data: serde_json::Value| {
        let event =
            serde_json::json!({"type": kind, "id": base::id::ulid(), "at": base::Time::now(), "data": data});
        bus::Publish { channel: room.as_str().into(), payload: event.to_string().into(), history: None }
    };
    for number in 1..=2_000_u64 {
        let signals = [
            signal("room.viewers", serde_json::json!({"room_id": id, "viewers": number})),
            signal(
                "room.reactions_changed",
                serde_json::json!({"room_id": id, "message_id": number % 3, "reactions_count": number}),
            ),
        ];
        stand.app().bus.publish(&signals).await.unwrap();
    }
    stand.publish(&room, 250).await;
    let (mut numbers, mut viewers, mut reactions) = (Vec::new(), Vec::new(), Vec::new());
    while numbers.len() < 251 {
        let PushBody::Publication(publication) = slow.push().await.unwrap().body else { continue };
        let event = event_of(&publication).1;
        match event["type"].as_str().unwrap() {
            "room.viewers" => viewers.push(event["data"]["viewers"].as_u64().unwrap()),
            "room.reactions_changed" => reactions.push(event["data"]["reactions_count"].as_u64().unwrap()),
            _ => numbers.push(n(&event)),
        }
    }
    assert_eq!(numbers, (0..=250).collect::<Vec<_>>());
    println!(
        "2,000 viewer counts to a socket that did not read: it got {viewers:?}; of reactions {reactions:?}"
    );
    assert_eq!(viewers.last(), Some(&2_000));
    assert!(viewers.len() <= 20, "{viewers:?}");
    for last in [1_998, 1_999, 2_000] {
        assert!(reactions.contains(&last), "{reactions:?}");
    }
    assert!(reactions.len() <= 30, "{reactions:?}");
}

/// Sockets of the one test that needs many.
const LISTENERS: usize = 1_000;
const USERS: usize = 40;
/// Events of each part of it, and bytes of each.
const EVENTS: u64 = 100;
const PADDING: usize = 8 * 1024;

/// One of the two parts.
struct Part {
    start: Instant,
    /// When each event was published, microseconds after the start.
    sent: Vec<AtomicU64>,
    heard: AtomicU64,
}

impl Part {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap()
    }
}

/// A listener who only notes when each event came: cheap, so that what is measured is the hub.
fn listen(client: Client, part: Arc<Part>) -> tokio::task::JoinHandle<(Client, Vec<u64>)> {
    tokio::spawn(async move {
        let mut client = client;
        let mut delays = Vec::new();
        let total = part.sent.len();
        while delays.len() < total {
            let message = tokio::time::timeout(Duration::from_secs(60), client.socket.next()).await;
            let Ok(Some(Ok(Message::Text(text)))) = message else { panic!("{message:?}") };
            let now = part.now();
            let Some((_, rest)) = text.split_once("\"n\":") else { continue };
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap();
            let number: usize = digits.parse().unwrap();
            if let Some(at) = part.sent.get(number % 1_000) {
                delays.push(now.saturating_sub(at.load(Ordering::Relaxed)));
                part.heard.fetch_add(1, Ordering::Relaxed);
            }
        }
        (client, delays)
    })
}

/// Publishes, and gives the delays of all deliveries in order of length, and the clients back.
async fn measure(stand: &Stand, room: &str, clients: Vec<Client>, from: u64) -> (Vec<Client>, Vec<u64>) {
    let part = Arc::new(Part {
        start: Instant::now(),
        sent: (0..EVENTS).map(|_| AtomicU64::new(0)).collect(),
        heard: AtomicU64::new(0),
    });
    let listeners = u64::try_from(clients.len()).unwrap();
    let listening: Vec<_> = clients.into_iter().map(|client| listen(client, Arc::clone(&part))).collect();
    let mut expected = 0;
    for (number, at) in (from..).zip(&part.sent) {
        at.store(part.now(), Ordering::Relaxed);
        stand.publish_padded(room, number, PADDING).await;
        // One after the other, so that what is measured is the way of an event and not a queue of them.
        expected += listeners;
        Stand::eventually(async || part.heard.load(Ordering::Relaxed) == expected).await;
    }
    let (mut clients, mut delays) = (Vec::new(), Vec::new());
    for one in listening {
        let (client, some) = one.await.unwrap();
        clients.push(client);
        delays.extend(some);
    }
    delays.sort_unstable();
    (clients, delays)
}

fn percentile(delays: &[u64], percent: usize) -> Duration {
    Duration::from_micros(delays[(delays.len() - 1) * percent / 100])
}

/// A client whose kernel takes little, so that it is stalled soon.
async fn with_a_small_buffer(stand: &Stand, user: u64) -> Client {
    let address = stand.nodes[0].hub.address();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    let stream: TcpStream = socket.connect(address).await.unwrap();
    let url = stand.nodes[0].url();
    let (socket, _) = tokio_tungstenite::client_async(url, MaybeTlsStream::Plain(stream)).await.unwrap();
    let mut client = Client::over(socket, Encoding::Json);
    client.connect_with(&stand.token(user).await).await;
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_reader_among_a_thousand_delays_nobody_and_recovers_wholly() {
    let stand = Stand::with(1, |settings| {
        settings.socket.max_queue_bytes = 64 * 1024;
        // The listeners only read.
        settings.socket.pong_timeout = Duration::from_secs(600);
    })
    .await;
    let room = format!("room:{}", stand.room().await);
    let mut tokens = Vec::new();
    for index in 0..USERS {
        let user = stand.user(&format!("u{index}0")).await;
        tokens.push(stand.token(user).await);
    }
    let mut clients = Vec::new();
    for index in 0..LISTENERS - 1 {
        let mut client = Client::open(&stand.nodes[0].url(), Encoding::Json).await;
        client.connect_with(&tokens[index % USERS]).await;
        client.subscribe_to(&room).await.unwrap();
        clients.push(client);
    }
    let user = stand.user("stalled").await;
    // Comings and goings are done with.
    tokio::time::sleep(Duration::from_secs(2)).await;

    let (clients, without) = measure(&stand, &room, clients, 0).await;
    let mut stalled = with_a_small_buffer(&stand, user).await;
    let start =
        stalled.subscribe(SubscribeRequest { channel: room.clone(), ..Default::default() }).await.unwrap();
    let hub = &stand.nodes[0].hub;
    let all = hub.occupancy().subscriptions;
    let given_up = Arc::new(tokio::sync::Notify::new());
    let told = Arc::clone(&given_up);
    let unread = tokio::spawn(async move {
        let mut stalled = stalled;
        // It reads nothing until the hub has given it up.
        given_up.notified().await;
        let mut heard = Vec::new();
        let code = loop {
            match stalled.push().await {
                Ok(push) => {
                    if let PushBody::Publication(publication) = push.body
                        && publication.offset > 0
                    {
                        heard.push(publication.offset);
                    }
                }
                Err(code) => break code,
            }
        };
        (heard, code)
    });
    let watch = Stand::eventually(async || hub.occupancy().subscriptions == all - 2);
    let closed = async {
        watch.await;
        told.notify_one();
        Instant::now()
    };
    let ((_clients, with), _) = tokio::join!(measure(&stand, &room, clients, 1_000), closed);
    let (heard, code) = unread.await.unwrap();
    println!(
        "{LISTENERS} listeners, {EVENTS} events of {PADDING} bytes: without a stalled one p50 {:?} p99 {:?} max {:?}; \
         with one p50 {:?} p99 {:?} max {:?}; it had read {} events and was closed with {code}",
        percentile(&without, 50),
        percentile(&without, 99),
        percentile(&without, 100),
        percentile(&with, 50),
        percentile(&with, 99),
        percentile(&with, 100),
        heard.len(),
    );
    assert_eq!(with.len(), (LISTENERS - 1) * usize::try_from(EVENTS).unwrap());
    // Another process may take the processor for a while in either part; a reader who holds others up shows in seconds.
    let bound = percentile(&without, 99) * 3 + Duration::from_millis(150);
    assert!(percentile(&with, 99) < bound, "{:?}", percentile(&with, 99));
    assert!(percentile(&with, 100) < Duration::from_secs(2));
    assert_eq!(code, 3008);
    assert!(heard.len() < usize::try_from(EVENTS).unwrap(), "it was stalled");

    let last = heard.last().copied().unwrap_or(start.offset);
    let mut back = stand.client(0, user).await;
    let recovered = back.subscribe(recovering(&room, &start.epoch, last)).await.unwrap();
    assert!(recovered.recovered);
    let missed: Vec<_> = recovered.publications.iter().map(|one| one.offset).collect();
    let every: Vec<_> = heard.into_iter().chain(missed).collect();
    assert_eq!(every, (start.offset + 1..=start.offset + EVENTS).collect::<Vec<_>>());
}
