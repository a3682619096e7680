use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bus::{Bus, Edge};

use crate::setup::{bus, connect, nodes, prefix, private_server, raw};

const TTL: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_at_once_make_one_edge_each_way() {
    let [first, second] = nodes().await;
    let users: Vec<u64> = (1..=300).collect();
    let enter = |bus: &Bus, node: &'static str| {
        let (bus, users) = (bus.clone(), users.clone());
        tokio::spawn(async move {
            let mut edges = Vec::new();
            for chunk in users.chunks(7) {
                edges.extend(bus.enter(node, chunk).await.unwrap());
            }
            edges
        })
    };
    let (a, b) = (enter(&first, "n1"), enter(&second, "n2"));
    let edges: Vec<Edge> = a.await.unwrap().into_iter().chain(b.await.unwrap()).collect();
    assert_eq!(edges.len(), 300);
    assert!(edges.iter().all(|edge| edge.online));
    assert_eq!(edges.iter().map(|edge| edge.user_id).collect::<HashSet<_>>().len(), 300);
    assert_eq!(first.enter("n1", &users).await.unwrap(), [], "entering again changes nothing");
    assert_eq!(first.node_user_count("n1").await.unwrap(), 300);

    let leave = |bus: &Bus, node: &'static str| {
        let (bus, users) = (bus.clone(), users.clone());
        tokio::spawn(async move {
            let mut edges = Vec::new();
            for chunk in users.chunks(5) {
                edges.extend(bus.leave(node, chunk).await.unwrap());
            }
            edges
        })
    };
    let (a, b) = (leave(&first, "n1"), leave(&second, "n2"));
    let gone: Vec<Edge> = a.await.unwrap().into_iter().chain(b.await.unwrap()).collect();
    assert_eq!(gone.len(), 300);
    assert!(gone.iter().all(|edge| !edge.online));
    assert_eq!(first.leave("n1", &users).await.unwrap(), []);
}

#[tokio::test]
async fn the_state_of_users_is_told() {
    let bus = bus().await;
    bus.enter("n1", &[1, 2]).await.unwrap();
    bus.enter("n2", &[2]).await.unwrap();
    let edges = bus.leave("n1", &[1, 2]).await.unwrap();
    assert_eq!(edges.len(), 1, "the other node still holds 2: {edges:?}");
    let states = bus.online(&[2, 1, 3]).await.unwrap();
    assert_eq!((states[0].user_id, states[0].online, states[0].last_seen_ms), (2, true, None));
    assert_eq!(
        (states[1].user_id, states[1].online, states[1].last_seen_ms),
        (1, false, Some(edges[0].at_ms))
    );
    assert_eq!((states[2].online, states[2].last_seen_ms), (false, None));
    let back = bus.enter("n2", &[1]).await.unwrap();
    assert!(back[0].id > edges[0].id);
    let state = bus.online(&[1]).await.unwrap()[0];
    assert_eq!((state.online, state.last_seen_ms), (true, Some(edges[0].at_ms)));
}

#[tokio::test]
async fn all_online_users_are_paged_through() {
    let bus = bus().await;
    let users: Vec<u64> = (1..=2_500).collect();
    assert_eq!(bus.enter("n1", &users).await.unwrap().len(), 2_500);
    let (mut seen, mut cursor, mut pages) = (HashSet::new(), None, 0);
    loop {
        let page = bus.online_users_page(cursor).await.unwrap();
        seen.extend(page.user_ids);
        pages += 1;
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, users.into_iter().collect());
    assert!(pages > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_sweepers_take_each_user_of_a_dead_node_once() {
    let [one, two, three] = nodes().await;
    let users: Vec<u64> = (1..=1_000).collect();
    one.renew_lease("dead", Duration::from_millis(50)).await.unwrap();
    one.renew_lease("alive", TTL).await.unwrap();
    one.enter("dead", &users).await.unwrap();
    one.enter("alive", &users[..100]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut tasks = Vec::new();
    for bus in [one.clone(), two, three] {
        tasks.push(tokio::spawn(async move {
            let mut edges = Vec::new();
            loop {
                let sweep = bus.sweep_dead(70).await.unwrap();
                assert!(sweep.edges.len() <= 70, "bounded steps");
                edges.extend(sweep.edges);
                if !sweep.more {
                    return edges;
                }
            }
        }));
    }
    let mut swept = HashMap::new();
    for task in tasks {
        for edge in task.await.unwrap() {
            assert!(!edge.online);
            *swept.entry(edge.user_id).or_insert(0) += 1;
        }
    }
    assert_eq!(swept.len(), 900, "those whom the living node holds stay online");
    assert!(swept.values().all(|times| *times == 1));
    assert!((1..=100).all(|user| !swept.contains_key(&user)));
    assert_eq!(one.node_user_count("dead").await.unwrap(), 0);
    assert_eq!(one.sweep_dead(100).await.unwrap().dead_nodes, ["dead"]);
    let back = one.renew_lease("dead", TTL).await.unwrap();
    assert_eq!((back.was_missing, back.held_users), (true, 0), "it learns that it was swept");
    assert!(one.sweep_dead(100).await.unwrap().dead_nodes.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_renews_while_it_is_being_swept_keeps_what_it_was_told_it_has() {
    let [one, two] = nodes().await;
    let users = [1, 2, 3];
    let mut kept = 0;
    for round in 0..150 {
        let node = format!("late{round}");
        one.renew_lease(&node, Duration::from_millis(1)).await.unwrap();
        one.enter(&node, &users).await.unwrap();
        tokio::time::sleep(Duration::from_millis(3)).await;
        let (lease, sweep) = tokio::join!(one.renew_lease(&node, TTL), two.sweep_dead(100));
        let (lease, sweep) = (lease.unwrap(), sweep.unwrap());
        assert_eq!(one.node_user_count(&node).await.unwrap(), lease.held_users, "round {round}");
        assert_eq!(lease.was_missing, sweep.edges.len() == 3, "round {round}");
        kept += u32::from(!lease.was_missing);
        one.give_up(&node).await.unwrap();
        one.members_sweep(&node).await.unwrap();
    }
    assert!(kept > 0, "the renewal came first at least once");
}

#[tokio::test]
async fn a_node_that_never_renewed_is_swept_too_and_one_that_gives_up_at_once() {
    let bus = bus().await;
    assert!(bus.renew_lease("n1", TTL).await.unwrap().was_missing);
    let users: Vec<u64> = (1..=1_200).collect();
    bus.enter("n1", &users).await.unwrap();
    let state = bus.renew_lease("n1", TTL).await.unwrap();
    assert_eq!((state.was_missing, state.held_users), (false, 1_200));
    assert!(bus.is_node_alive("n1").await.unwrap());
    assert!(bus.sweep_dead(100).await.unwrap().edges.is_empty());
    let edges = bus.give_up("n1").await.unwrap();
    assert_eq!(edges.len(), 1_200);
    assert!(!bus.is_node_alive("n1").await.unwrap());
    bus.enter("n2", &[5]).await.unwrap();
    assert!(bus.is_node_alive("n2").await.unwrap(), "entering users gives a first lease");
}

#[tokio::test]
async fn a_node_learns_that_redis_was_emptied() {
    let server = private_server(None).await;
    let bus = connect(&server.url(), &prefix(), "n1").await;
    bus.renew_lease("n1", TTL).await.unwrap();
    bus.enter("n1", &[1, 2, 3]).await.unwrap();
    raw(&server.url(), &["FLUSHALL"]).await;
    let state = bus.renew_lease("n1", TTL).await.unwrap();
    assert_eq!((state.was_missing, state.held_users), (true, 0));
    // Also where somebody comes before the next renewal, which gives the node a lease.
    raw(&server.url(), &["FLUSHALL"]).await;
    bus.enter("n1", &[4]).await.unwrap();
    let state = bus.renew_lease("n1", TTL).await.unwrap();
    assert_eq!((state.was_missing, state.held_users), (true, 1));
    assert!(!bus.renew_lease("n1", TTL).await.unwrap().was_missing);
    assert_eq!(bus.enter("n1", &[1, 2, 3]).await.unwrap().len(), 3);
}

#[tokio::test]
async fn who_is_entered_again_after_redis_was_emptied_is_no_news_unless_gone_meanwhile() {
    let bus = bus().await;
    // 1 is told gone by the first node before the second, which has 1 and 2 too, enters them again.
    assert_eq!(bus.enter_again("n1", &[1, 2]).await.unwrap(), []);
    let gone = bus.leave("n1", &[1]).await.unwrap();
    assert_eq!((gone.len(), gone[0].online), (1, false));
    let back = bus.enter_again("n2", &[1, 2]).await.unwrap();
    assert_eq!(back.iter().map(|edge| (edge.user_id, edge.online)).collect::<Vec<_>>(), [(1, true)]);
    assert!(bus.online(&[1, 2]).await.unwrap().iter().all(|state| state.online));
    // Both nodes hold 2: it goes with the second.
    assert_eq!(bus.leave("n1", &[2]).await.unwrap(), []);
    assert_eq!(bus.leave("n2", &[2]).await.unwrap().len(), 1);

    // What was never told is told when somebody asks for it, once.
    bus.enter_again("n1", &[3]).await.unwrap();
    let settled = bus.settle(&[1, 2, 3, 4]).await.unwrap();
    let told: Vec<_> = settled.iter().map(|edge| (edge.user_id, edge.online)).collect();
    assert_eq!(told, [(3, true), (4, false)], "of 1 and 2 the last edge is the truth");
    assert_eq!(bus.settle(&[3, 4]).await.unwrap(), []);
    assert!(bus.ack_edges(&settled).await.unwrap().is_empty());
}

#[tokio::test]
async fn when_users_were_last_seen_is_restored_where_nothing_newer_is_known() {
    let bus = bus().await;
    assert!(!bus.is_last_seen_restored().await.unwrap());
    bus.enter("n1", &[1, 2]).await.unwrap();
    let left = bus.leave("n1", &[2]).await.unwrap()[0].at_ms;
    bus.restore_last_seen(&[(1, 1_000), (2, 2_000), (3, 3_000)]).await.unwrap();
    bus.note_last_seen_restored().await.unwrap();
    assert!(bus.is_last_seen_restored().await.unwrap());
    let seen: Vec<_> = bus.online(&[1, 2, 3, 4]).await.unwrap();
    let seen: Vec<_> = seen.iter().map(|state| (state.online, state.last_seen_ms)).collect();
    assert_eq!(seen, [(true, None), (false, Some(left)), (false, Some(3_000)), (false, None)]);
    // Somebody restored comes as usual, and keeps it.
    assert_eq!(bus.enter("n1", &[3]).await.unwrap().len(), 1);
    assert_eq!(bus.online(&[3]).await.unwrap()[0].last_seen_ms, Some(3_000));
    bus.enter_again("n1", &[3]).await.unwrap();
    assert_eq!(bus.list_node_users("n1").await.unwrap(), HashSet::from([1, 3]));
}

#[tokio::test]
async fn the_age_of_presence_is_known() {
    let bus = bus().await;
    assert!(bus.presence_age().await.unwrap() < Duration::from_secs(5));
    tokio::time::sleep(Duration::from_millis(30)).await;
    bus.renew_lease("n1", TTL).await.unwrap();
    assert!(
        bus.presence_age().await.unwrap() >= Duration::from_millis(30),
        "a renewal does not begin it anew"
    );
}

#[tokio::test]
async fn an_edge_waits_until_somebody_announced_it() {
    let bus = bus().await;
    let edges = bus.enter("n1", &[1, 2, 3]).await.unwrap();
    assert!(bus.pending_edges(Duration::from_secs(60), 10).await.unwrap().is_empty(), "not old enough");
    assert!(bus.ack_edges(&edges[..1]).await.unwrap().is_empty());
    tokio::time::sleep(Duration::from_millis(30)).await;
    let claimed = bus.pending_edges(Duration::from_millis(20), 10).await.unwrap();
    assert_eq!(claimed, edges[1..]);
    assert!(
        bus.pending_edges(Duration::from_millis(20), 10).await.unwrap().is_empty(),
        "claimed by one only"
    );
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(
        bus.pending_edges(Duration::from_millis(20), 1).await.unwrap().len(),
        1,
        "its claimer died too"
    );
    assert!(bus.ack_edges(&edges).await.unwrap().is_empty());
    assert!(bus.pending_edges(Duration::ZERO, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_late_announcement_is_followed_by_the_truth() {
    let bus = bus().await;
    let came = bus.enter("n1", &[9]).await.unwrap();
    let went = bus.leave("n1", &[9]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(bus.pending_edges(Duration::from_millis(1), 10).await.unwrap(), went, "only the newest waits");
    assert!(bus.ack_edges(&went).await.unwrap().is_empty());
    // The announcer of the older edge comes late: it is told what to say again.
    assert_eq!(bus.ack_edges(&came).await.unwrap(), went);
    assert!(bus.ack_edges(&[came[0], went[0]]).await.unwrap().is_empty(), "both in order need no repeat");
}
