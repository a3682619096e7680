//! Who is online (realtime.md §6).

use std::time::Duration;

use crate::client::json;
use crate::stand::Stand;

#[tokio::test(flavor = "multi_thread")]
async fn only_the_first_connection_and_the_end_of_the_grace_are_told() {
    let stand = Stand::new().await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let channel = format!("presence:{badr}");
    let mut watcher = stand.client(0, amal).await;
    let start = watcher.subscribe_to(&channel).await.unwrap();
    assert_eq!(json(&start.data)["online"], false);

    let phone = stand.client(0, badr).await;
    let (_, event) = watcher.event(&channel).await;
    assert_eq!((&event["type"], &event["data"]["online"]), (&"presence.changed".into(), &true.into()));
    let tablet = stand.client(1, badr).await;
    phone.close().await;
    watcher.hears_nothing_for(Duration::from_millis(1_800)).await;

    // A reconnect within the grace of one second is no event.
    tablet.close().await;
    let phone = stand.client(0, badr).await;
    watcher.hears_nothing_for(Duration::from_millis(2_500)).await;

    let left = std::time::Instant::now();
    drop(phone);
    let (_, event) = watcher.event(&channel).await;
    assert_eq!(event["data"]["online"], false);
    assert!(event["data"]["last_seen_at"].is_string());
    assert!(left.elapsed() >= Duration::from_millis(900), "{:?}", left.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_node_gives_up_its_users_and_a_dead_one_is_swept() {
    let mut stand = Stand::with(3, |_| {}).await;
    let (amal, badr, chafik) =
        (stand.user("amal").await, stand.user("badr").await, stand.user("chafik").await);
    let mut watcher = stand.client(0, amal).await;
    let (one, two) = (format!("presence:{badr}"), format!("presence:{chafik}"));
    watcher.subscribe_to(&one).await.unwrap();
    watcher.subscribe_to(&two).await.unwrap();
    let mut on_drained = stand.client(1, badr).await;
    let _on_dead = stand.client(2, chafik).await;
    for channel in [&one, &two] {
        assert_eq!(watcher.event(channel).await.1["data"]["online"], true);
    }
    // The dead one does nothing any more; its lease of ten seconds ends by itself.
    let dead = stand.nodes.remove(2);
    drop(dead.hub);
    let died = std::time::Instant::now();
    let drained = stand.nodes.remove(1);
    let draining = tokio::spawn(drained.hub.drain());
    assert_eq!(on_drained.closed().await, 3001);
    let (_, event) = watcher.event(&one).await;
    assert_eq!(event["data"]["online"], false);
    draining.await.unwrap();
    let (_, event) = tokio::time::timeout(Duration::from_secs(16), watcher.event(&two)).await.unwrap();
    assert_eq!(event["data"]["online"], false);
    assert!(died.elapsed() < Duration::from_secs(15), "{:?}", died.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_and_leaves_of_a_small_room_are_told_by_user() {
    use protocol::frame::PushBody;
    let stand = Stand::new().await;
    let room = format!("room:{}", stand.room().await);
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut watcher = stand.client(0, amal).await;
    watcher.subscribe_to(&room).await.unwrap();
    // Its own coming is told too, after a second at most.
    let moved = async |client: &mut crate::client::Client| loop {
        match client.push().await.unwrap().body {
            PushBody::Join(join) => return (true, join.info.unwrap().user),
            PushBody::Leave(leave) => return (false, leave.info.unwrap().user),
            _ => {}
        }
    };
    assert_eq!(moved(&mut watcher).await, (true, amal.to_string()));
    let mut phone = stand.client(1, badr).await;
    phone.subscribe_to(&room).await.unwrap();
    let mut tablet = stand.client(1, badr).await;
    tablet.subscribe_to(&room).await.unwrap();
    assert_eq!(moved(&mut watcher).await, (true, badr.to_string()));
    tablet.close().await;
    watcher.hears_nothing_for(Duration::from_millis(1_500)).await;
    phone.close().await;
    assert_eq!(moved(&mut watcher).await, (false, badr.to_string()));
}
