//! Who is online, and who may know (realtime.md §3, §6; domain.md D10).

use base::{Fault, Rule};
use bus::Edge;
use domain::{Actor, App, presence};
use protocol::Event;
use protocol::channel::Channel;
use protocol::presence::{PresenceState, QueryPresence};

use crate::society::unlimited;
use crate::world::World;

async fn query(app: &App, actor: &Actor, ids: &[u64]) -> Vec<(u64, bool)> {
    let input = QueryPresence { user_ids: ids.to_vec() };
    let list = presence::query_presence(app, actor, input).await.unwrap();
    list.users.iter().map(|entry| (entry.id, entry.online)).collect()
}

async fn online_rows(world: &World) -> i64 {
    world.number("SELECT COUNT(*) FROM users WHERE is_online = 1").await
}

async fn told(world: &World, user_id: u64) -> PresenceState {
    let events = world.events(Channel::Presence(user_id)).await;
    assert_eq!(events.len(), 1, "the last value only");
    match &events[0].event {
        Event::PresenceChanged(state) => state.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_is_seen_by_those_who_may() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (carla, carla_acts) = world.user("carla").await;
    let edges = app.bus.enter("node", &[amal, badr]).await.unwrap();
    presence::announce_edges(app, edges).await.unwrap();

    let all = [carla, badr, amal, badr, 999_999];
    assert_eq!(query(app, &amal_acts, &all).await, [(carla, false), (badr, true), (amal, true)]);
    world.show_online_status(badr, false).await;
    assert_eq!(query(app, &amal_acts, &all).await, [(carla, false), (amal, true)]);
    assert_eq!(query(app, &badr_acts, &[badr]).await, [(badr, true)], "oneself always");
    let hidden = presence::watch_presence(app, &amal_acts, badr).await.unwrap_err();
    assert_eq!(hidden.rule(), Rule::FORBIDDEN);
    assert!(!presence::may_see_presence(app, amal, badr).await.unwrap());
    world.show_online_status(badr, true).await;
    assert!(presence::watch_presence(app, &amal_acts, badr).await.unwrap().online);

    for (blocker, blocked) in [(amal, carla), (carla, amal)] {
        world.block(blocker, blocked).await;
        assert_eq!(query(app, &amal_acts, &[carla, badr]).await, [(badr, true)]);
        assert_eq!(query(app, &carla_acts, &[amal, badr]).await, [(badr, true)]);
        assert!(presence::watch_presence(app, &carla_acts, amal).await.is_err());
        world.unblock(blocker, blocked).await;
    }
    let nobody = presence::watch_presence(app, &amal_acts, 999_999).await.unwrap_err();
    assert_eq!(nobody.rule(), Rule::NOT_FOUND);
    world.suspend(badr).await;
    assert_eq!(query(app, &amal_acts, &[badr]).await, []);

    let many = QueryPresence { user_ids: (1..=201).collect() };
    let refused = presence::query_presence(app, &amal_acts, many).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::VALIDATION_FAILED);
    assert!(refused.violations().unwrap().sentences(base::Lang::En).contains_key("user_ids"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_blocks_whom_is_asked_of_redis() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    // Asked once: from now on MySQL is not asked, as a block shows that it does not hear of.
    assert_eq!(query(app, &amal_acts, &[badr]).await, [(badr, false)]);
    assert!(presence::watch_presence(app, &badr_acts, amal).await.is_ok());
    let block = format!("INSERT INTO hub_user_blocks (blocker_id, blocked_id) VALUES ({amal}, {badr})");
    world.execute(&block).await;
    assert_eq!(query(app, &amal_acts, &[badr]).await, [(badr, false)]);
    assert!(presence::watch_presence(app, &badr_acts, amal).await.is_ok());
    // The commit of whoever blocks makes it known, both ways.
    world.unblock(amal, badr).await;
    world.block(amal, badr).await;
    assert_eq!(query(app, &amal_acts, &[badr]).await, []);
    assert!(presence::watch_presence(app, &badr_acts, amal).await.is_err());
    world.unblock(amal, badr).await;
    assert!(presence::watch_presence(app, &badr_acts, amal).await.is_ok());

    // More than an entry holds: the pair is asked for.
    let mut unit = app.begin().await.unwrap();
    domain::users::forget_blocks(&mut unit, amal, badr);
    unit.commit(app).await.unwrap();
    let crowd: Vec<String> =
        (0..2_001).map(|one| format!("('x', 'x{one}', 'x{one}@example.com', 'x')")).collect();
    let crowd = format!("INSERT INTO users (name, username, email, password) VALUES {}", crowd.join(", "));
    world.execute(&crowd).await;
    let blocks = format!(
        "INSERT INTO hub_user_blocks (blocker_id, blocked_id) SELECT {amal}, id FROM users WHERE name = 'x'"
    );
    world.execute(&blocks).await;
    assert_eq!(query(app, &amal_acts, &[badr]).await, [(badr, false)]);
    world.block(badr, amal).await;
    assert_eq!(query(app, &amal_acts, &[badr]).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_is_told_written_and_confirmed() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, _) = world.user("badr").await;
    let came = app.bus.enter("node", &[amal, badr]).await.unwrap();
    presence::announce_edges(app, came.clone()).await.unwrap();
    assert_eq!(online_rows(&world).await, 2);
    let state = told(&world, badr).await;
    assert_eq!(state, PresenceState { user_id: badr, online: true, last_seen_at: None });

    let went = app.bus.leave("node", &[badr]).await.unwrap();
    presence::announce_edges(app, went.clone()).await.unwrap();
    assert_eq!(online_rows(&world).await, 1);
    let state = told(&world, badr).await;
    assert!(!state.online);
    assert_eq!(state.last_seen_at.unwrap().unix_millis(), went[0].at_ms);
    // The subscribe reply and the event say the same.
    assert_eq!(presence::watch_presence(app, &amal_acts, badr).await.unwrap(), state);
    assert!(app.bus.pending_edges(std::time::Duration::ZERO, 10).await.unwrap().is_empty(), "confirmed");

    // A node that was slow tells an edge that is history: the truth is told after it.
    let late: Vec<Edge> = came.into_iter().filter(|edge| edge.user_id == badr).collect();
    presence::announce_edges(app, late).await.unwrap();
    assert_eq!(told(&world, badr).await, state);
    assert_eq!(online_rows(&world).await, 1);
    // An account that is gone is no reason to fail.
    presence::announce_edges(app, app.bus.enter("node", &[999_999]).await.unwrap()).await.unwrap();
    presence::announce_edges(app, Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reconciler_writes_what_redis_says() {
    let world = unlimited().await;
    let app = &world.app;
    let mut ids = Vec::new();
    for name in ["amal", "badr", "carla", "dana"] {
        ids.push(world.user(name).await.0);
    }
    // Two are online and nobody wrote it; two were online when everything went down.
    app.bus.enter("node", &ids[..2]).await.unwrap();
    world.execute(&format!("UPDATE users SET is_online = 1 WHERE id IN ({}, {})", ids[2], ids[3])).await;
    assert_eq!(presence::reconcile_presence(app).await.unwrap(), 4);
    let online = format!("SELECT COUNT(*) FROM users WHERE is_online = 1 AND id IN ({}, {})", ids[0], ids[1]);
    assert_eq!((world.number(&online).await, online_rows(&world).await), (2, 2));
    assert_eq!(presence::reconcile_presence(app).await.unwrap(), 0, "nothing left to do");
}
