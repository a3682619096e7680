//! After a network was away everybody comes back at once, and Redis may know nothing (realtime.md §5): what many ask of
//! MySQL at the same moment is asked together.

use std::sync::Arc;

use base::{Fault, Rule};
use domain::Actor;
use domain::presence::watch_presence;
use domain::rooms::enter_channel;
use protocol::rooms::RoomStatus;
use tokio::task::JoinSet;

use crate::stage::{Stage, paid_room, statements};

const CROWD: usize = 150;
/// The first one who asks is alone; all others come together, and each answer takes a few statements. A statement for each
/// of the crowd would be more than twice as many.
const MOST_STATEMENTS: u64 = 60;

async fn stage() -> Stage {
    Stage::with(|settings| {
        settings.limits.enabled = false;
        settings.database.max_connections = 4;
    })
    .await
}

/// Accounts without a password's cost.
async fn crowd(stage: &Stage) -> Vec<Actor> {
    stage.person("model").await;
    let columns = "email_verified_at, password, is_verified, is_active, created_at, updated_at";
    for number in 0..CROWD {
        stage
            .run(&format!(
                "INSERT INTO users (name, username, email, {columns}) SELECT name, 'crowd{number}', \
                 'crowd{number}@example.com', {columns} FROM users WHERE username = 'model'"
            ))
            .await;
    }
    let first = stage.count("SELECT CAST(MIN(id) AS SIGNED) FROM users WHERE username LIKE 'crowd%'").await;
    let first = u64::try_from(first).unwrap();
    (first..).take(CROWD).map(Actor::on_behalf_of).collect()
}

/// What all of them are answered who ask at once.
async fn all_at_once<T, F>(crowd: &[Actor], ask: impl Fn(Actor) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut asking = JoinSet::new();
    for actor in crowd {
        asking.spawn(ask(actor.clone()));
    }
    asking.join_all().await
}

#[tokio::test]
async fn a_wave_into_a_paid_room_reads_its_seats_together() {
    let stage = stage().await;
    let app = &stage.app;
    let (_, room) = stage.live("speaker", paid_room("5.00")).await;
    let crowd = crowd(&stage).await;
    stage
        .run(&format!(
            "INSERT INTO live_room_registrations (user_id, live_room_id, status, registered_at) \
             SELECT id, {room}, 'registered', UTC_TIMESTAMP() FROM users WHERE username LIKE 'crowd%'"
        ))
        .await;
    let come = |actor: Actor| {
        let app = app.clone();
        async move { enter_channel(&app, &actor, room).await.map(|state| state.status) }
    };
    let before = statements(app).await;
    for came in all_at_once(&crowd, come).await {
        assert_eq!(came.unwrap(), RoomStatus::Active);
    }
    let asked = statements(app).await - before;
    assert!(asked < MOST_STATEMENTS, "{asked} statements for {CROWD}");

    // Who has no seat, or lost it, does not slip in with the others.
    let stranger = stage.person("stranger").await;
    let (cancelled, banned) = (crowd[0].clone(), crowd[1].clone());
    let id = cancelled.user_id();
    stage.run(&format!("UPDATE live_room_registrations SET status = 'cancelled' WHERE user_id = {id}")).await;
    app.bus.cache_invalidate(&[&format!("room:{room}:seat:{id}")]).await.unwrap();
    stage
        .run(&format!(
            "INSERT INTO hub_room_bans (live_room_id, user_id, banned_by) SELECT id, {}, user_id FROM live_rooms \
             WHERE id = {room}",
            banned.user_id()
        ))
        .await;
    app.bus.cache_invalidate(&[&format!("room:{room}")]).await.unwrap();
    let mixed = [stranger, cancelled, banned];
    let rules: Vec<Rule> =
        all_at_once(&mixed, come).await.into_iter().map(|refused| refused.unwrap_err().rule()).collect();
    let count = |rule| rules.iter().filter(|one| **one == rule).count();
    assert_eq!((count(Rule::ROOM_NOT_REGISTERED), count(Rule::ROOM_BANNED)), (2, 1), "{rules:?}");

    // What one wave asked the next one finds in Redis.
    app.store.close().await;
    for came in all_at_once(&crowd[2..], come).await {
        assert_eq!(came.unwrap(), RoomStatus::Active);
    }
}

#[tokio::test]
async fn a_wave_of_watchers_reads_its_blocks_together() {
    let stage = stage().await;
    let app = &stage.app;
    let friend = stage.person("friend").await.user_id();
    let crowd = Arc::new(crowd(&stage).await);
    let (blocker, blocked) = (crowd[3].user_id(), crowd[4].user_id());
    for (one, other) in [(blocker, friend), (friend, blocked), (crowd[5].user_id(), blocker)] {
        stage
            .run(&format!(
                "INSERT INTO hub_user_blocks (blocker_id, blocked_id, created_at, updated_at) \
                 VALUES ({one}, {other}, UTC_TIMESTAMP(), UTC_TIMESTAMP())"
            ))
            .await;
    }
    let watch = |actor: Actor| {
        let app = app.clone();
        async move { (actor.user_id(), watch_presence(&app, &actor, friend).await) }
    };
    for turn in 0..2 {
        let before = statements(app).await;
        for (watcher, seen) in all_at_once(&crowd, watch).await {
            if [blocker, blocked].contains(&watcher) {
                assert_eq!(seen.unwrap_err().rule(), Rule::FORBIDDEN);
            } else {
                assert_eq!(seen.unwrap().user_id, friend);
            }
        }
        let asked = statements(app).await - before;
        let most = [MOST_STATEMENTS, 10][turn];
        assert!(asked < most, "{asked} statements for {CROWD}, turn {turn}");
    }
}
