use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bus::{Bus, Member, MemberCounts, MemberEdge, MemberNews, SweptNode};

use crate::setup::{bus, nodes};

fn member(client: &str, user_id: u64) -> Member {
    Member { client_id: client.into(), user_id, info: format!("{{\"name\":\"{user_id}\\n\"}}").into() }
}

async fn enter(bus: &Bus, channel: &str, node: &str, client: &str, user: u64) -> (bool, u64, u64) {
    let edges = bus.members_enter(channel, node, &[member(client, user)]).await.unwrap();
    let [edge] = edges[..] else { panic!("{edges:?}") };
    assert_eq!((edge.user_id, edge.last_of_user), (user, false));
    (edge.first_of_user, edge.users, edge.clients)
}

async fn leave(bus: &Bus, channel: &str, node: &str, client: &str) -> Option<MemberEdge> {
    bus.members_leave(channel, node, &[client]).await.unwrap().pop().unwrap()
}

async fn counts(bus: &Bus, channel: &str) -> MemberCounts {
    bus.member_counts(&[channel]).await.unwrap()[0]
}

#[tokio::test]
async fn users_come_with_their_first_client_and_go_with_their_last() {
    let bus = bus().await;
    assert_eq!(enter(&bus, "room:1", "n1", "a", 1).await, (true, 1, 1));
    assert_eq!(enter(&bus, "room:1", "n2", "b", 1).await, (false, 1, 2));
    assert_eq!(enter(&bus, "room:1", "n2", "c", 2).await, (true, 2, 3));
    assert_eq!(enter(&bus, "room:1", "n2", "c", 2).await, (false, 2, 3), "again changes nothing");
    let members = bus.members("room:1", 200).await.unwrap();
    assert_eq!(members.counts, MemberCounts { clients: 3, users: 2 });
    let mut list = members.list;
    list.sort_by(|a, b| a.client_id.cmp(&b.client_id));
    assert_eq!(list, [member("a", 1), member("b", 1), member("c", 2)]);
    let crowd = bus.members("room:1", 2).await.unwrap();
    assert!(crowd.list.is_empty(), "counts above the limit");
    assert_eq!(crowd.counts.clients, 3);

    assert_eq!(leave(&bus, "room:1", "n1", "nobody").await, None);
    assert_eq!(leave(&bus, "room:1", "n1", "b").await, None, "not this node's");
    let edge = leave(&bus, "room:1", "n1", "a").await.unwrap();
    assert_eq!((edge.user_id, edge.last_of_user, edge.users, edge.clients), (1, false, 2, 2));
    let edge = leave(&bus, "room:1", "n2", "b").await.unwrap();
    assert_eq!((edge.user_id, edge.last_of_user, edge.users, edge.clients), (1, true, 1, 1));
    let counts = bus.member_counts(&["room:2", "room:1"]).await.unwrap();
    assert_eq!(counts, [MemberCounts::default(), MemberCounts { clients: 1, users: 1 }]);
    assert!(bus.member_counts(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn many_come_and_go_in_few_calls_and_each_has_its_own_edge() {
    let bus = bus().await;
    assert!(bus.members_enter("room:1", "n1", &[]).await.unwrap().is_empty());
    assert!(bus.members_leave("room:1", "n1", &[]).await.unwrap().is_empty());
    // Two clients each of 250 users: more than one call takes.
    let clients: Vec<String> = (0..500).map(|number| format!("c{number}")).collect();
    let members: Vec<Member> = clients.iter().zip(0..).map(|(id, n)| member(id, 1 + n / 2)).collect();
    let edges = bus.members_enter("room:1", "n1", &members).await.unwrap();
    assert_eq!(edges.len(), 500);
    for (number, edge) in edges.iter().enumerate() {
        assert_eq!((edge.user_id, edge.first_of_user), (members[number].user_id, number % 2 == 0));
    }
    assert!(!bus.members_enter("room:1", "n1", &members[..3]).await.unwrap()[0].first_of_user);
    assert_eq!(counts(&bus, "room:1").await, MemberCounts { clients: 500, users: 250 });

    let mut going: Vec<&str> = clients.iter().map(String::as_str).collect();
    going.insert(1, "nobody");
    let edges = bus.members_leave("room:1", "n1", &going).await.unwrap();
    assert_eq!((edges.len(), edges[1]), (501, None));
    let edges: Vec<MemberEdge> = edges.into_iter().flatten().collect();
    assert_eq!(edges.len(), 500);
    for (number, edge) in edges.iter().enumerate() {
        assert_eq!((edge.user_id, edge.last_of_user), (members[number].user_id, number % 2 == 1));
    }
    assert_eq!(edges.last().map(|edge| (edge.users, edge.clients)), Some((0, 0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_node_entered_is_swept_once_over_all_sweepers() {
    let [one, two, three] = nodes().await;
    one.renew_lease("dead", Duration::from_millis(1_500)).await.unwrap();
    one.renew_lease("alive", Duration::from_secs(30)).await.unwrap();
    for room in 0..5 {
        for client in 0..100 {
            let name = format!("{room}-{client}");
            enter(&one, &format!("room:{room}"), "dead", &name, client).await;
        }
        enter(&one, &format!("room:{room}"), "alive", &format!("{room}-alive"), 7).await;
    }
    assert_eq!(
        one.members_sweep("alive").await.unwrap(),
        SweptNode::default(),
        "a living node is left alone"
    );
    // It has nobody there any more when it dies, and may not have told so.
    enter(&one, "room:left", "dead", "gone", 8).await;
    one.members_leave("room:left", "dead", &["gone"]).await.unwrap();
    let dead = loop {
        let sweep = two.sweep_dead(100).await.unwrap();
        if !sweep.dead_nodes.is_empty() {
            break sweep.dead_nodes;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(dead, ["dead"]);
    let (a, b, c) =
        tokio::join!(one.members_sweep("dead"), two.members_sweep("dead"), three.members_sweep("dead"));
    let swept = [a, b, c].map(Result::unwrap);
    assert!(swept.iter().any(|node| node.channels.iter().any(|channel| channel == "room:left")));
    let all: Vec<_> = swept.into_iter().flat_map(|node| node.members).collect();
    let distinct: HashSet<_> = all.iter().map(|swept| swept.client_id.clone()).collect();
    assert_eq!((all.len(), distinct.len()), (500, 500));
    let stayed = all.iter().filter(|swept| !swept.edge.last_of_user).count();
    assert_eq!(stayed, 5, "user 7 is still there through the living node");
    for room in 0..5 {
        let counts = one.member_counts(&[&format!("room:{room}")]).await.unwrap()[0];
        assert_eq!(counts, MemberCounts { clients: 1, users: 1 });
    }
    assert!(one.sweep_dead(10).await.unwrap().dead_nodes.is_empty());
}

const PAUSE: Duration = Duration::from_millis(400);

/// The news of a channel, waiting for its turn: number and moves, sorted.
async fn news(bus: &Bus, channel: &str) -> Option<(Option<u64>, Vec<(u64, bool)>)> {
    loop {
        match bus.members_news(&[channel], PAUSE).await.unwrap().pop().unwrap() {
            MemberNews::Nothing => return None,
            MemberNews::Later(after) => {
                assert!(after <= PAUSE, "{after:?}");
                tokio::time::sleep(after).await;
            }
            MemberNews::Tell { users, moves } => {
                let mut moves: Vec<_> = moves.into_iter().map(|one| (one.user_id, one.came)).collect();
                moves.sort_unstable();
                return Some((users, moves));
            }
        }
    }
}

#[tokio::test]
async fn whoever_asks_first_in_a_while_gets_all_moves_and_the_number_until_it_was_told() {
    let [one, two] = nodes().await;
    assert_eq!(news(&one, "room:1").await, None);
    enter(&one, "room:1", "n1", "a", 1).await;
    enter(&two, "room:1", "n2", "b", 2).await;
    enter(&two, "room:1", "n2", "b2", 2).await;
    // Came and went: nobody has to know.
    enter(&two, "room:1", "n2", "c", 3).await;
    leave(&two, "room:1", "n2", "c").await.unwrap();
    assert_eq!(news(&two, "room:1").await, Some((Some(2), vec![(1, true), (2, true)])));
    let soon = one.members_news(&["room:1"], PAUSE).await.unwrap();
    assert!(matches!(soon[..], [MemberNews::Later(_)]), "told a moment ago: {soon:?}");
    // It was never told, as far as Redis knows: the number comes again, and the moves, which are not promised, do not.
    assert_eq!(news(&one, "room:1").await, Some((Some(2), Vec::new())));
    one.members_told(&[("room:1", 2)]).await.unwrap();
    assert_eq!(news(&one, "room:1").await, None);
    // A further client of somebody who is here, and one of two, is no news.
    enter(&one, "room:1", "n1", "a2", 1).await;
    leave(&one, "room:1", "n1", "a").await.unwrap();
    assert_eq!(news(&one, "room:1").await, None);
    leave(&one, "room:1", "n1", "a2").await.unwrap();
    assert_eq!(news(&two, "room:1").await, Some((Some(1), vec![(1, false)])));
    two.members_told(&[("room:1", 1)]).await.unwrap();
    // In an empty room nobody is there to be told.
    for client in ["b", "b2"] {
        leave(&two, "room:1", "n2", client).await.unwrap();
    }
    assert_eq!(news(&two, "room:1").await, None);
    enter(&one, "room:1", "n1", "a", 1).await;
    assert_eq!(news(&one, "room:1").await, Some((Some(1), vec![(1, true)])));
}

#[tokio::test]
async fn a_number_that_is_the_same_again_is_told_since_a_newcomer_may_have_read_another() {
    let bus = bus().await;
    enter(&bus, "room:1", "n1", "a", 1).await;
    enter(&bus, "room:1", "n1", "b", 2).await;
    news(&bus, "room:1").await.unwrap();
    bus.members_told(&[("room:1", 2)]).await.unwrap();
    leave(&bus, "room:1", "n1", "b").await.unwrap();
    // Who subscribes here reads 1, and the two make 2 again.
    enter(&bus, "room:1", "n1", "c", 3).await;
    assert_eq!(news(&bus, "room:1").await, Some((Some(2), vec![(2, false), (3, true)])));
}

#[tokio::test]
async fn above_two_hundred_users_there_is_a_number_and_no_moves() {
    let bus = bus().await;
    for user in 1..=200 {
        enter(&bus, "room:1", "n1", &format!("c{user}"), user).await;
    }
    let (users, moves) = news(&bus, "room:1").await.unwrap();
    assert_eq!((users, moves.len()), (Some(200), 200));
    bus.members_told(&[("room:1", 200)]).await.unwrap();
    leave(&bus, "room:1", "n1", "c7").await.unwrap();
    enter(&bus, "room:1", "n1", "d", 201).await;
    enter(&bus, "room:1", "n1", "e", 202).await;
    assert_eq!(
        news(&bus, "room:1").await,
        Some((Some(201), Vec::new())),
        "though some moved below the limit"
    );
    bus.members_told(&[("room:1", 201)]).await.unwrap();
    leave(&bus, "room:1", "n1", "e").await.unwrap();
    assert_eq!(news(&bus, "room:1").await, Some((Some(200), vec![(202, false)])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_askers_tell_a_room_at_most_once_in_a_while_and_its_last_number_at_last() {
    let [one, two, three] = nodes().await;
    let mut askers = tokio::task::JoinSet::new();
    let ended = Arc::new(AtomicBool::new(false));
    for bus in [&one, &two, &three] {
        let (bus, ended) = (bus.clone(), Arc::clone(&ended));
        askers.spawn(async move {
            let mut told = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                let answer = bus.members_news(&["room:1"], PAUSE).await.unwrap();
                if let [MemberNews::Tell { users: Some(users), .. }] = answer[..] {
                    told.push((std::time::Instant::now(), users));
                    bus.members_told(&[("room:1", users)]).await.unwrap();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            told
        });
    }
    let began = std::time::Instant::now();
    for user in 1..=60 {
        enter(&one, "room:1", "n1", &format!("c{user}"), user).await;
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let turns = usize::try_from(began.elapsed().as_millis() / PAUSE.as_millis()).unwrap();
    tokio::time::sleep(PAUSE * 4).await;
    ended.store(true, Ordering::Relaxed);
    let mut told: Vec<_> = askers.join_all().await.into_iter().flatten().collect();
    told.sort_unstable();
    // Once in each turn of the time in which they came, the one that had begun, and one more for the last of them.
    assert!((3..=turns + 2).contains(&told.len()), "{turns} turns: {told:?}");
    assert!(told.is_sorted_by_key(|(_, users)| *users), "{told:?}");
    assert_eq!(told.last().unwrap().1, 60);
}
