use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bus::{BusEvent, ControlMessage, ListenerSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::setup::{
    bus, connect, eventually, hear, kept, nodes, prefix, private_server, publications, raw, unkept,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_after_subscribing_is_heard_on_every_node_that_listens() {
    let [first, second] = nodes().await;
    let (one, mut one_hears) = first.listener(ListenerSettings::default()).await.unwrap();
    let (two, mut two_hears) = second.listener(ListenerSettings::default()).await.unwrap();
    one.subscribe("room:1").await.unwrap();
    two.subscribe("room:1").await.unwrap();
    two.subscribe("room:2").await.unwrap();
    second.publish(&[kept("room:2", "b"), kept("room:1", "a")]).await.unwrap();
    let at_one = hear(&mut one_hears, |all| !publications(all).is_empty()).await;
    assert_eq!(publications(&at_one)[0].payload, "a");
    let at_two = hear(&mut two_hears, |all| publications(all).len() == 2).await;
    assert_eq!(publications(&at_two)[0].payload, "b");

    one.unsubscribe("room:1").await.unwrap();
    one.subscribe("room:3").await.unwrap();
    first.publish(&[unkept("room:1", "not heard"), unkept("room:3", "c")]).await.unwrap();
    let at_one = hear(&mut one_hears, |all| !publications(all).is_empty()).await;
    assert_eq!(publications(&at_one).iter().map(|p| p.payload.clone()).collect::<Vec<_>>(), ["c"]);
    assert_eq!((one.channel_count(), two.channel_count()), (1, 2));
    assert!(!one.is_deaf());
    drop(one);
    assert_eq!(one_hears.recv_batch().await, None, "the link ends with its last handle");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_subscriptions_at_once_and_back() {
    let bus = bus().await;
    let (listener, mut events) = bus.listener(ListenerSettings::default()).await.unwrap();
    let channels: Vec<String> = (0..3_000).map(|number| format!("user:{number}")).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for channel in channels.clone() {
        let listener = listener.clone();
        tasks.spawn(async move { listener.subscribe(&channel).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(listener.channel_count(), 3_000);
    let all: Vec<_> = channels.iter().map(|channel| unkept(channel, channel.clone())).collect();
    bus.publish(&all).await.unwrap();
    let heard = hear(&mut events, |all| publications(all).len() == 3_000).await;
    for (publication, channel) in publications(&heard).iter().zip(&channels) {
        assert_eq!((&*publication.channel, &publication.payload[..]), (channel.as_str(), channel.as_bytes()));
    }
    // Going and coming of one channel within one batch keeps its order.
    let (a, b) = tokio::join!(listener.unsubscribe("user:1"), listener.subscribe("user:1"));
    a.and(b).unwrap();
    bus.publish(&[unkept("user:1", "again")]).await.unwrap();
    hear(&mut events, |all| publications(all).len() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_link_comes_back_with_all_its_channels_and_says_so() {
    let server = private_server(None).await;
    let bus = connect(&server.url(), &prefix(), "n1").await;
    let (listener, mut events) = bus.listener(ListenerSettings::default()).await.unwrap();
    for room in 0..1_200 {
        listener.subscribe(&format!("room:{room}")).await.unwrap();
    }
    for round in 0..3 {
        raw(&server.url(), &["CLIENT", "KILL", "TYPE", "pubsub"]).await;
        let heard = hear(&mut events, |all| all.contains(&BusEvent::LinkRestored)).await;
        assert_eq!(heard, [BusEvent::LinkLost, BusEvent::LinkRestored], "round {round}");
        assert!(!listener.is_deaf());
        bus.publish(&[kept("room:0", "first"), kept("room:1199", "last")]).await.unwrap();
        let heard = hear(&mut events, |all| publications(all).len() == 2).await;
        assert_eq!(publications(&heard)[1].position.as_ref().unwrap().offset, round + 1);
    }
    // Commands and publishes have links of their own; those come back too.
    raw(&server.url(), &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    eventually(async || bus.publish(&[kept("room:5", "x")]).await.is_ok() && bus.ping().await.is_ok()).await;
}

/// Stands between the bus and Redis. [`Proxy::mute`] makes every connection that has subscribed go on
/// without bringing anything any more: as after a failover that nobody noticed.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    muted: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let muted = Arc::new(AtomicU64::new(0));
        let before = Arc::clone(&muted);
        let task = tokio::spawn(async move {
            let mut pairs = tokio::task::JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                pairs.spawn(Self::carry(client, server, Arc::clone(&before)));
            }
        });
        Self { port: own, muted, task }
    }

    pub(crate) fn mute(&self) {
        self.muted.fetch_add(1, Ordering::SeqCst);
    }

    async fn carry(client: TcpStream, server: TcpStream, muted: Arc<AtomicU64>) {
        let born = muted.load(Ordering::SeqCst);
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
        let mut subscribed = false;
        loop {
            tokio::select! {
                read = from_client.read(&mut up) => {
                    let Some(bytes) = read.ok().filter(|count| *count > 0).map(|count| &up[..count]) else { return };
                    subscribed |= bytes.windows(9).any(|word| word == b"SUBSCRIBE");
                    to_server.write_all(bytes).await.unwrap();
                }
                read = from_server.read(&mut down) => {
                    let Some(bytes) = read.ok().filter(|count| *count > 0).map(|count| &down[..count]) else { return };
                    if !(subscribed && muted.load(Ordering::SeqCst) > born) && to_client.write_all(bytes).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_deaf_without_knowing_is_rebuilt() {
    let server = private_server(None).await;
    let proxy = Proxy::to(server.port()).await;
    let settings = ListenerSettings {
        probe_every: Duration::from_millis(100),
        probe_deadline: Duration::from_millis(1_000),
        ..ListenerSettings::default()
    };
    let bus = connect(&format!("redis://127.0.0.1:{}/", proxy.port), &prefix(), "n1").await;
    let (listener, mut events) = bus.listener(settings).await.unwrap();
    listener.subscribe("room:1").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(!listener.is_deaf(), "it hears itself");
    proxy.mute();
    let position = bus.publish(&[kept("room:1", "lost")]).await.unwrap()[0].clone().unwrap();
    let heard = hear(&mut events, |all| !all.is_empty()).await;
    assert_eq!(heard[0], BusEvent::LinkLost, "nothing was heard, and it noticed");
    let mut heard = heard;
    if !heard.contains(&BusEvent::LinkRestored) {
        heard.extend(hear(&mut events, |all| all.contains(&BusEvent::LinkRestored)).await);
    }
    assert_eq!(heard, [BusEvent::LinkLost, BusEvent::LinkRestored]);
    assert!(!listener.is_deaf());
    assert_eq!(bus.positions(&["room:1"]).await.unwrap(), [position], "the check of positions shows the gap");
    bus.publish(&[kept("room:1", "heard")]).await.unwrap();
    let heard = hear(&mut events, |all| !publications(all).is_empty()).await;
    assert_eq!(publications(&heard)[0].position.as_ref().unwrap().offset, 2);
}

#[tokio::test]
async fn control_messages_reach_every_node() {
    let [first, second] = nodes().await;
    let (_one, mut one_hears) = first.listener(ListenerSettings::default()).await.unwrap();
    let (_two, mut two_hears) = second.listener(ListenerSettings::default()).await.unwrap();
    let messages = [
        ControlMessage::SessionRevoked { user_id: 1, subject: "jti".into() },
        ControlMessage::UserSuspended { user_id: 2 },
        ControlMessage::AccessRevoked { user_id: 3, channel: "room:1".into() },
        ControlMessage::InvalidateUser { user_id: 4 },
    ];
    for message in &messages {
        first.control(message).await.unwrap();
    }
    let want: Vec<_> = messages.into_iter().map(BusEvent::Control).collect();
    for events in [&mut one_hears, &mut two_hears] {
        assert_eq!(hear(events, |all| all.len() == 4).await, want);
    }
}

#[tokio::test]
async fn a_queue_nobody_empties_stays_bounded() {
    let bus = bus().await;
    let settings = ListenerSettings { queue_bytes: 10_000, ..ListenerSettings::default() };
    let (listener, mut events) = bus.listener(settings).await.unwrap();
    listener.subscribe("room:1").await.unwrap();
    let flood: Vec<_> = (0..100).map(|_| unkept("room:1", "x".repeat(1_000))).collect();
    bus.publish(&flood).await.unwrap();
    bus.control(&ControlMessage::InvalidateUser { user_id: 1 }).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let batch = events.recv_batch().await.unwrap();
    assert_eq!(publications(&batch).len(), 10);
    assert!(batch.contains(&BusEvent::Control(ControlMessage::InvalidateUser { user_id: 1 })));
    assert_eq!(batch.last(), Some(&BusEvent::Overflowed { dropped: 90 }));
}
