//! Who is online, and who may know (realtime.md §3, §6; domain.md D10).

use std::collections::HashSet;

use base::{Fault, Rule};
use bus::{ControlMessage, Edge};
use domain::{Actor, App, presence};
use protocol::Event;
use protocol::channel::Channel;
use protocol::presence::{PresenceState, QueryPresence, SetVisibility, Visibility};

use crate::society::unlimited;
use crate::world::World;

async fn query(app: &App, actor: &Actor, ids: &[u64]) -> Vec<(u64, bool)> {
    let input = QueryPresence { user_ids: ids.to_vec() };
    let list = presence::query_presence(app, actor, input).await.unwrap();
    list.users.iter().map(|entry| (entry.id, entry.online)).collect()
}

/// What a node does with edges.
async fn tell(app: &App, edges: Vec<Edge>) {
    let users = presence::announce_edges(app, edges).await.unwrap();
    presence::record_presence(app, &users).await.unwrap();
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
    tell(app, edges).await;

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
    tell(app, came.clone()).await;
    assert_eq!(online_rows(&world).await, 2);
    let state = told(&world, badr).await;
    assert_eq!(state, PresenceState { user_id: badr, online: true, last_seen_at: None });

    let went = app.bus.leave("node", &[badr]).await.unwrap();
    tell(app, went.clone()).await;
    assert_eq!(online_rows(&world).await, 1);
    let state = told(&world, badr).await;
    assert!(!state.online);
    assert_eq!(state.last_seen_at.unwrap().unix_millis(), went[0].at_ms);
    // The subscribe reply and the event say the same.
    assert_eq!(presence::watch_presence(app, &amal_acts, badr).await.unwrap(), state);
    assert!(app.bus.pending_edges(std::time::Duration::ZERO, 10).await.unwrap().is_empty(), "confirmed");

    // A node that was slow tells an edge that is history: the truth is told after it.
    let late: Vec<Edge> = came.into_iter().filter(|edge| edge.user_id == badr).collect();
    tell(app, late).await;
    assert_eq!(told(&world, badr).await, state);
    assert_eq!(online_rows(&world).await, 1);
    // An account that is gone is no reason to fail.
    tell(app, app.bus.enter("node", &[999_999]).await.unwrap()).await;
    tell(app, app.bus.leave("node", &[999_999]).await.unwrap()).await;
    tell(app, Vec::new()).await;
}

/// Redis has kept presence for long: nobody waits for nodes to enter their users again.
async fn settled(world: &World) {
    world.redis(&["SET", &format!("{}{{presence}}:since", world.prefix()), "1"]).await;
}

/// Redis is emptied, as far as it is this world's.
async fn emptied(world: &World) {
    let script =
        "for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do redis.call('DEL', key) end return 1";
    world.redis(&["EVAL", script, "0", world.prefix()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reconciler_writes_what_redis_says() {
    let world = unlimited().await;
    let app = &world.app;
    let mut ids = Vec::new();
    for name in ["amal", "badr", "carla", "dana"] {
        ids.push(world.user(name).await.0);
    }
    settled(&world).await;
    // Two are online and nobody wrote it; two were online when everything went down.
    app.bus.enter("node", &ids[..2]).await.unwrap();
    world.execute(&format!("UPDATE users SET is_online = 1 WHERE id IN ({}, {})", ids[2], ids[3])).await;
    assert_eq!(presence::reconcile_presence(app).await.unwrap(), 4);
    let online = format!("SELECT COUNT(*) FROM users WHERE is_online = 1 AND id IN ({}, {})", ids[0], ids[1]);
    assert_eq!((world.number(&online).await, online_rows(&world).await), (2, 2));
    assert_eq!(presence::reconcile_presence(app).await.unwrap(), 0, "nothing left to do");
    // Whoever watched those two, who went with Redis, hears that they are gone; when, is when it was found.
    let state = told(&world, ids[2]).await;
    assert!(!state.online && state.last_seen_at.is_some());
    assert!(
        world.events(Channel::Presence(ids[0])).await.is_empty(),
        "that edge has an announcer of its own"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_somebody_was_last_seen_outlives_redis() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, _) = world.user("badr").await;
    let (carla, _) = world.user("carla").await;
    let all = [amal, badr, carla];
    tell(app, app.bus.enter("node", &all).await.unwrap()).await;
    tell(app, app.bus.leave("node", &[badr, carla]).await.unwrap()).await;
    let before = presence::watch_presence(app, &amal_acts, badr).await.unwrap();
    assert!(before.last_seen_at.is_some());
    // Seen again and gone again: the later moment counts.
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    tell(app, app.bus.enter("node", &[carla]).await.unwrap()).await;
    tell(app, app.bus.leave("node", &[carla]).await.unwrap()).await;
    let later = presence::watch_presence(app, &amal_acts, carla).await.unwrap();
    assert!(later.last_seen_at > before.last_seen_at);
    // A writer that is late takes nothing back.
    let mut conn = app.store.reader().await.unwrap();
    let late = base::Time::from_unix_millis(1_000_000_000_000).unwrap().as_chrono();
    store::presence::update_last_seen(&mut conn, &[(carla, late), (999_999, late)]).await.unwrap();
    drop(conn);

    emptied(&world).await;
    assert_eq!(presence::watch_presence(app, &amal_acts, badr).await.unwrap().last_seen_at, None);
    settled(&world).await;
    app.bus.enter_again("node", &[amal]).await.unwrap();
    assert_eq!(presence::reconcile_presence(app).await.unwrap(), 0);
    assert_eq!(presence::watch_presence(app, &amal_acts, badr).await.unwrap(), before);
    assert_eq!(presence::watch_presence(app, &amal_acts, carla).await.unwrap(), later);
    assert!(presence::watch_presence(app, &amal_acts, amal).await.unwrap().online);
    assert!(world.events(Channel::Presence(amal)).await.is_empty(), "nothing has changed for anybody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hides_is_seen_by_nobody_and_is_told_so_once() {
    let world = unlimited().await;
    let app = &world.app;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (carla, _) = world.user("carla").await;
    let mut ear = world.ear().await;
    // Remembered, so that only the commit makes it stale.
    assert_eq!(query(app, &amal_acts, &[badr]).await, [(badr, false)]);
    let set = async |visible| {
        presence::set_visibility(app, &badr_acts, SetVisibility { visible }).await.unwrap().visible
    };
    assert!(!set(false).await);
    assert!(!set(false).await, "said again");
    assert_eq!(query(app, &amal_acts, &[badr]).await, []);
    let changed = ControlMessage::AccessChanged { channel: Channel::Presence(badr).to_string() };
    assert_eq!(ear.next_control().await, changed);
    let watchers = [amal, badr, carla];
    let refused = presence::list_refused_watchers(app, badr, &watchers).await.unwrap();
    assert_eq!(refused, HashSet::from([amal, carla]), "oneself always");
    assert!(set(true).await);
    assert_eq!(query(app, &amal_acts, &[badr]).await, [(badr, false)]);
    world.block(carla, badr).await;
    let refused = presence::list_refused_watchers(app, badr, &watchers).await.unwrap();
    assert_eq!(refused, HashSet::from([carla]));
    let own = world.events(Channel::User(badr)).await;
    let own: Vec<Event> = own.into_iter().map(|heard| heard.event).collect();
    let changed = |visible| Event::PresenceVisibilityChanged(Visibility { visible });
    assert_eq!(own, [changed(false), changed(true)]);
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_outbox WHERE published_at IS NULL").await, 0);

    world.suspend(badr).await;
    let refused = presence::list_refused_watchers(app, badr, &watchers).await.unwrap();
    assert_eq!(refused.len(), 3);
    let reader = Actor::on_behalf_of(amal);
    assert!(
        presence::list_refused_watchers(app, 999_999, &[reader.user_id()]).await.unwrap().contains(&amal)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_200_is_answered_in_the_order_asked_without_those_who_do_not_exist() {
    let world = unlimited().await;
    let app = &world.app;
    let (_, amal_acts) = world.user("amal").await;
    let crowd: Vec<String> =
        (0..150).map(|one| format!("('x', 'x{one}', 'x{one}@example.com', 'x')")).collect();
    world
        .execute(&format!("INSERT INTO users (name, username, email, password) VALUES {}", crowd.join(", ")))
        .await;
    let first =
        u64::try_from(world.number("SELECT CAST(MIN(id) AS SIGNED) FROM users WHERE name = 'x'").await)
            .unwrap();
    let there: Vec<u64> = (first..first + 150).rev().collect();
    tell(app, app.bus.enter("node", &[first, first + 149]).await.unwrap()).await;
    // 150 who exist, newest first, and 50 who do not, among them.
    let mut asked = there.clone();
    for gone in 0..50 {
        asked.insert(gone * 3, 1_000_000 + u64::try_from(gone).unwrap());
    }
    assert_eq!(asked.len(), 200);
    let answer = query(app, &amal_acts, &asked).await;
    assert_eq!(answer.iter().map(|entry| entry.0).collect::<Vec<_>>(), there);
    let online: Vec<u64> = answer.iter().filter(|entry| entry.1).map(|entry| entry.0).collect();
    assert_eq!(online, [first + 149, first]);
    asked.push(first);
    let many = QueryPresence { user_ids: asked };
    assert_eq!(
        presence::query_presence(app, &amal_acts, many).await.unwrap_err().rule(),
        Rule::VALIDATION_FAILED
    );
}
