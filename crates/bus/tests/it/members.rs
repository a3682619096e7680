use std::collections::HashSet;
use std::time::Duration;

use bus::{Bus, Member, MemberCounts};

use crate::setup::{bus, nodes};

fn member(client: &str, user_id: u64) -> Member {
    Member { client_id: client.into(), user_id, info: format!("{{\"name\":\"{user_id}\\n\"}}").into() }
}

async fn enter(bus: &Bus, channel: &str, node: &str, client: &str, user: u64) -> (bool, u64, u64) {
    let edge = bus.members_enter(channel, node, &member(client, user)).await.unwrap();
    assert_eq!((edge.user_id, edge.last_of_user), (user, false));
    (edge.first_of_user, edge.users, edge.clients)
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

    assert_eq!(bus.members_leave("room:1", "n1", "nobody").await.unwrap(), None);
    assert_eq!(bus.members_leave("room:1", "n1", "b").await.unwrap(), None, "not this node's");
    let edge = bus.members_leave("room:1", "n1", "a").await.unwrap().unwrap();
    assert_eq!((edge.user_id, edge.last_of_user, edge.users, edge.clients), (1, false, 2, 2));
    let edge = bus.members_leave("room:1", "n2", "b").await.unwrap().unwrap();
    assert_eq!((edge.user_id, edge.last_of_user, edge.users, edge.clients), (1, true, 1, 1));
    assert_eq!(bus.member_counts("room:1").await.unwrap(), MemberCounts { clients: 1, users: 1 });
    assert_eq!(bus.member_counts("room:2").await.unwrap(), MemberCounts { clients: 0, users: 0 });
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
    assert!(one.members_sweep("alive").await.unwrap().is_empty(), "a living node is left alone");
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
    let all: Vec<_> = [a, b, c].into_iter().flat_map(Result::unwrap).collect();
    let distinct: HashSet<_> = all.iter().map(|swept| swept.client_id.clone()).collect();
    assert_eq!((all.len(), distinct.len()), (500, 500));
    let stayed = all.iter().filter(|swept| !swept.edge.last_of_user).count();
    assert_eq!(stayed, 5, "user 7 is still there through the living node");
    for room in 0..5 {
        let counts = one.member_counts(&format!("room:{room}")).await.unwrap();
        assert_eq!(counts, MemberCounts { clients: 1, users: 1 });
    }
    assert!(one.sweep_dead(10).await.unwrap().dead_nodes.is_empty());
}
