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
    let quiet = tokio::time::timeout(Duration::from_millis(1_500), moved(&mut watcher)).await;
    assert!(quiet.is_err(), "one of two devices is no news: {quiet:?}");
    phone.close().await;
    assert_eq!(moved(&mut watcher).await, (false, badr.to_string()));
}

/// Longer than any test.
const PATIENT_PONG: Duration = Duration::from_secs(600);

/// What watchers hear of each user in a time: how often online, how often offline.
async fn heard_within(
    watcher: &mut crate::client::Client,
    time: Duration,
) -> std::collections::HashMap<u64, (u32, u32)> {
    use protocol::frame::PushBody;
    let mut heard = std::collections::HashMap::new();
    let until = tokio::time::Instant::now() + time;
    while let Ok(push) = tokio::time::timeout_at(until, watcher.push_unlimited()).await {
        let push = match push {
            Ok(push) => push,
            // Redis was emptied: the own channel is to be recovered (realtime.md §5).
            Err(3010) => break,
            Err(code) => panic!("the watcher's socket was closed with {code}"),
        };
        let PushBody::Publication(publication) = push.body else { panic!("{push:?}") };
        let event = json(&publication.data);
        assert_eq!(event["type"], "presence.changed", "{event}");
        let counts: &mut (u32, u32) = heard.entry(event["data"]["user_id"].as_u64().unwrap()).or_default();
        if event["data"]["online"] == true { counts.0 += 1 } else { counts.1 += 1 }
    }
    heard
}

/// The users whose rows say online.
async fn online_rows(stand: &Stand) -> i64 {
    stand.database.number("SELECT COUNT(*) FROM users WHERE is_online = 1").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_node_held_is_told_once_and_whoever_is_elsewhere_too_stays_online() {
    // Nobody reads from most of the sockets: pings stay unanswered.
    let mut stand = Stand::with(3, |settings| settings.socket.pong_timeout = PATIENT_PONG).await;
    let mut watchers = Vec::new();
    for node in 0..2 {
        let user = stand.user(&format!("watcher{node}")).await;
        watchers.push(stand.client(node, user).await);
    }
    let mut people = Vec::new();
    for number in 0..36 {
        people.push(stand.user(&format!("person{number}")).await);
    }
    for watcher in &mut watchers {
        for person in &people {
            watcher.subscribe_to(&format!("presence:{person}")).await.unwrap();
        }
    }
    // All are on the third node, each third one on the first too, and one on all three.
    let mut sockets = Vec::new();
    for (number, &person) in people.iter().enumerate() {
        sockets.push(stand.client(2, person).await);
        if number % 3 == 0 {
            sockets.push(stand.client(0, person).await);
        }
        if number == 0 {
            sockets.push(stand.client(1, person).await);
        }
    }
    for watcher in &mut watchers {
        let came = heard_within(watcher, Duration::from_secs(2)).await;
        assert_eq!(came.len(), people.len());
        assert!(came.values().all(|counts| *counts == (1, 0)), "one edge each: {came:?}");
    }
    Stand::eventually(async || online_rows(&stand).await == 38).await;

    let died = std::time::Instant::now();
    drop(stand.nodes.remove(2));
    // Twelve seconds: the lease of ten and a renewal of three at most, then nothing more.
    let (one, two) = watchers.split_at_mut(1);
    let time = Duration::from_secs(20);
    let (first, second) = tokio::join!(heard_within(&mut one[0], time), heard_within(&mut two[0], time));
    assert_eq!(first, second, "both nodes' watchers hear the same");
    let gone: std::collections::HashMap<u64, (u32, u32)> = people
        .iter()
        .enumerate()
        .filter(|(number, _)| number % 3 != 0)
        .map(|(_, &person)| (person, (0, 1)))
        .collect();
    assert_eq!(first, gone, "each once, and nobody else");
    println!("{} of {} users of a killed node were told gone once each", gone.len(), people.len());
    // Within fifteen seconds they were gone, whoever asks.
    assert_eq!(online_rows(&stand).await, 14);
    let seen = "SELECT COUNT(*) FROM hub_last_seen WHERE last_seen_at < UTC_TIMESTAMP(3) - INTERVAL 5 SECOND";
    assert_eq!(stand.database.number(seen).await.unwrap(), 24, "gone for five seconds: {:?}", died.elapsed());
    let asked: Vec<u64> = people.iter().rev().copied().chain([999_999]).collect();
    let told = watchers[0].rpc("presence.query", &serde_json::json!({"user_ids": asked})).await.unwrap();
    let told = told["users"].as_array().unwrap();
    let ids: Vec<u64> = told.iter().map(|entry| entry["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, asked[..asked.len() - 1], "in the order asked, without who does not exist");
    for entry in told {
        let online = !gone.contains_key(&entry["id"].as_u64().unwrap());
        assert_eq!((entry["online"] == true, entry["last_seen_at"].is_null()), (online, online), "{entry}");
    }
    let many: Vec<u64> = (1..=201).collect();
    let error = watchers[0].rpc("presence.query", &serde_json::json!({"user_ids": many})).await.unwrap_err();
    assert_eq!(error.code, 1002, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_sweeps_what_a_dead_one_left_when_all_had_died() {
    let mut stand = Stand::with(1, |_| {}).await;
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let _sockets = [stand.client(0, amal).await, stand.client(0, badr).await];
    Stand::eventually(async || online_rows(&stand).await == 2).await;
    drop(stand.nodes.remove(0));
    // Nobody is left to sweep.
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(online_rows(&stand).await, 2);
    stand.add_node().await;
    let _returned = stand.client(0, amal).await;
    Stand::eventually(async || online_rows(&stand).await == 1).await;
    let carla = stand.user("carla").await;
    let mut watcher = stand.client(0, carla).await;
    let seen = watcher.subscribe_to(&format!("presence:{badr}")).await.unwrap();
    assert_eq!(json(&seen.data)["online"], false);
    let seen = watcher.subscribe_to(&format!("presence:{amal}")).await.unwrap();
    assert_eq!(json(&seen.data)["online"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_redis_was_emptied_everybody_is_entered_again_and_nobody_is_told_wrong() {
    let mut stand = Stand::with_own_redis_and(3, |settings| {
        settings.socket.pong_timeout = PATIENT_PONG;
        settings.socket.presence_grace = Duration::from_secs(10);
    })
    .await;
    let mut people = Vec::new();
    for number in 0..12 {
        people.push(stand.user(&format!("person{number}")).await);
    }
    // Two on each node; the last six were here once.
    let mut sockets = Vec::new();
    for (number, &person) in people[..6].iter().enumerate() {
        sockets.push(stand.client(number % 3, person).await);
    }
    let once = stand.client(1, people[6]).await;
    Stand::eventually(async || online_rows(&stand).await == 7).await;
    once.close().await;
    Stand::eventually(async || online_rows(&stand).await == 6).await;
    let watching = stand.user("watcher").await;
    let mut watcher = stand.client(0, watching).await;
    for person in &people {
        watcher.subscribe_to(&format!("presence:{person}")).await.unwrap();
    }
    let query = serde_json::json!({"user_ids": people});
    let before = watcher.rpc("presence.query", &query).await.unwrap();
    // A node dies together with what Redis knew of it.
    drop(stand.nodes.remove(2));
    crate::stand::command(&stand.redis.as_ref().unwrap().url(), &["FLUSHALL"]).await;
    let emptied = std::time::Instant::now();
    let alive: Vec<u64> =
        people[..6].iter().enumerate().filter(|(number, _)| number % 3 != 2).map(|(_, &id)| id).collect();
    let mut asking = stand.client(1, people[7]).await;
    let online = async |asking: &mut crate::client::Client| -> Vec<u64> {
        let told = asking.rpc("presence.query", &query).await.unwrap();
        let told = told["users"].as_array().unwrap();
        told.iter()
            .filter(|entry| entry["online"] == true)
            .map(|entry| entry["id"].as_u64().unwrap())
            .collect()
    };
    let entered = async {
        loop {
            let online = online(&mut asking).await;
            if alive.iter().all(|id| online.contains(id)) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), entered).await.expect("entered again within 10 s");
    println!("entered again {:?} after Redis was emptied", emptied.elapsed());
    // Of those who are alive nothing is told; the one who came meanwhile is news, and so are those who went with their node.
    let heard = heard_within(&mut watcher, Duration::from_secs(17).saturating_sub(emptied.elapsed())).await;
    for id in &alive {
        assert!(!heard.contains_key(id), "{id} is told without news: {heard:?}");
    }
    assert_eq!(heard.get(&people[7]), Some(&(1, 0)), "{heard:?}");
    Stand::eventually(async || online_rows(&stand).await == 6).await;
    let gone: Vec<u64> = vec![people[2], people[5]];
    for id in gone {
        let row = format!("SELECT CAST(is_online AS SIGNED) FROM users WHERE id = {id}");
        assert_eq!(stand.database.number(&row).await.unwrap(), 0, "{:?}", emptied.elapsed());
    }
    // When somebody was last seen is known again.
    let entry = |told: &serde_json::Value, id: u64| {
        told["users"].as_array().unwrap().iter().find(|entry| entry["id"] == id).unwrap().clone()
    };
    let after = asking.rpc("presence.query", &query).await.unwrap();
    let seen = entry(&before, people[6]);
    assert!(seen["last_seen_at"].is_string());
    assert_eq!(entry(&after, people[6]), seen);
    assert!(entry(&after, people[2])["last_seen_at"].is_string());
}
